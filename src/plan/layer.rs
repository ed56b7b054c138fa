//! Layers of values: defaults < profile < flags.

use std::path::Path;

use toml::Table;

use super::Settings;
use crate::error::{Failure, Result, known};

/// The complete, commented default profile.
pub const DEFAULTS: &str = include_str!("../../profiles/default.toml");

/// The profiles that are built in.
const BUILT_IN: &[(&str, &str)] = &[
    ("default", DEFAULTS),
    ("burst", include_str!("../../profiles/burst.toml")),
    ("chat", include_str!("../../profiles/chat.toml")),
    ("code", include_str!("../../profiles/code.toml")),
    ("rag", include_str!("../../profiles/rag.toml")),
    ("speed", include_str!("../../profiles/speed.toml")),
    ("sweep", include_str!("../../profiles/sweep.toml")),
    ("vllm-bench", include_str!("../../profiles/vllm-bench.toml")),
];

/// Names of the profiles that are built in.
pub fn profile_names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// Text of a profile: one that is built in, else a file.
///
/// # Errors
/// When the name is neither, or the file cannot be read.
pub fn profile_text(name: &str) -> Result<String> {
    if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
        return Ok((*text).to_owned());
    }
    let looks_like_a_path = name.contains(['/', '.']) || Path::new(name).exists();
    if !looks_like_a_path {
        return Err(Failure::usage(format!("--profile {name}: no profile of this name"))
            .hint(format!("known profiles: {}; or give a TOML file", known(profile_names()))));
    }
    std::fs::read_to_string(name).map_err(|error| {
        Failure::files(format!("--profile {name}: cannot be read"))
            .because(error)
            .hint(format!("known profiles: {}; or give a TOML file", known(profile_names())))
    })
}

/// Lays the profile over the defaults and the flags over both.
///
/// # Errors
/// When the profile is not TOML, has a key that is not known, or a value has the wrong type.
pub fn layer(profile: Option<(&str, &str)>, flags: Table) -> Result<Settings> {
    let mut merged: Table =
        toml::from_str(DEFAULTS).map_err(|error| Failure::bug("the default profile is broken").because(error))?;
    if let Some((name, text)) = profile {
        let table: Table = toml::from_str(text)
            .map_err(|error| Failure::usage(format!("--profile {name}: not TOML")).because(error))?;
        if table.contains_key("api-key") {
            return Err(Failure::usage(format!("--profile {name}: api-key does not belong in a profile"))
                .hint("set OPENAI_API_KEY or EVALSCOPE_API_KEY in the environment"));
        }
        merged.extend(table);
        // Checked on its own, so that a fault is blamed on the profile and not on a flag.
        merged.clone().try_into::<Settings>().map_err(|error| {
            Failure::usage(format!("--profile {name}: {}", one_line(&error.to_string())))
                .hint("run `evalscope perf --profile default --dry-run` to see every key with its default")
        })?;
    }
    merged.extend(flags);
    merged.try_into().map_err(|error: toml::de::Error| {
        Failure::usage(format!("a flag has a value of the wrong type: {}", one_line(&error.to_string())))
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_profile_and_it_over_the_defaults() -> Result<()> {
        let profile = "parallel = [2, 4]\ntop-p = 0.5\n";
        let mut flags = Table::new();
        flags.insert("top-p".into(), 0.9.into());
        let settings = layer(Some(("p", profile)), flags)?;
        assert_eq!(settings.parallel.to_vec(), [2, 4]);
        assert_eq!(settings.top_p, Some(0.9));
        assert_eq!(settings.total_timeout, 21600.0);
        Ok(())
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_known_ones() {
        let failure = layer(Some(("p.toml", "paralel = 3")), Table::new()).err();
        let text = failure.map(|failure| failure.message).unwrap_or_default();
        assert!(text.contains("p.toml") && text.contains("paralel") && text.contains("parallel"), "{text}");
    }

    #[test]
    fn every_built_in_profile_layers() -> Result<()> {
        for (name, text) in BUILT_IN {
            layer(Some((name, text)), Table::new())?;
        }
        Ok(())
    }
}
