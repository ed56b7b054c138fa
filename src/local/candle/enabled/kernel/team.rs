//! The threads that share the work of one step.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::dispatch::Level;

/// A fixed number of threads, and the instruction set that they compute with.
pub struct Team {
    threads: usize,
    level: Level,
    pool: Option<rayon::ThreadPool>,
}

impl Team {
    /// A team of `threads`, at least 1. A team of one has no threads of its own: the caller does all the work.
    ///
    /// # Errors
    /// When `threads` is 0 or the system gives no threads.
    pub fn new(threads: usize) -> Result<Self, String> {
        Team::at(Level::best(), threads)
    }

    /// A team that computes with a given instruction set.
    ///
    /// # Errors
    /// When `threads` is 0 or the system gives no threads.
    pub fn at(level: Level, threads: usize) -> Result<Self, String> {
        if threads == 0 {
            return Err("a team of 0 threads does no work: give it 1 or more".to_owned());
        }
        let build = || rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("local-team-{i}"));
        let pool = match threads {
            1 => None,
            _ => Some(build().build().map_err(|error| format!("a team of {threads} threads: {error}"))?),
        };
        Ok(Team { threads, level, pool })
    }

    /// The instruction set that the kernels use.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Runs a whole step on a thread of the team. Work that is [shared](Team::share) from there starts without a
    /// change of threads, and the other threads stay awake until the step is over: a step shares work more than a hundred
    /// times, and to be woken takes a thread longer than many a share of it.
    pub fn enter<R: Send>(&self, step: impl FnOnce() -> R + Send) -> R {
        let Some(pool) = &self.pool else { return step() };
        if pool.current_thread_index().is_some() {
            return step();
        }
        pool.install(|| {
            let (home, over) = (rayon::current_thread_index(), AtomicBool::new(false));
            let over = Over(&over);
            rayon::scope(|scope| {
                scope.spawn_broadcast(move |_, context| {
                    if Some(context.index()) != home {
                        over.help();
                    }
                });
                // Told when the step panics as well, or the others would wait for ever.
                let _told = over.tell();
                step()
            })
        })
    }

    /// Does the work of each part, in any order, and returns when all is done. Free threads take the next part.
    pub fn share<T: Send>(&self, parts: Vec<T>, work: impl Fn(T) + Sync) {
        let Some(pool) = self.pool.as_ref().filter(|_| parts.len() > 1) else {
            return parts.into_iter().for_each(work);
        };
        let helpers = self.threads.min(parts.len());
        let parts = Mutex::new(parts.into_iter());
        let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
        let pull = || {
            while let Some(part) = next() {
                work(part);
            }
        };
        pool.install(|| fan(helpers, &pull));
    }

    /// How many parts to cut `units` of work into: enough that a late thread has little left, few enough that each is
    /// worth its start.
    pub fn parts(&self, units: usize) -> usize {
        // With 8 parts a thread the last one is an eighth of a thread's share.
        if self.threads == 1 { 1 } else { units.min(8 * self.threads).max(1) }
    }
}

/// Whether a step is over.
#[derive(Clone, Copy)]
struct Over<'a>(&'a AtomicBool);

/// Says so when it is dropped.
struct Tell<'a>(&'a AtomicBool);

impl<'a> Over<'a> {
    fn tell(self) -> Tell<'a> {
        Tell(self.0)
    }

    /// Takes shares of work until then.
    fn help(self) {
        while !self.0.load(Ordering::Acquire) {
            if !matches!(rayon::yield_now(), Some(rayon::Yield::Executed)) {
                std::hint::spin_loop();
            }
        }
    }
}

impl Drop for Tell<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Runs `work` on as many threads as are free, `count` at most.
fn fan(count: usize, work: &(impl Fn() + Sync)) {
    match count {
        0 | 1 => work(),
        _ => {
            rayon::join(|| fan(count / 2, work), || fan(count - count / 2, work));
        }
    }
}

/// Cuts rows of `stride` numbers into parts of columns: for each width of `widths`, from column `offset` on, the
/// slices of all rows.
pub fn columns<'a>(out: &'a mut [f32], stride: usize, offset: usize, widths: &[usize]) -> Vec<Vec<&'a mut [f32]>> {
    let rows = out.len().div_ceil(stride);
    let mut parts: Vec<Vec<&mut [f32]>> = widths.iter().map(|_| Vec::with_capacity(rows)).collect();
    for row in out.chunks_mut(stride) {
        let mut rest = &mut row[offset..];
        for (part, width) in parts.iter_mut().zip(widths) {
            let (slice, after) = rest.split_at_mut(*width);
            part.push(slice);
            rest = after;
        }
    }
    parts
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn each_part_is_done_once() {
        for threads in [1, 2, 3, 5] {
            let team = Team::new(threads).unwrap();
            for count in [0, 1, 2, 7, 100] {
                let counters: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                let parts = (0..count).collect();
                team.enter(|| {
                    team.share(parts, |i: usize| {
                        counters[i].fetch_add(1, Ordering::Relaxed);
                    });
                });
                assert!(counters.iter().all(|counter| counter.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn a_team_of_none_is_refused() {
        assert!(Team::new(0).is_err_and(|message| message.contains("1 or more")));
    }

    #[test]
    fn columns_are_those_of_every_row() {
        let mut out: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let parts = columns(&mut out, 6, 1, &[2, 3]);
        assert_eq!(parts[0], [[1.0, 2.0], [7.0, 8.0]]);
        assert_eq!(parts[1], [[3.0, 4.0, 5.0], [9.0, 10.0, 11.0]]);
    }
}
