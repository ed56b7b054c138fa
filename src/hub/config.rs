//! What of the environment is honoured: endpoints, keys and folders.
//!
//! | variable | means |
//! |---|---|
//! | `EVALSCOPE_CACHE` | folder of our cache; `~/.cache/evalscope` when unset |
//! | `HF_ENDPOINT` | address of Hugging Face or a mirror; `https://huggingface.co` when unset |
//! | `HF_TOKEN`, else `HUGGING_FACE_HUB_TOKEN`, else the file `HF_TOKEN_PATH` or `HF_HOME/token` | key; the file is left alone when `HF_HUB_DISABLE_IMPLICIT_TOKEN` is true |
//! | `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE` | when true no hub is asked, ModelScope neither |
//! | `HF_HUB_CACHE`, else `HUGGINGFACE_HUB_CACHE`, else `HF_HOME/hub`, else `XDG_CACHE_HOME/huggingface/hub` | cache of Hugging Face's client, read only; below `~/.cache` when unset |
//! | `MODELSCOPE_ENDPOINT`, else `MODELSCOPE_DOMAIN` | address of ModelScope; `https://www.modelscope.cn` when unset |
//! | `MODELSCOPE_API_TOKEN` | key |
//! | `MODELSCOPE_CACHE` | cache of ModelScope's client, read only; `~/.cache/modelscope/hub` when unset |

use std::path::PathBuf;

use http::Uri;

use crate::error::{Failure, Result};
use crate::plan::Hub;
use crate::target::Secret;

/// Endpoints, keys and folders.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of our cache.
    pub cache: PathBuf,
    /// Why no hub may be asked, where that is so.
    pub(super) offline: Option<String>,
    pub(super) hugging_face: Access,
    pub(super) model_scope: Access,
    /// Folders where the hubs' own clients keep what they fetched, for each hub.
    pub(super) foreign: [(Hub, Vec<PathBuf>); 2],
}

/// How a hub is reached.
#[derive(Debug, Clone)]
pub(super) struct Access {
    /// Address without a slash at its end.
    pub(super) endpoint: String,
    pub(super) token: Option<Secret>,
}

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// When an address is none, or no folder can be found for the cache.
    pub fn from_env() -> Result<Self> {
        let read = |path: &PathBuf| std::fs::read_to_string(path).ok();
        Self::from(|name| std::env::var(name).ok(), read)
    }

    /// The same without asking any hub, for this reason.
    #[must_use]
    pub fn offline(mut self, because: &str) -> Self {
        self.offline = Some(because.to_owned());
        self
    }

    /// The same from any source of variables and files.
    fn from(get: impl Fn(&str) -> Option<String>, read: impl Fn(&PathBuf) -> Option<String>) -> Result<Self> {
        let set = |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let first = |names: &[&str]| names.iter().find_map(|name| set(name));
        let yes = |name: &str| set(name).is_some_and(|value| is_true(&value));
        let home = first(&["HOME", "USERPROFILE"]).map(PathBuf::from);
        let folder = |path: String| match (path.strip_prefix("~/"), &home) {
            (Some(below), Some(home)) => home.join(below),
            _ => PathBuf::from(path),
        };
        let dot_cache = home.as_ref().map(|home| home.join(".cache"));
        let cache = set("EVALSCOPE_CACHE").map(folder).or_else(|| Some(dot_cache.as_ref()?.join("evalscope")));
        let cache = cache.ok_or_else(|| {
            Failure::files("there is no folder for files of hubs").hint("set EVALSCOPE_CACHE, or HOME")
        })?;
        let hf_home = set("HF_HOME").map(folder).or_else(|| {
            let cache = set("XDG_CACHE_HOME").map(folder).or_else(|| dot_cache.clone())?;
            Some(cache.join("huggingface"))
        });
        let hf_cache = first(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]).map(folder);
        let hf_cache = hf_cache.or_else(|| Some(hf_home.as_ref()?.join("hub")));
        let token_file = || {
            let path = set("HF_TOKEN_PATH").map(folder).or_else(|| Some(hf_home.as_ref()?.join("token")))?;
            (!yes("HF_HUB_DISABLE_IMPLICIT_TOKEN")).then(|| read(&path)).flatten()
        };
        let hf_token = first(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]).or_else(token_file);
        let own = set("MODELSCOPE_CACHE").map(folder);
        let usual = dot_cache.map(|cache| cache.join("modelscope"));
        let ms_caches = own.or(usual).into_iter().flat_map(|root| [root.join("hub"), root]).collect();
        Ok(Config {
            cache,
            offline: ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]
                .into_iter()
                .find(|name| yes(name))
                .map(|name| format!("{name} keeps this program from asking a hub")),
            hugging_face: Access {
                endpoint: match set("HF_ENDPOINT") {
                    Some(given) => endpoint("HF_ENDPOINT", &given)?,
                    None => "https://huggingface.co".to_owned(),
                },
                token: secret(hf_token),
            },
            model_scope: Access {
                endpoint: match (set("MODELSCOPE_ENDPOINT"), set("MODELSCOPE_DOMAIN")) {
                    (Some(given), _) => endpoint("MODELSCOPE_ENDPOINT", &given)?,
                    (None, Some(given)) => endpoint("MODELSCOPE_DOMAIN", &given)?,
                    (None, None) => "https://www.modelscope.cn".to_owned(),
                },
                token: secret(set("MODELSCOPE_API_TOKEN")),
            },
            foreign: [(Hub::HuggingFace, hf_cache.into_iter().collect()), (Hub::ModelScope, ms_caches)],
        })
    }

    pub(super) fn access(&self, hub: Hub) -> &Access {
        match hub {
            Hub::HuggingFace => &self.hugging_face,
            Hub::ModelScope => &self.model_scope,
        }
    }

    pub(super) fn foreign(&self, hub: Hub) -> &[PathBuf] {
        self.foreign.iter().find(|(of, _)| *of == hub).map_or(&[], |(_, folders)| folders)
    }
}

fn secret(text: Option<String>) -> Option<Secret> {
    let text = text?.trim().to_owned();
    (!text.is_empty()).then(|| Secret::new(text))
}

/// What the hubs' own clients take for true.
fn is_true(text: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&text.to_ascii_uppercase().as_str())
}

/// A name of a host alone is reached over TLS.
fn endpoint(variable: &str, given: &str) -> Result<String> {
    let full = if given.contains("://") { given.to_owned() } else { format!("https://{given}") };
    let full = full.trim_end_matches('/').to_owned();
    let refuse = |why: &str| {
        // What stands before an @ may be a password.
        let shown = given.rsplit('@').next().unwrap_or_default();
        Failure::usage(format!("{variable}={shown}: {why}")).hint("give an address such as https://hub.example.com")
    };
    let uri: Uri = full.parse().map_err(|_| refuse("not an address"))?;
    let authority = uri.authority().filter(|found| !found.host().is_empty()).ok_or_else(|| refuse("it has no host"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(refuse("it must begin with http:// or https://"));
    }
    if authority.as_str().contains('@') {
        return Err(refuse("a user or password in the address would end up in files and logs"));
    }
    if uri.query().is_some() {
        return Err(refuse("it must not have a query"));
    }
    Ok(full)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<Config> {
        let get = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Config::from(get, |path| path.ends_with("token").then(|| "hf_file\n".to_owned()))
    }

    fn token(access: &Access) -> &str {
        access.token.as_ref().map_or("", Secret::expose)
    }

    #[test]
    fn nothing_set_means_the_public_hubs_and_folders_below_home() -> Result<()> {
        let config = config(&[("HOME", "/h")])?;
        assert_eq!(config.cache, Path::new("/h/.cache/evalscope"));
        assert_eq!(config.offline, None);
        assert_eq!(config.hugging_face.endpoint, "https://huggingface.co");
        assert_eq!(config.model_scope.endpoint, "https://www.modelscope.cn");
        assert_eq!(config.foreign(Hub::HuggingFace), [Path::new("/h/.cache/huggingface/hub")]);
        let expected = ["/h/.cache/modelscope/hub", "/h/.cache/modelscope"].map(Path::new);
        assert_eq!(config.foreign(Hub::ModelScope), expected);
        assert_eq!((token(&config.hugging_face), token(&config.model_scope)), ("hf_file", ""));
        Ok(())
    }

    #[test]
    fn every_variable_counts() -> Result<()> {
        let config = config(&[
            ("HOME", "/h"),
            ("EVALSCOPE_CACHE", "/c"),
            ("HF_ENDPOINT", "http://127.0.0.1:1/"),
            ("HF_TOKEN", " hf_a "),
            ("HF_HUB_OFFLINE", "yes"),
            ("HF_HOME", "~/hf"),
            ("MODELSCOPE_DOMAIN", "www.modelscope.ai"),
            ("MODELSCOPE_API_TOKEN", "ms"),
            ("MODELSCOPE_CACHE", "/m"),
        ])?;
        assert_eq!(config.cache, Path::new("/c"));
        assert!(config.offline.as_ref().is_some_and(|why| why.contains("HF_HUB_OFFLINE")));
        assert_eq!(config.hugging_face.endpoint, "http://127.0.0.1:1");
        assert_eq!(config.model_scope.endpoint, "https://www.modelscope.ai");
        assert_eq!(config.foreign(Hub::HuggingFace), [Path::new("/h/hf/hub")]);
        assert_eq!(config.foreign(Hub::ModelScope), ["/m/hub", "/m"].map(Path::new));
        assert_eq!((token(&config.hugging_face), token(&config.model_scope)), ("hf_a", "ms"));
        assert!(!format!("{config:?}").contains("hf_a"), "keys are not shown");
        Ok(())
    }

    #[test]
    fn narrower_variables_win() -> Result<()> {
        let apart = config(&[
            ("HOME", "/h"),
            ("HF_HUB_CACHE", "/x"),
            ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"),
            ("MODELSCOPE_ENDPOINT", "https://ms.example.com/hub/"),
        ])?;
        assert_eq!(apart.foreign(Hub::HuggingFace), [Path::new("/x")]);
        assert_eq!(apart.model_scope.endpoint, "https://ms.example.com/hub");
        assert_eq!(token(&apart.hugging_face), "");
        Ok(())
    }

    #[test]
    fn addresses_that_are_none_are_refused_by_the_name_of_the_variable() {
        for given in ["ftp://h", "https://", "https://user:pw@h", "https://h?x=1", "a b"] {
            let failure = config(&[("HOME", "/h"), ("HF_ENDPOINT", given)]).err();
            let text = failure.map(|failure| failure.message).unwrap_or_default();
            assert!(text.contains("HF_ENDPOINT") && !text.contains("pw"), "{given}: {text}");
        }
        assert!(config(&[]).is_err_and(|failure| failure.hint.is_some_and(|hint| hint.contains("EVALSCOPE_CACHE"))));
    }
}
