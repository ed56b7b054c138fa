//! One file: fetched, gone on with where a transfer broke, and verified.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use http::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::cache::Cache;
use super::client::Answer;
use super::digest::Hasher;
use super::fetch::Watch;
use super::listing::Entry;
use super::retry::{Retry, Trouble};
use crate::error::{Failure, Result};

/// A file being fetched into a part that becomes the file.
pub(super) struct Download<'a> {
    pub(super) cache: &'a Cache,
    pub(super) entry: &'a Entry,
    pub(super) url: String,
    pub(super) part: PathBuf,
    /// How messages call the file.
    pub(super) name: String,
}

/// What the disk or the hub did.
enum Stop {
    Trouble(Trouble),
    Failure(Failure),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Stop::Trouble(trouble)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failure(failure)
    }
}

impl Download<'_> {
    /// Brings the whole file into the part. A wrong digest is tried once more from the start, then it is a failure.
    ///
    /// # Errors
    /// When the hub refuses or cannot be reached, the disk fails, or the contents are not what the hub says they are.
    pub(super) async fn run(&self, watch: &mut Watch<'_>) -> Result<()> {
        self.whole(watch).await?;
        let Some((expected, found)) = self.differs()? else { return Ok(()) };
        watch.wrong_digest(&self.name);
        self.discard()?;
        self.whole(watch).await?;
        if let Some((_, again)) = self.differs()? {
            self.discard()?;
            return Err(Failure::target(format!(
                "{}: its contents are not what the hub says: expected {expected}, found {found}, then {again}",
                self.name
            ))
            .hint("the hub or a proxy before it hands out a broken file; try another endpoint, or later"));
        }
        Ok(())
    }

    /// Fetches until every byte is there.
    async fn whole(&self, watch: &mut Watch<'_>) -> Result<()> {
        let mut retry = Retry::default();
        loop {
            let before = watch.come();
            match self.once(watch).await {
                Ok(()) => return Ok(()),
                Err(Stop::Failure(failure)) => return Err(failure),
                Err(Stop::Trouble(trouble)) => {
                    if watch.come() > before {
                        retry.came_on();
                    }
                    watch.pause(&mut retry, &trouble).await.map_err(|()| {
                        Failure::target(format!("{}: cannot be fetched: {}", self.name, trouble.text())).hint(
                            "what came is kept, the same command goes on from there; check the network and the endpoint",
                        )
                    })?;
                }
            }
        }
    }

    /// One request, from where the part ends.
    async fn once(&self, watch: &mut Watch<'_>) -> std::result::Result<(), Stop> {
        let size = self.entry.size;
        let have = self.resumable();
        if have == size && size > 0 {
            watch.file_at(have);
            return Ok(());
        }
        if size == 0 {
            self.open(0)?;
            return Ok(());
        }
        let mut headers = vec![(ACCEPT_ENCODING, HeaderValue::from_static("identity"))];
        if have > 0 {
            headers.extend(self.range(have));
        }
        let mut answer = watch.client.get(&self.url, &headers).await?;
        let from = match answer.status {
            206 if starts_at(&answer.headers) == Some((have, Some(size))) => have,
            206 if starts_at(&answer.headers) == Some((have, None)) => have,
            200 => 0,
            // The part does not fit what the hub has now: from the start.
            _ => {
                self.discard()?;
                return Err(Trouble::Passing("the hub has another part of the file than asked for".to_owned()).into());
            }
        };
        if from == 0 {
            self.remember(answer.headers.get(ETAG))?;
        }
        let mut file = self.open(from)?;
        watch.file_at(from);
        let written = self.pour(&mut answer, &mut file, from, watch).await;
        file.flush().map_err(|error| self.disk(error))?;
        match written? {
            at if at == size => Ok(()),
            at => Err(Trouble::Passing(format!("the transfer ended at byte {at} of {size}")).into()),
        }
    }

    async fn pour(
        &self,
        answer: &mut Answer,
        file: &mut File,
        from: u64,
        watch: &mut Watch<'_>,
    ) -> std::result::Result<u64, Stop> {
        let mut at = from;
        while let Some(bytes) = answer.piece().await? {
            at += bytes.len() as u64;
            if at > self.entry.size {
                self.discard()?;
                return Err(
                    Trouble::Passing(format!("more came than the {} bytes of the file", self.entry.size)).into()
                );
            }
            file.write_all(&bytes).map_err(|error| self.disk(error))?;
            watch.moved(bytes.len() as u64);
        }
        Ok(at)
    }

    /// Bytes that an earlier transfer left and that can be gone on from: where a digest tells in the end, or the hub
    /// named the version that they are of.
    fn resumable(&self) -> u64 {
        let have = std::fs::metadata(&self.part).map_or(0, |found| found.len());
        let sure = self.entry.digest.is_some() || self.version().is_some();
        if sure && have <= self.entry.size { have } else { 0 }
    }

    /// The headers that ask for the rest of the same version.
    fn range(&self, have: u64) -> Vec<(HeaderName, HeaderValue)> {
        let value = |text: &str| HeaderValue::from_str(text).ok();
        let range = value(&format!("bytes={have}-")).map(|range| (RANGE, range));
        let version = self.version().as_deref().and_then(value).map(|version| (IF_RANGE, version));
        range.into_iter().chain(version).collect()
    }

    fn etag(&self) -> PathBuf {
        let mut path = self.part.as_os_str().to_owned();
        path.push(".etag");
        path.into()
    }

    /// The version that the part is of.
    fn version(&self) -> Option<String> {
        std::fs::read_to_string(self.etag()).ok().filter(|version| is_strong(version))
    }

    /// Keeps the version that a new part is of. A weak one does not vouch for single bytes.
    fn remember(&self, etag: Option<&HeaderValue>) -> Result<()> {
        let etag = etag.and_then(|value| value.to_str().ok()).filter(|etag| is_strong(etag));
        match etag {
            Some(etag) => std::fs::write(self.etag(), etag).map_err(|error| self.disk(error)),
            None => self.remove(&self.etag()),
        }
    }

    fn open(&self, from: u64) -> Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).write(true).append(from > 0).truncate(from == 0);
        options.open(&self.part).map_err(|error| self.disk(error))
    }

    /// What the contents should hash to and what they do, where these differ.
    fn differs(&self) -> Result<Option<(String, String)>> {
        let Some(wanted) = &self.entry.digest else { return Ok(None) };
        let file = File::open(&self.part).map_err(|error| self.disk(error))?;
        let mut hasher = Hasher::new(wanted, self.entry.size);
        hasher.read(file).map_err(|error| self.disk(error))?;
        let found = hasher.finish();
        Ok((found != *wanted).then(|| (wanted.to_string(), found.to_string())))
    }

    /// Takes away the part.
    fn discard(&self) -> Result<()> {
        self.remove(&self.part)?;
        self.remove(&self.etag())
    }

    /// Takes away what only a part needs.
    pub(super) fn tidy(&self) -> Result<()> {
        self.remove(&self.etag())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(self.disk(error)),
            _ => Ok(()),
        }
    }

    fn disk(&self, error: std::io::Error) -> Failure {
        self.cache.failed(&self.part, "cannot be written", error)
    }
}

fn is_strong(etag: &str) -> bool {
    etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"')
}

/// Where the part in an answer begins, and the size of the whole where it is told.
fn starts_at(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?.trim().strip_prefix("bytes ")?;
    let (range, whole) = text.split_once('/')?;
    let start = range.split_once('-')?.0.trim().parse().ok()?;
    match whole.trim() {
        "*" => Some((start, None)),
        whole => Some((start, Some(whole.parse().ok()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_say_where_they_begin() {
        for (text, expected) in [
            ("bytes 5-9/10", Some((5, Some(10)))),
            ("bytes 0-9/*", Some((0, None))),
            ("bytes */10", None),
            ("items 0-1/2", None),
            ("bytes 5-9/x", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_RANGE, HeaderValue::from_static(text));
            assert_eq!(starts_at(&headers), expected, "{text}");
        }
        assert!(is_strong("\"a\"") && !is_strong("W/\"a\"") && !is_strong("\"\"") && !is_strong("a"));
    }
}
