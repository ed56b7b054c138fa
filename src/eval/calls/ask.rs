//! How a model is asked for calls: functions as the tools of a chat endpoint, or in the text of the prompt.

use serde_json::{Map, Value, json};

use super::decode::Language;

/// The type of JSON Schema for a type of the data set; a text for types that nobody knows.
fn json_type(name: &str) -> &'static str {
    match name {
        "integer" | "byte" | "short" | "long" | "Bigint" => "integer",
        "number" | "float" | "double" => "number",
        "boolean" | "bool" => "boolean",
        "array" | "list" | "tuple" | "ArrayList" | "Array" | "Queue" | "Stack" => "array",
        "dict" | "object" | "HashMap" | "Hashtable" => "object",
        _ => "string",
    }
}

/// Functions as tools: `{type: "function", function: {name, description, parameters}}`.
///
/// Types become those of JSON Schema. A dot in a name becomes an underscore where servers refuse dots. Parameters of Java
/// and JavaScript are asked for as source text, which is what the check reads.
pub fn tools(functions: &Value, language: Language, underscore_to_dot: bool) -> Vec<Value> {
    functions.as_array().into_iter().flatten().map(|function| tool(function, language, underscore_to_dot)).collect()
}

fn tool(function: &Value, language: Language, underscore_to_dot: bool) -> Value {
    let function = in_language(function, language);
    let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
    let name = if underscore_to_dot { name.replace('.', "_") } else { name.to_owned() };
    let mut parameters = function.get("parameters").cloned().unwrap_or_else(|| json!({}));
    if let Some(fields) = parameters.as_object_mut() {
        fields.insert("type".to_owned(), json!("object"));
        convert_inside(fields);
    }
    let description = function.get("description").and_then(Value::as_str).unwrap_or_default();
    json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
}

/// Converts a schema and all that it holds.
fn convert(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    let name = fields.get("type").and_then(Value::as_str).unwrap_or("string").to_owned();
    if name == "float" {
        fields.insert("format".to_owned(), json!("float"));
        note(fields, "A real number.");
    }
    fields.insert("type".to_owned(), json!(json_type(&name)));
    convert_inside(fields);
}

fn convert_inside(fields: &mut Map<String, Value>) {
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(convert);
    }
    if let Some(items) = fields.get_mut("items") {
        convert(items);
    }
}

/// Adds a sentence to a description.
fn note(fields: &mut Map<String, Value>, sentence: &str) {
    let before = fields.get("description").and_then(Value::as_str).unwrap_or_default();
    let text = format!("{before} {sentence}").trim_start().to_owned();
    fields.insert("description".to_owned(), Value::from(text));
}

fn language_name(language: Language) -> &'static str {
    match language {
        Language::Python => "Python 3",
        Language::Java => "Java 8",
        Language::JavaScript => "JavaScript",
    }
}

/// A function whose descriptions say which language its values are written in.
fn in_language(function: &Value, language: Language) -> Value {
    let mut function = function.clone();
    let Some(fields) = function.as_object_mut() else { return function };
    let spoken = language_name(language);
    note(fields, &format!("The function is written in {spoken}."));
    if language == Language::Python {
        return function;
    }
    let Some(Value::Object(properties)) = function.pointer_mut("/parameters/properties") else { return function };
    for property in properties.values_mut().filter_map(Value::as_object_mut) {
        let kind = property.get("type").and_then(Value::as_str).unwrap_or("any").to_owned();
        note(property, &format!("Give {spoken} source text for a value of the type {kind}."));
        let inner =
            property.get("items").and_then(|items| items.get("type")).and_then(Value::as_str).map(str::to_owned);
        if let Some(inner) = inner {
            note(property, &format!("Its items are of the type {inner}."));
        }
        property.shift_remove("items");
        property.insert("type".to_owned(), json!("string"));
    }
    function
}

/// The system prompt that asks a model without tools for calls as text.
pub fn system_prompt(functions: &Value, language: Language) -> String {
    let described: Value =
        functions.as_array().into_iter().flatten().map(|function| in_language(function, language)).collect();
    let listed = serde_json::to_string_pretty(&described).unwrap_or_default();
    format!(
        "You choose functions and their arguments. Read the question and the functions below, and decide which of them \
         have to be called, and how, so that the question is answered.\n\n\
         If none of the functions helps, or an argument that one requires is not given, say so and call nothing.\n\n\
         Otherwise answer with the calls alone, as one list in square brackets, every argument by its name:\n\
         [func1(a=1, b=\"x\"), func2(c=[1, 2])]\n\
         Write nothing before or behind the list.\n\n\
         The functions, as JSON:\n{listed}\n"
    )
}

/// Messages with the system prompt in front; a system message that they begin with follows it in the same message.
pub fn prompted(messages: &[Value], functions: &Value, language: Language) -> Vec<Value> {
    let mut prompt = system_prompt(functions, language);
    let own = messages.first().filter(|message| is_system(message));
    if let Some(text) = own.and_then(|message| message.get("content")).and_then(Value::as_str) {
        prompt.push_str(&format!("\n{text}"));
    }
    let mut all = vec![json!({"role": "system", "content": prompt})];
    all.extend(without_system(messages));
    all
}

/// Messages without the system message that they begin with, which models with tools do not get.
pub fn without_system(messages: &[Value]) -> Vec<Value> {
    let skipped = usize::from(messages.first().is_some_and(is_system));
    messages.iter().skip(skipped).cloned().collect()
}

fn is_system(message: &Value) -> bool {
    message.get("role").and_then(Value::as_str) == Some("system")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;

    fn functions(parameters: &Value) -> Value {
        json!([{"name": "a.b", "description": "Does.", "parameters": {"type": "dict", "properties": parameters, "required": []}}])
    }

    #[test]
    fn types_become_those_of_json_schema() {
        let functions = functions(&json!({
            "f": {"type": "float", "description": "x"}, "t": {"type": "tuple", "items": {"type": "dict", "properties": {"n": {"type": "any"}}}},
            "n": {}, "u": {"type": "Date"}, "l": {"type": "array", "items": {"type": "array", "items": {"type": "float"}}},
        }));
        let tools = tools(&functions, Language::Python, true);
        let function = &tools[0]["function"];
        assert_eq!(function["name"], "a_b");
        assert_eq!(function["parameters"]["type"], "object");
        let properties = &function["parameters"]["properties"];
        assert_eq!(properties["f"], json!({"type": "number", "description": "x A real number.", "format": "float"}));
        assert_eq!(properties["t"]["type"], "array");
        assert_eq!(properties["t"]["items"]["type"], "object");
        assert_eq!(properties["t"]["items"]["properties"]["n"]["type"], "string");
        assert_eq!(properties["n"]["type"], "string");
        assert_eq!(properties["u"]["type"], "string");
        assert_eq!(properties["l"]["items"]["items"]["type"], "number");
        assert_eq!(super::tools(&functions, Language::Python, false)[0]["function"]["name"], "a.b");
    }

    #[test]
    fn java_is_asked_for_as_source_text() {
        let functions = functions(&json!({"l": {"type": "ArrayList", "items": {"type": "String"}}}));
        let tools = tools(&functions, Language::Java, true);
        let property = &tools[0]["function"]["parameters"]["properties"]["l"];
        assert_eq!(property["type"], "string");
        assert!(property.get("items").is_none() && property["description"].as_str().unwrap().contains("ArrayList"));
    }

    #[test]
    fn the_prompt_stands_in_front() {
        let messages = [json!({"role": "system", "content": "Be brief."}), json!({"role": "user", "content": "x"})];
        let asked = prompted(&messages, &functions(&json!({})), Language::Python);
        assert_eq!(asked.len(), 2);
        let text = asked[0]["content"].as_str().unwrap();
        assert!(text.contains("[func1(") && text.contains("a.b") && text.ends_with("Be brief."));
        assert_eq!(without_system(&messages), messages[1..]);
    }
}
