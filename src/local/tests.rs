//! The server as a client sees it, over loopback.
