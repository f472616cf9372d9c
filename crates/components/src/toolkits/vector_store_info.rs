//! VectorStoreInfo: a vector store, and what an agent is told about it (both dialects).

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Entry, ErrorKind, Example, Object, Outputs, RunError, Spec, Value,
    VectorStore, handles, message, output, text,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// A vector store under a name.
#[derive(Debug)]
pub(crate) struct StoreInfo {
    /// The store.
    pub store: Arc<dyn VectorStore>,
    /// The name of the tools that ask it.
    pub name: String,
    /// What is in it.
    pub description: String,
}

impl Object for StoreInfo {
    fn kind(&self) -> &'static str {
        "a vector store's description"
    }

    fn describe(&self) -> Json {
        json!({"vector_store_info": {"name": self.name, "description": self.description}})
    }
}

/// The node's fields; those of 1.x have names of their own.
#[derive(Deserialize)]
pub(crate) struct VectorStoreInfo {
    vectorstore: Option<handles::VectorStore>,
    name: Option<String>,
    description: Option<String>,
    input_vectorstore: Option<handles::VectorStore>,
    vectorstore_name: Option<String>,
    vectorstore_description: Option<String>,
}

impl Component for VectorStoreInfo {
    const SPEC: Spec = Spec {
        names: &["VectorStoreInfo"],
        about: "Gives a vector store the name and the description by which an agent knows it.",
        inputs: &[
            message("vectorstore", "The vector store."),
            text("name", "The name of the tools that ask it."),
            text("description", "What is in it, for the model."),
            message("input_vectorstore", "The vector store (1.x)."),
            text("vectorstore_name", "The name of the tools that ask it (1.x)."),
            text("vectorstore_description", "What is in it, for the model (1.x)."),
        ],
        outputs: &[output("info")],
        examples: &[Example {
            title: "a store of notes",
            inputs: r#"{
                "vectorstore": {"$component": "Chroma", "inputs": {
                    "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
                }},
                "name": "Notes", "description": "notes about buildings"
            }"#,
            output: r#"{"info": {"vector_store_info": {"name": "Notes", "description": "notes about buildings"}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let Some(store) = self.vectorstore.or(self.input_vectorstore) else {
            return Err(RunError::new(ErrorKind::Flow, "field 'vectorstore': is required; connect it"));
        };
        // Shipped flows leave both empty; Langflow runs them so.
        let name = self.name.or(self.vectorstore_name).unwrap_or_default();
        let description = self.description.or(self.vectorstore_description).unwrap_or_default();
        let info = StoreInfo { store: store.0, name, description };
        Ok(Outputs::one("info", Value::Capability(Capability::Object(Arc::new(info)))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<VectorStoreInfo>();
