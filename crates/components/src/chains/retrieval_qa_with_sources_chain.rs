//! RetrievalQAWithSourcesChain: an answer from what a retriever finds, and the sources it rests on (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Chain, ChainCall, ChatModel, Component, Context, Default, Entry, Example, Memory, Outputs,
    Retriever, RunError, Spec, Value, flag, handles, message, output, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::combine::{ChainType, Combination, CombineDocs, Form};
use super::qa::{SOURCE_DOCUMENTS, Sourced, shown, split_sources};
use super::recall::{Recalled, demand, text as input_text};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct RetrievalQaWithSources {
    llm: handles::ChatModel,
    retriever: handles::Retriever,
    chain_type: Option<Vec<ChainType>>,
    combine_documents_chain: Option<handles::Object<CombineDocs>>,
    memory: Option<handles::Memory>,
    return_source_documents: bool,
}

impl Component for RetrievalQaWithSources {
    const SPEC: Spec = Spec {
        names: &["RetrievalQAWithSourcesChain"],
        about: "Answers a question from what a retriever finds, and names the sources. Takes `question`, \
                answers `answer` and `sources`.",
        inputs: &[
            message("llm", "The model."),
            message("retriever", "What finds the documents; a vector store serves."),
            text(
                "chain_type",
                "How the model is asked: stuff, map_reduce, refine or map_rerank (see CombineDocsChain); if \
                 empty, as the combine_documents_chain says, else stuff.",
            ),
            message("combine_documents_chain", "Says how the model is asked where chain_type does not."),
            message("memory", "Keeps the turn; the prompt does not show it."),
            flag("return_source_documents", "Answers the documents too, as source_documents.")
                .or(Default::Flag(true)),
        ],
        outputs: &[output("chain")],
        examples: &[Example {
            title: "without the documents",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "chain_type": "refine",
                "retriever": {"$component": "FAISS", "inputs": {
                    "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
                }},
                "return_source_documents": false
            }"#,
            output: r#"{"chain": {"chain": {"inputs": ["question"], "outputs": ["answer", "sources"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let wired = self.combine_documents_chain.map(|combine| combine.chain_type);
        let chain = Sourcing {
            llm: self.llm.0,
            retriever: self.retriever.0,
            chain_type: self.chain_type.and_then(|all| all.first().copied()).or(wired).unwrap_or_default(),
            memory: self.memory.map(|memory| memory.0),
            documents: self.return_source_documents,
        };
        Ok(Outputs::one("chain", Value::Capability(Capability::Chain(Arc::new(chain)))))
    }
}

#[derive(Debug)]
struct Sourcing {
    llm: Arc<dyn ChatModel>,
    retriever: Arc<dyn Retriever>,
    chain_type: ChainType,
    memory: Option<Arc<dyn Memory>>,
    /// Whether the documents are answered too.
    documents: bool,
}

#[async_trait]
impl Chain for Sourcing {
    fn input_keys(&self) -> Vec<String> {
        vec!["question".to_owned()]
    }

    fn output_keys(&self) -> Vec<String> {
        let documents = self.documents.then_some(SOURCE_DOCUMENTS);
        ["answer", "sources"].into_iter().chain(documents).map(str::to_owned).collect()
    }

    async fn call(&self, cx: &Context, inputs: Map<String, Json>) -> Result<ChainCall, RunError> {
        demand(&self.input_keys(), &inputs)?;
        let question = input_text(&inputs, "question")?;
        let recalled = Recalled::load(cx, self.memory.as_ref(), &inputs, &self.input_keys()).await?;
        let documents = self.retriever.retrieve(cx, &question).await?;
        let (llm, chain_type, form) = (self.llm.as_ref(), self.chain_type, Form::Sources);
        let combination = Combination { llm, chain_type, form, question: &question };
        let Sourced { answer, sources } = split_sources(&combination.answer(cx, &documents).await?);
        let mut outputs =
            Map::from_iter([("answer".to_owned(), json!(answer)), ("sources".to_owned(), json!(sources))]);
        if self.documents {
            outputs.insert(SOURCE_DOCUMENTS.to_owned(), shown(&documents));
        }
        recalled.keep(cx, &inputs, &outputs, &answer).await?;
        Ok(ChainCall { beside: recalled.values, outputs })
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<RetrievalQaWithSources>();
