//! The check of the fixed parameters of Kimi K2: their defaults must be accepted, other values be refused.

use super::Rate;

/// How a probe ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered.
    Accepted,
    /// It refused the request with HTTP 400.
    Refused,
    /// Anything else: another status, no connection, no time. It says nothing about the parameter.
    Failed,
}

/// The rates of a subset: wrong values that were refused, defaults that were accepted, and probes that failed, which
/// count in neither of the first two.
pub fn rates(outcomes: &[(bool, Outcome)]) -> [Rate; 3] {
    let count = |is: &dyn Fn(bool, Outcome) -> bool| {
        outcomes.iter().filter(|(refused, outcome)| is(*refused, *outcome)).count() as u64
    };
    let refused = count(&|must, outcome| must && outcome == Outcome::Refused);
    let to_refuse = count(&|must, outcome| must && outcome != Outcome::Failed);
    let accepted = count(&|must, outcome| !must && outcome == Outcome::Accepted);
    let to_accept = count(&|must, outcome| !must && outcome != Outcome::Failed);
    let failed = count(&|_, outcome| outcome == Outcome::Failed);
    [
        Rate::of("param_immutable_reject_rate", refused, to_refuse),
        Rate::of("param_default_accept_rate", accepted, to_accept),
        Rate::of("inference_error_rate", failed, outcomes.len() as u64),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_on_their_own() {
        use Outcome::{Accepted, Failed, Refused};
        let outcomes = [(true, Refused), (true, Accepted), (true, Failed), (false, Accepted)];
        let rates = rates(&outcomes).map(|rate| (rate.rate, rate.num));
        assert_eq!(rates, [(Some(0.5), 2), (Some(1.0), 1), (Some(0.25), 4)]);
        assert_eq!(super::rates(&[])[0].rate, None);
    }
}
