//! What a dataset's own file decides of a plan: how many requests a recorded schedule has, and what a reader should know
//! of it before the run.

use super::ready::measured;
use crate::error::{Failure, Result};
use crate::plan::{Arrival, ListOf, Plan, Point};
use crate::units::NS_PER_S;
use crate::workload::{self, Survey};

/// Fills in the number of requests of recorded traffic: all of it, or as much as `--number` says; the warm-up is its
/// first part. What the file tells of rates and of prefix caches becomes a notice.
///
/// # Errors
/// When the file cannot be read or has a bad row, or the warm-up leaves nothing of it.
pub fn settle(plan: &mut Plan) -> Result<()> {
    let recorded = plan.load.arrival == Arrival::Recorded;
    let asked = plan.settings.number.as_ref().map(ListOf::to_vec).and_then(|numbers| numbers.first().copied());
    let most = match (recorded, asked) {
        (true, None) => u64::MAX,
        (true, Some(number)) => number,
        (false, _) => plan.points.iter().map(|point| point.warmup + point.number).sum(),
    };
    let most = most.max(1).saturating_add(plan.workload.offset);
    let Some(survey) = workload::survey(&plan.workload, most)? else { return Ok(()) };
    // An offset beyond the end goes on from the start.
    let count = survey.count - plan.workload.offset % survey.count.max(1);
    if recorded {
        let warmup = plan.settings.warmup_num.count();
        let number = measured(count, warmup);
        if number == 0 {
            return Err(Failure::usage(format!(
                "--dataset {}: its {count} requests are all taken by --warmup-num and --dataset-offset",
                plan.settings.dataset
            ))
            .hint("set smaller ones"));
        }
        for point in &mut plan.points {
            *point = Point { number, warmup: Point::warm_up(warmup, number), ..*point };
        }
        // The warm-up is part of what is asked for, so that the saved plan asks for the same again.
        let total = number + Point::warm_up(warmup, number);
        plan.settings.number = Some(ListOf::One(total));
    }
    plan.notices.extend(told(plan, &survey, count));
    Ok(())
}

/// What a reader should know of a dataset before it is sent.
fn told(plan: &Plan, survey: &Survey, count: u64) -> Vec<String> {
    let name = &plan.settings.dataset;
    let mut notices = Vec::new();
    if let Some(rate) = survey.rate() {
        let seconds = survey.span_ns as f64 / NS_PER_S;
        notices.push(format!("{name}: {count} requests over {seconds:.1} s, {rate:.3} a second on average"));
    }
    if let Some(ratio) = survey.hits.and_then(|hits| hits.ratio()) {
        notices.push(format!(
            "{name}: a prefix cache without bounds would serve {:.1} % of the prompt tokens (theoretical hit ratio)",
            100.0 * ratio
        ));
    }
    notices
}

#[cfg(test)]
mod tests {
    use crate::plan::{Load, layer};

    use super::*;

    fn plan(more: &str) -> Result<Plan> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/mooncake/sample.jsonl");
        let text = format!("dataset = 'mooncake'\ndataset-path = '{path}'\nopen-loop = true\n{more}");
        let mut plan = Plan::resolve(layer(Some(("test", &text)), toml::Table::new())?, None, 7)?;
        settle(&mut plan)?;
        Ok(plan)
    }

    #[test]
    fn a_trace_is_sent_as_a_whole_or_as_far_as_asked_for() -> Result<()> {
        for (more, number, warmup) in [
            ("", 4, 0),
            ("number = 3", 3, 0),
            ("number = 99", 4, 0),
            ("warmup-num = 1.0", 3, 1),
            ("warmup-num = 0.5\nnumber = 3", 2, 1),
            ("dataset-offset = 1", 3, 0),
            ("dataset-offset = 4", 4, 0),
        ] {
            let plan = plan(more)?;
            let point = plan.points[0];
            assert_eq!((point.number, point.warmup), (number, warmup), "{more}");
            assert_eq!(point.load, Load::Trace { speed: 1.0, max_in_flight: None });
            let again = Plan::resolve(plan.settings.clone(), None, 8).and_then(|mut again| {
                settle(&mut again)?;
                Ok(again)
            })?;
            assert_eq!((again.points, again.settings), (plan.points, plan.settings), "{more}");
        }
        assert!(plan("warmup-num = 4.0").is_err());
        Ok(())
    }

    #[test]
    fn the_speed_has_two_names_and_one_value() -> Result<()> {
        for more in ["dataset-args = { speed = 6.0 }", "trace-speed = 6.0", "dataset-args = '{\"speed\": 6}'"] {
            assert_eq!(plan(more)?.points[0].load, Load::Trace { speed: 6.0, max_in_flight: None }, "{more}");
        }
        assert!(plan("trace-speed = 6.0\ndataset-args = { speed = 5.0 }").is_err());
        Ok(())
    }

    #[test]
    fn what_a_cache_would_serve_is_told() -> Result<()> {
        let notices = plan("dataset-args = { block_size = 16 }")?.notices;
        assert_eq!(
            notices,
            [
                "mooncake: 4 requests over 3.0 s, 1.000 a second on average",
                "mooncake: a prefix cache without bounds would serve 49.4 % of the prompt tokens (theoretical hit ratio)"
            ]
        );
        Ok(())
    }
}
