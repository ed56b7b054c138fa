//! What a run needs of the machine's descriptors and ports, asked before it starts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::error::{Failure, Result};

/// Descriptors for everything but the streams: files, timers, the runtime's own.
const SPARE: u64 = 32;
/// Share of the ephemeral ports that streams to one address may take; the rest is for connections that are closing.
const PORTS_USED: f64 = 0.8;
/// Ephemeral ports where the system does not tell: IANA's range.
const PORTS: u64 = 16_384;

/// Makes sure that so many sockets can be open at a time, raising the program's own limit where it may be.
///
/// # Errors
/// When the limit is too low and cannot be raised.
pub fn descriptors(streams: u64) -> Result<()> {
    let needed = streams.saturating_add(SPARE);
    match limit(needed) {
        Some(limit) if limit < needed => Err(Failure::usage(format!(
            "{streams} streams need {needed} open files, and this program may have {limit}"
        ))
        .hint(format!("run `ulimit -n {needed}` first, or lower the load"))),
        _ => Ok(()),
    }
}

/// Files that may be open at a time, after raising the limit to what is needed as far as that is allowed.
#[cfg(target_os = "linux")]
fn limit(needed: u64) -> Option<u64> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    if soft >= needed {
        return Some(soft);
    }
    // Up to the hard limit anyone may go; beyond it only the administrator.
    let within = needed.min(hard);
    let raised = setrlimit(Resource::RLIMIT_NOFILE, needed, hard.max(needed))
        .or_else(|_| setrlimit(Resource::RLIMIT_NOFILE, within, hard));
    Some(if raised.is_ok() { getrlimit(Resource::RLIMIT_NOFILE).ok()?.0 } else { soft })
}

#[cfg(not(target_os = "linux"))]
fn limit(_needed: u64) -> Option<u64> {
    None
}

/// Addresses to connect from. One, chosen by the system, where it has ports enough; on loopback further ones of
/// 127.0.0.0/8 where it has not.
///
/// # Errors
/// When the target is not on loopback and so many streams need more ports than one address has.
pub fn sources(target: &SocketAddr, streams: u64) -> Result<Vec<Option<IpAddr>>> {
    let ports = ephemeral_ports();
    let each = ((ports as f64 * PORTS_USED) as u64).max(1);
    let needed = streams.div_ceil(each);
    if needed <= 1 {
        return Ok(vec![None]);
    }
    if !matches!(target.ip(), IpAddr::V4(address) if address.is_loopback()) || needed > 250 {
        return Err(Failure::usage(format!(
            "{streams} streams need more ports than the {ports} that this machine has to one address"
        ))
        .hint("widen net.ipv4.ip_local_port_range, lower the load, or spread it over several machines"));
    }
    Ok((0..needed).map(|index| Some(Ipv4Addr::new(127, 0, 0, index as u8 + 1).into())).collect())
}

/// Ports that connections are made from.
fn ephemeral_ports() -> u64 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
    let range: Option<Vec<u64>> =
        range.map(|text| text.split_whitespace().filter_map(|word| word.parse().ok()).collect());
    match range.as_deref() {
        Some([first, last]) if last > first => last - first + 1,
        _ => PORTS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_streams_need_nothing_special() {
        assert!(descriptors(10).is_ok());
        let target = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 80));
        assert_eq!(sources(&target, 1000).unwrap_or_default(), [None]);
    }

    #[test]
    fn many_streams_share_several_loopback_addresses_or_are_refused() {
        let ports = ephemeral_ports();
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
        let several = sources(&local, 2 * ports).unwrap_or_default();
        assert_eq!(several.len(), 3);
        assert_eq!(several[1], Some(Ipv4Addr::new(127, 0, 0, 2).into()));
        let remote = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 80));
        let refused = sources(&remote, 2 * ports).err();
        assert!(refused.is_some_and(|failure| failure.message.contains("ports")));
    }

    #[test]
    fn more_than_the_machine_has_is_refused_with_a_remedy() {
        if cfg!(target_os = "linux") {
            let refused = descriptors(u64::from(u32::MAX)).err();
            assert!(refused.is_some_and(|failure| failure.message.contains("open files")));
        }
    }
}
