//! The text of a given number of tokens, with needles at a given depth.

/// Tokens that are kept free for the question and the words around the text.
const RESERVED: usize = 150;

/// A tokenizer, without special tokens.
pub trait Coder {
    /// The tokens of a text.
    fn encode(&self, text: &str) -> Vec<u32>;
    /// The text of tokens.
    fn decode(&self, tokens: &[u32]) -> String;
}

/// A corpus as tokens, long enough for the longest text that is wanted, and the needles.
pub struct Haystack<'a> {
    coder: &'a dyn Coder,
    corpus: Vec<u32>,
    needles: Vec<Vec<u32>>,
    stops: Vec<u32>,
}

impl<'a> Haystack<'a> {
    /// Encodes the corpus, which is repeated, a line break between, until it has `longest` tokens. A corpus without
    /// tokens stays empty.
    pub fn new(coder: &'a dyn Coder, corpus: &str, needles: &[String], longest: u32) -> Self {
        let longest = longest as usize;
        let mut tokens = coder.encode(corpus);
        let mut copies = 1;
        while !tokens.is_empty() && tokens.len() < longest {
            // As many copies as the tokens of one promise, and one more where line breaks were counted too high.
            copies = (copies + 1).max(longest.saturating_mul(copies).div_ceil(tokens.len()));
            tokens = coder.encode(&vec![corpus; copies].join("\n"));
        }
        let mut stops = coder.encode(".");
        stops.extend(coder.encode("。"));
        Self { coder, corpus: tokens, needles: needles.iter().map(|needle| coder.encode(needle)).collect(), stops }
    }

    /// The text for a cell: the first `length` tokens of the corpus, less 150 and those of the needles, with the
    /// needles.
    ///
    /// The first needle goes to `depth` percent, and from there back behind the nearest full stop, or to the front
    /// where there is none. At 100 percent every needle goes to the end. Otherwise the next needle goes further by (100
    /// - `depth`) / number of needles.
    pub fn text(&self, length: u32, depth: u32) -> String {
        let room = (length as usize).saturating_sub(RESERVED);
        let of_needles: usize = self.needles.iter().map(Vec::len).sum();
        let mut tokens = self.corpus.clone();
        if tokens.len() + of_needles > room {
            tokens.truncate(room.saturating_sub(of_needles));
        }
        let mut depth = f64::from(depth);
        let further = (100.0 - depth) / self.needles.len() as f64;
        for needle in &self.needles {
            if depth >= 100.0 {
                tokens.extend(needle);
                continue;
            }
            let wanted = (tokens.len() as f64 * (depth / 100.0)) as usize;
            let before = tokens.get(..wanted).unwrap_or(&tokens);
            let place = before.iter().rposition(|token| self.stops.contains(token)).map_or(0, |stop| stop + 1);
            tokens.splice(place..place, needle.iter().copied());
            depth += further;
        }
        self.coder.decode(&tokens)
    }
}
