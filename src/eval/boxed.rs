//! What stands in a box.

/// What the last `\boxed{...}` or `\fbox{...}` of a text holds, whose braces are closed.
pub fn boxed(text: &str) -> Option<String> {
    let mut end = text.len();
    while let Some(at) = text.get(..end)?.rfind("boxed{").or_else(|| text.get(..end)?.rfind("fbox{")) {
        let inside = text.get(at..)?.find('{').map(|open| at + open + 1)?;
        let mut depth = 1_usize;
        for (offset, c) in text.get(inside..)?.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return text.get(inside..inside + offset).map(str::to_owned);
            }
        }
        end = at;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::boxed;

    #[test]
    fn the_last_whole_box_counts() {
        for (text, inside) in [
            ("so \\boxed{1} and \\boxed{\\frac{1}{2}}.", Some("\\frac{1}{2}")),
            ("\\boxed{3} and \\boxed{4", Some("3")),
            ("\\fbox{7}", Some("7")),
            ("none", None),
        ] {
            assert_eq!(boxed(text).as_deref(), inside, "{text}");
        }
    }
}
