//! FlowRunner: runs another flow of the same owner with a document's text (0.x).

use millrace_engine::{
    Component, Context, Document, Entry, ErrorKind, Example, LazyValue, Outputs, ProcessInputs, RunError,
    Spec, Value, message, output, text,
};
use serde::Deserialize;
use serde_json::Map;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct FlowRunner {
    flow_name: Option<String>,
    document: Option<LazyValue>,
    inputs: Option<String>,
}

impl Component for FlowRunner {
    const SPEC: Spec = Spec {
        names: &["FlowRunner"],
        about: "Runs another flow of the same owner and gives its result as a document.",
        inputs: &[
            text("flow_name", "The flow, by name or id; nothing is run if empty."),
            message("document", "A document, or several of which the first is taken; its text is the input."),
            text("inputs", "The input as text, in place of a document."),
        ],
        outputs: &[output("document")],
        examples: &[Example {
            title: "no flow is chosen yet",
            inputs: r#"{"flow_name": "", "inputs": "hello"}"#,
            output: r#"{"document": {"page_content": "hello", "metadata": {}, "type": "Document"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let given = self.document.and_then(|document| first_text(&document.0)).or(self.inputs);
        let Some(input) = given else {
            return Err(RunError::new(
                ErrorKind::Flow,
                "field 'document': there is no text to run the flow with",
            ));
        };
        let page_content = match self.flow_name {
            Some(flow) => super::as_text(&cx.run_flow(&flow, ProcessInputs::Text(input), &Map::new()).await?),
            None => input,
        };
        let document = Document { page_content, metadata: Map::new() };
        Ok(Outputs::one("document", Value::Document(document)))
    }
}

fn first_text(value: &Value) -> Option<String> {
    match value {
        Value::List(list) => list.first().and_then(first_text),
        other => other.as_text(),
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<FlowRunner>();
