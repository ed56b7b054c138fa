//! Drives the real program against scripted servers, a file for each behaviour.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they need and stop there")]

mod audit;
mod bad_input;
mod compare;
mod confidence;
mod connections;
mod console;
mod conversations;
mod datasets;
mod dialects;
mod embedded;
mod ending;
mod evalscope;
mod evalscope_files;
mod figures;
mod house;
mod hub;
mod lost;
mod memory;
mod open_loop;
mod pooled;
mod protocols;
mod refusals;
mod replay;
mod requests;
mod selfcheck;
mod signals;
mod sla;
mod speed;
mod streams;
mod support;
mod tls;
mod trust;
mod vllm;
mod vllm_bench;
mod workload;
