//! The labels of the options of a question: A to Z, then 1, 2 and so on.

/// The labels that a question with so many options allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labels {
    count: usize,
}

const LETTERS: usize = 26;

impl Labels {
    /// The labels of `count` options.
    pub fn of(count: usize) -> Self {
        Self { count }
    }

    /// How many there are.
    pub fn count(self) -> usize {
        self.count
    }

    /// The label of the option at `index`, counted from 0; also beyond the options of this question.
    pub fn label(index: usize) -> String {
        match u8::try_from(index) {
            Ok(small) if index < LETTERS => char::from(b'A' + small).to_string(),
            _ => (index - LETTERS + 1).to_string(),
        }
    }

    /// The index of the option that has this label, counted from 0.
    pub fn index(self, label: &str) -> Option<usize> {
        let index = match label.as_bytes() {
            [letter @ b'A'..=b'Z'] => usize::from(letter - b'A'),
            [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
                label.parse::<usize>().ok()?.checked_add(LETTERS - 1)?
            }
            _ => return None,
        };
        (index < self.count).then_some(index)
    }

    /// Whether it is a label of this question.
    pub fn has(self, label: &str) -> bool {
        self.index(label).is_some()
    }

    /// Whether every character is a label by itself.
    pub(crate) fn has_each(self, run: &str) -> bool {
        run.chars().all(|c| self.has(c.encode_utf8(&mut [0; 4])))
    }

    /// The labels in order.
    pub fn iter(self) -> impl Iterator<Item = String> {
        (0..self.count).map(Self::label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_continue_with_numbers_after_the_alphabet() {
        let labels: Vec<String> = Labels::of(40).iter().collect();
        assert_eq!(labels[..2], ["A", "B"]);
        assert_eq!(labels[25..28], ["Z", "1", "2"]);
        assert_eq!(labels[39], "14");
        for (index, label) in labels.iter().enumerate() {
            assert_eq!(Labels::of(40).index(label), Some(index));
        }
    }

    #[test]
    fn what_is_no_label() {
        for text in ["", "a", "15", "01", "0", "AB", "é", "99999999999999999999999999"] {
            assert!(!Labels::of(40).has(text), "{text}");
        }
        assert!(!Labels::of(4).has("E"));
        assert!(!Labels::of(4).has("1"));
    }
}
