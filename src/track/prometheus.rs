//! Metrics as a Pushgateway of Prometheus takes them: the text format, put under a job and a run.
//!
//! Each push replaces the one before, and the last one stays until somebody deletes it. Histograms have the bounds of
//! those that are pushed to OpenTelemetry.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE;
use http::Method;

use super::address::Address;
use super::buckets::Buckets;
use super::push::Push;
use super::totals::Totals;
use super::tracker::{About, End, Over, Step, Tracker};
use crate::error::Result;

/// Pushes to a Pushgateway.
pub(super) struct Prometheus {
    push: Push,
    model: String,
}

impl Prometheus {
    /// Prepares pushes for a run. An address that names a job already is used as it is.
    ///
    /// # Errors
    /// When there can be none.
    pub(super) fn new(to: &Address, about: &About, model: &str) -> Result<Self> {
        let base = to.uri.path().trim_end_matches('/').to_owned();
        let to = match base.contains("/metrics/job") {
            true => to.clone(),
            false => to.clone().at(&format!("{base}/metrics/job/evalscope/{}", grouped("run", &about.name)))?,
        };
        let push = Push::new(&to, Method::PUT, "text/plain; version=0.0.4; charset=utf-8", &[])?;
        Ok(Prometheus { push, model: model.to_owned() })
    }
}

impl Tracker for Prometheus {
    fn name(&self) -> String {
        format!("Prometheus metrics to {}", self.push.shown())
    }

    fn running(&mut self, step: &Step) -> Result<()> {
        if !self.push.is_due() {
            return Ok(());
        }
        self.push.send(page(&step.totals, &self.model, true)).map(drop)
    }

    fn over(&mut self, over: &Over) -> Result<()> {
        self.running(&over.step)
    }

    fn end(&mut self, end: &End) -> Result<Option<String>> {
        self.push.last(page(&end.totals, &self.model, false)).map(|_| None)
    }
}

/// A label and its value as parts of a path; a value that cannot stand there is encoded as the gateway wants it.
fn grouped(label: &str, value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match value {
        "" => format!("{label}@base64/="),
        plain if plain.chars().all(is_plain) && !plain.chars().all(|c| c == '.') => format!("{label}/{plain}"),
        other => format!("{label}@base64/{}", BASE64_URL_SAFE.encode(other)),
    }
}

/// The page of metrics.
fn page(totals: &[Totals], model: &str, is_active: bool) -> String {
    let mut page = Page { text: String::new(), model: escaped(model) };
    page.family("evalscope_run_active", "gauge", "1 while the run goes on, 0 once it is over.");
    let _ = writeln!(page.text, "evalscope_run_active{{model=\"{}\"}} {}", page.model, u8::from(is_active));
    page.family("evalscope_requests_total", "counter", "Requests by how they ended.");
    for of in totals {
        for (outcome, number) in &of.requests {
            page.value("evalscope_requests_total", of, &format!(",outcome=\"{outcome}\""), *number as f64);
        }
    }
    page.family("evalscope_prompt_tokens_total", "counter", "Tokens of the prompts of complete replies.");
    totals.iter().for_each(|of| page.value("evalscope_prompt_tokens_total", of, "", of.input.sum()));
    page.family("evalscope_completion_tokens_total", "counter", "Tokens of complete replies.");
    totals.iter().for_each(|of| page.value("evalscope_completion_tokens_total", of, "", of.output.sum()));
    let mut seconds = |name: &str, what: &str, get: fn(&Totals) -> &Buckets| {
        page.family(name, "histogram", what);
        totals.iter().for_each(|of| page.histogram(name, of, get(of)));
    };
    seconds("evalscope_time_to_first_token_seconds", "First byte written to the first event with a token.", |of| {
        &of.ttft
    });
    seconds("evalscope_time_per_output_token_seconds", "(last token - first token) / (tokens - 1).", |of| &of.tpot);
    seconds("evalscope_inter_token_latency_seconds", "Gap between events that carry a token.", |of| &of.itl);
    seconds("evalscope_e2e_latency_seconds", "First byte written to the last event that carries JSON.", |of| &of.e2e);
    page.text
}

struct Page {
    text: String,
    model: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, what: &str) {
        let _ = writeln!(self.text, "# HELP {name} {what}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, name: &str, of: &Totals, more: &str, value: f64) {
        let (model, point) = (&self.model, escaped(&of.point));
        let _ = writeln!(self.text, "{name}{{model=\"{model}\",point=\"{point}\"{more}}} {value}");
    }

    fn histogram(&mut self, name: &str, of: &Totals, buckets: &Buckets) {
        let bounds = buckets.bounds().iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        let mut below = 0;
        for (bound, count) in bounds.zip(buckets.counts()) {
            below += count;
            self.value(&format!("{name}_bucket"), of, &format!(",le=\"{bound}\""), below as f64);
        }
        self.value(&format!("{name}_sum"), of, "", buckets.sum());
        self.value(&format!("{name}_count"), of, "", buckets.count() as f64);
    }
}

/// The value of a label.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::totals::tests::two_requests;
    use super::super::tracker::tests::about;
    use super::*;

    #[test]
    fn a_page_has_every_family_once() {
        let page = page(&[two_requests(), Totals::new("b".to_owned(), 0)], "a\"b", true);
        assert_eq!(page.matches("# TYPE").count(), 8);
        for line in [
            "# TYPE evalscope_requests_total counter",
            "evalscope_run_active{model=\"a\\\"b\"} 1",
            "evalscope_requests_total{model=\"a\\\"b\",point=\"parallel_1_number_2\",outcome=\"status\"} 1",
            "evalscope_completion_tokens_total{model=\"a\\\"b\",point=\"parallel_1_number_2\"} 4",
            "evalscope_time_to_first_token_seconds_bucket{model=\"a\\\"b\",point=\"parallel_1_number_2\",le=\"0.04\"} 0",
            "evalscope_time_to_first_token_seconds_bucket{model=\"a\\\"b\",point=\"parallel_1_number_2\",le=\"0.08\"} 1",
            "evalscope_inter_token_latency_seconds_bucket{model=\"a\\\"b\",point=\"parallel_1_number_2\",le=\"+Inf\"} 2",
            "evalscope_inter_token_latency_seconds_sum{model=\"a\\\"b\",point=\"parallel_1_number_2\"} 0.003",
            "evalscope_e2e_latency_seconds_count{model=\"a\\\"b\",point=\"b\"} 0",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
        assert!(page.ends_with('\n'));
    }

    #[test]
    fn runs_are_grouped_by_job_and_name() -> Result<()> {
        let dir = std::path::Path::new(".");
        let at = |given: &str, name: &str| -> Result<String> {
            let about = About { name: name.to_owned(), ..about(dir) };
            Ok(Prometheus::new(&Address::of("--x", given)?, &about, "m")?.push.shown().to_owned())
        };
        assert_eq!(at("http://h:9091", "m_1")?, "http://h:9091/metrics/job/evalscope/run/m_1");
        assert_eq!(at("http://h/gate/", "a/b c")?, "http://h/gate/metrics/job/evalscope/run@base64/YS9iIGM=");
        assert_eq!(at("http://h/metrics/job/mine", "m")?, "http://h/metrics/job/mine");
        assert_eq!(grouped("run", ""), "run@base64/=");
        assert_eq!(grouped("run", ".."), "run@base64/Li4=");
        Ok(())
    }
}
