//! `evalscope perf`.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::args::PerfFlags;
use super::console::Console;
use super::environment::Environment;
use super::fetching::Fetching;
use super::progress::{Every, Progress};
use super::report::{save_reports, show};
use super::tune::tune;
use super::{log, signals};
use crate::engine::Stop;
use crate::error::{Exit, Result};
use crate::hub::Config;
use crate::plan::{Plan, Point, SlaSpec, Wanted, Wants, layer, profile_text};
use crate::report;
use crate::run::{self, RunResult, Status, Watcher, complete, dry, settle, sweep};
use crate::stats::Verdict;
use crate::store::RunDir;
use crate::track::{State, Tracking};

/// Flags whose values stand in the file of a saved workload.
const OVERRULED: [&str; 24] = [
    "number",
    "parallel",
    "rate",
    "open-loop",
    "max-in-flight",
    "warmup-num",
    "arrival",
    "arrival-file",
    "trace-speed",
    "burstiness",
    "ramp-up-strategy",
    "dataset",
    "dataset-path",
    "dataset-offset",
    "prompt",
    "compat",
    "max-tokens",
    "min-tokens",
    "temperature",
    "top-p",
    "top-k",
    "stop",
    "seed",
    "extra-args",
];

/// Resolves the flags to a plan and carries it out.
pub(super) fn perf(flags: &PerfFlags, console: &Console) -> Result<Exit> {
    let profile = flags.profile.as_deref().map(|name| profile_text(name).map(|text| (name, text))).transpose()?;
    let given = flags.table()?;
    let overruled = overruled(&given);
    let mut settings = complete(layer(profile.as_ref().map(|(name, text)| (*name, text.as_str())), given)?)?;
    let environment = Environment::read(|name| std::env::var(name).ok())?;
    let key = flags.key(&settings.api);
    let track = flags.track.resolve(&mut settings)?;
    let mut plan = Plan::resolve(settings, key, entropy())?;
    plan.notices.extend(environment.notices);
    for flag in flags.idle() {
        plan.notices.push(format!("{flag} has no meaning here and is passed over"));
    }
    plan.notices.extend(track.notices.iter().cloned());
    // What a hub keeps is looked through once it is here.
    if plan.wants.dataset.is_none() {
        settle(&mut plan)?;
    }
    plan.notices.extend(overruled);
    if flags.dry_run {
        dry(&plan)?;
        for (index, point) in plan.points.iter().enumerate() {
            let Point { load, number, warmup, .. } = point;
            let (level, unit) = (load.level(), load.unit());
            console.out(&format!("# point {}: {level} {unit}, number {number}, warm-up {warmup}", index + 1));
        }
        if let Some(sla) = &plan.sla {
            let SlaSpec { lower, upper, start, runs, .. } = sla;
            let (name, texts) = (sla.variable.name(), sla.criteria.texts().join(" | "));
            console.out(&format!("# search: {name} from {lower} to {upper}, first {start}, {runs} runs each: {texts}"));
        }
        let Wants { dataset, tokenizer, model } = &plan.wants;
        for Wanted { repo, flag, .. } in [dataset, tokenizer, model].into_iter().flatten() {
            let (hub, kind) = (repo.hub.name(), repo.kind.name());
            console.out(&format!(
                "# fetch: {hub} {kind} {} at {}, for {flag}; its contents are not checked",
                repo.id, repo.revision
            ));
        }
        console.out(&plan.to_toml()?);
        plan.notices.iter().for_each(|notice| console.warn(notice));
        return Ok(Exit::Done);
    }
    let stop = Stop::new();
    signals::listen(&stop, *console, "cutting requests in flight; saving what was measured")?;
    if plan.wants != Wants::default() {
        let mut fetching = Fetching::new(*console);
        run::fetch(&mut plan, &Config::from_env()?, &stop, &mut |event| fetching.see(event))?;
        if plan.wants.dataset.is_some() {
            settle(&mut plan)?;
        }
    }
    let time = (!plan.settings.no_timestamp).then(|| jiff::Zoned::now().strftime("%Y%m%d_%H%M%S").to_string());
    let dir = RunDir::create(Path::new(&plan.settings.outputs_dir), time.as_deref(), &plan.folder(), &plan.points)?;
    log::open(&dir.path().join("benchmark.log"), environment.level, plan.settings.debug)?;
    let tracking = Tracking::begin(&track, &plan, &dir)?;
    let every = Every { requests: plan.settings.log_every_n_query, time: environment.heartbeat };
    let mut progress = Progress::new(*console, &dir, !flags.json, every, tracking);
    plan.notices.iter().for_each(|notice| progress.notice(notice));
    let ran = if plan.sla.is_some() {
        tune(&plan, &dir, &mut progress, &stop, *console, flags.json)
    } else {
        sweep_and_show(&plan, &dir, &mut progress, &stop, *console, flags)
    };
    if let Err(failure) = &ran {
        tracing::error!("{failure}");
        progress.untold(failure.exit);
        dir.discard_if_nothing_measured();
    }
    ran
}

/// Runs a sweep and shows what it found.
fn sweep_and_show(
    plan: &Plan,
    dir: &RunDir,
    progress: &mut Progress<'_>,
    stop: &Stop,
    console: Console,
    flags: &PerfFlags,
) -> Result<Exit> {
    let mut run = sweep(plan, dir, progress, stop)?;
    let told = progress.told(state_of(&run));
    if !told.notices.is_empty() {
        run.notices.extend(told.notices.iter().cloned());
        run::save_result(&run, dir)?;
        save_reports(&run, dir)?;
    }
    show(&run, console, flags.json)?;
    let exit = exit_of(&run, plan.settings.require_valid);
    let new = run.notices.iter().filter(|notice| !plan.notices.contains(notice));
    new.for_each(|notice| console.warn(notice));
    if exit == Exit::Target {
        console.say("error: the run is no success: every request failed, or the target was lost");
    }
    if exit == Exit::Gate {
        console.say(&format!(
            "error: --require-valid: {}; trust.json of each load point says why",
            report::verdicts(&run)
        ));
    }
    if flags.json {
        console.say(&format!("saved  {}", dir.path().display()));
    }
    progress.say_uploads(&told);
    Ok(exit)
}

/// How trackers are told that a run ended.
fn state_of(run: &RunResult) -> State {
    let any = |status| run.points.iter().any(|point| point.status == status);
    match (any(Status::Interrupted), any(Status::Aborted)) {
        (true, _) => State::Interrupted,
        (_, true) => State::Failed,
        _ => State::Finished,
    }
}

/// What is said of flags that a saved workload overrules, because its file holds what they would set.
fn overruled(given: &toml::Table) -> Option<String> {
    // A warm-up that is found in the latencies can be found again.
    let is_set = |flag: &&&str| given.get(**flag).is_some_and(|value| value.as_str() != Some("auto"));
    let flags: Vec<String> = OVERRULED.iter().filter(is_set).map(|flag| format!("--{flag}")).collect();
    (given.contains_key("workload") && !flags.is_empty())
        .then(|| format!("--workload holds the load point and its bodies; passed over: {}", flags.join(", ")))
}

/// The exit number of a run that was carried out. What ended early or failed is told before the gate.
fn exit_of(run: &RunResult, require_valid: bool) -> Exit {
    let any = |status| run.points.iter().any(|point| point.status == status);
    let all_failed = run.points.iter().all(|point| point.figures.counts.ok == 0);
    if any(Status::Interrupted) {
        Exit::Interrupted
    } else if any(Status::Aborted) || all_failed {
        Exit::Target
    } else if require_valid && run.worst_verdict() == Some(Verdict::Invalid) {
        Exit::Gate
    } else {
        Exit::Done
    }
}

/// A seed for a workload that was given none. The saved plan keeps it, so the run can be repeated.
fn entropy() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
    // Kept short, for people read and type it.
    (now ^ (u64::from(std::process::id()) << 32)) % 1_000_000_007
}
