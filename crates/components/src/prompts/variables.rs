//! What prompts and messages of 0.x share: a template, and fields that fill its variables.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use millrace_engine::{
    Capability, Document, ErrorKind, LazyValue, Outputs, Prompt, PromptPart, Role, RunError, Template, Value,
    python_str,
};
use serde_json::Value as Json;

use super::structured_output_parser::StructuredParser;

/// The template in a field.
///
/// # Errors
/// Braces that do not fit.
pub(super) fn template(field: &str, text: &str) -> Result<Template, RunError> {
    Template::parse(text).map_err(|e| RunError::new(ErrorKind::Flow, format!("field '{field}': {e}")))
}

/// One message of a conversation. What its fields say of its variables gives way to the caller's inputs.
///
/// # Errors
/// Braces that do not fit.
pub(super) fn message(role: Role, text: &str, fields: Vec<(String, LazyValue)>) -> Result<Outputs, RunError> {
    let template = template("prompt", text)?;
    let mut prompt = Prompt::of(vec![PromptPart { role: Some(role), template }]);
    (prompt.defaults, prompt.wired) = values(&prompt, fields);
    Ok(Outputs::one("prompt", Value::Capability(Capability::Prompt(Arc::new(prompt)))))
}

/// The variables of a prompt that fields of the same names fill, and those of them that are wired.
pub(super) fn values(
    prompt: &Prompt,
    fields: Vec<(String, LazyValue)>,
) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let open: BTreeSet<String> = prompt.variables().into_iter().collect();
    let (mut texts, mut wired) = (BTreeMap::new(), BTreeSet::new());
    for (name, value) in fields.into_iter().filter(|(name, _)| open.contains(name)) {
        let Some(text) = filling(&value.0) else { continue };
        if matches!(value.0, Value::Document(_) | Value::List(_) | Value::Capability(_)) {
            wired.insert(name.clone());
        }
        texts.insert(name, text);
    }
    (texts, wired)
}

/// The text of a variable, by Langflow's rules for what may be wired into one (contract 5.1). An empty text that is
/// typed leaves the variable open; documents without text fill it all the same.
fn filling(value: &Value) -> Option<String> {
    let text = match value {
        Value::Document(document) => document_text(document),
        Value::List(list) => documents_text(list)?,
        Value::Capability(Capability::Object(object)) => {
            let any: Arc<dyn Any + Send + Sync> = object.clone();
            any.downcast::<StructuredParser>().ok()?.instructions()
        }
        other => return other.as_text().filter(|text| !text.is_empty()),
    };
    Some(text)
}

/// Several documents read as lines, those without text left out.
fn documents_text(list: &[Value]) -> Option<String> {
    let documents: Vec<&Document> = list.iter().map(as_document).collect::<Option<_>>()?;
    match documents.as_slice() {
        [only] => Some(document_text(only)),
        several => {
            let texts = several.iter().map(|d| d.page_content.as_str()).filter(|text| !text.is_empty());
            Some(texts.collect::<Vec<_>>().join("\n"))
        }
    }
}

fn as_document(value: &Value) -> Option<&Document> {
    match value {
        Value::Document(document) => Some(document),
        _ => None,
    }
}

/// One document: a JSON list reads as its entries, other JSON is indented, text is itself.
fn document_text(document: &Document) -> String {
    let text = &document.page_content;
    match serde_json::from_str(text) {
        Ok(Json::Array(list)) => list.iter().map(python_str).collect::<Vec<_>>().join(","),
        Ok(json) => serde_json::to_string_pretty(&json).unwrap_or_else(|_| text.clone()),
        Err(_) => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Value {
        Value::Document(Document { page_content: text.to_owned(), metadata: Default::default() })
    }

    fn documents(texts: &[&str]) -> Value {
        Value::List(texts.iter().map(|text| document(text)).collect())
    }

    #[test]
    fn documents_fill_a_variable_as_langflow_reads_them() {
        let cases = [
            (document("plain"), Some("plain")),
            (document(r#"["a", 1, null, {"b": true}]"#), Some("a,1,None,{'b': True}")),
            (document(r#"{"a":[1],"b":{}}"#), Some("{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}")),
            (document("[]"), Some("")),
            (documents(&["one"]), Some("one")),
            (documents(&["[1]", "", "two"]), Some("[1]\ntwo")),
            (documents(&[]), Some("")),
            (documents(&["", ""]), Some("")),
            (Value::List(vec![document("a"), Value::text("b")]), None),
            (Value::text("typed"), Some("typed")),
            (Value::text(""), None),
        ];
        for (value, text) in cases {
            assert_eq!(filling(&value).as_deref(), text, "{value:?}");
        }
    }
}
