//! Time that the hypervisor took from the processors of this process. No client can make up for it.

/// Length of a tick of `/proc/stat`, which is the same on every Linux.
const TICK_NS: u64 = 10_000_000;

/// Time stolen so far from the processors that this process may use, their mean in ns, where Linux tells.
pub(super) fn stolen_ns() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    mean_ticks(&stat, allowed).map(|ticks| (ticks * TICK_NS as f64) as u64)
}

/// Mean of the stolen ticks of some processors, spelled as the kernel does: `0-3,8`.
fn mean_ticks(stat: &str, allowed: &str) -> Option<f64> {
    let ranges: Vec<(u32, u32)> = allowed.trim().split(',').map(range).collect::<Option<_>>()?;
    let ticks = |line: &str| -> Option<u64> {
        let (name, rest) = line.split_once(' ')?;
        let processor: u32 = name.strip_prefix("cpu")?.parse().ok()?;
        let is_ours = ranges.iter().any(|(first, last)| (*first..=*last).contains(&processor));
        // User, nice, system, idle, waiting, interrupts, soft interrupts, stolen.
        rest.split_ascii_whitespace().nth(7).filter(|_| is_ours)?.parse().ok()
    };
    let stolen: Vec<u64> = stat.lines().filter_map(ticks).collect();
    (!stolen.is_empty()).then(|| stolen.iter().sum::<u64>() as f64 / stolen.len() as f64)
}

fn range(text: &str) -> Option<(u32, u32)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  9 9 9 9 9 9 9 999 0 0\ncpu0 1 2 3 4 5 6 7 10 0 0\ncpu1 1 2 3 4 5 6 7 20 0 0\n\
                        cpu2 1 2 3 4 5 6 7 60 0 0\nintr 5 4 3 2 1 0 7 8 9\n";

    #[test]
    fn only_the_processors_of_the_process_count() {
        assert_eq!(mean_ticks(STAT, "\t0-1\n"), Some(15.0));
        assert_eq!(mean_ticks(STAT, "0,2"), Some(35.0));
        assert_eq!(mean_ticks(STAT, "2"), Some(60.0));
        assert_eq!(mean_ticks(STAT, "7"), None);
        assert_eq!(mean_ticks("cpu0 1 2 3\n", "0"), None);
    }
}
