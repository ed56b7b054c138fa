//! When to ask a hub again.

use std::time::Duration;

use http::HeaderMap;

/// How often something is tried before it is given up.
const TRIES: u32 = 6;
/// The first pause; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that a hub may ask for.
const LONGEST: Duration = Duration::from_secs(120);

/// Why a request gave no answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trouble {
    /// It may pass: a connection that cannot be made, breaks or falls silent.
    Passing(String),
    /// An answer that is no success.
    Status {
        status: u16,
        /// What the hub says of it.
        said: String,
        /// When it may be asked again.
        after: Option<Duration>,
    },
    /// It will not pass, such as a certificate that nobody vouches for.
    Lasting(String),
}

impl Trouble {
    /// Whether asking again may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Trouble::Passing(_) => true,
            Trouble::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Trouble::Lasting(_) => false,
        }
    }

    /// Whether the hub could not be reached at all, so that what was kept of it may stand in.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Trouble::Passing(_) | Trouble::Status { status: 429 | 500..=599, .. })
    }

    /// What happened, for people.
    pub(super) fn text(&self) -> String {
        match self {
            Trouble::Passing(why) | Trouble::Lasting(why) => why.clone(),
            Trouble::Status { status, said, .. } if said.is_empty() => format!("status {status}"),
            Trouble::Status { status, said, .. } => format!("status {status}: {said}"),
        }
    }
}

/// `Retry-After` in seconds; the form with a date is not read.
pub(super) fn after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Counts tries and doubles the pause between them.
#[derive(Debug, Default)]
pub(super) struct Retry {
    failed: u32,
}

impl Retry {
    /// How long to wait before the next try; `None` to give up.
    pub(super) fn pause(&mut self, trouble: &Trouble) -> Option<Duration> {
        self.failed += 1;
        if !trouble.may_pass() || self.failed >= TRIES {
            return None;
        }
        match trouble {
            Trouble::Status { after: Some(after), .. } => (*after <= LONGEST).then_some(*after),
            _ => Some(PAUSE * 2_u32.pow(self.failed - 1)),
        }
    }

    /// Something came through: the count begins anew.
    pub(super) fn came_on(&mut self) {
        self.failed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_until_it_is_given_up() {
        let (mut retry, broken) = (Retry::default(), Trouble::Passing(String::new()));
        let pauses: Vec<u128> = std::iter::from_fn(|| retry.pause(&broken)).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000]);
        retry.came_on();
        assert_eq!(retry.pause(&broken), Some(PAUSE));
    }

    #[test]
    fn a_hub_may_name_the_pause_and_some_answers_are_final() {
        let status = |status, after| Trouble::Status { status, said: String::new(), after };
        let pause = |trouble| Retry::default().pause(&trouble);
        assert_eq!(pause(status(429, Some(Duration::from_secs(7)))), Some(Duration::from_secs(7)));
        assert_eq!(pause(status(429, Some(Duration::from_secs(3600)))), None);
        assert_eq!(pause(status(503, None)), Some(PAUSE));
        assert_eq!(pause(status(404, None)), None);
        assert_eq!(pause(Trouble::Lasting(String::new())), None);
    }
}
