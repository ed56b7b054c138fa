//! Error against truth: rows of `evalscope perf` joined with what the server noted.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use evalscope::store::Rows;

use super::process::{Serving, evalscope};
use super::server::{TRUTH, Truth};
use super::{Load, Outcome};

/// Requests at the least, so that a p99 is more than a maximum.
const LEAST: u64 = 1024;

/// Rounds of requests that so many streams need for [`LEAST`].
pub fn rounds(streams: u64) -> u64 {
    LEAST.div_ceil(streams)
}

/// The table of all loads.
pub fn table(loads: impl Iterator<Item = Load>) -> Outcome<String> {
    let mut table = "\
| streams | tokens/s each | requests | missing | mean TTFT, ours − truth | arrival of first token, p50 | p99 \
| arrival of last token, p50 | p99 |
|---|---|---|---|---|---|---|---|---|
"
    .to_owned();
    for load in loads {
        let errors = Errors::of(load)?;
        let ms = |value: Option<f64>| value.map_or("–".to_owned(), |ns| format!("{:.3} ms", ns / 1e6));
        let (first, last) = (&errors.first, &errors.last);
        table.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            load.streams,
            load.pace,
            load.requests,
            load.requests - errors.ttft.len() as u64,
            mean(&errors.ttft).map_or("–".to_owned(), |ns| format!("{:+.3} ms", ns / 1e6)),
            ms(quantile(first, 0.5)),
            ms(quantile(first, 0.99)),
            ms(quantile(last, 0.5)),
            ms(quantile(last, 0.99)),
        ));
    }
    Ok(table)
}

/// Measured less true, in ns, of each request that both sides have.
#[derive(Default)]
struct Errors {
    ttft: Vec<f64>,
    first: Vec<f64>,
    last: Vec<f64>,
}

impl Errors {
    /// Those of a load, in ascending order.
    fn of(load: Load) -> Outcome<Self> {
        let serving = Serving::start(load)?;
        let folder = tempfile::tempdir()?;
        let (_, point) = evalscope(load, serving.port, folder.path())?;
        let truths = Truth::read_all(&told(serving.port)?)?;
        let truths: HashMap<&str, &Truth> = truths.iter().map(|truth| (truth.id.as_str(), truth)).collect();
        let mut rows = Rows::open(&point)?;
        let mut errors = Errors::default();
        while let Some(record) = rows.next_row()? {
            let stamps = (record.ttft_ns(), record.first_token_ns, record.last_token_ns);
            let (Some(truth), (Some(ttft), Some(first), Some(last)), true) =
                (truths.get(record.request_id.as_str()), stamps, record.is_ok())
            else {
                continue;
            };
            let at = |stamp: u64, truth: u64| (rows.header.epoch_unix_ns + stamp) as i128 - i128::from(truth);
            errors.ttft.push(ttft as f64 - (truth.first as f64 - truth.received as f64));
            errors.first.push(at(first, truth.first) as f64);
            errors.last.push(at(last, truth.last) as f64);
        }
        for column in [&mut errors.ttft, &mut errors.first, &mut errors.last] {
            column.sort_by(f64::total_cmp);
        }
        Ok(errors)
    }
}

/// What the server noted.
fn told(port: u16) -> Outcome<String> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    write!(socket, "GET {TRUTH} HTTP/1.1\r\nhost: bench\r\n\r\n")?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("the server told no truth")?;
    Ok(body.to_owned())
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The nearest rank of ascending values.
fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let rank = (q * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied()
}
