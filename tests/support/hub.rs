//! A hub in the test process that speaks the file APIs of Hugging Face and of ModelScope.

use std::sync::{Arc, Mutex};

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use serde_json::{Value, json};

use super::reply::{Ending, Gate, Reply, Step};
use super::server::{Seen, Server};

/// The commit that every branch stands for.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What goes wrong with an answer, and how often.
#[derive(Clone)]
enum Trick {
    /// The connection ends after so many bytes.
    Cut(usize),
    /// One byte is another one.
    Spoil,
    /// A status instead, and the seconds after which to ask again.
    Refuse(u16, Option<u32>),
    /// The file is at this address.
    Redirect(String),
    /// Half of the file comes, the rest when the gate opens.
    Hold(Gate),
}

/// Files of one repository, `me/qa`, which is both a dataset and a model.
#[derive(Clone, Default)]
pub struct Files {
    files: Vec<(String, Vec<u8>, bool)>,
    page: Option<usize>,
    tricks: Arc<Mutex<Vec<(String, Trick, usize)>>>,
    /// Ids that it answers for beside `me/qa`.
    also: Vec<String>,
}

/// A hub on a free port. It dies when it is dropped.
pub struct Hub {
    server: Server,
}

impl Files {
    /// Adds a small file, which has the digest that git gives it.
    pub fn file(mut self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.files.push((path.to_owned(), contents.as_ref().to_vec(), false));
        self
    }

    /// Adds a file that has the SHA-256 of its contents.
    pub fn large(mut self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.files.push((path.to_owned(), contents.as_ref().to_vec(), true));
        self
    }

    /// Answers for another id as well.
    pub fn called(mut self, id: &str) -> Self {
        self.also.push(id.to_owned());
        self
    }

    /// Lists so many files a page.
    pub fn pages_of(mut self, files: usize) -> Self {
        self.page = Some(files);
        self
    }

    fn trick(self, path: &str, trick: Trick, times: usize) -> Self {
        self.tricks.lock().unwrap().push((path.to_owned(), trick, times));
        self
    }

    /// Ends the connection after so many bytes of a file, so many times.
    pub fn cut(self, path: &str, after: usize, times: usize) -> Self {
        self.trick(path, Trick::Cut(after), times)
    }

    /// Hands out a file with a wrong byte, so many times.
    pub fn spoil(self, path: &str, times: usize) -> Self {
        self.trick(path, Trick::Spoil, times)
    }

    /// Refuses whatever has these words in its address, so many times.
    pub fn refuse(self, words: &str, status: u16, after: Option<u32>, times: usize) -> Self {
        self.trick(words, Trick::Refuse(status, after), times)
    }

    /// Redirects every request for a file to another hub.
    pub fn elsewhere(self, path: &str, other: &Hub) -> Self {
        self.trick(path, Trick::Redirect(format!("{}/cdn/{path}?signature=1", other.endpoint())), usize::MAX)
    }

    /// Holds the second half of a file back, once.
    pub fn hold(self, path: &str, gate: &Gate) -> Self {
        self.trick(path, Trick::Hold(gate.clone()), 1)
    }

    /// Starts to answer.
    pub fn start(self) -> Hub {
        Hub { server: Server::start(move |seen| self.answer(seen)) }
    }

    /// The trick that is played on a request, if there is one left.
    fn played(&self, address: &str) -> Option<Trick> {
        let mut tricks = self.tricks.lock().unwrap();
        let (_, trick, left) =
            tricks.iter_mut().find(|(words, _, left)| *left > 0 && address.contains(words.as_str()))?;
        *left -= 1;
        Some(trick.clone())
    }

    fn answer(&self, seen: &Seen) -> Reply {
        let address = decoded(&seen.path);
        let (path, query) = address.split_once('?').unwrap_or((&address, ""));
        let trick = self.played(&address);
        if let Some(Trick::Refuse(status, after)) = trick {
            let after = after.map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
            return reply(status, &after, b"{\"error\": \"not now\"}".to_vec());
        }
        if let Some(file) = path.strip_prefix("/cdn/") {
            return self.contents(file, seen, trick);
        }
        let known = self.also.iter().map(String::as_str).chain(["me/qa"]).find(|id| path.contains(&format!("/{id}/")));
        let Some(id) = known else {
            return reply(
                404,
                "x-error-code: RepoNotFound\r\n",
                b"{\"Code\":404,\"Message\":\"no such repository\"}".to_vec(),
            );
        };
        let after = path.split_once(&format!("/{id}/")).unwrap().1;
        if let Some(revision) = after.strip_prefix("revision/") {
            return match revision {
                "main" | "dev" | COMMIT => reply(200, "", json!({"sha": COMMIT}).to_string().into_bytes()),
                _ => reply(404, "x-error-code: RevisionNotFound\r\n", Vec::new()),
            };
        }
        if after.starts_with("tree/") {
            return self.tree(path, query);
        }
        if let Some(file) = after.strip_prefix(&format!("resolve/{COMMIT}/")) {
            return self.contents(file, seen, trick);
        }
        let field = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        match (after, field("Revision")) {
            (_, Some("master" | "v1")) => {}
            _ => return reply(404, "", b"{\"Code\":404,\"Message\":\"no such revision\"}".to_vec()),
        }
        match (after, field("FilePath")) {
            ("repo/tree" | "repo/files", _) => self.listed(field("PageNumber"), field("PageSize")),
            ("repo", Some(file)) => self.contents(file, seen, trick),
            _ => reply(404, "", Vec::new()),
        }
    }

    /// Hugging Face's listing.
    fn tree(&self, path: &str, query: &str) -> Reply {
        let from = query.split('&').find_map(|pair| pair.strip_prefix("cursor=")).map_or(0, |at| at.parse().unwrap());
        let page = self.page.unwrap_or(usize::MAX);
        let files = self.files.iter().map(|(path, bytes, large)| {
            let mut file = json!({"type": "file", "path": path, "size": bytes.len(), "oid": git_sha1(bytes)});
            if *large {
                file["lfs"] = json!({"oid": sha256(bytes), "size": bytes.len(), "pointerSize": 130});
            }
            file
        });
        let files: Vec<Value> = files.skip(from).take(page).collect();
        let more = from + files.len() < self.files.len();
        // Mirrors hand on the addresses of the hub they mirror.
        let link = format!(
            "link: <https://hub.example.com{path}?recursive=true&cursor={}>; rel=\"next\"\r\n",
            from + page.min(self.files.len())
        );
        reply(200, if more { &link } else { "" }, Value::from(files).to_string().into_bytes())
    }

    /// ModelScope's listing.
    fn listed(&self, page: Option<&str>, size: Option<&str>) -> Reply {
        let number = |text: Option<&str>| text.map(|text| text.parse::<usize>().unwrap());
        let size = number(size).unwrap_or(usize::MAX);
        let files = self.files.iter().map(|(path, bytes, _)| {
            json!({"Path": path, "Name": path.rsplit('/').next(), "Type": "blob", "Size": bytes.len(), "Sha256": sha256(bytes)})
        });
        let files: Vec<Value> = files.skip((number(page).unwrap_or(1) - 1).saturating_mul(size)).take(size).collect();
        reply(200, "", json!({"Code": 200, "Success": true, "Data": {"Files": files}}).to_string().into_bytes())
    }

    fn contents(&self, file: &str, seen: &Seen, trick: Option<Trick>) -> Reply {
        if let Some(Trick::Redirect(to)) = trick {
            return reply(302, &format!("location: {to}\r\nx-repo-commit: {COMMIT}\r\n"), Vec::new());
        }
        let Some((_, bytes, _)) = self.files.iter().find(|(path, ..)| path == file) else {
            return reply(404, "x-error-code: EntryNotFound\r\n", Vec::new());
        };
        let etag = format!("etag: \"{}\"\r\n", git_sha1(bytes));
        let asked = seen
            .header("range")
            .map(|range| range.trim_start_matches("bytes=").trim_end_matches('-').parse::<usize>().unwrap());
        let same = seen.header("if-range").is_none_or(|version| etag.contains(version));
        let mut body = bytes.clone();
        if let Some(Trick::Spoil) = trick {
            body[bytes.len() / 2] ^= 1;
        }
        let (status, range) = match asked {
            Some(from) if same => {
                body.drain(..from);
                (206, format!("content-range: bytes {from}-{}/{}\r\n", bytes.len() - 1, bytes.len()))
            }
            _ => (200, String::new()),
        };
        let mut answer = reply(status, &format!("{etag}{range}"), body);
        match trick {
            Some(Trick::Cut(after)) => {
                let Some(Step::Body(body)) = answer.steps.first_mut() else { panic!("a body") };
                body.truncate(after);
                answer.ending = Ending::Cut;
            }
            Some(Trick::Hold(gate)) => {
                let Some(Step::Body(body)) = answer.steps.first_mut() else { panic!("a body") };
                let rest = body.split_off(body.len() / 2);
                answer.steps.extend([Step::Wait(gate), Step::Body(rest)]);
            }
            _ => {}
        }
        answer
    }
}

impl Hub {
    /// Its address.
    pub fn endpoint(&self) -> String {
        self.server.url().trim_end_matches("/v1/chat/completions").to_owned()
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.server.seen()
    }

    /// Requests for the contents of files so far.
    pub fn fetched(&self) -> Vec<Seen> {
        let file = |seen: &Seen| ["/resolve/", "/repo?", "/cdn/"].iter().any(|part| seen.path.contains(part));
        self.seen().into_iter().filter(file).collect()
    }
}

fn reply(status: u16, headers: &str, body: Vec<u8>) -> Reply {
    let head = format!("HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n{headers}", body.len());
    Reply { head, steps: vec![Step::Body(body)], chunked: false, ending: Ending::Whole }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn git_sha1(bytes: &[u8]) -> String {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    context.update(format!("blob {}\0", bytes.len()).as_bytes());
    context.update(bytes);
    hex(context.finish().as_ref())
}

fn decoded(address: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = address.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap()
}
