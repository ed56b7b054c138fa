//! The API of Hugging Face.

use http::HeaderMap;
use serde_json::Value;

use super::digest::{Digest, is_hex};
use super::fetch::Watch;
use super::listing::{Entry, Listing};
use super::model_scope::encode;
use super::retry::Trouble;
use crate::plan::{Kind, Repo};

/// Pages of a listing that are read.
const PAGES: usize = 1000;

fn kinds(kind: Kind) -> &'static str {
    match kind {
        Kind::Dataset => "datasets",
        Kind::Model => "models",
    }
}

/// The files at a revision, which is resolved to its commit first, so that all of them are of one state.
pub(super) async fn list(watch: &mut Watch<'_>, endpoint: &str, repo: &Repo) -> Result<Listing, Trouble> {
    let api = format!("{endpoint}/api/{}/{}", kinds(repo.kind), repo.id);
    let (about, _) = watch.json(&format!("{api}/revision/{}", encode(&repo.revision, false))).await?;
    let commit = about["sha"].as_str().filter(|sha| is_hex(sha, 40) || is_hex(sha, 64));
    let commit = commit.ok_or_else(|| Trouble::Lasting("the hub does not say which commit it has".to_owned()))?;
    let mut page = format!("{api}/tree/{commit}?recursive=true&expand=false");
    let mut files = Vec::new();
    for _ in 0..PAGES {
        let (listed, headers) = watch.json(&page).await?;
        let listed = listed.as_array().ok_or_else(|| Trouble::Lasting("the hub's listing is no list".to_owned()))?;
        files.extend(listed.iter().filter_map(entry));
        match next_page(&headers) {
            // A mirror may hand on links of the hub it mirrors; what counts is where they point to there.
            Some(query) => page = format!("{api}/tree/{commit}?{query}"),
            None => return Ok(Listing::new(Some(commit.to_owned()), files)),
        }
    }
    Err(Trouble::Lasting(format!("the hub's listing has more than {PAGES} pages")))
}

/// Where a file is fetched from.
pub(super) fn url(endpoint: &str, repo: &Repo, commit: &str, path: &str) -> String {
    let folder = match repo.kind {
        Kind::Dataset => "datasets/",
        Kind::Model => "",
    };
    format!("{endpoint}/{folder}{}/resolve/{}/{}", repo.id, encode(commit, false), encode(path, true))
}

/// A small file has the digest that git knows it by, a large one that of its contents.
fn entry(listed: &Value) -> Option<Entry> {
    if listed["type"] != "file" {
        return None;
    }
    let path = listed["path"].as_str()?.to_owned();
    let large = &listed["lfs"];
    let (size, digest) = match large["oid"].as_str() {
        Some(oid) => (large["size"].as_u64().or(listed["size"].as_u64())?, Digest::sha256(oid)),
        None => (listed["size"].as_u64()?, listed["oid"].as_str().and_then(Digest::git_sha1)),
    };
    Some(Entry { path, size, digest })
}

/// The query of the link to the next page.
fn next_page(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all(http::header::LINK).iter().filter_map(|value| value.to_str().ok());
    let next = links.flat_map(|links| links.split(',')).find(|link| {
        link.split(';').skip(1).any(|attribute| matches!(attribute.trim(), "rel=\"next\"" | "rel=next"))
    })?;
    let address = next.split('>').next()?.trim().strip_prefix('<')?;
    Some(address.split_once('?')?.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Hub;

    #[test]
    fn files_are_read_from_a_listing() {
        let oid = "a".repeat(40);
        let small = serde_json::json!({"type": "file", "path": "a.json", "size": 3, "oid": oid});
        let expected = Entry { path: "a.json".into(), size: 3, digest: Digest::git_sha1(&oid) };
        assert_eq!(entry(&small), Some(expected));
        let sha = "b".repeat(64);
        let large = serde_json::json!({"type": "file", "path": "b", "size": 9, "oid": oid,
            "lfs": {"oid": sha, "size": 9, "pointerSize": 130}});
        assert_eq!(entry(&large), Some(Entry { path: "b".into(), size: 9, digest: Digest::sha256(&sha) }));
        assert_eq!(entry(&serde_json::json!({"type": "directory", "path": "d", "oid": oid, "size": 0})), None);
    }

    #[test]
    fn pages_follow_their_link() -> Result<(), http::header::InvalidHeaderValue> {
        let mut headers = HeaderMap::new();
        headers.insert("link", "<https://h/api/x?cursor=a%3D&limit=1>; rel=\"next\"".parse()?);
        assert_eq!(next_page(&headers).as_deref(), Some("cursor=a%3D&limit=1"));
        headers.insert("link", "<https://h/api/x?cursor=a>; rel=\"prev\"".parse()?);
        assert_eq!(next_page(&headers), None);
        Ok(())
    }

    #[test]
    fn addresses_are_encoded() {
        let repo = Repo { hub: Hub::HuggingFace, kind: Kind::Dataset, id: "o/n".into(), revision: String::new() };
        assert_eq!(
            url("https://h", &repo, "c", "a b/é?.json"),
            "https://h/datasets/o/n/resolve/c/a%20b/%C3%A9%3F.json"
        );
        let model = Repo { kind: Kind::Model, ..repo };
        assert_eq!(url("https://h", &model, "c", "t.json"), "https://h/o/n/resolve/c/t.json");
    }
}
