//! Documents as edges bring them to a vector store.

use millrace_engine::{Document, ErrorKind, LazyValue, RunError, Value};
use serde_json::{Map, Value as Json};

/// The documents among what is wired in, in order: documents, records and rows with a `text`, messages, texts,
/// and lists of these.
///
/// # Errors
/// [`ErrorKind::Flow`] with the field's name for anything else.
pub(crate) fn documents(field: &str, wired: Vec<LazyValue>) -> Result<Vec<Document>, RunError> {
    let mut all = Vec::new();
    for value in wired {
        collect(field, value.0, &mut all)?;
    }
    Ok(all)
}

fn collect(field: &str, value: Value, all: &mut Vec<Document>) -> Result<(), RunError> {
    match value {
        Value::Document(document) => all.push(document),
        Value::Data(data) => all.push(record(data)),
        Value::Table(table) => all.extend(table.rows.into_iter().map(record)),
        Value::Message(message) => all.push(plain(message.text)),
        Value::Json(Json::String(text)) => all.push(plain(text)),
        Value::Json(Json::Object(data)) => all.push(stored(data)),
        Value::List(list) => list.into_iter().try_for_each(|one| collect(field, one, all))?,
        other => {
            let message = format!("field '{field}': expected documents, found {}", other.kind());
            return Err(RunError {
                field: Some(field.to_owned()),
                ..RunError::new(ErrorKind::Flow, message)
            });
        }
    }
    Ok(())
}

fn plain(text: String) -> Document {
    Document { page_content: text, metadata: Map::new() }
}

/// A record's text is its `text`, the rest is metadata.
fn record(mut data: Map<String, Json>) -> Document {
    let text = data.remove("text").map(|text| millrace_engine::python_str(&text)).unwrap_or_default();
    Document { page_content: text, metadata: data }
}

/// A document written as JSON, else a record.
fn stored(data: Map<String, Json>) -> Document {
    serde_json::from_value(Json::Object(data.clone())).unwrap_or_else(|_| record(data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::Scripted;
    use millrace_engine::{Capability, Message, Table};
    use serde_json::json;

    #[test]
    fn everything_with_a_text_is_a_document() {
        let row = |json: Json| json.as_object().cloned().unwrap();
        let document = Document { page_content: "a".to_owned(), metadata: row(json!({"page": 1})) };
        let wired = vec![
            LazyValue(Value::List(vec![Value::Document(document)])),
            LazyValue(Value::Data(row(json!({"text": "b", "page": 1})))),
            LazyValue(Value::Table(Table { rows: vec![row(json!({"page": 2, "text": "c"}))] })),
            LazyValue(Value::Message(Box::new(Message::of("d")))),
            LazyValue(Value::Json(json!({"page_content": "e", "metadata": {"x": 1}}))),
        ];
        let read = documents("documents", wired).unwrap();
        let texts: Vec<_> = read.iter().map(|document| document.page_content.as_str()).collect();
        assert_eq!(texts, ["a", "b", "c", "d", "e"]);
        assert_eq!(read[2].metadata, row(json!({"page": 2})));
    }

    #[test]
    fn what_has_no_text_is_named() {
        let model = Scripted::saying(&[]);
        let wired = vec![LazyValue(Value::Capability(Capability::ChatModel(model)))];
        let error = documents("documents", wired).unwrap_err();
        assert_eq!(error.message, "field 'documents': expected documents, found a language model");
    }
}
