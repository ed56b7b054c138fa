//! What a run notes of itself beside its records.

use crate::hist::Hist;

/// Counters and histograms of the engine. [`Ledger::merge`] is associative and commutative.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    /// From the kernel's stamp to the moment our code had the bytes, one value a read, in ns. Only reads that the kernel
    /// stamped.
    pub lag: Hist,
    /// Reads that the kernel stamped.
    pub kernel_reads: u64,
    /// Reads that only user space could stamp.
    pub user_reads: u64,
    /// Requests whose last byte has the kernel's transmit stamp.
    pub kernel_sends: u64,
    /// Requests whose last byte is stamped by the return of the write.
    pub user_sends: u64,
    /// Steps of the wall clock.
    pub clock_steps: u64,
    /// The largest of them, in ns.
    pub clock_step_ns: u64,
    /// Times that a request was wanted before it was prepared.
    pub starved: u64,
    /// How late a thread that sleeps was woken, in ns: what the machine does to every thread of ours.
    pub pulse: Hist,
    /// Time that workers waited awake for the next due instant, in ns: processor time, but no work.
    pub awake_ns: u64,
    /// Processor time of the worker threads, in ns; `None` where the system does not tell.
    pub cpu_ns: Option<u64>,
    /// Time that worker threads could have run and were not let, in ns; `None` where the system does not tell.
    pub run_delay_ns: Option<u64>,
    /// Time that the hypervisor took from the processors of this process, their mean in ns; `None` where the system does
    /// not tell.
    pub stolen_ns: Option<u64>,
    /// Length of the run, in ns.
    pub wall_ns: u64,
    /// Worker threads.
    pub workers: u64,
}

impl Ledger {
    /// Adds what another worker noted.
    pub fn merge(&mut self, other: &Ledger) {
        self.lag.merge(&other.lag);
        self.pulse.merge(&other.pulse);
        for (ours, theirs) in [
            (&mut self.kernel_reads, other.kernel_reads),
            (&mut self.user_reads, other.user_reads),
            (&mut self.kernel_sends, other.kernel_sends),
            (&mut self.user_sends, other.user_sends),
            (&mut self.starved, other.starved),
            (&mut self.awake_ns, other.awake_ns),
            (&mut self.workers, other.workers),
        ] {
            *ours += theirs;
        }
        // Every worker sees the same steps.
        self.clock_steps = self.clock_steps.max(other.clock_steps);
        self.clock_step_ns = self.clock_step_ns.max(other.clock_step_ns);
        self.wall_ns = self.wall_ns.max(other.wall_ns);
        // Every worker may use the same processors.
        self.stolen_ns = self.stolen_ns.max(other.stolen_ns);
        for (ours, theirs) in [(&mut self.cpu_ns, other.cpu_ns), (&mut self.run_delay_ns, other.run_delay_ns)] {
            if let Some(theirs) = theirs {
                *ours.get_or_insert(0) += theirs;
            }
        }
    }
}

/// Processor time and waiting time of this thread so far, in ns, where Linux tells.
pub(super) fn thread_times() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let mut numbers = text.split_whitespace().map_while(|word| word.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}
