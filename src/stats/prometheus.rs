//! The text that `/metrics` answers with: Prometheus' exposition format and OpenMetrics, as far as they agree.

/// Bytes of a page that are read; what lies behind is left out and said.
const MOST: usize = 8 << 20;

/// One line with a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Name of the metric, with its `_total`, `_sum`, `_count` or `_bucket`.
    pub name: String,
    /// Labels in order, escapes undone.
    pub labels: Vec<(String, String)>,
    /// The value; may be infinite or no number.
    pub value: f64,
}

impl Sample {
    /// A label's value.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// A page of metrics.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Lines with a value, in order.
    pub samples: Vec<Sample>,
    /// Lines that declare a metric: `# TYPE` and `# HELP`.
    pub declared: u64,
    /// Lines that are neither samples nor comments; they are passed over.
    pub malformed: u64,
    /// Whether the page was longer than what is read.
    pub cut: bool,
}

impl Page {
    /// Reads a page. Nothing in it is fatal: lines that cannot be read are counted.
    pub fn parse(text: &[u8]) -> Self {
        let mut page = Page { cut: text.len() > MOST, ..Page::default() };
        let mut text = &text[..text.len().min(MOST)];
        if page.cut {
            // A line that is not whole would be read as another number.
            text = &text[..text.iter().rposition(|byte| *byte == b'\n').unwrap_or(0)];
        }
        for line in text.split(|byte| *byte == b'\n') {
            let line = std::str::from_utf8(line).map(str::trim);
            match line {
                Ok("") => {}
                Ok(line) if line.starts_with('#') => {
                    let words = line.trim_start_matches('#').trim_start();
                    page.declared += u64::from(words.starts_with("TYPE ") || words.starts_with("HELP "));
                }
                Ok(line) => match sample(line) {
                    Some(sample) => page.samples.push(sample),
                    None => page.malformed += 1,
                },
                Err(_) => page.malformed += 1,
            }
        }
        page
    }

    /// Whether this is a page of metrics at all, and not one of words that a gateway answers every path with.
    pub fn is_metrics(&self) -> bool {
        let read = self.samples.len() as u64 + self.declared;
        read > 0 && read > self.malformed
    }

    /// Whether a sample bears this model's name as `model_name`.
    pub fn names_model(&self, model: &str) -> bool {
        self.samples.iter().any(|sample| sample.label("model_name") == Some(model))
    }

    /// Finite values of a metric over all its label sets. With a model those of other models are left out.
    pub fn values<'a>(&'a self, name: &'a str, model: Option<&'a str>) -> impl Iterator<Item = f64> + 'a {
        let of_model = move |sample: &Sample| match (model, sample.label("model_name")) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        };
        self.samples
            .iter()
            .filter(move |sample| sample.name == name && sample.value.is_finite() && of_model(sample))
            .map(|sample| sample.value)
    }
}

/// `name{label="value",...} value [timestamp] [# exemplar]`.
fn sample(line: &str) -> Option<Sample> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let rest = rest.trim_start();
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Vec::new(), rest),
    };
    let mut words = rest.split_ascii_whitespace();
    let value = number(words.next()?)?;
    match words.next() {
        None => {}
        Some(word) if word.starts_with('#') => {}
        Some(timestamp) => {
            number(timestamp)?;
            if words.next().is_some_and(|word| !word.starts_with('#')) {
                return None;
            }
        }
    }
    Some(Sample { name: name.to_owned(), labels, value })
}

/// The labels behind an opening brace, and what follows the closing one.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_end();
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-');
        if name.is_empty() || !name.chars().all(word) {
            return None;
        }
        let (value, after) = quoted(after.trim_start().strip_prefix('"')?)?;
        labels.push((name.to_owned(), value));
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
}

/// Text up to the closing quote with its escapes undone, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match signs.next()?.1 {
                'n' => value.push('\n'),
                escaped @ ('\\' | '"') => value.push(escaped),
                // Other escapes are not defined; readers keep them as they stand.
                other => value.extend(['\\', other]),
            },
            sign => value.push(sign),
        }
    }
    None
}

/// A number as Go spells it: `1`, `1.5e+06`, `+Inf`, `NaN`.
fn number(word: &str) -> Option<f64> {
    word.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(line: &str) -> Option<Sample> {
        let page = Page::parse(line.as_bytes());
        assert_eq!(page.samples.len() as u64 + page.malformed, 1, "{line}");
        page.samples.into_iter().next()
    }

    type Labels = [(&'static str, &'static str)];

    #[test]
    fn samples_of_every_form_are_read() {
        let cases: [(&str, &str, &Labels, f64); 9] = [
            ("up 1", "up", &[], 1.0),
            ("  a:b_total   1.5e+06  ", "a:b_total", &[], 1.5e6),
            ("a{} 2", "a", &[], 2.0),
            ("a {x=\"1\"} 2", "a", &[("x", "1")], 2.0),
            ("a{x=\"1\", y = \"2\" ,} -3 1395066363000", "a", &[("x", "1"), ("y", "2")], -3.0),
            (r#"a{p="C:\\D\"q\"\n\w}, x="} 4"#, "a", &[("p", "C:\\D\"q\"\n\\w}, x=")], 4.0),
            ("a_bucket{le=\"+Inf\"} 7 # {trace_id=\"k\"} 0.6 1520879607.789", "a_bucket", &[("le", "+Inf")], 7.0),
            ("a +Inf", "a", &[], f64::INFINITY),
            ("a{m=\"Qwen/模型\"} 0 12.5 # {}", "a", &[("m", "Qwen/模型")], 0.0),
        ];
        for (line, name, labels, value) in cases {
            let labels = labels.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(one(line), Some(Sample { name: name.to_owned(), labels, value }), "{line}");
        }
        assert!(one("a NaN").is_some_and(|sample| sample.value.is_nan()));
    }

    #[test]
    fn lines_that_cannot_be_read_are_counted() {
        for line in [
            "<html>",
            "a",
            "1a 2",
            "a{x=1} 2",
            "a{x=\"1} 2",
            "a{x=\"1\" y=\"2\"} 3",
            "a{=\"1\"} 2",
            "a{x=\"1\"}",
            "a 1 b",
            "a 1 2 3",
            "{\"a.b\"} 1",
            "data: {}",
        ] {
            assert_eq!(one(line), None, "{line}");
        }
        let page = Page::parse(b"# HELP a b\n# TYPE a counter\n# a remark\n\na 1\r\n\xff\xfe 1\n# EOF\n");
        assert_eq!((page.samples.len(), page.declared, page.malformed, page.cut), (1, 2, 1, false));
        assert!(page.is_metrics());
    }

    #[test]
    fn other_pages_are_none_of_metrics() {
        for text in [
            "",
            "\n",
            "<html>\n<body>\nNot here\n</body>\n</html>",
            "{\"detail\":\"Not Found\"}",
            "data: {}\n\ndata: [DONE]\n\n",
        ] {
            assert!(!Page::parse(text.as_bytes()).is_metrics(), "{text}");
        }
        assert!(Page::parse(b"# TYPE a counter\n").is_metrics(), "a server that has not counted anything yet");
    }

    #[test]
    fn a_page_that_is_too_long_is_cut_between_lines() {
        let line = b"a_metric 123456789\n";
        let page = Page::parse(&line.repeat(MOST / line.len() + 5));
        assert!(page.cut && page.malformed == 0);
        assert!(page.samples.iter().all(|sample| sample.value == 123_456_789.0));
    }

    #[test]
    fn values_of_other_models_are_left_out_only_where_one_is_asked_for() {
        let page = Page::parse(
            b"a{model_name=\"m\",e=\"0\"} 1\na{model_name=\"m\",e=\"1\"} 2\na{model_name=\"n\"} 4\na 8\na NaN\nb 16\n",
        );
        assert_eq!(page.values("a", None).sum::<f64>(), 15.0);
        assert_eq!(page.values("a", Some("m")).sum::<f64>(), 11.0);
        assert!(page.names_model("n") && !page.names_model("o"));
    }

    proptest! {
        #[test]
        fn nothing_is_fatal(bytes: Vec<u8>, text in "[a{}=\"\\\\,# 1\n]{0,60}") {
            Page::parse(&bytes);
            let page = Page::parse(text.as_bytes());
            prop_assert!(page.samples.len() as u64 + page.malformed <= text.matches('\n').count() as u64 + 1);
        }

        #[test]
        fn labels_come_back_from_any_text(value: String, number: f64) {
            let escaped = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n");
            let line = format!("a{{x=\"{escaped}\"}} {number}");
            let page = Page::parse(line.as_bytes());
            prop_assert_eq!(page.samples.len(), 1);
            prop_assert_eq!(page.samples[0].label("x"), Some(value.as_str()));
            prop_assert!(page.samples[0].value == number || number.is_nan());
        }
    }
}
