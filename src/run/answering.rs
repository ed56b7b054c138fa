//! Who answers: somebody else, the model inside this program, or a child of it.

use http::Uri;
use http::uri::PathAndQuery;

use super::vllm::Vllm;
use crate::engine::Stop;
use crate::error::{Failure, Result};
use crate::local;
use crate::plan::{Plan, Served};

/// Who answers, as long as this is held.
pub(super) enum Answering {
    /// Somebody else.
    Remote,
    /// A server inside this program.
    Embedded { server: local::Server },
    /// A child of this program.
    Vllm { _server: Box<Vllm> },
}

impl Answering {
    /// Starts what the plan wants to have started, and fills in where it listens.
    pub(super) fn start(plan: &mut Plan, stop: &Stop) -> Result<Self> {
        match &plan.served {
            Served::Remote => Ok(Answering::Remote),
            Served::Embedded(spec) => {
                let server = local::start(spec)?;
                plan.target.url = at(&plan.target.url, &server.addr().to_string())?;
                Ok(Answering::Embedded { server })
            }
            Served::Vllm(spec) => {
                let mut server = Box::new(Vllm::start(spec)?);
                plan.target.url = at(&plan.target.url, &server.authority())?;
                server.wait(&plan.target, stop)?;
                Ok(Answering::Vllm { _server: server })
            }
        }
    }

    /// Whether the model runs in this program.
    pub(super) fn is_embedded(&self) -> bool {
        matches!(self, Answering::Embedded { .. })
    }

    /// What reads the memory that the embedded model takes.
    pub(super) fn memory(&self) -> Option<&local::Meter> {
        match self {
            Answering::Embedded { server } => server.memory(),
            Answering::Remote | Answering::Vllm { .. } => None,
        }
    }
}

/// The same address at another host and port.
fn at(url: &Uri, authority: &str) -> Result<Uri> {
    let path = url.path_and_query().map_or("/", PathAndQuery::as_str);
    let made = format!("http://{authority}{path}").parse();
    made.map_err(|error| Failure::bug("the server has no address").because(error))
}
