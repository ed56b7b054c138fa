//! Brings what a plan wants from hubs to this machine, before anything is measured.

use super::check::runtime;
use crate::engine::Stop;
use crate::error::{Exit, Failure, Result};
use crate::hub::{self, Config, Event, Fetched};
use crate::plan::{Pick, Plan, Served, Wanted, Wants};

/// Fetches the dataset, the tokenizer and the model that the plan wants, points the plan at them, and writes down the commits, so
/// that the saved plan means the same files for ever.
///
/// # Errors
/// As [`hub::fetch`]; and when the user stops it, where what came is kept for the next time.
pub fn fetch(plan: &mut Plan, config: &Config, stop: &Stop, see: &mut dyn FnMut(Event<'_>)) -> Result<()> {
    let Wants { dataset, tokenizer, model } = plan.wants.clone();
    for wanted in [dataset, tokenizer, model].into_iter().flatten() {
        let Fetched { path, commit, notices } = fetch_one(&wanted, config, stop, see)?;
        plan.notices.extend(notices);
        match wanted.pick {
            Pick::Tokenizer => {
                plan.workload.tokenizer = Some(path);
                if let Some(commit) = commit {
                    plan.settings.tokenizer_path = Some(format!("{}@{commit}", wanted.repo.id));
                }
            }
            Pick::Model => {
                if let Served::Embedded(spec) = &mut plan.served {
                    spec.model = path.display().to_string();
                }
                if let Some(commit) = commit {
                    plan.settings.model = Some(format!("{}@{commit}", wanted.repo.id));
                }
            }
            Pick::File(_) | Pick::Split(_) | Pick::Rows { .. } | Pick::Data(_) => {
                plan.workload.take_from(path);
                if commit.is_some() {
                    plan.settings.dataset_revision = commit;
                }
            }
        }
    }
    Ok(())
}

/// Fetches one thing, unless the user stops it.
///
/// # Errors
/// As [`fetch`].
pub fn fetch_one(wanted: &Wanted, config: &Config, stop: &Stop, see: &mut dyn FnMut(Event<'_>)) -> Result<Fetched> {
    runtime()?.block_on(async {
        tokio::select! {
            fetched = hub::fetch(wanted, config, see) => fetched,
            () = stop.until_draining() => {
                let failure = Failure::new(Exit::Interrupted, "interrupted while files were fetched");
                Err(failure.hint("what came is kept; the same command goes on from there"))
            }
        }
    })
}

/// Points the plan of a run that is over at the tokenizer that it had, which must be in a cache.
pub(super) fn tokenizer_of(plan: &mut Plan) -> Result<()> {
    let Some(wanted) = plan.wants.tokenizer.clone() else { return Ok(()) };
    let config = Config::from_env()?.offline("results are made again from what is on this machine");
    let fetched = runtime()?.block_on(hub::fetch(&wanted, &config, &mut |_| {}))?;
    plan.workload.tokenizer = Some(fetched.path);
    Ok(())
}
