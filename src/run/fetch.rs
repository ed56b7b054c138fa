//! Brings what a plan wants from hubs to this machine, before anything is measured.

use super::check::runtime;
use crate::engine::Stop;
use crate::error::{Exit, Failure, Result};
use crate::hub::{self, Config, Event};
use crate::plan::{Plan, Wants};

/// Fetches the dataset and the tokenizer that the plan wants, points the plan at them, and writes down the commits, so
/// that the saved plan means the same files for ever.
///
/// # Errors
/// As [`hub::fetch`]; and when the user stops it, where what came is kept for the next time.
pub fn fetch(plan: &mut Plan, config: &Config, stop: &Stop, see: &mut dyn FnMut(Event<'_>)) -> Result<()> {
    let Wants { dataset, tokenizer } = plan.wants.clone();
    let runtime = runtime()?;
    for wanted in [dataset, tokenizer].into_iter().flatten() {
        let fetched = runtime.block_on(async {
            tokio::select! {
                fetched = hub::fetch(&wanted, config, see) => fetched,
                () = stop.until_draining() => {
                    let failure = Failure::new(Exit::Interrupted, "interrupted while files were fetched");
                    Err(failure.hint("what came is kept; the same command goes on from there"))
                }
            }
        })?;
        plan.notices.extend(fetched.notices);
        if wanted.flag == "--tokenizer-path" {
            plan.workload.tokenizer = Some(fetched.path);
            if let Some(commit) = fetched.commit {
                plan.settings.tokenizer_path = Some(format!("{}@{commit}", wanted.repo.id));
            }
        } else {
            plan.workload.take_from(fetched.path);
            if fetched.commit.is_some() {
                plan.settings.dataset_revision = fetched.commit;
            }
        }
    }
    Ok(())
}

/// Points the plan of a run that is over at the tokenizer that it had, which must be in a cache.
pub(super) fn tokenizer_of(plan: &mut Plan) -> Result<()> {
    let Some(wanted) = plan.wants.tokenizer.clone() else { return Ok(()) };
    let config = Config::from_env()?.offline("results are made again from what is on this machine");
    let fetched = runtime()?.block_on(hub::fetch(&wanted, &config, &mut |_| {}))?;
    plan.workload.tokenizer = Some(fetched.path);
    Ok(())
}
