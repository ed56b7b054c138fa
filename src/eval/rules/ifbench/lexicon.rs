//! Lists of words that instructions name or need.

use std::collections::HashSet;
use std::sync::OnceLock;

/// Words between blanks.
pub(super) struct List {
    text: &'static str,
    words: OnceLock<HashSet<&'static str>>,
}

impl List {
    const fn new(text: &'static str) -> Self {
        List { text, words: OnceLock::new() }
    }

    fn words(&self) -> &HashSet<&'static str> {
        self.words.get_or_init(|| self.text.split(' ').collect())
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.words().contains(word)
    }
}

/// Coordinating conjunctions.
pub(super) static CONJUNCTIONS: List = List::new("and but for nor or so yet");

/// The names that may be mentioned.
pub(super) static NAMES: List = List::new(
    "Emma Liam Sophia Jackson Olivia Noah Ava Lucas Isabella Mason Mia Ethan Charlotte Alexander Amelia Benjamin \
     Harper Leo Zoe Daniel Chloe Samuel Lily Matthew Grace Owen Abigail Gabriel Ella Jacob Scarlett Nathan Victoria \
     Elijah Layla Nicholas Audrey David Hannah Christopher Penelope Thomas Nora Andrew Aria Joseph Claire Ryan Stella \
     Jonathan",
);

/// Personal and possessive pronouns.
pub(super) static PRONOUNS: List = List::new(
    "i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers \
     herself it its itself they them their theirs themselves",
);

/// English stop words, as runs of letters: of contractions only the parts around the apostrophe can be met.
pub(super) static STOP_WORDS: List = List::new(
    "a about above after again against ain all am an and any are aren as at be because been before being below \
     between both but by can couldn d did didn do does doesn doing don down during each few for from further had hadn \
     has hasn have haven having he her here hers herself him himself his how i if in into is isn it its itself just \
     ll m ma me mightn more most mustn my myself needn no nor not now o of off on once only or other our ours \
     ourselves out over own re s same shan she should shouldn so some such t than that the their theirs them \
     themselves then there these they this those through to too under until up ve very was wasn we were weren what \
     when where which while who whom why will with won wouldn y you your yours yourself yourselves",
);

/// Verbs, in their plain form, that replies begin with; then forms that no ending tells.
static VERBS: List = List::new(
    "accept achieve act add adjust adopt aim allow analyze answer apply approach arrange ask assess attend avoid bake \
     be become begin believe blend boil bring build buy calculate call carry celebrate change check choose clean \
     click close collect combine come compare complete compute connect consider consult contact continue cook copy \
     count cover create cut decide define deliver describe design determine develop discover discuss divide do draw \
     drink drive eat embrace encourage enjoy ensure enter establish evaluate examine expect explain explore express \
     face feel fill find finish fix focus follow gather generate get give go grab grow handle have hear help \
     highlight hold identify imagine implement improve include increase install introduce investigate invite join \
     keep know launch lead learn leave let limit list listen live look love maintain make manage mark measure meet \
     mix monitor move multiply navigate note notice observe offer open order organize pack pay pick picture place \
     plan play practice prepare present press prioritize produce protect provide pull push put read recognize record \
     reduce reflect relax remember remove repeat replace report research respond review run save say search see seek \
     select send set share show simplify sit solve speak specify spend stand start state stay stop study submit \
     suggest support take talk teach tell test think track travel treat try turn understand use verify visit wait \
     walk want watch welcome work write",
);

/// Forms of verbs that are spelled on their own.
static FORMS: List = List::new(
    "are ate been began born bought brought built came chose did does done drove felt found gave goes gone got grew \
     had has held is kept knew left lost made met ran said saw seen sent spoke stood taken thought told took was went \
     were",
);

/// Words that end like a verb and are none.
static OTHERS: List = List::new(
    "anything bed ceiling during evening everything hundred indeed king morning nothing red something spring thing \
     wing",
);

/// Whether an English word in lower case is a verb more often than not.
pub(super) fn is_verb(word: &str) -> bool {
    let is_plain = |stem: &str| VERBS.has(stem);
    if is_plain(word) || FORMS.has(word) {
        return true;
    }
    if OTHERS.has(word) {
        return false;
    }
    let has_vowel = |stem: &str| stem.contains(['a', 'e', 'i', 'o', 'u', 'y']);
    let is_inflected = |ending: &str| word.strip_suffix(ending).is_some_and(|stem| stem.len() > 2 && has_vowel(stem));
    let third = word.strip_suffix("es").filter(|stem| is_plain(stem)).or_else(|| word.strip_suffix('s'));
    is_inflected("ing") || is_inflected("ed") || third.is_some_and(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_and_others() {
        for verb in ["is", "make", "makes", "walking", "decided", "writes", "teaches", "let"] {
            assert!(is_verb(verb), "{verb}");
        }
        for other in ["the", "during", "king", "cats", "red", "yes", "sing"] {
            assert!(!is_verb(other), "{other}");
        }
    }
}
