//! Spans: entities from BIO tags.

/// How tags that break the scheme are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// As the CoNLL evaluation reads them: an `I-` behind nothing or behind another type begins an entity.
    #[default]
    Lenient,
    /// Only `B-` begins an entity, and only `I-` of its type continues it.
    Strict,
}

/// An entity: its type and its first and last token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span<'a> {
    /// The type.
    pub kind: &'a str,
    /// The first token.
    pub first: usize,
    /// The last token.
    pub last: usize,
}

/// The entities of the tags of one text, in order.
pub fn spans<S: AsRef<str>>(tags: &[S], mode: Mode) -> Vec<Span<'_>> {
    let mut found = Vec::new();
    let mut open: Option<(usize, &str)> = None;
    let mut before = ('O', "_");
    for (index, tag) in tags.iter().enumerate() {
        let here = parts(tag.as_ref());
        if ends(before, here, mode) {
            found.extend(open.take().map(|(first, kind)| Span { kind, first, last: index - 1 }));
        }
        if begins(before, here, mode) {
            open = Some((index, here.1));
        }
        before = here;
    }
    found.extend(open.map(|(first, kind)| Span { kind, first, last: tags.len() - 1 }));
    found
}

/// The letter of a tag and the type behind it.
fn parts(tag: &str) -> (char, &str) {
    let mut chars = tag.chars();
    let letter = chars.next().unwrap_or('O');
    let rest = chars.as_str();
    let kind = rest.split_once('-').map_or(rest, |(_, kind)| kind);
    (letter, if kind.is_empty() { "_" } else { kind })
}

fn is_outside(letter: char) -> bool {
    letter == 'O' || letter == '.'
}

/// Whether an entity ends between two tags.
fn ends(before: (char, &str), here: (char, &str), mode: Mode) -> bool {
    if mode == Mode::Strict {
        return !(here.0 == 'I' && matches!(before.0, 'B' | 'I') && here.1 == before.1);
    }
    let closed = matches!(before.0, 'E' | 'S');
    let cut = matches!(before.0, 'B' | 'I') && matches!(here.0, 'B' | 'S' | 'O');
    closed || cut || (!is_outside(before.0) && before.1 != here.1)
}

/// Whether an entity begins at a tag.
fn begins(before: (char, &str), here: (char, &str), mode: Mode) -> bool {
    if mode == Mode::Strict {
        return here.0 == 'B';
    }
    let opens = matches!(here.0, 'B' | 'S');
    let follows = matches!(before.0, 'E' | 'S' | 'O') && matches!(here.0, 'E' | 'I');
    opens || follows || (!is_outside(here.0) && before.1 != here.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(tags: &str, mode: Mode) -> String {
        let tags: Vec<&str> = tags.split(' ').collect();
        let spans = spans(&tags, mode).into_iter().map(|span| format!("{}{}-{}", span.kind, span.first, span.last));
        spans.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn modes_differ_where_the_scheme_is_broken() {
        assert_eq!(shown("B-P I-P O B-L", Mode::Lenient), "P0-1 L3-3");
        assert_eq!(shown("B-P I-P O B-L", Mode::Strict), "P0-1 L3-3");
        assert_eq!(shown("O I-P I-L B-L I-P", Mode::Lenient), "P1-1 L2-2 L3-3 P4-4");
        assert_eq!(shown("O I-P I-L B-L I-P", Mode::Strict), "L3-3");
        assert_eq!(shown("B I O", Mode::Lenient), "_0-1");
    }
}
