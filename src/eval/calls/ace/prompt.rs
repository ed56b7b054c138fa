//! The prompts of ACEBench, in this program's words, and the names of its records.

use serde_json::Value;

use super::super::python;

/// The language of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Chinese.
    Zh,
}

/// The category of a record: its `sub_category` without `data_` in front, else its `id` without the numbers behind it.
pub fn category(record: &Value) -> String {
    let field = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
    let named = field("sub_category");
    if !named.is_empty() {
        return named.strip_prefix("data_").unwrap_or(named).to_owned();
    }
    let mut id = field("id");
    while let Some((before, number)) = id.rsplit_once('_') {
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        id = before;
    }
    id.to_owned()
}

/// The conversation that a record is a step of; other records stand alone.
pub fn dialogue_of<'a>(id: &'a str, category: &str) -> &'a str {
    let is_step = category.contains("multi_turn") && !category.contains("agent");
    id.rsplit_once('_').filter(|_| is_step).map_or(id, |(dialogue, _)| dialogue)
}

/// The system prompt and the question of a record of the family `normal` or `special`.
pub fn prompts(record: &Value, category: &str, locale: Locale) -> (String, String) {
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
    let functions = match record.get("function") {
        Some(Value::String(functions)) => serde_json::from_str(functions).unwrap_or(Value::Null),
        Some(functions) => functions.clone(),
        None => Value::Array(Vec::new()),
    };
    let words = match locale {
        Locale::En => &ENGLISH,
        Locale::Zh => &CHINESE,
    };
    let mut system = format!("{}\n\n{}\n", words.task, words.calls);
    if category.contains("special") {
        system.push_str(&format!("\n{}\n", words.faults));
    }
    if category.contains("preference") {
        system.push_str(&format!("\n{}\n{}\n", words.profile, text("profile")));
    } else if !text("time").is_empty() {
        system.push_str(&format!("\n{}\n", text("time")));
    }
    system.push_str(&format!("\n{}\n{}", words.functions, python::repr(&functions)));
    (system, format!("{}\n{}", words.history, text("question")))
}

/// The sentences of a language.
struct Words {
    task: &'static str,
    calls: &'static str,
    faults: &'static str,
    profile: &'static str,
    functions: &'static str,
    history: &'static str,
}

const ENGLISH: Words = Words {
    task: "You are the assistant in a conversation and have functions at hand. Decide which of them the assistant has to \
           call next.",
    calls: "Answer with the calls alone, in square brackets with commas between them: [Name(key1='value1', key2='value2'), \
            Other()]. Use the names of functions and parameters as they are described. A parameter is optional unless its \
            description says otherwise: give what the conversation or the profile says, in the user's own words unless a \
            form is asked for, and nothing else.",
    faults: "Where the request cannot be met, answer with one of these sentences in square brackets, and take the first that \
             applies:\n\
             - a value does not fit the type or form of its parameter: [\"There is incorrect value (value) for the parameters \
             (key) in the conversation history.\"]\n\
             - a required parameter is not given: [\"Missing necessary parameters (key1, key2) for the api (Name)\"]\n\
             - no function can do it: [\"Due to the limitations of the function, I cannot solve this problem.\"]",
    profile: "The profile of the user:",
    functions: "The functions:",
    history: "The conversation so far:",
};

const CHINESE: Words = Words {
    task: "你是对话中的assistant，可以调用下面的函数。请判断assistant下一步应当调用哪些函数。",
    calls: "只回答函数调用，写在方括号内并用英文逗号隔开：[Name(key1='value1', key2='value2'), Other()]。函数名和参数名必须与说明一致。\
            除非说明另有要求，参数都是可选的：只填写对话或画像中提到的内容，没有格式要求时使用用户原文，不要添加别的内容。",
    faults: "如果请求无法满足，请用方括号内的一句英文回答，并取第一个符合的情况：\n\
             - 参数值的类型或形式不符合说明：[\"There is incorrect value (value) for the parameters (key) in the conversation \
             history.\"]\n\
             - 缺少必需的参数：[\"Missing necessary parameters (key1, key2) for the api (Name)\"]\n\
             - 没有函数能够完成：[\"Due to the limitations of the function, I cannot solve this problem.\"]",
    profile: "用户画像：",
    functions: "函数：",
    history: "到目前为止的对话：",
};
