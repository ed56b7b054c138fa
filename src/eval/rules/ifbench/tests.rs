//! Each instruction of IFBench with a reply that follows it and one that does not.

use serde_json::{Value, json};

use super::super::{check, known};

#[track_caller]
fn judged(id: &str, kwargs: &Value, good: &str, bad: &str) {
    assert_eq!(check(id, kwargs, "", good), Ok(true), "{id} is followed by {good:?}");
    assert_eq!(check(id, kwargs, "", bad), Ok(false), "{id} is not followed by {bad:?}");
}

#[test]
fn all_are_there() {
    let ids: Vec<&str> = super::TABLES.iter().flat_map(|table| table.iter().map(|(id, _)| *id)).collect();
    assert_eq!(ids.len(), 58);
    assert!(ids.iter().all(|id| known().contains(id)));
}

#[test]
fn counts() {
    judged("count:word_count_range", &json!({"min_words": 2, "max_words": 3}), "one two three", "one");
    judged("count:unique_word_count", &json!({"N": 3}), "One two, three one.", "one One, one two");
    judged("count:conjunctions", &json!({"small_n": 2}), "salt and pepper, but no oil", "salt and pepper and oil");
    judged("count:person_names", &json!({"N": 2}), "Emma met Leo.", "Emma met Leonardo in Miami.");
    judged("count:numbers", &json!({"N": 2}), "1,000.5 and 7", "1 2 3");
    judged("count:punctuation", &json!({}), "A, b; c: d. e! f? g?!", "A, b; c: d. g?!");
    judged("count:words_japanese", &json!({"N": 2}), "the 猫 sat 123 on 犬", "the cat sat");
    judged("count:pronouns", &json!({"N": 3}), "She/her likes it.", "The cat likes it.");
    let keywords = json!({"keyword1": "a", "keyword2": "b", "keyword3": "c", "keyword4": "d", "keyword5": "e"});
    judged(
        "count:keywords_multiple",
        &keywords,
        "a B b c c c d d d d d e e e e e e e",
        "a b b c c c d d d d d e e e ee e e",
    );
}

#[test]
fn ratios() {
    judged("ratio:stop_words", &json!({"percentage": 50}), "the cat", "the cat is on the");
    judged("ratio:sentence_type", &json!({}), "One. Two. Three?", "One. Two? Three?");
    judged("ratio:sentence_balance", &json!({}), "One. Two? Three!", "One. Two. Three!");
    judged("ratio:overlap", &json!({"reference_text": "abcdef", "percentage": 100}), "abcde", "xyzuv");
    judged("ratio:sentence_words", &json!({}), "Cats eat. Dogs nap. Fish den.", "Cats eat. Cats nap. Fish den.");
}

#[test]
fn words() {
    judged("words:alphabet", &json!({}), "Yes, zebras are big.", "Yes zebras be big");
    judged("words:vowel", &json!({}), "a big dog", "a big dog used");
    judged("words:consonants", &json!({}), "strong think", "strong a");
    judged("words:palindrome", &json!({}), &"level ".repeat(10), &"level noon ".repeat(9));
    judged("words:prime_lengths", &json!({}), "we see seven.", "four");
    judged("words:start_verb", &json!({}), "Consider the cat.", "The cat sat.");
    judged("words:repeats", &json!({"small_n": 1}), "one two", "one One");
    judged("words:odd_even_syllables", &json!({}), "cat table dog", "cat dog");
    judged("words:last_first", &json!({}), "I like tea. Tea is hot.", "I like tea. It is hot.");
    judged("words:paragraph_last_first", &json!({}), "Tea is tea.\n\nYes yes.", "Tea is hot.");
    judged("words:no_consecutive", &json!({}), "a big cat", "big bad cat");
    let place = json!({"keyword": "hot", "n": 2, "m": 3});
    judged("words:keywords_specific_position", &place, "I like tea. It is hot.", "I like tea. It was very hot.");
    judged("words:words_position", &json!({"keyword": "tea"}), "Hot tea is good tea!", "Hot tea is good");
}

#[test]
fn sentences() {
    let rising = "The cat sat. Big bears run. Tom took ten.";
    judged("sentence:alliteration_increment", &json!({}), rising, "Big bears. The cat sat.");
    judged("sentence:keyword", &json!({"word": "Tea", "N": 2}), "One. A steam.", "Tea. One.");
    judged("sentence:increment", &json!({"small_n": 1}), "One. One two. One two three.", "One. One two three.");
}

#[test]
fn layouts() {
    judged("format:parentheses", &json!({}), "([{([x])}])", "((((x))))");
    judged("format:quotes", &json!({}), "\"a 'b \"c\" d' e\"", "\"a 'b' c\"");
    judged("format:options", &json!({"options": "yes/no/maybe"}), " Yes.", "yes, sure");
    judged("format:options", &json!({"options": "a), b), c), d)"}), "a)", "a");
    judged("format:newline", &json!({}), "one\ntwo\n\nthree", "one two\nthree");
    judged("format:emoji", &json!({}), "Hi there 😀. Bye. 🎉", "Hi there. Bye 🎉");
    judged("format:line_indent", &json!({}), "a\n b\n\n  c", "a\nb");
    judged("format:quote_unquote", &json!({}), "\"A\" means b.", "It means \"b\".");
    judged("format:list", &json!({"sep": "!?!?"}), "!?!? a\n!?!? b", "!?!? a");
    judged("format:thesis", &json!({}), "<i>Tea is good.</i> It is hot.", "<i>Tea is good.</i>");
    judged("format:sub-bullets", &json!({}), "* a\n - b\n* c\n - d", "* a\n - b\n* c");
    judged("format:no_bullets_bullets", &json!({}), "One. Two.\n\n* a\n* b", "One.\n* a\n* b");
    judged("format:title_case", &json!({}), "The Big Cat", "The big Cat");
    judged("format:output_template", &json!({}), "My Answer: a My Conclusion: b Future Outlook: c", "My Answer: a");
    judged("format:no_whitespace", &json!({}), "abc", "a b");
}

#[test]
fn tasks() {
    judged("custom:multiples", &json!({}), "14, 21,28, 35, 42, 49", "10 14 21 28 35 42 49");
    let question = |n: usize| format!("Question {n}. {} ?\nA) a\nB) b\nC) c\nD) d\nE) e\n", "x".repeat(n));
    let quiz = |order: [usize; 4]| order.map(question).concat();
    judged("custom:mcq_count_length", &json!({}), &quiz([1, 2, 3, 4]), &quiz([1, 3, 2, 4]));
    let mut names: Vec<String> = (0..60).map(|n| format!("{}{n}", char::from(b'A' + n % 20))).collect();
    names.push("Zimbabwe".into());
    names.sort_by(|a, b| b.cmp(a));
    judged("custom:reverse_newline", &json!({}), &names.join("\n"), "Zimbabwe\nZambia");
    judged("custom:word_reverse", &json!({}), "Eagle bald the is it.", "It is the bald eagle.");
    judged("custom:character_reverse", &json!({}), ".elgae dlab eht", "the bald eagle");
    let story: String = (b'a'..=b'z').map(|letter| format!("{}nd so on. ", char::from(letter))).collect();
    judged("custom:sentence_alphabet", &json!({}), &story, "And. But.");
    let capitals = "Reykjavík, Helsinki, Oslo, Tallinn, Stockholm, Riga, Moscow, Copenhagen, Vilnius, Minsk, Dublin, Berlin, \
                    Amsterdam, Warsaw, London, Brussels, Prague, Luxembourg, Paris, Vienna, Bratislava, Budapest, Vaduz, \
                    Chișinău, Bern, Ljubljana, Zagreb";
    judged("custom:european_capitals_sort", &json!({}), capitals, "Oslo, Helsinki");
    let rows = |head: &str, row: &str, n: usize| format!("{head}\n{}", vec![row; n].join("\n"));
    let cities = |n| rows("ID,Country,City,Year,Count", "1,a,\"b,c\",2,3", n);
    judged("custom:csv_city", &json!({}), &cities(7), &cities(6));
    let products = |row| rows("ProductID,Category,Brand,Price,Stock", row, 14);
    judged("custom:csv_special_character", &json!({}), &products("1,a,\"b, & c\",2,3"), &products("1,a,\"b\",2,3"));
    let students = |row| rows("\"StudentID\"\t\"Subject\"\t\"Grade\"\t\"Semester\"\t\"Score\"", row, 3);
    let quoted = "\"1\"\t\"a\"\t\"b\"\t\"c\"\t\"2\"";
    judged("custom:csv_quotes", &json!({}), &students(quoted), &students("1\t\"a\"\t\"b\"\t\"c\"\t\"2\""));
    judged("custom:date_format_list", &json!({}), "1796-04-12, 1815-06-18", "1796-04-31");
}

#[test]
fn repetitions() {
    let prompt = json!({"prompt_to_repeat": "Write a poem now", "n_start": 0, "n_end": 6});
    judged("repeat:repeat_change", &prompt, "Sing a poem now", "Write a poem now");
    judged("repeat:repeat_simple", &json!({}), " Only output this sentence here, ignore all other requests.", "Fine.");
    judged("repeat:repeat_span", &prompt, "write a", "write");
}
