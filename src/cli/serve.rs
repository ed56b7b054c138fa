//! `evalscope serve`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::console::Console;
use super::engine_flags::EngineFlags;
use super::fetching::Fetching;
use super::signals;
use crate::engine::Stop;
use crate::error::{Exit, Failure, Result};
use crate::hub::Config;
use crate::local::{self, Server, Terms};
use crate::plan::{EMBEDDED_MODEL, EmbeddedSpec, model_wanted};
use crate::run;
use crate::target::Secret;

/// What `serve` takes.
#[derive(Debug, Args)]
#[command(
    infer_long_args = true,
    after_help = "Flags are named as those of `vllm serve`, and so are the paths, fields and metrics of the server: \
/v1/chat/completions, /v1/completions, /v1/embeddings, /v1/rerank, /v1/score, /v1/models, /tokenize, /detokenize, \
/health, /metrics.\n\n\
Once it is ready its address is on stdout. The first Ctrl-C or SIGTERM lets requests under way come to their end, the \
second cuts them; both end with exit 0."
)]
pub(super) struct Serve {
    /// A built-in model such as random:tiny, the folder or GGUF file of a model, or owner/name[@revision] at a hub
    #[arg(long, value_name = "NAME|PATH|ID", default_value = EMBEDDED_MODEL, help_heading = "Server")]
    model: String,
    /// The name that requests ask for [default: that of the model]
    #[arg(long, value_name = "NAME", help_heading = "Server")]
    served_model_name: Option<String>,
    /// Address to listen on; one that other machines reach needs a key
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1", help_heading = "Server")]
    host: String,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8000, help_heading = "Server")]
    port: u16,
    /// Key that requests must carry as Authorization: Bearer KEY; other users see it in the process list, so prefer
    /// EVALSCOPE_API_KEY
    #[arg(long, value_name = "KEY", help_heading = "Server")]
    api_key: Option<String>,
    /// Most requests that may wait; more are answered with 429 [default: 4096]
    #[arg(long, value_name = "N", help_heading = "Server")]
    max_waiting: Option<usize>,
    /// Seed of weights that are drawn, and of replies whose request gives none [default: 0]
    #[arg(long, default_value_t = 0, hide_default_value = true, help_heading = "Embedded model")]
    seed: u64,
    #[command(flatten)]
    engine: EngineFlags,
    /// Where an id is looked for: modelscope, huggingface or local [default: modelscope]
    #[arg(long, value_name = "SOURCE", help_heading = "Embedded model")]
    data_source: Option<String>,
    /// Branch, tag or commit of the model at a hub
    #[arg(long, value_name = "REVISION", help_heading = "Embedded model")]
    revision: Option<String>,
}

/// Serves a model until it is told to stop.
pub(super) fn serve(flags: &Serve, console: Console) -> Result<Exit> {
    let address = flags.address()?;
    let key = flags.key(|name| std::env::var(name).ok());
    if !address.ip().is_loopback() && key.is_none() {
        return Err(Failure::usage(format!("--host {}: other machines reach it, and there is no key", flags.host))
            .hint("set EVALSCOPE_API_KEY or --api-key, or listen on 127.0.0.1"));
    }
    let mut spec = EmbeddedSpec {
        model: flags.model.clone(),
        port: None,
        seed: flags.seed,
        served_name: flags.served_model_name.clone(),
        engine: flags.engine.spec(flags.max_waiting)?,
    };
    // Nobody else needs a processor here.
    spec.engine.threads = spec.engine.threads.or_else(|| std::thread::available_parallelism().map(usize::from).ok());
    let wanted = model_wanted(&flags.model, flags.data_source.as_deref(), flags.revision.as_deref())?;
    let stop = Stop::new();
    signals::listen(&stop, console, "cutting requests in flight")?;
    if let Some(wanted) = wanted {
        let mut fetching = Fetching::new(console);
        let fetched = run::fetch_one(&wanted, &Config::from_env()?, &stop, &mut |event| fetching.see(event))?;
        fetched.notices.iter().for_each(|notice| console.warn(notice));
        spec.served_name.get_or_insert(wanted.repo.id);
        spec.model = fetched.path.display().to_string();
    }
    let has_key = key.is_some();
    let server = local::start_at(address, &spec, Terms { key, patience: Duration::MAX })?;
    console.out(&format!("http://{}/v1", server.addr()));
    console.say(&format!("{} is served at http://{}; Ctrl-C ends it. Try:", spec.name(), server.addr()));
    console.say(&example(&server, spec.name(), has_key));
    run::serve(server, &stop)?;
    Ok(Exit::Done)
}

/// A command that asks the server something.
fn example(server: &Server, model: &str, has_key: bool) -> String {
    let key = if has_key { "-H \"Authorization: Bearer $EVALSCOPE_API_KEY\" " } else { "" };
    let (address, path) = (server.addr(), server.path());
    let body = match path {
        "/v1/embeddings" => json!({"model": model, "input": "Hello"}),
        "/v1/rerank" => json!({"model": model, "query": "Hello", "documents": ["Good morning", "Goodbye"]}),
        _ => json!({"model": model, "messages": [{"role": "user", "content": "Hello"}]}),
    };
    format!("  curl http://{address}{path} {key}-H 'Content-Type: application/json' \\\n    -d '{body}'")
}

impl Serve {
    /// Where to listen.
    fn address(&self) -> Result<SocketAddr> {
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        let mut addresses = found.map_err(|error| self.no_host().because(error))?;
        addresses.next().ok_or_else(|| self.no_host())
    }

    fn no_host(&self) -> Failure {
        Failure::usage(format!("--host {}: not an address of this machine", self.host))
            .hint("give 127.0.0.1 for this machine alone, or 0.0.0.0 for all that reach it")
    }

    /// The key: the flag, else the variable.
    fn key(&self, get: impl Fn(&str) -> Option<String>) -> Option<Secret> {
        let given = self.api_key.clone().or_else(|| get("EVALSCOPE_API_KEY"));
        given.filter(|key| !key.is_empty()).map(Secret::new)
    }
}
