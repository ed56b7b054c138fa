//! The API of ModelScope.

use serde_json::Value;

use super::digest::Digest;
use super::fetch::Watch;
use super::listing::{Entry, Listing};
use super::retry::Trouble;
use crate::plan::{Kind, Repo};

/// Files a page of a dataset, and pages of a folder that are read.
const PAGE: usize = 100;
const PAGES: usize = 1000;

/// The files at a revision. Where a listing stops at folders they are listed one by one.
pub(super) async fn list(watch: &mut Watch<'_>, endpoint: &str, repo: &Repo) -> Result<Listing, Trouble> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let listed = list_folder(watch, endpoint, repo, &folder).await?;
        let (inner, found): (Vec<&Value>, Vec<&Value>) = listed.iter().partition(|entry| entry["Type"] == "tree");
        files.extend(found.into_iter().filter_map(entry));
        for inner in inner.into_iter().filter_map(|inner| inner["Path"].as_str()) {
            let below = format!("{inner}/");
            let listed = files.iter().any(|file: &Entry| file.path.starts_with(&below));
            // A name that is no path leads nowhere, and a folder that names itself would never end.
            if !listed && inner.starts_with(&folder) && inner.len() > folder.len() && super::safe(inner).is_some() {
                folders.push(inner.to_owned());
            }
        }
        if folders.len() > PAGES {
            return Err(Trouble::Lasting(format!("the hub's listing has more than {PAGES} folders")));
        }
    }
    Ok(Listing::new(None, files))
}

async fn list_folder(watch: &mut Watch<'_>, endpoint: &str, repo: &Repo, folder: &str) -> Result<Vec<Value>, Trouble> {
    let (id, revision) = (&repo.id, encode(&repo.revision, false));
    if repo.kind == Kind::Model {
        let root = if folder.is_empty() { String::new() } else { format!("&Root={}", encode(folder, false)) };
        let url = format!("{endpoint}/api/v1/models/{id}/repo/files?Revision={revision}&Recursive=True{root}");
        return files(&watch.json(&url).await?.0);
    }
    let root = encode(if folder.is_empty() { "/" } else { folder }, false);
    let mut all: Vec<Value> = Vec::new();
    for page in 1..=PAGES {
        let url = format!(
            "{endpoint}/api/v1/datasets/{id}/repo/tree?Revision={revision}&Recursive=True&Root={root}\
             &PageNumber={page}&PageSize={PAGE}"
        );
        let found = files(&watch.json(&url).await?.0)?;
        let last = found.len() < PAGE;
        // A hub that does not know of pages gives the first one again.
        let again = !all.is_empty() && found.first() == all.first();
        if !again {
            all.extend(found);
        }
        if last || again {
            return Ok(all);
        }
    }
    Err(Trouble::Lasting(format!("the hub's listing has more than {PAGES} pages")))
}

/// The list inside an answer. A repository that is not there may be told with a status of 200.
fn files(answer: &Value) -> Result<Vec<Value>, Trouble> {
    let refused = answer["Success"] == false || answer["Code"].as_u64().is_some_and(|code| code != 200);
    match answer["Data"]["Files"].as_array() {
        Some(files) if !refused => Ok(files.clone()),
        _ => {
            let said = answer["Message"].as_str().unwrap_or("no such repository or revision");
            Err(Trouble::Status { status: 404, said: crate::units::clean(said, 200), after: None })
        }
    }
}

fn entry(listed: &Value) -> Option<Entry> {
    let path = listed["Path"].as_str().or(listed["Name"].as_str())?.to_owned();
    let digest = listed["Sha256"].as_str().and_then(Digest::sha256);
    Some(Entry { path, size: listed["Size"].as_u64()?, digest })
}

/// Where a file is fetched from.
pub(super) fn url(endpoint: &str, repo: &Repo, path: &str) -> String {
    let (id, revision, path) = (&repo.id, encode(&repo.revision, false), encode(path, false));
    match repo.kind {
        Kind::Dataset => {
            format!("{endpoint}/api/v1/datasets/{id}/repo?Source=SDK&Revision={revision}&FilePath={path}&View=False")
        }
        Kind::Model => format!("{endpoint}/api/v1/models/{id}/repo?Revision={revision}&FilePath={path}"),
    }
}

/// Text as it may stand in an address; slashes too where they part a path.
pub(super) fn encode(text: &str, path: bool) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (path && byte == b'/') {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Hub;

    #[test]
    fn files_are_read_from_a_listing() -> Result<(), Trouble> {
        let sha = "c".repeat(64);
        let answer = serde_json::json!({"Code": 200, "Success": true, "Data": {"Files": [
            {"Path": "a/b.json", "Name": "b.json", "Size": 7, "Type": "blob", "Sha256": sha},
            {"Path": "c.txt", "Size": 1, "Type": "blob", "Sha256": ""}]}});
        let found: Vec<Entry> = files(&answer)?.iter().filter_map(entry).collect();
        assert_eq!(found[0], Entry { path: "a/b.json".into(), size: 7, digest: Digest::sha256(&sha) });
        assert_eq!(found[1].digest, None);
        Ok(())
    }

    #[test]
    fn a_refusal_inside_a_success_is_one() {
        for answer in [
            serde_json::json!({"Code": 10010205001_u64, "Success": false, "Message": "not exist", "Data": null}),
            serde_json::json!({"Code": 200, "Data": null}),
            serde_json::json!([]),
        ] {
            assert!(matches!(files(&answer), Err(Trouble::Status { status: 404, .. })), "{answer}");
        }
    }

    #[test]
    fn addresses_are_encoded() {
        let repo = Repo { hub: Hub::ModelScope, kind: Kind::Dataset, id: "o/n".into(), revision: "a/b".into() };
        assert_eq!(
            url("https://m", &repo, "x/é&.json"),
            "https://m/api/v1/datasets/o/n/repo?Source=SDK&Revision=a%2Fb&FilePath=x%2F%C3%A9%26.json&View=False"
        );
    }
}
