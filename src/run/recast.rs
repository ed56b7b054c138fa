//! A saved run told again as other tools would have told it, from its chunk log.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::point::objectives;
use super::rebuild::open;
use crate::error::{Failure, Result};
use crate::plan::{Arrival, Plan, Ramp};
use crate::stats::Slo;
use crate::stats::dialect::{Cast, Context, Count, RampUp, Replies, Reply, Tool, cast};
use crate::store::{Header, Rows, write_file};
use crate::target::Dialect;
use crate::tokenizer::Tokenizer;

/// One load point as one tool tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recast {
    /// Folder of the point below the run's.
    pub folder: String,
    /// Whose definitions these are.
    pub tool: Tool,
    /// Figures, files and notes.
    pub cast: Cast,
    /// Where the files were written.
    pub paths: Vec<PathBuf>,
}

impl Recast {
    /// As JSON: the folder, the tool, its figures by their names, notes and paths.
    pub fn to_json(&self) -> Value {
        let figures: serde_json::Map<String, Value> =
            self.cast.figures.iter().map(|figure| (figure.name.clone(), figure.value.clone())).collect();
        json!({
            "folder": self.folder,
            "tool": self.tool.name(),
            "figures": figures,
            "notes": self.cast.notes,
            "files": self.paths,
        })
    }
}

/// How a run is to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct RecastOptions {
    /// By whose definitions.
    pub tools: Vec<Tool>,
    /// A tokenizer that counts the text of replies, instead of the one of the run.
    pub tokenizer: Option<PathBuf>,
    /// Whether lists of single requests go into the files.
    pub detailed: bool,
}

/// Reads the rows of every load point of a run folder and writes each tool's result files into `as-<tool>/` below the
/// folder of the point.
///
/// # Errors
/// When the folder is no run folder, its run kept no chunk log, or a file cannot be read or written.
pub fn recast(path: &Path, options: &RecastOptions) -> Result<Vec<Recast>> {
    let (plan, dir, _) = open(path)?;
    let tokenizer = options.tokenizer.as_deref().or(plan.workload.tokenizer.as_deref());
    let tokenizer = tokenizer.map(Tokenizer::open).transpose()?;
    let slo = objectives(&plan)?;
    let mut out = Vec::new();
    for folder in dir.points()? {
        let point = dir.point(&folder);
        if !Rows::exist(&point) {
            continue;
        }
        let (header, replies) = read(&point, tokenizer.as_ref())?;
        if !replies.have_events() {
            return Err(Failure::files(format!("{}: the run kept no events of its replies", point.display()))
                .hint("repeat the run with --log-chunks"));
        }
        let context =
            Context { detailed: options.detailed, ..context(&plan, &header, tokenizer.as_ref(), slo.as_ref()) };
        for tool in &options.tools {
            let cast = cast(*tool, &context, &replies)?;
            let paths = write(&point.join(format!("as-{}", tool.name())), &cast)?;
            out.push(Recast { folder: folder.clone(), tool: *tool, cast, paths });
        }
    }
    if out.is_empty() {
        return Err(Failure::files(format!("{}: no load point with rows", path.display()))
            .hint("give the folder of a run: the one that holds plan.toml"));
    }
    Ok(out)
}

fn read(point: &Path, tokenizer: Option<&Tokenizer>) -> Result<(Header, Replies)> {
    let mut rows = Rows::open(point)?;
    let counter = tokenizer.map(|tokenizer| move |text: &str| tokenizer.count(text).map(|tokens| tokens as u64));
    let counter = counter.as_ref().map(|counter| counter as &Count);
    let mut replies = Vec::new();
    while let Some(record) = rows.next_row()? {
        replies.push(Reply::of(record, counter)?);
    }
    Ok((rows.header, Replies::of(replies)))
}

fn context(plan: &Plan, header: &Header, tokenizer: Option<&Tokenizer>, slo: Option<&Slo>) -> Context {
    let (burstiness, ramp) = match plan.load.arrival {
        Arrival::Gamma { burstiness } => (burstiness, None),
        Arrival::Constant => (f64::INFINITY, None),
        Arrival::Ramp { ramp, from, to, burstiness } => {
            let strategy = match ramp {
                Ramp::Linear => "linear",
                Ramp::Exponential => "exponential",
            };
            (burstiness, Some(RampUp { strategy, from, to }))
        }
        Arrival::Trace(_) | Arrival::Saved | Arrival::Recorded => (1.0, None),
    };
    let (least, most) = plan.workload.max_tokens;
    Context {
        model: plan.target.model.clone(),
        chat: plan.target.dialect == Dialect::Chat,
        stream: plan.sampling.stream,
        tokenizer: tokenizer.map(|tokenizer| tokenizer.name().to_owned()),
        dataset: plan.settings.dataset.clone(),
        number: header.point.number,
        max_tokens: (least == most).then_some(u64::from(most)),
        load: header.point.load,
        burstiness,
        ramp,
        slo: slo.cloned(),
        label: plan.settings.name.clone(),
        epoch_unix_ns: header.epoch_unix_ns,
        zone: TimeZone::system(),
        detailed: true,
    }
}

fn write(folder: &Path, cast: &Cast) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::files(format!("{} cannot be made", folder.display())).because(error))?;
    let mut paths = Vec::new();
    for file in &cast.files {
        let path = folder.join(&file.name);
        write_file(&path, file.contents.as_bytes())?;
        paths.push(path);
    }
    Ok(paths)
}
