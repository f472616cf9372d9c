//! PromptRunner: asks a model while the flow is built, and gives the answer as a document (0.x).

use millrace_engine::{
    ChatRequest, Component, Context, Document, Entry, ErrorKind, Example, Outputs, RunError, Spec, Value,
    handles, json, message, output,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct PromptRunner {
    llm: handles::ChatModel,
    prompt: handles::Prompt,
    inputs: Option<Map<String, Json>>,
}

impl Component for PromptRunner {
    const SPEC: Spec = Spec {
        names: &["PromptRunner"],
        about: "Asks a model once, while the flow is built. Gives a document.",
        inputs: &[
            message("llm", "The model."),
            message("prompt", "The prompt."),
            json("inputs", "The values of its open variables, by name."),
        ],
        outputs: &[output("document")],
        examples: &[Example {
            title: "nobody reads the answer, so nobody is asked",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "prompt": {"$component": "PromptTemplate", "inputs": {"template": "Say {word}"}},
                "inputs": {"word": "hello"}
            }"#,
            output: "{}",
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let values = self.inputs.unwrap_or_default();
        let prompt = self
            .prompt
            .fill(&values)
            .map_err(|error| RunError::new(ErrorKind::Flow, format!("field 'inputs': {error}")))?;
        if !cx.wants("document") {
            return Ok(Outputs::none());
        }
        let page_content = self.llm.generate(cx, ChatRequest::of(prompt.into_messages())).await?.text;
        let document = Document { page_content, metadata: Map::new() };
        Ok(Outputs::one("document", Value::Document(document)))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<PromptRunner>();
