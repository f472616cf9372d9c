//! VectorStoreRetriever: a vector store as a retriever (0.x).

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Entry, Example, Nearest, Outputs, RunError, Spec, Value, handles,
    message, output,
};
use serde::Deserialize;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct VectorStoreRetriever {
    vectorstore: handles::VectorStore,
}

impl Component for VectorStoreRetriever {
    const SPEC: Spec = Spec {
        names: &["VectorStoreRetriever"],
        about: "Finds the four documents of a vector store that are nearest to a question.",
        inputs: &[message("vectorstore", "The vector store.")],
        outputs: &[output("retriever")],
        examples: &[Example {
            title: "of a store without documents",
            inputs: r#"{"vectorstore": {"$component": "FAISS", "inputs": {
                "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
            }}}"#,
            output: r#"{"retriever": {"retriever": {}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let retriever = Nearest(self.vectorstore.0);
        Ok(Outputs::one("retriever", Value::Capability(Capability::Retriever(Arc::new(retriever)))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<VectorStoreRetriever>();
