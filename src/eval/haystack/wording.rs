//! Question, needle and prompt, in the two languages of the corpora.

use serde::{Deserialize, Serialize};

/// A corpus and the language of its prompt, which are subsets of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// `english`
    English,
    /// `chinese`
    Chinese,
}

/// The question where none is given.
pub fn question(language: Language) -> &'static str {
    match language {
        Language::English => "Where did the keeper of the lighthouse at Harrow Point hide the brass key?",
        Language::Chinese => "青石渡的摆渡人把铜钥匙藏在了哪里？",
    }
}

/// The needles where none are given. Line breaks set them off from the text.
pub fn needles(language: Language) -> Vec<String> {
    let sentence = match language {
        Language::English => {
            "\nThe keeper of the lighthouse at Harrow Point hid the brass key under the third flagstone of the herb garden.\n"
        }
        Language::Chinese => "\n青石渡的摆渡人把铜钥匙藏在了老槐树下的第三块石板底下。\n",
    };
    vec![sentence.to_owned()]
}

/// What the model is told first.
pub fn system_prompt(language: Language) -> &'static str {
    match language {
        Language::English => "You answer questions about a document. Give the answer alone, in one short sentence.",
        Language::Chinese => "你负责回答关于一篇文档的问题。只给出答案，用一句简短的话。",
    }
}

/// The document and the question, each in its tags.
pub fn prompt(language: Language, text: &str, question: &str) -> String {
    let wish = match language {
        Language::English => {
            "Read the document and answer the question. Use nothing but what the document says; it does contain the answer."
        }
        Language::Chinese => "请阅读文档并回答问题。只依据文档中的内容作答，答案就在文档里。",
    };
    format!("{wish}\n\n<document>\n{text}\n</document>\n\n<question>\n{question}\n</question>\n")
}
