//! The check of Kimi K2: does the endpoint call a tool where the official one did?

use serde_json::Value;

use super::super::schema::Calling;

/// The metrics of the check under its names: the similarity of calling is F1 against the labels of the official endpoint.
pub fn rates(calling: &Calling) -> [(&'static str, f64); 4] {
    [
        ("trigger_similarity", calling.tool_call_f1),
        ("schema_accuracy", calling.schema_accuracy),
        ("count_finish_reason_tool_calls", calling.count_finish_reason_tool_call as f64),
        ("count_successful_tool_call", calling.count_successful_tool_call as f64),
    ]
}

/// Messages whose earlier calls have readable arguments: recorded ones that are no JSON become `{}`, since servers refuse
/// them. They are context only and no part of the score.
pub fn mended(messages: &[Value]) -> Vec<Value> {
    let mut messages = messages.to_vec();
    for message in
        messages.iter_mut().filter(|message| message.get("role").and_then(Value::as_str) == Some("assistant"))
    {
        let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
        for arguments in calls.into_iter().flatten().filter_map(|call| call.pointer_mut("/function/arguments")) {
            let unreadable = arguments.as_str().is_some_and(|text| serde_json::from_str::<Value>(text).is_err());
            if unreadable {
                *arguments = Value::from("{}");
            }
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::schema::Attempt;
    use super::*;

    #[test]
    fn similarity_is_f1() {
        let attempt = |called, fits, should| Attempt {
            finish_reason_tool_call: called,
            successful_tool_call: fits,
            should_call_tool: should,
            passed: 0,
        };
        let calling = Calling::of(&[attempt(1, 1, 1), attempt(1, 0, 0), attempt(0, 0, 1), attempt(0, 0, 0)]);
        let rates = rates(&calling);
        assert_eq!(rates[0], ("trigger_similarity", 0.5));
        assert_eq!(rates[1], ("schema_accuracy", 0.5));
        assert_eq!(rates[2].1, 2.0);
    }

    #[test]
    fn recorded_calls_are_mended() {
        let call = |arguments: &str| json!({"function": {"name": "f", "arguments": arguments}});
        let messages = [
            json!({"role": "user", "content": "x"}),
            json!({"role": "assistant", "tool_calls": [call("{\"a\": 1}"), call("{\"a\": "), {}]}),
        ];
        let mended = mended(&messages);
        assert_eq!(mended[1]["tool_calls"][0], call("{\"a\": 1}"));
        assert_eq!(mended[1]["tool_calls"][1], call("{}"));
        assert_eq!(mended[0], messages[0]);
    }
}
