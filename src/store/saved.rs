//! A saved workload: every request body with its instant, in a file that a later run sends again byte for byte.
//!
//! The file is JSONL. The first line is a [`SavedHeader`], then comes a line for each request in the order of sending,
//! and the last line holds their number and their digest:
//!
//! ```json
//! {"format_version":1,"made_by":"evalscope 0.1.0","point":{...},"path":"/v1/completions","model":"m"}
//! {"due_ns":92258660,"stream":true,"prompt_tokens":12,"body":{"prompt":"...","model":"m"}}
//! {"requests":1,"sha256":"5feceb66ffc86f38..."}
//! ```
//!
//! Reading and writing hold one line at a time. A file that was cut short or changed is refused.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Failure, Result};
use crate::plan::Point;

/// Version of the file.
const FORMAT_VERSION: u32 = 1;

/// What a workload is, in one number: SHA-256 over its requests in the order of sending, each as its due time in
/// nanoseconds (8 bytes, little-endian, all ones where it goes when it may), the length of its body (8 bytes,
/// little-endian) and the body. Two runs of one digest asked the same things at the same times.
#[derive(Clone)]
pub struct Digest {
    context: Context,
    requests: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Digest { context: Context::new(&SHA256), requests: 0 }
    }
}

impl Digest {
    /// Adds the next request: when it is due, in nanoseconds after the start of the load, and its body.
    pub fn add(&mut self, due_ns: Option<u64>, body: &[u8]) {
        self.context.update(&due_ns.unwrap_or(u64::MAX).to_le_bytes());
        self.context.update(&(body.len() as u64).to_le_bytes());
        self.context.update(body);
        self.requests += 1;
    }

    /// Number of requests so far.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// The digest of all requests so far, as 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        let digest = self.context.clone().finish();
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The first line of a saved workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedHeader {
    format_version: u32,
    /// Program and version that wrote it.
    pub made_by: String,
    /// The load point it was made for.
    pub point: Point,
    /// Path of the address that the bodies are for, such as `/v1/chat/completions`.
    pub path: String,
    /// Model that the bodies name.
    pub model: String,
}

impl SavedHeader {
    /// The header of a workload that this program makes.
    pub fn new(point: Point, path: impl Into<String>, model: impl Into<String>) -> Self {
        SavedHeader {
            format_version: FORMAT_VERSION,
            made_by: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
            point,
            path: path.into(),
            model: model.into(),
        }
    }
}

/// One request of a saved workload.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedRequest {
    /// When it is due, in nanoseconds after the start of the load; `None` where it goes when it may.
    pub due_ns: Option<u64>,
    /// Whether its reply is streamed.
    pub stream: bool,
    /// Length of its prompt in tokens, where it is known.
    pub prompt_tokens: Option<u32>,
    /// JSON, byte for byte as it is sent.
    pub body: Bytes,
}

#[derive(Serialize, Deserialize)]
struct Row<'a> {
    due_ns: Option<u64>,
    stream: bool,
    prompt_tokens: Option<u32>,
    #[serde(borrow)]
    body: &'a RawValue,
}

#[derive(Serialize, Deserialize)]
struct Trailer {
    requests: u64,
    sha256: String,
}

/// A saved workload being written.
pub struct SavedWriter {
    file: BufWriter<File>,
    path: PathBuf,
    digest: Digest,
}

impl SavedWriter {
    /// Makes the file.
    ///
    /// # Errors
    /// When it exists or cannot be made.
    pub fn create(path: &Path, header: &SavedHeader) -> Result<Self> {
        let file = File::create_new(path).map_err(|error| {
            Failure::files(format!("--save-workload {}: cannot be made", path.display()))
                .because(error)
                .hint("name a file that is not there yet, in a folder that is")
        })?;
        let mut writer = SavedWriter {
            file: BufWriter::with_capacity(1 << 16, file),
            path: path.to_owned(),
            digest: Digest::default(),
        };
        writer.line(header)?;
        Ok(writer)
    }

    /// Appends a request.
    ///
    /// # Errors
    /// When the body is not JSON on one line, or the file cannot be written.
    pub fn append(&mut self, request: &SavedRequest) -> Result<()> {
        let body: Option<&RawValue> = serde_json::from_slice(&request.body).ok();
        let body = body.filter(|body| body.get().len() == request.body.len() && !request.body.contains(&b'\n'));
        let body = body.ok_or_else(|| {
            Failure::bug(format!("--save-workload: body {} is not JSON on one line", self.digest.requests))
        })?;
        let SavedRequest { due_ns, stream, prompt_tokens, .. } = *request;
        self.line(&Row { due_ns, stream, prompt_tokens, body })?;
        self.digest.add(due_ns, &request.body);
        Ok(())
    }

    /// Writes the last line and gives the digest. Without it the file is not complete.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<String> {
        let sha256 = self.digest.hex();
        self.line(&Trailer { requests: self.digest.requests, sha256: sha256.clone() })?;
        self.file.flush().map_err(|error| unwritable(&self.path, error))?;
        Ok(sha256)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        serde_json::to_writer(&mut self.file, value)
            .map_err(std::io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"))
            .map_err(|error| unwritable(&self.path, error))
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> Failure {
    Failure::unwritten(format_args!("--save-workload {}:", path.display()), error)
}

/// A saved workload being read, from the first request to the last.
pub struct SavedReader {
    lines: BufReader<File>,
    path: PathBuf,
    number: u64,
    line: Vec<u8>,
    digest: Digest,
    ended: bool,
    /// What the file says of itself.
    pub header: SavedHeader,
}

impl SavedReader {
    /// Opens a saved workload.
    ///
    /// # Errors
    /// When it cannot be read, is none, or is of another version.
    pub fn open(path: &Path) -> Result<Self> {
        let unreadable =
            |error| Failure::files(format!("--workload {}: cannot be read", path.display())).because(error);
        let mut lines = BufReader::with_capacity(1 << 16, File::open(path).map_err(unreadable)?);
        let mut line = Vec::new();
        lines.read_until(b'\n', &mut line).map_err(unreadable)?;
        let refuse = |why: String| Failure::files(format!("--workload {}: line 1: {why}", path.display()));
        let header: SavedHeader = serde_json::from_slice(&line).map_err(|error| {
            refuse("not the head of a saved workload".to_owned())
                .because(error)
                .hint("give a file that --save-workload wrote")
        })?;
        if header.format_version != FORMAT_VERSION {
            let version = header.format_version;
            return Err(refuse(format!("format version {version}, this program reads {FORMAT_VERSION}"))
                .hint("save it again with this version, or read it with the one that wrote it"));
        }
        let (path, digest) = (path.to_owned(), Digest::default());
        Ok(SavedReader { lines, path, number: 1, line, digest, ended: false, header })
    }

    /// The next request, or `None` after the last, once the number of requests and their digest were found to be those
    /// of the last line.
    ///
    /// # Errors
    /// When a line is damaged, the file was cut short, or the requests are not those that were saved.
    pub fn next_request(&mut self) -> Result<Option<SavedRequest>> {
        if self.ended {
            return Ok(None);
        }
        if !self.read_line()? {
            return Err(self.refuse("the file was cut short").hint("save it again with --save-workload"));
        }
        let row: serde_json::Result<Row<'_>> = serde_json::from_slice(&self.line);
        let error = match row {
            Ok(Row { due_ns, stream, prompt_tokens, body }) => {
                self.digest.add(due_ns, body.get().as_bytes());
                let body = Bytes::copy_from_slice(body.get().as_bytes());
                return Ok(Some(SavedRequest { due_ns, stream, prompt_tokens, body }));
            }
            Err(error) => error,
        };
        let Ok(trailer) = serde_json::from_slice::<Trailer>(&self.line) else {
            return Err(self.refuse("neither a request nor the end").because(error).hint("save it again"));
        };
        let (found, stated) = (self.digest.requests, trailer.requests);
        if found != stated {
            return Err(self.refuse(format_args!("{found} requests, {stated} were saved")).hint("save it again"));
        }
        if self.digest.hex() != trailer.sha256 {
            return Err(self.refuse("the requests are not those that were saved").hint("save it again"));
        }
        self.ended = true;
        if self.read_line()? || !self.line.is_empty() {
            return Err(self.refuse("comes after the end").hint("take off what was appended"));
        }
        Ok(None)
    }

    /// The digest of the requests so far.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Reads a line; whether there was a whole one.
    fn read_line(&mut self) -> Result<bool> {
        self.line.clear();
        self.number += 1;
        self.lines.read_until(b'\n', &mut self.line).map_err(|error| self.refuse("cannot be read").because(error))?;
        Ok(self.line.last() == Some(&b'\n'))
    }

    fn refuse(&self, why: impl std::fmt::Display) -> Failure {
        Failure::files(format!("--workload {}: line {}: {why}", self.path.display(), self.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type TestResult<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    fn requests() -> Vec<SavedRequest> {
        let request = |due_ns, stream, prompt_tokens, body: &'static str| {
            let body = Bytes::from_static(body.as_bytes());
            SavedRequest { due_ns, stream, prompt_tokens, body }
        };
        vec![
            request(Some(0), true, Some(3), r#"{"prompt":"\u0041 é","temperature":0.0,"n":1e0,"n":2}"#),
            request(None, false, None, r#"{ "messages" : [ ] }"#),
            request(Some(u64::MAX - 1), true, Some(9), "{}"),
        ]
    }

    fn save(folder: &Path, requests: &[SavedRequest]) -> TestResult<(PathBuf, String)> {
        let path = folder.join("saved.jsonl");
        let header = SavedHeader::new(Point::closed(2, 3, 0), "/v1/completions", "m");
        let mut writer = SavedWriter::create(&path, &header)?;
        requests.iter().try_for_each(|request| writer.append(request))?;
        Ok((path, writer.finish()?))
    }

    fn read(path: &Path) -> Result<(Vec<SavedRequest>, String)> {
        let mut reader = SavedReader::open(path)?;
        let mut found = Vec::new();
        while let Some(request) = reader.next_request()? {
            found.push(request);
        }
        assert_eq!(reader.next_request()?, None);
        Ok((found, reader.digest().hex()))
    }

    #[test]
    fn requests_come_back_byte_for_byte_with_their_digest() -> TestResult {
        let folder = tempfile::tempdir()?;
        let (path, digest) = save(folder.path(), &requests())?;
        assert_eq!(read(&path)?, (requests(), digest));
        let header = SavedReader::open(&path)?.header;
        assert_eq!((header.point, header.path.as_str()), (Point::closed(2, 3, 0), "/v1/completions"));
        assert!(header.made_by.starts_with(env!("CARGO_PKG_NAME")));
        assert!(save(folder.path(), &[]).is_err(), "overwritten");
        Ok(())
    }

    #[test]
    fn the_digest_is_that_of_instants_lengths_and_bodies() {
        assert_eq!(Digest::default().hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        // hashlib.sha256(struct.pack("<QQ", 5, 2) + b"{}" + struct.pack("<QQ", 2**64 - 1, 0)).hexdigest()
        let mut digest = Digest::default();
        digest.add(Some(5), b"{}");
        digest.add(None, b"");
        assert_eq!(digest.hex(), "7f3d30c0969df1f6f54b80570e1c9e0598b5102c1fb3040899b6bc7ebb4a4c18");
        assert_eq!(digest.requests(), 2);
    }

    #[test]
    fn what_was_changed_or_cut_short_is_refused() -> TestResult {
        let folder = tempfile::tempdir()?;
        let (path, _) = save(folder.path(), &requests())?;
        let whole = std::fs::read_to_string(&path)?;
        let lines: Vec<&str> = whole.split_inclusive('\n').collect();
        for (text, message) in [
            (whole.replace("\"due_ns\":0", "\"due_ns\":1"), "line 5: the requests are not those that were saved"),
            (whole.replace(" [ ] ", " [] "), "line 5: the requests are not those that were saved"),
            ([lines[0], lines[2], lines[1], lines[3], lines[4]].concat(), "line 5: the requests are not those"),
            ([lines[0], lines[1], lines[3], lines[4]].concat(), "line 4: 2 requests, 3 were saved"),
            (lines[..4].concat(), "line 5: the file was cut short"),
            (whole[..whole.len() - 4].to_owned(), "line 5: the file was cut short"),
            (whole.replace("\"stream\":false", "\"stream\":0"), "line 3: neither a request nor the end"),
            (format!("{whole}{}", lines[1]), "line 6: comes after the end"),
            (whole.replace("\"format_version\":1", "\"format_version\":9"), "line 1: format version 9"),
            (lines[1..].concat(), "line 1: not the head of a saved workload"),
            (String::new(), "line 1: not the head of a saved workload"),
        ] {
            std::fs::write(&path, text)?;
            let failure = read(&path).err().ok_or_else(|| format!("accepted: {message}"))?;
            assert!(failure.message.contains(&format!("saved.jsonl: {message}")), "{failure}");
            assert!(failure.hint.is_some(), "{failure}");
        }
        Ok(())
    }

    #[test]
    fn a_body_that_is_no_line_of_json_is_not_saved() -> TestResult {
        let folder = tempfile::tempdir()?;
        for body in ["{\n}", "{", " {}", ""] {
            let mut request = requests().remove(0);
            request.body = Bytes::from_static(body.as_bytes());
            assert!(save(folder.path(), &[request]).is_err(), "{body:?}");
            std::fs::remove_file(folder.path().join("saved.jsonl"))?;
        }
        Ok(())
    }
}
