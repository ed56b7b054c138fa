//! The socket adapter below TLS and HTTP that stamps every read and write.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::clock::Clock;
use super::kernel;

/// How long a write waits before it tries again, where the runtime cannot tell when the socket takes more.
const WRITE_AGAIN: Duration = Duration::from_millis(1);

/// The instants of a connection's reads and writes, shared between the adapter and the exchange above it.
pub(super) struct Stamps {
    clock: Rc<Clock>,
    stream: TcpStream,
    departures: bool,
    last_read: Cell<u64>,
    last_lag: Cell<u64>,
    reads: Cell<u32>,
    first_read: Cell<Option<(u64, u64)>>,
    lag_max: Cell<u64>,
    first_write: Cell<Option<u64>>,
    /// When, and whether by the kernel's word.
    last_write: Cell<Option<(u64, bool)>>,
}

impl Stamps {
    pub(super) fn new(stream: TcpStream, clock: Rc<Clock>) -> Rc<Self> {
        // Where the kernel refuses, reads come without a stamp and are counted as such.
        kernel::stamp_arrivals(&stream);
        Rc::new(Stamps {
            departures: kernel::stamp_departures(&stream),
            clock,
            stream,
            last_read: Cell::new(0),
            last_lag: Cell::new(0),
            reads: Cell::new(0),
            first_read: Cell::new(None),
            lag_max: Cell::new(0),
            first_write: Cell::new(None),
            last_write: Cell::new(None),
        })
    }

    /// Forgets earlier reads and writes; called before each request.
    pub(super) fn arm(&self) {
        if self.departures {
            kernel::departed(&self.stream, &mut self.clock.scratch.borrow_mut());
        }
        self.first_read.set(None);
        self.lag_max.set(0);
        self.first_write.set(None);
        self.last_write.set(None);
    }

    /// When the newest bytes arrived.
    pub(super) fn last_read(&self) -> u64 {
        self.last_read.get()
    }

    /// How long the newest bytes had waited for us.
    pub(super) fn last_lag(&self) -> u64 {
        self.last_lag.get()
    }

    /// Number of the newest read.
    pub(super) fn reads(&self) -> u32 {
        self.reads.get()
    }

    /// When the first bytes since [`Stamps::arm`] arrived, and when they were seen.
    pub(super) fn first_read(&self) -> Option<(u64, u64)> {
        self.first_read.get()
    }

    /// The longest that bytes since [`Stamps::arm`] waited for us.
    pub(super) fn lag_max(&self) -> Option<u64> {
        self.first_read.get().map(|_| self.lag_max.get())
    }

    /// Just before the first byte since [`Stamps::arm`] was written.
    pub(super) fn first_write(&self) -> Option<u64> {
        self.first_write.get()
    }

    /// When the newest byte since [`Stamps::arm`] had left: the kernel's stamp, else the return of the write. Asked once
    /// a request.
    pub(super) fn sent(&self) -> Option<u64> {
        let (at, by_kernel) = self.last_write.get()?;
        let mut ledger = self.clock.ledger.borrow_mut();
        let by = if by_kernel { &mut ledger.kernel_sends } else { &mut ledger.user_sends };
        *by += 1;
        Some(at)
    }

    fn note_read(&self, unix_ns: Option<u64>) {
        let seen = self.clock.now();
        let at = unix_ns.map_or(seen, |unix_ns| self.clock.of_unix(unix_ns, seen));
        let lag = seen - at;
        let mut ledger = self.clock.ledger.borrow_mut();
        if unix_ns.is_some() {
            ledger.kernel_reads += 1;
            ledger.lag.record(lag);
        } else {
            ledger.user_reads += 1;
        }
        self.last_read.set(at);
        self.last_lag.set(lag);
        self.reads.set(self.reads.get().wrapping_add(1));
        self.lag_max.set(self.lag_max.get().max(lag));
        if self.first_read.get().is_none() {
            self.first_read.set(Some((at, seen)));
        }
    }

    fn note_write(&self, before: u64) {
        let returned = self.clock.now();
        if self.first_write.get().is_none() {
            self.first_write.set(Some(before));
        }
        // Asked at once: what is sent again later, because it was lost, has stamps of its own.
        let stamp = self
            .departures
            .then(|| kernel::departed(&self.stream, &mut self.clock.scratch.borrow_mut()))
            .flatten()
            .map(|unix_ns| self.clock.of_unix(unix_ns, returned))
            .filter(|at| *at >= before);
        self.last_write.set(Some((stamp.unwrap_or(returned), stamp.is_some())));
    }
}

/// A TCP stream that stamps its reads by the kernel's word and its writes as they are made.
pub(super) struct StampedIo {
    stamps: Rc<Stamps>,
    /// The last read took all there was, so the next one need not ask the kernel to hear it.
    drained: bool,
    /// Waits to write again.
    again: Option<Pin<Box<Sleep>>>,
}

impl StampedIo {
    pub(super) fn new(stamps: Rc<Stamps>) -> Self {
        StampedIo { stamps, drained: false, again: None }
    }

    fn write_with(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let stamps = Rc::clone(&self.stamps);
        let stream = &stamps.stream;
        loop {
            if let Some(again) = &mut self.again {
                ready!(again.as_mut().poll(cx));
                self.again = None;
            }
            ready!(stream.poll_write_ready(cx))?;
            let before = stamps.clock.now();
            match write(stream) {
                Ok(written) => {
                    stamps.note_write(before);
                    return Poll::Ready(Ok(written));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // A stamp in the error queue makes the runtime take the socket for closed, which it then calls
                    // writable for ever; waiting for that would spin.
                    if matches!(stream.poll_write_ready(cx), Poll::Ready(_)) {
                        self.again = Some(Box::pin(tokio::time::sleep(WRITE_AGAIN)));
                    }
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncRead for StampedIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let stamps = &this.stamps;
        let stream = &stamps.stream;
        loop {
            ready!(stream.poll_read_ready(cx))?;
            if std::mem::take(&mut this.drained) {
                // Bytes that came since raise an edge of their own, so forgetting the old one loses nothing.
                let _ = stream.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
                continue;
            }
            let mut scratch = stamps.clock.scratch.borrow_mut();
            let most = buf.remaining();
            match stream.try_io(Interest::READABLE, || kernel::receive(stream, most, &mut scratch)) {
                Ok(received) => {
                    if received.bytes > 0 {
                        this.drained = received.bytes < most.min(scratch.data.len());
                        buf.put_slice(&scratch.data[..received.bytes]);
                        stamps.note_read(received.unix_ns);
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for StampedIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write_with(cx, |stream| stream.try_write(buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_with(cx, |stream| stream.try_write_vectored(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(socket2::SockRef::from(&self.stamps.stream).shutdown(std::net::Shutdown::Write))
    }
}
