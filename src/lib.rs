//! `evalscope` loads servers of large language models and says, truthfully, how they did.
//!
//! # Ten nouns
//!
//! | noun | what it is | never |
//! |---|---|---|
//! | [`plan::Plan`] | one run, fully resolved and serialisable: defaults < profile < flags | reads flags or the environment later |
//! | [`target::Target`] | where and how to speak: URL, dialect, model, key, headers, deadlines | holds a connection |
//! | [`prompt::Prompt`] | messages, text or a body, wished lengths; a [`prompt::Conversation`] is a list of them | knows a wire format |
//! | [`workload::Workload`] | seeded source of conversations; all its cost is paid before the timed part | does I/O while timed |
//! | [`engine::Schedule`] | when the next conversation may start, and how many are in flight | sleeps or counts results |
//! | `Exchange` | one request in flight, private to the engine, writes the stamps | leaves the engine |
//! | [`record::Record`] | the finished fact: stamps, outcome, usage, gaps between chunks | changes |
//! | [`record::Sink`] | eats records | blocks the engine |
//! | [`stats::Summary`] | counters and HDR histograms with an associative `merge` | keeps raw samples |
//! | [`report::Document`] | a plan and its results, shown | computes a metric |
//!
//! ```text
//! flags + profile -> Plan -> Workload x Schedule x Target -> engine -> Record -> Sink -> Summary -> Document
//! ```
//!
//! # Levels
//!
//! Data flows down this list once; nothing imports upward, and modules of level 3 never import each other. The test
//! `levels` holds the table against the code.
//!
//! | level | module | duty |
//! |---|---|---|
//! | 0 | [`error`], [`units`] | failures and exit numbers; quantities in and out |
//! | 1 | [`target`], [`prompt`], [`record`], [`mark`], [`hist`], [`tokenizer`], [`template`], [`table`], [`random`], [`plan`] | the nouns |
//! | 2 | [`wire`], [`store`], [`tls`] | bytes of each dialect; files of a run; whom to trust |
//! | 3 | [`workload`], [`engine`], [`stats`], [`local`], [`hub`] | make work; place and stamp it; turn records to numbers; serve a model; bring files of hubs |
//! | 4 | [`run`] | conduct one or many runs |
//! | 5 | [`track`] | what is told of a run while it goes on |
//! | 6 | [`report`] | results to a document, a document to bytes |
//! | 8 | [`cli`] | flags to plan, outcome to console and exit |
//!
//! # Invariants
//!
//! * Times are `u64` nanoseconds since the run's epoch ([`record::Epoch`]), which holds the wall clock and the
//!   monotonic clock side by side.
//! * Arrival is stamped in the I/O adapter below TLS and HTTP, before any byte is looked at.
//! * Between the first and the last byte of a response there is no lock, no tokenizer, no log and no file.
//! * A failed request is a record with a kind; it never enters the latency statistics.
//! * Each row is on disk before the next is counted; every result file is made from those rows, in one code path for
//!   a run that ended well and for one that was killed.
//! * What is missing is `None`; no zero stands for it. EvalScope's own files are the one exception, because their
//!   readers expect its sentinels.
//! * Every retry, skip and fallback is a counter in the result.

pub mod cli;
pub mod engine;
pub mod error;
pub mod hist;
pub mod hub;
pub mod local;
pub mod mark;
pub mod plan;
pub mod prompt;
pub mod random;
pub mod record;
pub mod report;
pub mod run;
pub mod stats;
pub mod store;
pub mod table;
pub mod target;
pub mod template;
pub mod tls;
pub mod tokenizer;
pub mod track;
pub mod units;
pub mod wire;
pub mod workload;
