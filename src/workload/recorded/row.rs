//! A request of a trace: JSON lines or CSV, told by the first line, columns found by their names.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::error::{Failure, Result, known};
use crate::plan::Lengths;
use crate::plan::dataset::{RecordedArgs, Set};
use crate::units::NS_PER_S;
use crate::workload::cycle::{Parsed, Parser};
use crate::workload::lines::Place;
use crate::workload::offsets::{fields, parse};
use crate::workload::remarks::{Reason, Remarks};

/// Names of the columns in the layouts that are known, lower case with `_` for blanks.
const TIME: [&str; 4] = ["timestamp", "arrival_time", "arrived_at", "time"];
const INPUT: [&str; 7] = [
    "input_length",
    "request_tokens",
    "contexttokens",
    "num_prefill_tokens",
    "input_tokens",
    "prompt_tokens",
    "prompt_length",
];
const OUTPUT: [&str; 7] = [
    "output_length",
    "response_tokens",
    "generatedtokens",
    "num_decode_tokens",
    "output_tokens",
    "completion_tokens",
    "reply_length",
];

/// A request: when it came, and its lengths in tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::workload) struct Row {
    /// Nanoseconds after the first request in use, at the asked speed.
    pub(in crate::workload) due_ns: u64,
    /// Tokens of the prompt.
    pub(in crate::workload) input: u32,
    /// Tokens of the reply.
    pub(in crate::workload) output: u32,
    /// What blocks of the prompt are, from the first on.
    pub(in crate::workload) hashes: Box<[u64]>,
}

/// Where the values of a line stand.
enum Layout {
    Json,
    Csv { time: Option<usize>, input: usize, output: usize, model: Option<usize> },
}

/// What a line says, as text.
struct Line<'a> {
    time: Option<&'a str>,
    input: &'a str,
    output: &'a str,
    model: Option<&'a str>,
    hashes: Box<[u64]>,
}

/// Reads the rows of a trace.
pub(in crate::workload) struct Trace {
    set: Set,
    args: RecordedArgs,
    lengths: Lengths,
    layout: Option<Layout>,
    /// The first instant of the file, that of the first row in use, and the one before.
    start: Option<i128>,
    first: Option<i128>,
    before: i128,
}

impl Trace {
    pub(super) fn new(set: Set, args: RecordedArgs, lengths: Lengths) -> Self {
        Trace { set, args, lengths, layout: None, start: None, first: None, before: i128::MIN }
    }

    /// The name of a column: the user's, else one of those known.
    fn is(&self, role: &str, known: &[&str], name: &str) -> bool {
        match self.args.columns.get(role) {
            Some(own) => name == own,
            None => known.contains(&name.to_lowercase().replace(' ', "_").as_str()),
        }
    }

    fn layout(&self, text: &str, place: Place<'_>) -> Result<Layout> {
        if text.trim_start().starts_with('{') {
            return Ok(Layout::Json);
        }
        let column = |role: &str, known: &[&str]| fields(text).position(|name| self.is(role, known, name));
        let needed = |role: &str, names: &[&str]| {
            column(role, names).ok_or_else(|| {
                place
                    .refuse(format_args!("neither JSON nor a header with a column of the {}", role.replace('_', " ")))
                    .hint(format!("known names: {}", known(names)))
            })
        };
        Ok(Layout::Csv {
            time: if self.set == Set::Lengths { None } else { Some(needed("timestamp", &TIME)?) },
            input: needed("input_length", &INPUT)?,
            output: needed("output_length", &OUTPUT)?,
            model: column("model", &["model"]),
        })
    }

    fn line<'a>(&self, layout: &Layout, text: &'a str, place: Place<'_>) -> Result<Line<'a>> {
        match layout {
            Layout::Json => self.object(text, place),
            Layout::Csv { time, input, output, model } => {
                let cells: Vec<&str> = fields(text).collect();
                let cell = |column: usize| {
                    let cell = cells.get(column).copied();
                    cell.ok_or_else(|| place.refuse(format_args!("has no column {}", column + 1)))
                };
                Ok(Line {
                    time: time.map(cell).transpose()?,
                    input: cell(*input)?,
                    output: cell(*output)?,
                    model: model.map(cell).transpose()?,
                    hashes: Box::default(),
                })
            }
        }
    }

    fn object<'a>(&self, text: &'a str, place: Place<'_>) -> Result<Line<'a>> {
        // Numbers stay as they are written: as doubles instants would lose what is below a microsecond.
        let object: BTreeMap<&str, &RawValue> =
            serde_json::from_str(text).map_err(|error| place.refuse("not a JSON object").because(error))?;
        let value = |role: &str, names: &[&str]| {
            let found = object.iter().find(|(name, _)| self.is(role, names, name));
            found.map(|(_, value)| value.get().trim_matches('"'))
        };
        let needed =
            |role: &str, names: &[&str]| value(role, names).ok_or_else(|| place.refuse(format_args!("has no {role}")));
        let hashes = object.iter().find(|(name, _)| self.is("hash_ids", &["hash_ids"], name));
        let hashes = match hashes {
            Some((_, list)) => {
                hashes_of(list.get()).ok_or_else(|| place.refuse("`hash_ids` must be a list of numbers"))?
            }
            None => Vec::new(),
        };
        Ok(Line {
            time: if self.set == Set::Lengths { None } else { Some(needed("timestamp", &TIME)?) },
            input: needed("input_length", &INPUT)?,
            output: needed("output_length", &OUTPUT)?,
            model: value("model", &["model"]),
            hashes: hashes.into(),
        })
    }

    /// The instant of a row; the reason where it lies outside the window, `None` behind it.
    fn instant(&mut self, text: &str, place: Place<'_>) -> Result<Option<std::result::Result<i128, Reason>>> {
        let digits = if self.set == Set::Mooncake && self.args.time_unit.is_none() { 6 } else { 9 };
        let refuse = || {
            place.refuse(format_args!("{text:?} is no instant")).hint("an instant is a number, or a date with a time")
        };
        let mut instant = parse(text, digits).ok_or_else(refuse)?;
        if let Some(unit) = self.args.time_unit {
            instant = (instant as f64 * unit) as i128;
        }
        if instant < self.before {
            return Err(place.refuse("is earlier than the line before it").hint("sort the file by time"));
        }
        self.before = instant;
        let since = (instant - *self.start.get_or_insert(instant)) as f64 / NS_PER_S;
        if self.args.to.is_some_and(|to| since >= to) {
            return Ok(None);
        }
        if self.args.from.is_some_and(|from| since < from) {
            return Ok(Some(Err(Reason::Outside)));
        }
        Ok(Some(Ok(instant)))
    }
}

/// Numbers of a JSON list; negative ones are told apart from positive ones.
fn hashes_of(list: &str) -> Option<Vec<u64>> {
    let signed: Vec<i128> = serde_json::from_str(list).ok()?;
    Some(signed.into_iter().map(|hash| hash as u64).collect())
}

impl Parser for Trace {
    type Row = Row;

    fn begin(&mut self) {
        self.layout = None;
        self.start = None;
        self.first = None;
        self.before = i128::MIN;
    }

    fn row(&mut self, text: &str, place: Place<'_>, _: &mut Remarks) -> Result<Parsed<Row>> {
        let layout = match self.layout.take() {
            Some(layout) => layout,
            None => {
                let layout = self.layout(text, place)?;
                if matches!(layout, Layout::Csv { .. }) {
                    self.layout = Some(layout);
                    return Ok(Parsed::Part);
                }
                layout
            }
        };
        let line = self.line(&layout, text, place);
        self.layout = Some(layout);
        let line = line?;
        let length = |name: &str, text: &str| {
            text.parse::<u32>().map_err(|_| place.refuse(format_args!("{name} {text:?} is no number of tokens")))
        };
        let (input, output) = (length("input length", line.input)?, length("output length", line.output)?);
        // A row that is left out is an instant all the same.
        let instant = match line.time.map(|time| self.instant(time, place)).transpose()? {
            None => 0,
            Some(Some(Ok(instant))) => instant,
            Some(Some(Err(reason))) => return Ok(Parsed::Skip(reason)),
            Some(None) => return Ok(Parsed::End),
        };
        let unfit = if self.args.model.as_deref().is_some_and(|model| line.model != Some(model)) {
            Some(Reason::OtherModel)
        } else if self.set == Set::BurstGpt && output == 0 && !self.args.keep_failed {
            Some(Reason::Failed)
        } else if input == 0 {
            Some(Reason::Empty)
        } else if input < self.lengths.min {
            Some(Reason::TooShort)
        } else if input > self.lengths.max {
            Some(Reason::TooLong)
        } else {
            None
        };
        if let Some(reason) = unfit {
            return Ok(Parsed::Skip(reason));
        }
        let due = (instant - *self.first.get_or_insert(instant)) as f64 / self.args.speed;
        Ok(Parsed::Use(Row { due_ns: due.round() as u64, input, output, hashes: line.hashes }))
    }

    fn nothing(&self, name: &str, remarks: &Remarks) -> Failure {
        Failure::usage(format!("{name}: the trace has no request to replay ({remarks})"))
            .hint("widen the window, the lengths or the model of --dataset-args")
    }
}
