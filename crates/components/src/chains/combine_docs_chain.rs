//! CombineDocsChain: how a model is asked about several documents, for the chains that do so (0.x).

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Default, Entry, Example, Outputs, RunError, Spec, Value, handles,
    message, output, text,
};
use serde::Deserialize;

use super::combine::{ChainType, CombineDocs};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct CombineDocsChain {
    llm: handles::ChatModel,
    chain_type: Vec<ChainType>,
}

impl Component for CombineDocsChain {
    const SPEC: Spec = Spec {
        names: &["CombineDocsChain"],
        about: "How a model answers a question from several documents: part of the retrieval chains.",
        inputs: &[
            message("llm", "The model."),
            text(
                "chain_type",
                "stuff (all in one prompt), map_reduce (each by itself, then what was found), refine (one \
                 after the other) or map_rerank (the best of the answers to each); up to 100 documents but \
                 for stuff.",
            )
            .or(Default::Text("stuff")),
        ],
        outputs: &[output("chain")],
        examples: &[Example {
            title: "each document by itself",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "chain_type": "map_reduce"
            }"#,
            output: r#"{"chain": {"combine_documents_chain": "map_reduce"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let chain_type = self.chain_type.first().copied().unwrap_or_default();
        let combine = CombineDocs { llm: self.llm.0, chain_type };
        Ok(Outputs::one("chain", Value::Capability(Capability::Object(Arc::new(combine)))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<CombineDocsChain>();
