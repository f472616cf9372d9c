//! VectorStoreToolkit: the tools over one vector store (0.x).

use millrace_engine::{
    Component, Context, Entry, Example, Kind, Outputs, RunError, Spec, handles, message, output,
};
use serde::Deserialize;

use super::vector_store_info::StoreInfo;
use super::vector_store_tools::{store_tools, toolkit};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct VectorStoreToolkit {
    vectorstore_info: handles::Object<StoreInfo>,
    llm: handles::ChatModel,
}

impl Component for VectorStoreToolkit {
    const SPEC: Spec = Spec {
        names: &["VectorStoreToolkit"],
        about: "Two tools over a vector store: one answers a question from what it finds, one names its sources too.",
        inputs: &[
            message("vectorstore_info", "The vector store with its name and description."),
            message("llm", "The model that answers; the flow's last one if none is connected."),
        ],
        outputs: &[output("tools")],
        kind: Kind::Toolkit,
        examples: &[Example {
            title: "both tools are named after the store",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "vectorstore_info": {"$component": "VectorStoreInfo", "inputs": {
                    "name": "Notes",
                    "vectorstore": {"$component": "Chroma", "inputs": {
                        "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
                    }}
                }}
            }"#,
            output: r#"{"tools": [{"tool": "Notes"}, {"tool": "Notes_with_sources"}]}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        Ok(Outputs::one("tools", toolkit(store_tools(&self.vectorstore_info, &self.llm))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<VectorStoreToolkit>();
