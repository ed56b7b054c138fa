//! Bytes of tokens to text that can be sent: whole characters only, and nothing that may become a stop string.

/// Bytes to characters, as far as they are complete.
#[derive(Debug, Default)]
pub struct Utf8 {
    /// The beginning of a character, at most three bytes.
    open: Vec<u8>,
}

impl Utf8 {
    /// The text that these bytes complete. Bytes that can be no character become U+FFFD, in the same places as in
    /// [`String::from_utf8_lossy`] of all bytes at once.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.open.extend_from_slice(bytes);
        let mut text = String::new();
        let mut rest = self.open.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    // The part before the error is valid by its definition, so nothing is replaced here.
                    text.push_str(&String::from_utf8_lossy(valid));
                    rest = after;
                    let Some(wrong) = error.error_len() else { break };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &rest[wrong..];
                }
            }
        }
        self.open = rest.to_vec();
        text
    }

    /// What is left at the end: U+FFFD for a character that was not completed.
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.open)).into_owned()
    }
}

/// The text of one reply.
#[derive(Debug)]
pub struct Text {
    utf8: Utf8,
    /// Text that may be the beginning of a stop string.
    held: String,
    stops: Vec<String>,
}

impl Text {
    /// An empty text that ends before any of the stop strings.
    pub fn new(stops: Vec<String>) -> Self {
        Text { utf8: Utf8::default(), held: String::new(), stops }
    }

    /// Adds the bytes of a token: gives the text that is settled by it, and whether a stop string appeared. Nothing
    /// may be added after that.
    pub fn push(&mut self, bytes: &[u8]) -> (String, bool) {
        let text = self.utf8.push(bytes);
        if self.stops.is_empty() {
            return (text, false);
        }
        let mut text = std::mem::take(&mut self.held) + &text;
        if let Some(at) = self.stops.iter().filter_map(|stop| text.find(stop.as_str())).min() {
            text.truncate(at);
            return (text, true);
        }
        self.held = text.split_off(self.settled(&text));
        (text, false)
    }

    /// Adds the bytes of a token without regard to stop strings.
    pub fn push_unstopped(&mut self, bytes: &[u8]) -> String {
        self.utf8.push(bytes)
    }

    /// The text that was held back.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held) + &self.utf8.finish()
    }

    /// Where the longest ending that begins a stop string begins.
    fn settled(&self, text: &str) -> usize {
        let begins = |at: &usize| self.stops.iter().any(|stop| stop.starts_with(&text[*at..]));
        let longest = self.stops.iter().map(String::len).max().unwrap_or(0);
        let from = text.len().saturating_sub(longest);
        (from..text.len()).filter(|at| text.is_char_boundary(*at)).find(begins).unwrap_or(text.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        cuts.windows(2).map(|cut| bytes[cut[0]..cut[1]].to_vec()).collect()
    }

    proptest! {
        #[test]
        fn parts_give_the_text_of_the_whole(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..60),
                ".{0,30}".prop_map(String::into_bytes),
            ],
            cuts in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            let mut utf8 = Utf8::default();
            let mut text: String = parts(&bytes, &cuts).iter().map(|part| utf8.push(part)).collect();
            prop_assert!(utf8.open.len() < 4);
            text += &utf8.finish();
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn a_stop_ends_the_text_wherever_it_is_cut(
            whole in "[abc]{0,40}",
            stops in proptest::collection::vec("[abc]{1,4}", 0..3),
            cuts in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            // Cuts may show a longer stop only after a shorter one that begins later, so each letter is a part.
            let cuts: Vec<usize> = cuts.into_iter().chain(0..whole.len()).collect();
            let mut text = Text::new(stops.clone());
            let mut got = String::new();
            let mut stopped = false;
            for part in parts(whole.as_bytes(), &cuts) {
                let (settled, stop) = text.push(&part);
                got += &settled;
                if stop {
                    stopped = true;
                    break;
                }
            }
            if !stopped {
                got += &text.finish();
            }
            let first = (1..=whole.len())
                .find_map(|end| stops.iter().filter(|stop| whole[..end].ends_with(stop.as_str())).map(|stop| end - stop.len()).min());
            prop_assert_eq!(stopped, first.is_some());
            prop_assert_eq!(got, &whole[..first.unwrap_or(whole.len())]);
        }
    }
}
