//! How a reply is laid out: brackets, quotes, lists, lines, markup.

use super::super::pattern::Fixed;
use super::super::text::{bare, is_lower, is_sign, is_space, is_upper, split, strip};
use super::super::tokens::tokens;
use super::super::{Given, Rule};
use super::emoji::is_emoji;
use super::splitter::sentences;

/// Instructions about the format.
pub(super) const RULES: [(&str, Rule); 14] = [
    ("format:parentheses", parentheses),
    ("format:quotes", quotes),
    ("format:options", options),
    ("format:newline", newline),
    ("format:emoji", emoji),
    ("format:line_indent", line_indent),
    ("format:quote_unquote", quote_unquote),
    ("format:list", list),
    ("format:thesis", thesis),
    ("format:sub-bullets", sub_bullets),
    ("format:no_bullets_bullets", no_bullets_bullets),
    ("format:title_case", title_case),
    ("format:output_template", output_template),
    ("format:no_whitespace", no_whitespace),
];

static LETTERS: Fixed = Fixed::new(r"^[^\p{L}\p{N}_]*[aA][^\p{L}\p{N}_]*[bB][^\p{L}\p{N}_]*[cC]");

/// Five brackets of any kind are open at once and one of them is closed by its own.
fn parentheses(given: &Given<'_>) -> Option<bool> {
    let mut open = Vec::new();
    let mut deepest = 0;
    for c in given.reply.chars() {
        let closing = match c {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            ')' | ']' | '}' => {
                if open.pop() != Some(c) {
                    open.clear();
                    deepest = 0;
                } else if deepest >= 5 {
                    return Some(true);
                }
                continue;
            }
            _ => continue,
        };
        open.push(closing);
        deepest = deepest.max(open.len());
    }
    Some(false)
}

/// Quotes of both kinds in each other, three of them closed one after the other.
fn quotes(given: &Given<'_>) -> Option<bool> {
    let mut open = Vec::new();
    let mut deepest: usize = 0;
    for c in given.reply.chars().filter(|c| matches!(c, '"' | '\'')) {
        if open.last() == Some(&c) {
            open.pop();
            if deepest - open.len() >= 3 {
                return Some(true);
            }
        } else {
            open.push(c);
            deepest = deepest.max(open.len());
        }
    }
    Some(false)
}

/// The reply is one of the options. Letters must stand as given, texts may have other signs around them.
fn options(given: &Given<'_>) -> Option<bool> {
    let all = given.arguments.text("options")?;
    let separator = ["/", "or"].into_iter().find(|separator| all.contains(separator)).unwrap_or(",");
    let mut options = all.split(separator).map(strip);
    if LETTERS.is_in(all) {
        return Some(options.any(|option| option == given.reply));
    }
    let plain = |text: &str| text.trim_matches(is_sign).to_lowercase();
    let reply = plain(given.reply);
    Some(options.any(|option| plain(option) == reply))
}

/// As many lines as words.
fn newline(given: &Given<'_>) -> Option<bool> {
    let reply = bare(given.reply);
    let lines = strip(&reply).split('\n').filter(|line| !line.is_empty()).count();
    Some(lines == split(&reply).count())
}

/// Every sentence ends with an emoji, or the next one begins with it, behind the mark.
fn emoji(given: &Given<'_>) -> Option<bool> {
    let bare: Vec<String> = sentences(given.reply).iter().map(|sentence| strip(&bare(sentence)).to_owned()).collect();
    for (index, sentence) in bare.iter().enumerate() {
        if sentence.is_empty() {
            return Some(false);
        }
        // A selector may stand behind the emoji itself.
        if !sentence.chars().rev().take(2).any(is_emoji) && !bare.get(index + 1)?.chars().next().is_some_and(is_emoji) {
            return Some(false);
        }
    }
    Some(true)
}

/// Each line that is not empty is indented further than the one before.
fn line_indent(given: &Given<'_>) -> Option<bool> {
    let lines = given.reply.split('\n').filter(|line| !strip(line).is_empty());
    let indents: Vec<usize> = lines.map(|line| line.len() - line.trim_start_matches(' ').len()).collect();
    Some(indents.windows(2).all(|pair| matches!(pair, [a, b] if a < b)))
}

/// No quote follows the other at once, and none ends the reply.
fn quote_unquote(given: &Given<'_>) -> Option<bool> {
    let reply = given.reply.replace(['“', '”'], "\"").replace("'\"'", "");
    let reply: String = reply.chars().filter(|c| !is_space(*c)).collect();
    let rest = reply.trim_matches(|c: char| c.is_ascii_digit() || (c.is_ascii_punctuation() && c != '"'));
    Some(!reply.contains("\"\"") && !rest.is_empty() && !rest.ends_with('"'))
}

fn list(given: &Given<'_>) -> Option<bool> {
    Some(given.reply.matches(given.arguments.text("sep")?).count() >= 2)
}

/// Something in italics with plain text behind it.
fn thesis(given: &Given<'_>) -> Option<bool> {
    let reply = given.reply;
    let start = reply.find("<i>").or_else(|| reply.find("<em>"))?;
    let rest = reply.get(start..)?;
    let end = rest.find("</i>").or_else(|| rest.find("</em>"))?;
    Some(!strip(rest.get(3..end).unwrap_or_default()).is_empty() && !strip(rest.get(end + 4..)?).is_empty())
}

/// Behind each asterisk comes a dash before the next one.
fn sub_bullets(given: &Given<'_>) -> Option<bool> {
    Some(given.reply.split('*').skip(1).all(|bullet| bullet.contains('-')))
}

/// Two sentences or more, then two bullets or more and nothing else.
fn no_bullets_bullets(given: &Given<'_>) -> Option<bool> {
    let (mut sentences_seen, mut bullets) = (0, 0);
    let mut is_text = true;
    for line in given.reply.split('\n').map(strip) {
        if line.starts_with('*') {
            is_text = false;
            bullets += 1;
            if sentences_seen < 2 {
                return Some(false);
            }
        } else if is_text {
            let found = sentences(line).len();
            // After an empty line only bullets may come.
            is_text = found > 0;
            sentences_seen += found;
        } else {
            return Some(false);
        }
    }
    Some(bullets >= 2)
}

/// No word begins in lower case and goes on in one case.
fn title_case(given: &Given<'_>) -> Option<bool> {
    let is_wrong = |word: &String| {
        let mut letters = word.chars();
        let is_small = letters.next().is_some_and(char::is_lowercase);
        is_small && (is_lower(letters.as_str()) || is_upper(letters.as_str()))
    };
    Some(!tokens(given.reply).iter().any(is_wrong))
}

fn output_template(given: &Given<'_>) -> Option<bool> {
    Some(["My Answer:", "My Conclusion:", "Future Outlook:"].iter().all(|part| given.reply.contains(part)))
}

fn no_whitespace(given: &Given<'_>) -> Option<bool> {
    Some(!given.reply.contains(is_space))
}
