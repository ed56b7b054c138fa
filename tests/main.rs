//! Drives the real program against scripted servers, a file for each behaviour.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they need and stop there")]

mod bad_input;
mod connections;
mod console;
mod embedded;
mod figures;
mod house;
mod lost;
mod refusals;
mod requests;
mod selfcheck;
mod signals;
mod streams;
mod support;
mod tls;
mod workload;
