//! VectorStoreRouterToolkit: one tool for each of several vector stores (0.x).

use millrace_engine::{
    Component, Context, Entry, Example, Kind, Outputs, RunError, Spec, handles, message, output,
};
use serde::Deserialize;

use super::vector_store_info::StoreInfo;
use super::vector_store_tools::{router_tools, toolkit};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct VectorStoreRouterToolkit {
    vectorstores: Vec<handles::Object<StoreInfo>>,
    llm: handles::ChatModel,
}

impl Component for VectorStoreRouterToolkit {
    const SPEC: Spec = Spec {
        names: &["VectorStoreRouterToolkit"],
        about: "One tool for each vector store, which answers a question from what it finds there.",
        inputs: &[
            message("vectorstores", "The vector stores with their names and descriptions."),
            message("llm", "The model that answers; the flow's last one if none is connected."),
        ],
        outputs: &[output("tools")],
        kind: Kind::Toolkit,
        examples: &[Example {
            title: "the tool is named after its store",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "vectorstores": {"$component": "VectorStoreInfo", "inputs": {
                    "name": "Notes",
                    "vectorstore": {"$component": "Chroma", "inputs": {
                        "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
                    }}
                }}
            }"#,
            output: r#"{"tools": [{"tool": "Notes"}]}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let infos = self.vectorstores.iter().map(|info| info.0.as_ref());
        Ok(Outputs::one("tools", toolkit(router_tools(infos, &self.llm))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<VectorStoreRouterToolkit>();
