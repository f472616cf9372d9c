//! JSONDocumentBuilder: a document's text under a key, as JSON (0.x).

use millrace_engine::{
    Component, Context, Document, Entry, Example, LazyValue, Outputs, RunError, Spec, Value, message, output,
    secret,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::document_request::documents_of;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct JsonDocumentBuilder {
    key: String,
    document: LazyValue,
}

impl Component for JsonDocumentBuilder {
    const SPEC: Spec = Spec {
        names: &["JSONDocumentBuilder"],
        about: "Documents whose text is a JSON object with the text of another under a key.",
        inputs: &[
            // No secret, but named like one: the registry marks every `…key`.
            secret("key", "The name that the text gets."),
            message("document", "The document, or several."),
        ],
        outputs: &[output("document")],
        examples: &[Example {
            title: "of several documents, each",
            inputs: r#"{"key": "row", "document": []}"#,
            output: r#"{"document": []}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let one = matches!(self.document.0, Value::Document(_));
        let built = documents_of(self.document.0)?.into_iter().map(|document| {
            let text = Map::from_iter([(self.key.clone(), document.page_content.into())]);
            let page_content = Json::Object(text).to_string();
            Value::Document(Document { page_content, metadata: Map::new() })
        });
        let mut built: Vec<Value> = built.collect();
        let value = match built.pop() {
            Some(only) if one => only,
            last => Value::List(built.into_iter().chain(last).collect()),
        };
        Ok(Outputs::one("document", value))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<JsonDocumentBuilder>();
