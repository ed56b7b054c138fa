//! The bare reader: the floor below which no client can go.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use mio::{Events, Interest, Poll, Token};

use super::Outcome;

/// The end of a chunked body.
const END: &[u8] = b"0\r\n\r\n";

/// Reads every stream to its end and does nothing else.
pub fn count(port: u16, streams: usize) -> Outcome {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let body = r#"{"messages":[{"role":"user","content":"hi"}],"model":"bench","stream":true}"#;
    let request =
        format!("POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut poll = Poll::new()?;
    let mut sockets = Vec::with_capacity(streams);
    for index in 0..streams {
        let mut socket = std::net::TcpStream::connect(address)?;
        socket.write_all(request.as_bytes())?;
        socket.set_nonblocking(true)?;
        let mut socket = mio::net::TcpStream::from_std(socket);
        poll.registry().register(&mut socket, Token(index), Interest::READABLE)?;
        sockets.push(socket);
    }
    let (mut open, mut bytes) = (streams, 0);
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 64 << 10];
    while open > 0 {
        poll.poll(&mut events, None)?;
        for event in &events {
            let socket = &mut sockets[event.token().0];
            match socket.read(&mut buffer) {
                Ok(read) => {
                    bytes += read;
                    open -= usize::from(read == 0 || buffer[..read].ends_with(END));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    if bytes == 0 { Err("nothing was read".into()) } else { Ok(()) }
}
