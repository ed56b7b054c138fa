//! Requests that are made elsewhere, sent to the target of a plan: what an evaluation asks with.

use std::sync::Arc;

use super::answering::Answering;
use super::bench::host;
use super::check;
use super::ready::validate;
use super::spelling::Spelling;
use super::sweep::workers;
use crate::engine::{self, Job, Release, Request, Requests, Route, Schedule, Stop, Tally};
use crate::error::Result;
use crate::plan::{Load, Plan};
use crate::prompt::Prompt;
use crate::record::{Epoch, Sink};
use crate::stats::Host;

/// The target of a plan, found or started, and how prompts are spelled for it.
pub struct Asker {
    plan: Plan,
    route: Route,
    spelling: Spelling,
    /// Serves until it is dropped.
    _server: Answering,
}

/// How prompts become requests; it goes along with those that make later turns.
#[derive(Clone)]
pub struct Speller(Spelling);

impl Speller {
    /// The request of a prompt, with nothing known of when it goes.
    ///
    /// # Errors
    /// When the dialect of the target has no place for what the prompt holds.
    pub fn request(&self, prompt: &Prompt) -> Result<Request> {
        self.0.request(prompt)
    }

    /// The same, the temperature being left to the server.
    #[must_use]
    pub fn untempered(&self) -> Self {
        Speller(self.0.clone().untempered())
    }
}

impl Asker {
    /// Finds the target or starts it, and has a first look at it with one short request.
    ///
    /// # Errors
    /// When it cannot be reached or refuses, or a model cannot be loaded.
    pub fn open(plan: &Plan, stop: &Stop) -> Result<Self> {
        validate(plan)?;
        let mut plan = plan.clone();
        let server = Answering::start(&mut plan, stop)?;
        let route = check::route(&plan.target)?;
        let spelling = Spelling::of(&plan, None)?;
        if !plan.settings.no_test_connection && !plan.target.dialect.is_input_only() && !server.is_embedded() {
            check::check(&plan, &spelling, &route, stop)?;
        }
        Ok(Asker { plan, route, spelling, _server: server })
    }

    /// How prompts become requests.
    pub fn speller(&self) -> Speller {
        Speller(self.spelling.clone())
    }

    /// The plan, with the address of a server that was started for it.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Sends `number` requests, `parallel` of them at a time, and hands each record to the sink, the reply in it. Gives what
    /// became of them and how this machine did.
    ///
    /// # Errors
    /// As [`engine::run`].
    pub fn ask(
        &self,
        requests: Requests,
        number: u64,
        parallel: usize,
        epoch: Epoch,
        sink: &mut dyn Sink,
        stop: &Stop,
    ) -> Result<(Tally, Host)> {
        let slots = parallel.max(1).min(usize::try_from(number).unwrap_or(usize::MAX));
        let load = Load::Closed { parallel: slots as u64 };
        let job = Job {
            target: Arc::new(self.plan.target.clone()),
            route: self.route.wide(load.cap().unwrap_or(0))?,
            schedule: Schedule {
                release: Release::Slot { slots, ramp: std::time::Duration::ZERO },
                duration: None,
                grace: None,
            },
            workers: workers(&self.plan),
            epoch,
            id: format!("{:x}", epoch.unix_ns()),
            first: 0,
            number,
            log_chunks: false,
            keep_replies: true,
        };
        let tally = engine::run(&job, requests, sink, stop)?;
        let host = host(&tally.ledger);
        Ok((tally, host))
    }
}
