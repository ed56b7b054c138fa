//! The socket adapter below TLS and HTTP that stamps every read and write.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::record::Epoch;

/// The instants of a connection's reads and writes, shared between the adapter and the exchange above it.
#[derive(Debug)]
pub(super) struct Stamps {
    epoch: Epoch,
    last_read: Cell<u64>,
    first_write: Cell<Option<u64>>,
    last_write: Cell<Option<u64>>,
}

impl Stamps {
    pub(super) fn new(epoch: Epoch) -> Rc<Self> {
        let (first_write, last_write) = (Cell::new(None), Cell::new(None));
        Rc::new(Stamps { epoch, last_read: Cell::new(0), first_write, last_write })
    }

    /// Forgets earlier writes; called before each request.
    pub(super) fn arm(&self) {
        self.first_write.set(None);
        self.last_write.set(None);
    }

    /// When the newest bytes were read.
    pub(super) fn last_read(&self) -> u64 {
        self.last_read.get()
    }

    /// Just before the first byte since [`Stamps::arm`] was written.
    pub(super) fn first_write(&self) -> Option<u64> {
        self.first_write.get()
    }

    /// After the newest byte since [`Stamps::arm`] was written.
    pub(super) fn last_write(&self) -> Option<u64> {
        self.last_write.get()
    }
}

/// A TCP stream that stamps its reads as they return and its writes as they are made.
pub(super) struct StampedIo {
    stream: TcpStream,
    stamps: Rc<Stamps>,
}

impl StampedIo {
    pub(super) fn new(stream: TcpStream, stamps: Rc<Stamps>) -> Self {
        StampedIo { stream, stamps }
    }

    fn stamp_write(&self, before: u64, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(1..)) = written {
            if self.stamps.first_write.get().is_none() {
                self.stamps.first_write.set(Some(before));
            }
            self.stamps.last_write.set(Some(self.stamps.epoch.elapsed_ns()));
        }
    }
}

impl AsyncRead for StampedIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let filled = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > filled {
            self.stamps.last_read.set(self.stamps.epoch.elapsed_ns());
        }
        read
    }
}

impl AsyncWrite for StampedIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let before = self.stamps.epoch.elapsed_ns();
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.stamp_write(before, &written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let before = self.stamps.epoch.elapsed_ns();
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.stamp_write(before, &written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
