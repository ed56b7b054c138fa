//! Brings the files that a plan wants into the cache, and says what it did.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::cache::{Cache, Lock};
use super::client::Client;
use super::config::Config;
use super::digest::is_hex;
use super::download::Download;
use super::listing::{Entry, Listing, shown};
use super::retry::{Retry, Trouble};
use super::{foreign, hugging_face, model_scope};
use crate::error::{Failure, Result};
use crate::plan::{Hub, Pick, Wanted};
use crate::units::size;

/// Pause between two looks at a lock that another process holds.
const LOOK: Duration = Duration::from_millis(200);

/// Something to tell whoever waits.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// Files are about to be fetched.
    Begins {
        /// How many.
        files: usize,
        /// Their bytes, what an earlier try left included.
        bytes: u64,
        /// Repository and revision.
        from: &'a str,
        /// Address of the hub.
        endpoint: &'a str,
        /// Folder that they go into.
        into: &'a Path,
    },
    /// So many bytes of all are there.
    Moves {
        /// Bytes that are there.
        done: u64,
        /// Bytes of all files.
        total: u64,
    },
    /// A request failed and is made again.
    Retries {
        /// Why.
        why: &'a str,
        /// The pause before.
        after: Duration,
    },
    /// Another process fetches the same repository.
    Waits {
        /// The lock that it holds.
        lock: &'a Path,
    },
    /// Everything is there.
    Ends,
}

/// Files that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The file, or the folder with the files where there are several.
    pub path: PathBuf,
    /// The commit that they are of, where the hub tells one.
    pub commit: Option<String>,
    /// What a reader of the results should know.
    pub notices: Vec<String>,
}

/// What is seen and counted while a hub is asked.
pub(super) struct Watch<'a> {
    pub(super) client: Client,
    see: &'a mut dyn FnMut(Event<'_>),
    total: u64,
    /// Bytes of the files that are whole.
    whole: u64,
    /// Bytes of the current file that are there; unset until its first request is answered.
    at: Option<u64>,
    came: u64,
    resumed: u64,
    retries: u64,
    wrong: u64,
}

impl Watch<'_> {
    /// Asks for a JSON document, again where that may help.
    pub(super) async fn json(&mut self, url: &str) -> std::result::Result<(Value, HeaderMap), Trouble> {
        let mut retry = Retry::default();
        loop {
            match self.client.json(url).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => {
                    if self.pause(&mut retry, &trouble).await.is_err() {
                        return Err(trouble);
                    }
                }
            }
        }
    }

    /// Waits before another try; an error where there is none.
    pub(super) async fn pause(&mut self, retry: &mut Retry, trouble: &Trouble) -> std::result::Result<(), ()> {
        let Some(pause) = retry.pause(trouble) else { return Err(()) };
        self.retries += 1;
        (self.see)(Event::Retries { why: &trouble.text(), after: pause });
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// Bytes that came over the network so far.
    pub(super) fn come(&self) -> u64 {
        self.came
    }

    /// The current file stands at this byte, by what is left of an earlier transfer.
    pub(super) fn file_at(&mut self, at: u64) {
        if self.at.is_none() {
            self.resumed += at;
        }
        self.at = Some(at);
        self.tell();
    }

    /// More of the current file came.
    pub(super) fn moved(&mut self, bytes: u64) {
        self.came += bytes;
        self.at = Some(self.at.unwrap_or(0) + bytes);
        self.tell();
    }

    /// The contents of a file were not what they should be.
    pub(super) fn wrong_digest(&mut self, name: &str) {
        self.wrong += 1;
        let why = format!("{name}: its contents are not what the hub says; it is fetched again from the start");
        (self.see)(Event::Retries { why: &why, after: Duration::ZERO });
    }

    fn file_ends(&mut self, entry: &Entry) {
        self.whole += entry.size;
        self.at = None;
        self.tell();
    }

    fn tell(&mut self) {
        let done = (self.whole + self.at.unwrap_or(0)).min(self.total);
        (self.see)(Event::Moves { done, total: self.total });
    }
}

/// How a listing was come by.
struct Found {
    listing: Listing,
    /// A folder of a foreign cache that it was made from.
    foreign: Option<PathBuf>,
    /// Why the hub did not give it.
    because: Option<String>,
}

/// Brings the files that are wanted into the cache; those that are there stay as they are. Dropping the future leaves
/// parts that the next call goes on from.
///
/// # Errors
/// When the hub knows no such repository, revision or file, refuses or cannot be reached and the files are not in a
/// cache, a file has not the contents that the hub says, or the disk fails.
pub async fn fetch(wanted: &Wanted, config: &Config, see: &mut dyn FnMut(Event<'_>)) -> Result<Fetched> {
    let repo = &wanted.repo;
    let access = config.access(repo.hub);
    let cache = Cache::of(&config.cache, repo);
    let client = Client::new(repo.hub, access);
    let withheld = client.withheld.clone();
    let mut watch = Watch { client, see, total: 0, whole: 0, at: None, came: 0, resumed: 0, retries: 0, wrong: 0 };
    let found = find(wanted, config, &cache, &mut watch).await?;
    let Found { listing, foreign, because } = &found;
    let picked = listing.pick(wanted)?;
    if let Some(folder) = foreign {
        return Ok(as_it_is(wanted, listing, folder, &picked, because.as_deref()));
    }
    cache.make()?;
    let _lock = lock(&cache, &mut watch).await?;
    let mut counts = Counts::default();
    let mut files: Vec<(&str, PathBuf)> = Vec::new();
    let mut missing: Vec<&Entry> = Vec::new();
    for entry in &picked {
        let path = cache.file(&listing.snapshot, &entry.path)?;
        if cache.have(&listing.snapshot, entry).is_some() {
            counts.cached += 1;
        } else if let Some(other) = cache.elsewhere(&listing.snapshot, entry) {
            cache.link(&other, &path)?;
            counts.cached += 1;
        } else if let Some(other) = foreign::have(config, repo, listing, entry) {
            cache.link(&other, &path)?;
            counts.foreign += 1;
        } else {
            missing.push(entry);
        }
        files.push((&entry.path, path));
    }
    if let (Some(because), Some(entry)) = (because, missing.first()) {
        return Err(Failure::files(format!(
            "{}: {} of {} is not in the cache: {because}",
            wanted.flag,
            entry.path,
            shown(repo)
        ))
        .hint("run once with the hub in reach, or name a file on this machine"));
    }
    download(wanted, config, &cache, listing, &missing, &mut watch).await?;
    cache.keep(&repo.revision, listing)?;
    counts.fetched = missing.len();
    counts.unverified = picked.iter().filter(|entry| entry.digest.is_none()).count();
    let path = match files.as_slice() {
        _ if wanted.pick.is_folder() => cache.snapshot(&listing.snapshot),
        [(_, path)] => path.clone(),
        _ => cache.set(&pick_name(&wanted.pick), &listing.snapshot, &files)?,
    };
    let mut notices = vec![counts.notice(wanted, listing, &watch)];
    if let Some(why) = because {
        notices.push(format!("{}: {why}; what the cache has of it was used", shown(repo)));
    }
    if let Some(why) = withheld.filter(|_| !missing.is_empty()) {
        notices.push(format!("the key for {} was not sent: {why}", repo.hub.name()));
    }
    Ok(Fetched { path, commit: listing.commit.then(|| listing.snapshot.clone()), notices })
}

/// What the hub has, or what a cache has of it where the hub may not or cannot be asked.
async fn find(wanted: &Wanted, config: &Config, cache: &Cache, watch: &mut Watch<'_>) -> Result<Found> {
    let repo = &wanted.repo;
    let kept = cache.listing_at(&repo.revision);
    let whole = |listing: &Listing| {
        let picked = listing.pick(wanted).unwrap_or_default();
        !picked.is_empty() && picked.iter().all(|entry| cache.have(&listing.snapshot, entry).is_some())
    };
    // A commit does not change, so there is nothing to ask.
    if let Some(listing) = &kept
        && listing.commit
        && is_hex(&repo.revision, 40)
        && whole(listing)
    {
        return Ok(Found { listing: listing.clone(), foreign: None, because: None });
    }
    let stand_in = |because: String| {
        // What the hub's own client has may be more than what we have.
        let ours = kept.as_ref().filter(|listing| whole(listing));
        match (ours, foreign::listing(config, repo)) {
            (Some(listing), _) => Some(Found { listing: listing.clone(), foreign: None, because: Some(because) }),
            (None, Some((listing, folder))) if listing.pick(wanted).is_ok() => {
                Some(Found { listing, foreign: Some(folder), because: Some(because) })
            }
            (None, _) => None,
        }
    };
    if let Some(because) = &config.offline {
        return stand_in(because.clone()).ok_or_else(|| {
            Failure::files(format!(
                "{}: {} at {} is not in the cache: {because}",
                wanted.flag,
                shown(repo),
                repo.revision
            ))
            .hint("run once with the hub in reach, or name a file on this machine")
        });
    }
    let endpoint = &config.access(repo.hub).endpoint;
    let listed = match repo.hub {
        Hub::HuggingFace => hugging_face::list(watch, endpoint, repo).await,
        Hub::ModelScope => model_scope::list(watch, endpoint, repo).await,
    };
    match listed {
        Ok(listing) => Ok(Found { listing, foreign: None, because: None }),
        Err(trouble) if trouble.is_absence() => stand_in(trouble.text()).ok_or_else(|| blame(wanted, config, &trouble)),
        Err(trouble) => Err(blame(wanted, config, &trouble)),
    }
}

/// Files of a foreign cache, where they are.
fn as_it_is(wanted: &Wanted, listing: &Listing, folder: &Path, picked: &[&Entry], because: Option<&str>) -> Fetched {
    let path = match picked {
        [one] if !wanted.pick.is_folder() => folder.join(&one.path),
        _ => folder.to_owned(),
    };
    let at = if listing.commit { format!(" at {}", short(&listing.snapshot)) } else { String::new() };
    let mut notice = format!(
        "{}: {}{at}: {} in {}, not verified",
        wanted.flag,
        shown(&wanted.repo),
        files_of(picked.len()),
        foreign::name(wanted.repo.hub)
    );
    if let Some(why) = because {
        notice.push_str(&format!(" ({why})"));
    }
    Fetched { path, commit: listing.commit.then(|| listing.snapshot.clone()), notices: vec![notice] }
}

async fn lock(cache: &Cache, watch: &mut Watch<'_>) -> Result<Lock> {
    let mut told = false;
    loop {
        if let Some(lock) = cache.try_lock()? {
            return Ok(lock);
        }
        if !told {
            (watch.see)(Event::Waits { lock: &cache.root().join("lock") });
            told = true;
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn download(
    wanted: &Wanted,
    config: &Config,
    cache: &Cache,
    listing: &Listing,
    missing: &[&Entry],
    watch: &mut Watch<'_>,
) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let repo = &wanted.repo;
    let endpoint = &config.access(repo.hub).endpoint;
    watch.total = missing.iter().map(|entry| entry.size).sum();
    let from = format!("{} at {}", shown(repo), repo.revision);
    let begins = Event::Begins {
        files: missing.len(),
        bytes: watch.total,
        from: &from,
        endpoint,
        into: &cache.snapshot(&listing.snapshot),
    };
    (watch.see)(begins);
    for entry in missing {
        let url = match repo.hub {
            Hub::HuggingFace => hugging_face::url(endpoint, repo, &listing.snapshot, &entry.path),
            Hub::ModelScope => model_scope::url(endpoint, repo, &entry.path),
        };
        let part = cache.part(&listing.snapshot, entry)?;
        let name = format!("{} of {}", entry.path, shown(repo));
        let one = Download { cache, entry, url, part, name };
        one.run(watch).await?;
        cache.place(&one.part, &listing.snapshot, &entry.path)?;
        one.tidy()?;
        watch.file_ends(entry);
    }
    (watch.see)(Event::Ends);
    Ok(())
}

/// Where files came from.
#[derive(Debug, Default)]
struct Counts {
    fetched: usize,
    cached: usize,
    foreign: usize,
    unverified: usize,
}

impl Counts {
    fn notice(&self, wanted: &Wanted, listing: &Listing, watch: &Watch<'_>) -> String {
        let mut parts = Vec::new();
        if self.fetched > 0 {
            parts.push(format!("{} of {} fetched", files_of(self.fetched), size(watch.total)));
        }
        if self.cached > 0 {
            parts.push(format!("{} in the cache", files_of(self.cached)));
        }
        if self.foreign > 0 {
            parts.push(format!("{} in {}", files_of(self.foreign), foreign::name(wanted.repo.hub)));
        }
        if watch.resumed > 0 {
            parts.push(format!("{} left of an earlier try", size(watch.resumed)));
        }
        match watch.retries {
            0 => {}
            1 => parts.push("1 request made again".to_owned()),
            retries => parts.push(format!("{retries} requests made again")),
        }
        if watch.wrong > 0 {
            parts.push(format!("{} with wrong contents fetched again", files_of(watch.wrong as usize)));
        }
        if self.unverified > 0 {
            parts.push(format!("{} without a digest, only the size was checked", files_of(self.unverified)));
        }
        if listing.unsafe_names > 0 {
            parts.push(format!("{} names that cannot be paths left out", listing.unsafe_names));
        }
        let repo = &wanted.repo;
        let mut at = repo.revision.clone();
        if listing.commit && at != listing.snapshot {
            at.push_str(&format!(" ({})", short(&listing.snapshot)));
        }
        format!("{}: {} at {at}: {}", wanted.flag, shown(repo), parts.join(", "))
    }
}

fn files_of(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

fn short(snapshot: &str) -> &str {
    snapshot.get(..12).unwrap_or(snapshot)
}

fn pick_name(pick: &Pick) -> String {
    match pick {
        Pick::Split(name) => format!("split-{name}"),
        Pick::Rows { config, split, .. } => format!("rows-{}-{split}", config.replace('/', "_")),
        Pick::File(_) | Pick::Data(_) => "data".to_owned(),
        Pick::Tokenizer => "tokenizer".to_owned(),
        Pick::Model => "model".to_owned(),
    }
}

/// What went wrong with a hub, and one thing to do about it.
fn blame(wanted: &Wanted, config: &Config, trouble: &Trouble) -> Failure {
    let repo = &wanted.repo;
    let (key, variable) = match repo.hub {
        Hub::HuggingFace => ("HF_TOKEN", "HF_ENDPOINT"),
        Hub::ModelScope => ("MODELSCOPE_API_TOKEN", "MODELSCOPE_ENDPOINT"),
    };
    let access = config.access(repo.hub);
    let (what, text) = (shown(repo), trouble.text());
    match trouble {
        Trouble::Status { status: 404, said, .. } if said.starts_with("RevisionNotFound") => {
            Failure::usage(format!("{}: {what} has no revision {}", wanted.flag, repo.revision))
                .hint("give a branch, a tag or a commit that it has; the default is its main branch")
        }
        Trouble::Status { status: 400 | 404, .. } => {
            Failure::usage(format!("{}: there is no {what} at {}: {text}", wanted.flag, repo.revision)).hint(format!(
                "check the id and the revision; it is no file or folder on this machine either; for a private \
                 repository set {key}"
            ))
        }
        Trouble::Status { status: 401 | 403, .. } => {
            let failure = Failure::usage(format!("{}: {what} is refused: {text}", wanted.flag));
            failure.hint(if access.token.is_some() {
                format!("the key in {key} may not read it: check the id, and accept the terms of a gated repository")
            } else {
                format!("check the id; for a private or gated repository set {key}")
            })
        }
        _ => Failure::target(format!("{}: {what} cannot be had from {}: {text}", wanted.flag, access.endpoint))
            .hint(format!("check the network and {variable}; files that are in the cache need neither")),
    }
}
