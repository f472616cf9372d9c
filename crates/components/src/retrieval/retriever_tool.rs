//! RetrieverTool: a retriever as a tool of an agent (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Component, Context, Entry, Example, Outputs, Retriever, RunError, Spec, Tool, ToolInput,
    Value, handles, message, output, text,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct RetrieverTool {
    retriever: handles::Retriever,
    name: String,
    description: String,
}

impl Component for RetrieverTool {
    const SPEC: Spec = Spec {
        names: &["RetrieverTool"],
        about: "Lets an agent look for documents: it gets their texts.",
        inputs: &[
            message("retriever", "What finds the documents; a vector store serves."),
            text("name", "The tool's name."),
            text("description", "What the agent is told it is for."),
        ],
        outputs: &[output("tool")],
        examples: &[Example {
            title: "called by its name",
            inputs: r#"{
                "retriever": {"$component": "FAISS", "inputs": {
                    "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
                }},
                "name": "notes", "description": "Notes on towers"
            }"#,
            output: r#"{"tool": {"tool": "notes"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let Self { retriever, name, description } = self;
        let tool = Looking { retriever: retriever.0, name, description };
        Ok(Outputs::one("tool", Value::Capability(Capability::Tool(Arc::new(tool)))))
    }
}

#[derive(Debug)]
struct Looking {
    retriever: Arc<dyn Retriever>,
    name: String,
    description: String,
}

#[async_trait]
impl Tool for Looking {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        &self.description
    }

    fn parameters(&self) -> Option<Json> {
        Some(json!({
            "type": "object",
            "properties": {"query": {"type": "string", "description": "What to look for."}},
            "required": ["query"],
        }))
    }

    async fn call(&self, cx: &Context, input: ToolInput) -> Result<String, RunError> {
        let query = match input {
            ToolInput::Fields(mut fields) if fields.contains_key("query") => {
                fields.remove("query").map(|query| millrace_engine::python_str(&query)).unwrap_or_default()
            }
            other => other.into_text(),
        };
        let found = self.retriever.retrieve(cx, &query).await?;
        let texts: Vec<_> = found.into_iter().map(|document| document.page_content).collect();
        Ok(texts.join("\n\n"))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<RetrieverTool>();

#[cfg(test)]
mod tests {
    use millrace_engine::Document;
    use serde_json::Map;

    use super::*;
    use crate::stand_in::Stand;

    #[derive(Debug)]
    struct Twice;

    #[async_trait]
    impl Retriever for Twice {
        async fn retrieve(&self, _: &Context, query: &str) -> Result<Vec<Document>, RunError> {
            let document = Document { page_content: query.to_owned(), metadata: Map::new() };
            Ok(vec![document.clone(), document])
        }
    }

    #[tokio::test]
    async fn texts_stand_apart() {
        let fields = |json: Json| ToolInput::Fields(json.as_object().cloned().unwrap());
        let cases = [
            (ToolInput::Text("tower".to_owned()), "tower\n\ntower"),
            (fields(json!({"query": "tower"})), "tower\n\ntower"),
            (fields(json!({"query": 7, "more": 1})), "7\n\n7"),
            (fields(json!({"__arg1": "tower"})), "tower\n\ntower"),
        ];
        let tool = Looking { retriever: Arc::new(Twice), name: "n".to_owned(), description: "d".to_owned() };
        for (input, answer) in cases {
            assert_eq!(tool.call(&Stand::offline().cx(), input).await.unwrap(), answer);
        }
    }
}
