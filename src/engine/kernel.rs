//! What the kernel tells of a socket: when bytes arrived and when they left.
//!
//! Arrival stamps are `SO_TIMESTAMPNS`, read with the bytes by `recvmsg`; for TCP the stamp is that of the last segment
//! a read took from. Transmit stamps are `SO_TIMESTAMPING` software stamps, read from the error queue. Both are wall
//! clock. Elsewhere than on Linux, and where the kernel refuses, there are none and user space stamps instead.

#[cfg(not(target_os = "linux"))]
use std::io;

#[cfg(not(target_os = "linux"))]
use tokio::net::TcpStream;

/// Bytes that one read takes at most.
const MOST: usize = 64 << 10;

/// What one read gave.
pub(super) struct Received {
    /// Number of bytes; 0 at the end of the stream.
    pub(super) bytes: usize,
    /// When the last of them reached the kernel, ns of the wall clock since 1970.
    pub(super) unix_ns: Option<u64>,
}

/// Memory that reads of one worker share, so that a read of 200 bytes does not clear a buffer of 8 KiB first.
pub(super) struct Scratch {
    pub(super) data: Vec<u8>,
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "control data is for recvmsg"))]
    control: [u8; 256],
}

impl Scratch {
    pub(super) fn new() -> Self {
        Scratch { data: vec![0; MOST], control: [0; 256] }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, IoSliceMut};
    use std::net::{Ipv4Addr, UdpSocket};
    use std::os::fd::{AsRawFd, RawFd};
    use std::time::{Duration, Instant};

    use nix::sys::socket::{
        ControlMessageOwned, MsgFlags, TimestampingFlag, recvmsg, setsockopt,
        sockopt::{ReceiveTimestampns, Timestamping},
    };
    use nix::sys::time::TimeSpec;
    use tokio::net::TcpStream;

    use super::{Received, Scratch};

    /// How long the kernel may take until it stamps, and how soon it is asked again.
    const STAMPED_SOON: Duration = Duration::from_millis(200);
    const STAMPED_AGAIN: Duration = Duration::from_millis(1);

    fn unix_ns(time: TimeSpec) -> Option<u64> {
        let seconds = u64::try_from(time.tv_sec()).ok().filter(|seconds| *seconds > 0)?;
        Some(seconds * 1_000_000_000 + u64::try_from(time.tv_nsec()).ok()?)
    }

    pub(in super::super) fn stamp_arrivals(stream: &TcpStream) -> bool {
        setsockopt(stream, ReceiveTimestampns, &true).is_ok()
    }

    /// The kernel begins to stamp some time after the first socket asks; a socket that asks before the run, sees its own
    /// datagram stamped and is kept open lets every read of the run have its stamp.
    pub(in super::super) fn keep_stamping() -> Option<UdpSocket> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        socket.connect(socket.local_addr().ok()?).ok()?;
        socket.set_read_timeout(Some(STAMPED_SOON)).ok()?;
        setsockopt(&socket, ReceiveTimestampns, &true).ok()?;
        let mut scratch = Scratch::new();
        let begun = Instant::now();
        while begun.elapsed() < STAMPED_SOON {
            socket.send(b"?").ok()?;
            if take(socket.as_raw_fd(), 1, MsgFlags::empty(), &mut scratch).ok()?.unix_ns.is_some() {
                break;
            }
            std::thread::sleep(STAMPED_AGAIN);
        }
        Some(socket)
    }

    pub(in super::super) fn stamp_departures(stream: &TcpStream) -> bool {
        let flags = TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE
            | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE
            | TimestampingFlag::SOF_TIMESTAMPING_OPT_TSONLY;
        setsockopt(stream, Timestamping, &flags).is_ok()
    }

    pub(in super::super) fn receive(stream: &TcpStream, most: usize, scratch: &mut Scratch) -> io::Result<Received> {
        take(stream.as_raw_fd(), most, MsgFlags::MSG_DONTWAIT, scratch)
    }

    fn take(socket: RawFd, most: usize, flags: MsgFlags, scratch: &mut Scratch) -> io::Result<Received> {
        let most = most.min(scratch.data.len());
        let mut pieces = [IoSliceMut::new(&mut scratch.data[..most])];
        let control = Some(&mut scratch.control[..]);
        let message = recvmsg::<()>(socket, &mut pieces, control, flags)?;
        // A control message that cannot be read leaves the read without a stamp, and the bytes as they are.
        let stamp = message.cmsgs().ok().and_then(|messages| {
            messages
                .filter_map(|message| match message {
                    ControlMessageOwned::ScmTimestampns(time) => unix_ns(time),
                    _ => None,
                })
                .last()
        });
        Ok(Received { bytes: message.bytes, unix_ns: stamp })
    }

    pub(in super::super) fn departed(stream: &TcpStream, scratch: &mut Scratch) -> Option<u64> {
        let mut last = None;
        // Each stamp is a message of its own in the error queue; the newest is that of the last byte.
        loop {
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let mut none = [];
            let Ok(message) = recvmsg::<()>(stream.as_raw_fd(), &mut none, Some(&mut scratch.control[..]), flags)
            else {
                return last;
            };
            let Ok(messages) = message.cmsgs() else { return last };
            for message in messages {
                if let ControlMessageOwned::ScmTimestampsns(times) = message {
                    last = unix_ns(times.system).or(last);
                }
            }
        }
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::{departed, keep_stamping, receive, stamp_arrivals, stamp_departures};

/// Asks for arrival stamps; tells whether they will come.
#[cfg(not(target_os = "linux"))]
pub(super) fn stamp_arrivals(_stream: &TcpStream) -> bool {
    false
}

/// Nothing to keep.
#[cfg(not(target_os = "linux"))]
pub(super) fn keep_stamping() {}

/// Asks for transmit stamps; tells whether they will come.
#[cfg(not(target_os = "linux"))]
pub(super) fn stamp_departures(_stream: &TcpStream) -> bool {
    false
}

/// Reads what is there without waiting.
#[cfg(not(target_os = "linux"))]
pub(super) fn receive(stream: &TcpStream, most: usize, scratch: &mut Scratch) -> io::Result<Received> {
    let most = most.min(scratch.data.len());
    Ok(Received { bytes: stream.try_read(&mut scratch.data[..most])?, unix_ns: None })
}

/// When the newest byte that was written left, where the kernel has told by now.
#[cfg(not(target_os = "linux"))]
pub(super) fn departed(_stream: &TcpStream, _scratch: &mut Scratch) -> Option<u64> {
    None
}
