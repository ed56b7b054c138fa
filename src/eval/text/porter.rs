//! Porter's stemmer of English words, with the extensions of NLTK.
//!
//! M. F. Porter, An algorithm for suffix stripping, Program 14(3), 1980. NLTK adds some irregular words, rules of the
//! author's later revision, and short words.

/// Words whose stem follows no rule.
const IRREGULAR: [(&str, &str); 16] = [
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("innings", "inning"),
    ("inning", "inning"),
    ("outings", "outing"),
    ("outing", "outing"),
    ("cannings", "canning"),
    ("canning", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
    ("exceed", "exceed"),
    ("succeed", "succeed"),
];

const STEP_2: [(&str, &str); 20] = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
];
const STEP_3: [(&str, &str); 7] =
    [("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];
const STEP_4: [&str; 19] = [
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
];

/// The stem of a word, in lower case.
pub fn stem(word: &str) -> String {
    let word = word.to_lowercase();
    if let Some((_, stem)) = IRREGULAR.iter().find(|(irregular, _)| *irregular == word) {
        return (*stem).to_owned();
    }
    if word.chars().count() <= 2 {
        return word;
    }
    let steps: [fn(String) -> String; 8] = [step_1a, step_1b, step_1c, step_2, step_3, step_4, step_5a, step_5b];
    steps.into_iter().fold(word, |word, step| step(word))
}

/// For each character whether it is a consonant: no vowel, and no y after a consonant.
fn consonants(word: &str) -> Vec<bool> {
    let mut found: Vec<bool> = Vec::new();
    for c in word.chars() {
        let before = found.last().copied();
        found.push(match c {
            'a' | 'e' | 'i' | 'o' | 'u' => false,
            'y' => before.is_none_or(|consonant| !consonant),
            _ => true,
        });
    }
    found
}

/// How many times a run of vowels is followed by consonants.
fn measure(word: &str) -> usize {
    consonants(word).windows(2).filter(|pair| matches!(pair, [false, true])).count()
}

fn has_vowel(word: &str) -> bool {
    consonants(word).contains(&false)
}

fn ends_with_double_consonant(word: &str) -> bool {
    let mut ends = word.chars().rev();
    ends.next().is_some_and(|last| ends.next() == Some(last)) && consonants(word).last() == Some(&true)
}

fn ends_consonant_vowel_consonant(word: &str) -> bool {
    match consonants(word).as_slice() {
        [.., true, false, true] => !word.ends_with(['w', 'x', 'y']),
        [false, true] => true,
        _ => false,
    }
}

/// Applies the first rule whose suffix the word has, if its condition on what stands before the suffix holds.
fn first_rule(word: String, rules: &[(&str, &str)], condition: impl Fn(&str) -> bool) -> String {
    for (suffix, replacement) in rules {
        if let Some(before) = word.strip_suffix(suffix) {
            return if condition(before) { format!("{before}{replacement}") } else { word };
        }
    }
    word
}

fn step_1a(word: String) -> String {
    if word.ends_with("ies") && word.chars().count() == 4 {
        return first_rule(word, &[("ies", "ie")], |_| true);
    }
    first_rule(word, &[("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", "")], |_| true)
}

fn step_1b(word: String) -> String {
    if let Some(before) = word.strip_suffix("ied") {
        return format!("{before}{}", if word.chars().count() == 4 { "ie" } else { "i" });
    }
    if word.ends_with("eed") {
        return first_rule(word, &[("eed", "ee")], |before| measure(before) > 0);
    }
    let before = ["ed", "ing"].iter().find_map(|suffix| word.strip_suffix(suffix).filter(|before| has_vowel(before)));
    let Some(before) = before.map(str::to_owned) else { return word };
    if ["at", "bl", "iz"].iter().any(|end| before.ends_with(end)) {
        return before + "e";
    }
    if ends_with_double_consonant(&before) {
        let keep = before.ends_with(['l', 's', 'z']);
        let shorter: String = before.chars().take(before.chars().count() - 1).collect();
        return if keep { before } else { shorter };
    }
    if measure(&before) == 1 && ends_consonant_vowel_consonant(&before) { before + "e" } else { before }
}

fn step_1c(word: String) -> String {
    first_rule(word, &[("y", "i")], |before| before.chars().count() > 1 && consonants(before).last() == Some(&true))
}

fn step_2(mut word: String) -> String {
    // NLTK reads the word again after this rule.
    while let Some(before) = word.strip_suffix("alli").filter(|before| measure(before) > 0) {
        word = format!("{before}al");
    }
    let known = STEP_2.iter().any(|(suffix, _)| word.ends_with(suffix));
    if !known && let Some(before) = word.strip_suffix("logi") {
        return if measure(&format!("{before}l")) > 0 { format!("{before}log") } else { word };
    }
    let rules = if known { STEP_2.as_slice() } else { &[("fulli", "ful")] };
    first_rule(word, rules, |before| measure(before) > 0)
}

fn step_3(word: String) -> String {
    first_rule(word, &STEP_3, |before| measure(before) > 0)
}

fn step_4(word: String) -> String {
    let Some(suffix) = STEP_4.iter().find(|suffix| word.ends_with(**suffix)) else { return word };
    let before = word.strip_suffix(suffix).unwrap_or(&word);
    let allowed = *suffix != "ion" || before.ends_with(['s', 't']);
    if allowed && measure(before) > 1 { before.to_owned() } else { word }
}

fn step_5a(word: String) -> String {
    let Some(before) = word.strip_suffix('e') else { return word };
    let drop = match measure(before) {
        0 => false,
        1 => !ends_consonant_vowel_consonant(before),
        _ => true,
    };
    if drop { before.to_owned() } else { word }
}

fn step_5b(word: String) -> String {
    match word.strip_suffix('l') {
        Some(before) if before.ends_with('l') && measure(before) > 1 => before.to_owned(),
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stems() {
        for (word, expected) in [
            ("caresses", "caress"),
            ("ponies", "poni"),
            ("ties", "tie"),
            ("cats", "cat"),
            ("agreed", "agre"),
            ("plastered", "plaster"),
            ("motoring", "motor"),
            ("conflated", "conflat"),
            ("hopping", "hop"),
            ("falling", "fall"),
            ("filing", "file"),
            ("happy", "happi"),
            ("relational", "relat"),
            ("probate", "probat"),
            ("controlling", "control"),
            ("skies", "sky"),
            ("geology", "geolog"),
            ("hopefully", "hope"),
            ("of", "of"),
        ] {
            assert_eq!(stem(word), expected, "{word}");
        }
    }

    proptest! {
        #[test]
        fn any_word_has_a_stem(word in "\\PC{0,20}(ed|ing|alli|logi|ies|yy)?") {
            let _ = stem(&word);
        }
    }
}
