//! The workload as a whole.

use serde_json::json;

use super::open::{OPEN_QA, OPEN_QA_FILE};
use super::testing::{TestResult, file, set, spec};
use super::*;
use crate::plan::Source as From;
use crate::plan::dataset::Set;
use crate::prompt::Content;

fn text(conversation: &Conversation) -> &str {
    match conversation.turns.first().map(|prompt| &prompt.content) {
        Some(Content::Text(text)) => text,
        _ => "",
    }
}

#[test]
fn the_questions_that_ship_are_all_usable() -> TestResult {
    let mut workload = open(&spec(From::Set(Set::OpenQa)), 400)?;
    let asked = workload.conversations(0, 400)?;
    let rows = usize::try_from(workload.remarks().repeats_after.ok_or("no end")?)?;
    assert!(rows >= 240, "{rows} questions");
    assert_eq!(asked[0], Conversation { ..asked[rows].clone() });
    assert_eq!(workload.remarks().skipped, []);
    let mut texts: Vec<&str> = asked[..rows].iter().map(text).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), rows, "a question is there twice");
    Ok(())
}

#[test]
fn the_tokenizer_that_ships_gives_back_what_it_takes() -> TestResult {
    let tokenizer = Tokenizer::built_in()?;
    let questions = OPEN_QA.lines().map(str::to_owned);
    let odd =
        ["", " ", "\r\n\t ", "a\u{0}b", "\u{feff}x", "e\u{301} \u{1f9d1}\u{200d}\u{1f680}", "\u{10ffff}", "<|im_"];
    for text in questions.chain(odd.map(str::to_owned)) {
        assert_eq!(tokenizer.decode(&tokenizer.encode(&text)?)?, text);
    }
    Ok(())
}

#[test]
fn a_folder_with_questions_is_found() -> TestResult {
    let (folder, _) = file(OPEN_QA_FILE, b"{\"question\":\"why?\"}\r\n")?;
    let mut workload = open(&set(Set::OpenQa, Some(folder.path().to_owned()), json!({}))?, 1)?;
    assert_eq!(text(&workload.conversations(0, 1)?[0]), "why?");
    Ok(())
}

#[test]
fn the_offset_of_the_plan_comes_first() -> TestResult {
    let (_folder, path) = file("a.txt", b"a\nb\nc\nd\n")?;
    let mut spec = set(Set::Custom, Some(path), json!({}))?;
    spec.offset = 3;
    let mut workload = open(&spec, 4)?;
    let first = workload.conversations(0, 2)?;
    let second = workload.conversations(2, 2)?;
    assert_eq!([&first[..], &second[..]].concat().iter().map(text).collect::<String>(), "dabc");
    Ok(())
}

#[test]
fn an_offset_without_end_is_refused() -> TestResult {
    let mut spec = spec(From::Set(Set::Random));
    spec.offset = u64::MAX;
    let failure = open(&spec, 1)?.conversations(0, 2).err().ok_or("accepted")?;
    assert!(failure.message.contains("--dataset-offset"));
    Ok(())
}

#[test]
fn bad_rows_end_the_command_when_they_are_opened() -> TestResult {
    let (_folder, path) = file("a.jsonl", b"[{\"role\":\"user\",\"content\":\"x\"}]\n\n[{\"role\":\"user\"}]\n")?;
    assert!(open(&set(Set::LineByLine, Some(path.clone()), json!({}))?, 1).is_ok());
    let failure = open(&set(Set::LineByLine, Some(path), json!({}))?, 2).err().ok_or("accepted")?;
    assert!(failure.message.ends_with("a.jsonl: line 3: messages[0].content: is missing"), "{failure}");
    Ok(())
}

#[test]
fn one_prompt_serves_all_with_lengths_of_their_own() -> TestResult {
    let mut spec = spec(From::Fixed("hi".to_owned()));
    spec.max_tokens = (1, 1000);
    let asked = open(&spec, 3)?.conversations(0, 3)?;
    assert!(asked.iter().all(|conversation| text(conversation) == "hi"));
    assert_ne!(asked[0].turns[0].max_tokens, asked[1].turns[0].max_tokens);
    Ok(())
}

#[test]
fn lines_that_fail_as_json_are_remarked() -> TestResult {
    let (_folder, path) = file("a.txt", b"{\"messages\": [\nplain\n")?;
    let workload = open(&set(Set::LineByLine, Some(path), json!({}))?, 2)?;
    assert_eq!(workload.remarks().unparsed, 1);
    Ok(())
}
