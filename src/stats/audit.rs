//! A server's own counters held against what this program sent and measured.
//!
//! The comparison is one of bounds: a server may count a request that failed here, and one that was inside it when the
//! watch began. What lies outside the bounds is a finding. A finding that another one explains is not made as well:
//! where others used the server, its latencies and hit rates say nothing of this run.

use serde::{Deserialize, Serialize};

use super::reading::{Reading, counts_uncached_only};
use super::window::Ours;
use crate::units::{NS_PER_MS, NS_PER_S, count, figure};

/// Version of the audit in `summary.json`.
const FORMAT_VERSION: u32 = 1;
/// Share by which token counters may differ before it is told.
const TOKENS: f64 = 0.01;
/// Share of the server's TTFT that ours may lie above it, and the least gap that is told, in ms.
const TTFT: (f64, f64) = (0.05, 1.0);
/// Share by which more requests may be seen inside the server than are in flight, because gauges lag; and at least one.
const RUNNING: f64 = 0.05;
/// Readings and requests in flight from which on too few requests inside the server are told.
const FEW: (usize, f64) = (5, 4.0);
/// Points by which the hit rate may lie above what the workload gives.
const HITS: f64 = 0.05;
/// Prompt tokens that a chat template may put before each prompt, which then are shared although nobody asked for it.
const TEMPLATE: f64 = 100.0;
/// Tokens that must be shared, and their share, before a low hit rate is told: caches hold whole blocks of tokens.
const SHARED: (f64, f64) = (64.0, 0.1);

/// What a server said of itself before, during and after a load point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scrapes {
    /// The engine whose names its metrics bear.
    pub engine: String,
    /// When nothing was sent yet.
    pub before: Reading,
    /// While requests were in flight.
    pub during: Vec<Reading>,
    /// When all was over.
    pub after: Reading,
    /// Scrapes that failed.
    pub failed: u64,
}

/// How much of each prompt is the same for all requests of a workload, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sharing {
    /// So many tokens are shared, and so many, on average, are a prompt's own.
    Prefix {
        /// Tokens that all prompts begin with.
        shared: f64,
        /// Tokens that no other prompt has.
        own: f64,
    },
    /// Every prompt is the same.
    Whole,
    /// Prompts from a file may share anything.
    Unknown,
}

/// A kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The server did work that this program did not ask for.
    ForeignTraffic,
    /// The server did less than was answered here.
    LostRequests,
    /// Requests agree, tokens do not.
    TokenMismatch,
    /// More prompt tokens came from the prefix cache than the workload shares.
    CacheHitUnexpected,
    /// Far fewer prompt tokens came from the prefix cache than the workload shares.
    CacheHitLow,
    /// The first token took longer to be here than the server says it took to be made.
    TtftGap,
    /// Other requests were inside the server than were in flight.
    RunningMismatch,
    /// Requests were put back because the server's cache was full.
    Preemptions,
    /// Counters went backwards.
    Restarted,
}

/// Something a reader must know before the figures are believed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind.
    pub code: Code,
    /// What was found, one sentence without its full stop.
    pub text: String,
    /// What to do about it.
    pub advice: String,
}

/// One quantity on both sides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// What the server says.
    pub server: Option<f64>,
    /// What this program says.
    pub ours: Option<f64>,
}

impl Pair {
    /// The server's value less ours, where both are known.
    pub fn difference(&self) -> Option<f64> {
        Some(self.server? - self.ours?)
    }
}

/// The comparison of one load point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// 1.
    pub format_version: u32,
    /// The engine whose names the server's metrics bear.
    pub engine: String,
    /// Scrapes that were read.
    pub scrapes: u64,
    /// Scrapes that failed.
    pub scrapes_failed: u64,
    /// Requests: done by the server, sent by us.
    pub requests: Pair,
    /// Prompt tokens of the requests that were answered.
    pub prompt_tokens: Pair,
    /// Completion tokens of the requests that were answered.
    pub completion_tokens: Pair,
    /// Mean time to first token in ms.
    pub ttft_mean_ms: Pair,
    /// Most requests seen inside the server, running or waiting, and most in flight.
    pub running_max: Pair,
    /// Share of the prompt tokens that came from the prefix cache; `ours` is what the workload should give.
    pub cache_hit: Pair,
    /// Fullest that the server's key-value cache was seen, 0 to 1.
    pub kv_usage_max: Option<f64>,
    /// Requests that the server put back because its cache was full.
    pub preemptions: Option<f64>,
    /// What does not fit.
    pub findings: Vec<Finding>,
}

impl Audit {
    /// Holds the server's readings against our own figures.
    pub fn of(scrapes: &Scrapes, ours: &Ours, sharing: Sharing) -> Self {
        let after = &scrapes.after;
        // Numbers of one model begin with its first request: where they are not there yet, they were all zero.
        let none = Reading::default();
        let before = if after.of_model && !scrapes.before.of_model { &none } else { &scrapes.before };
        let restarted = went_backwards(scrapes);
        let grown = |of: fn(&Reading) -> Option<f64>| {
            of(after).filter(|_| !restarted).map(|after| after - of(before).unwrap_or(0.0))
        };
        let most = |of: fn(&Reading) -> Option<f64>| scrapes.during.iter().filter_map(of).reduce(f64::max);
        let pair = |server, ours: Option<u64>| Pair { server, ours: ours.map(|ours| ours as f64) };
        let ttft_count = grown(|reading| reading.ttft_count).filter(|count| *count > 0.0);
        let ttft = grown(|reading| reading.ttft_sum_s).zip(ttft_count);
        let mut audit = Audit {
            format_version: FORMAT_VERSION,
            engine: scrapes.engine.clone(),
            scrapes: scrapes.during.len() as u64 + 2,
            scrapes_failed: scrapes.failed,
            requests: pair(grown(|reading| reading.requests), Some(ours.sent)),
            prompt_tokens: pair(grown(|reading| reading.prompt_tokens), ours.prompt_tokens),
            completion_tokens: pair(grown(|reading| reading.completion_tokens), ours.completion_tokens),
            ttft_mean_ms: Pair {
                server: ttft.map(|(sum, count)| sum / count * NS_PER_S / NS_PER_MS),
                ours: ours.ttft_mean_ms,
            },
            running_max: pair(most(Reading::inside), Some(ours.in_flight_max)),
            cache_hit: Pair { server: hit_rate(scrapes, grown), ours: expected(sharing, ours) },
            kv_usage_max: most(|reading| reading.kv_usage),
            preemptions: grown(|reading| reading.preemptions),
            findings: Vec::new(),
        };
        let compared = Compared { scrapes, ours, sharing, ttft_count };
        audit.findings = if restarted { vec![restart()] } else { compared.findings(&audit) };
        audit
    }
}

/// Whether a counter shrank, or vanished, from one scrape to the next.
fn went_backwards(scrapes: &Scrapes) -> bool {
    let all: Vec<&Reading> = [&scrapes.before].into_iter().chain(&scrapes.during).chain([&scrapes.after]).collect();
    all.windows(2).any(|two| {
        let (earlier, later) = (two[0], two[1]);
        let shrank = |(earlier, later): (Option<f64>, Option<f64>)| {
            earlier.is_some_and(|earlier| earlier > 0.0 && later.is_none_or(|later| later < earlier))
        };
        // A model that is named for the first time begins anew; one that is no longer named does so as well.
        let comparable = earlier.of_model || !later.of_model;
        comparable && earlier.counters().into_iter().zip(later.counters()).any(shrank)
    })
}

/// The share of lookups that hit, or else the mean of the engine's own rate.
fn hit_rate(scrapes: &Scrapes, grown: impl Fn(fn(&Reading) -> Option<f64>) -> Option<f64>) -> Option<f64> {
    let (hits, queries) = (grown(|reading| reading.cache_hits), grown(|reading| reading.cache_queries));
    if let Some((hits, queries)) = hits.zip(queries.filter(|queries| *queries > 0.0)) {
        return Some(hits / queries);
    }
    let rates = scrapes.during.iter().filter_map(|reading| reading.cache_hit_rate);
    let rates: Vec<f64> = rates.filter(|rate| (0.0..=1.0).contains(rate)).collect();
    (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64)
}

/// The hit rate the workload should give: the shared tokens of every request but the first.
fn expected(sharing: Sharing, ours: &Ours) -> Option<f64> {
    let share = match sharing {
        Sharing::Prefix { shared, own } if shared + own > 0.0 => shared / (shared + own),
        Sharing::Whole => 1.0,
        Sharing::Prefix { .. } | Sharing::Unknown => return None,
    };
    (ours.ok > 0).then(|| share * (ours.ok - 1) as f64 / ours.ok as f64)
}

fn restart() -> Finding {
    finding(
        Code::Restarted,
        "the server's counters went backwards during the load point".to_owned(),
        "look whether the server was restarted, or several replicas answer in turn; then measure again",
    )
}

fn finding(code: Code, text: String, advice: &str) -> Finding {
    Finding { code, text, advice: advice.to_owned() }
}

/// Everything that findings are drawn from.
struct Compared<'a> {
    scrapes: &'a Scrapes,
    ours: &'a Ours,
    sharing: Sharing,
    ttft_count: Option<f64>,
}

impl Compared<'_> {
    fn findings(&self, audit: &Audit) -> Vec<Finding> {
        let mut findings = Vec::new();
        match self.traffic(audit) {
            // Whose work the other numbers describe is not known, so nothing is drawn from them.
            Some(found) => findings.push(found),
            None => {
                let rest = [self.tokens(audit), self.cache(audit), self.ttft(audit), self.running(audit)];
                findings.extend(rest.into_iter().flatten());
            }
        }
        findings.extend(audit.preemptions.filter(|many| *many > 0.0).map(|many| {
            finding(
                Code::Preemptions,
                format!("the server put requests back {} times because its key-value cache was full", whole(many)),
                "load it less, shorten prompts and replies, or give its cache more memory",
            )
        }));
        findings
    }

    /// Requests inside the server when the watch began and when it ended.
    fn left_over(&self) -> (f64, f64) {
        let inside = |reading: &Reading| reading.inside().unwrap_or(0.0);
        (inside(&self.scrapes.before), inside(&self.scrapes.after))
    }

    fn traffic(&self, audit: &Audit) -> Option<Finding> {
        let foreign = |what: String| {
            finding(
                Code::ForeignTraffic,
                format!("another client was using this server: {what}"),
                "measure again when nobody else uses the server; the figures hold the work of both",
            )
        };
        let lost = |what: String| {
            finding(
                Code::LostRequests,
                format!("requests were answered that this server did not count: {what}"),
                "give the metrics of the very server that answers with --metrics-url, or take the load balancer or caching proxy away",
            )
        };
        let ours = self.ours;
        let (before, after) = self.left_over();
        match audit.requests.server {
            Some(server) if server > (ours.sent * ours.choices) as f64 + before => {
                Some(foreign(format!("it counted {} requests and {} were sent", whole(server), count(ours.sent))))
            }
            Some(server) if server + after < ours.ok as f64 => {
                Some(lost(format!("it counted {} and {} were answered", whole(server), count(ours.ok))))
            }
            Some(_) => None,
            // An engine that counts no requests tells by its tokens.
            None => {
                let (what, difference, pair) = self.unlike_tokens(audit)?;
                let words = format!("it counted {} {what} and {} were ours", tokens(pair.server), tokens(pair.ours));
                Some(if difference > 0.0 { foreign(words) } else { lost(words) })
            }
        }
    }

    fn tokens(&self, audit: &Audit) -> Option<Finding> {
        audit.requests.server?;
        let (what, _, pair) = self.unlike_tokens(audit)?;
        Some(finding(
            Code::TokenMismatch,
            format!(
                "the server counted {} {what}, its replies and our count say {}",
                tokens(pair.server),
                tokens(pair.ours)
            ),
            "compare the usage of single replies with the server's log; figures by token are off by as much",
        ))
    }

    /// The first token counter that lies outside its bounds: its name, the server's count less ours, and both.
    fn unlike_tokens(&self, audit: &Audit) -> Option<(&'static str, f64, Pair)> {
        let ours = self.ours;
        let (before, after) = self.left_over();
        let uncached_only = counts_uncached_only(&self.scrapes.engine);
        let pairs = [
            ("completion tokens", audit.completion_tokens, 1.0, true),
            // A prompt may count once for each of its replies, and not at all where the cache had it.
            ("prompt tokens", audit.prompt_tokens, ours.choices as f64, !uncached_only),
        ];
        pairs.into_iter().find_map(|(what, pair, times, from_below)| {
            let (server, known) = (pair.server?, pair.ours?);
            // What a failed request took, or one that was inside before, is not known.
            let all_known = ours.sent == ours.ok && before == 0.0;
            let more = all_known && server > known * times * (1.0 + TOKENS);
            let fewer = from_below && after == 0.0 && server < known * (1.0 - TOKENS);
            (more || fewer).then_some((what, server - known, pair))
        })
    }

    fn cache(&self, audit: &Audit) -> Option<Finding> {
        let (server, expected) = (audit.cache_hit.server?, audit.cache_hit.ours?);
        let ours = self.ours;
        let prompt = ours.prompt_tokens.map(|tokens| tokens as f64 / ours.ok.max(1) as f64);
        let (shared, length) = match self.sharing {
            Sharing::Prefix { shared, own } => (shared, prompt.unwrap_or(shared + own)),
            Sharing::Whole => (prompt?, prompt?),
            Sharing::Unknown => return None,
        };
        let most = expected + TEMPLATE / length.max(1.0) + HITS;
        if server > most {
            return Some(finding(
                Code::CacheHitUnexpected,
                format!(
                    "{} of the prompt tokens came from the server's prefix cache, the workload should give {}",
                    percent(server),
                    percent(expected)
                ),
                "these prompts were sent before: give another --workload-seed, or empty the server's cache, and measure again",
            ));
        }
        // Requests that start together all miss, so there must be many more of them.
        let settled = ours.ok >= 4 * ours.in_flight_max;
        let low = settled && shared >= SHARED.0 && expected >= SHARED.1 && server < expected / 2.0;
        low.then(|| {
            finding(
                Code::CacheHitLow,
                format!(
                    "only {} of the prompt tokens came from the server's prefix cache, the workload shares {}",
                    percent(server),
                    percent(expected)
                ),
                "look whether prefix caching is on, the cache is too small, or requests are spread over replicas",
            )
        })
    }

    fn ttft(&self, audit: &Audit) -> Option<Finding> {
        let Pair { server: Some(server), ours: Some(ours) } = audit.ttft_mean_ms else { return None };
        // Means over different requests are no comparison.
        let same = self.ttft_count == Some(self.ours.ok as f64) && self.ours.sent == self.ours.ok;
        let gap = ours - server;
        if !same || gap <= (server * TTFT.0).max(TTFT.1) {
            return None;
        }
        let ms = |value: f64| format!("{} ms", figure(Some(value)));
        let (cause, advice) = match self.ours.lag_ms {
            Some(lag) if lag >= gap / 2.0 => (
                format!("; {} of it is this program's own delay", ms(lag)),
                "give the load generator more cores, or a machine of its own",
            ),
            Some(lag) => (
                format!("; this program's own delay is {} of it, the rest is the network or a proxy", ms(lag)),
                "look for a proxy that buffers, and measure nearer to the server",
            ),
            None => {
                (String::new(), "look for a proxy that buffers, a slow network, or a load generator short of cores")
            }
        };
        let text = format!(
            "the first token took {} on average and the server says {}: {} more{cause}",
            ms(ours),
            ms(server),
            ms(gap)
        );
        Some(finding(Code::TtftGap, text, advice))
    }

    fn running(&self, audit: &Audit) -> Option<Finding> {
        let server = audit.running_max.server?;
        let ours = self.ours;
        let most = (ours.in_flight_max * ours.choices) as f64;
        // A request that was given up here may live on in the server.
        let allowed = most + (most * RUNNING).max(1.0) + (ours.sent - ours.ok) as f64;
        if server > allowed {
            return Some(finding(
                Code::RunningMismatch,
                format!(
                    "{} requests were seen inside the server at one time and at most {} were in flight: another client was using it",
                    whole(server),
                    count(ours.in_flight_max)
                ),
                "measure again when nobody else uses the server",
            ));
        }
        let readings = self.scrapes.during.iter().filter_map(Reading::inside).count();
        let few = readings >= FEW.0 && ours.in_flight_mean >= FEW.1 && server < ours.in_flight_mean / 2.0;
        few.then(|| {
            finding(
                Code::RunningMismatch,
                format!(
                    "at most {} requests were seen inside the server while {} were in flight on average: the others were held up before it",
                    whole(server),
                    figure(Some(ours.in_flight_mean))
                ),
                "look for a proxy that queues, a limit of connections, or a slow network",
            )
        })
    }
}

fn whole(value: f64) -> String {
    count(value.round().max(0.0) as u64)
}

fn tokens(value: Option<f64>) -> String {
    value.map_or("—".to_owned(), whole)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
