//! RetrievalQA: answers a question from what a retriever finds (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Chain, ChainCall, Component, Context, Default, Entry, Example, Memory, Outputs, Retriever,
    RunError, Spec, Value, flag, handles, message, output, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::combine::{Combination, CombineDocs, Form};
use super::qa::{SOURCE_DOCUMENTS, shown};
use super::recall::{Recalled, demand, text as input_text};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct RetrievalQa {
    combine_documents_chain: handles::Object<CombineDocs>,
    retriever: handles::Retriever,
    memory: Option<handles::Memory>,
    input_key: String,
    output_key: String,
    return_source_documents: bool,
}

impl Component for RetrievalQa {
    const SPEC: Spec = Spec {
        names: &["RetrievalQA"],
        about: "Answers a question from what a retriever finds.",
        inputs: &[
            message("combine_documents_chain", "How the model is asked: a CombineDocsChain."),
            message("retriever", "What finds the documents; a vector store serves."),
            message("memory", "Keeps the turn; the prompt does not show it."),
            text("input_key", "The name of the question.").or(Default::Text("query")),
            text("output_key", "The name of the answer.").or(Default::Text("result")),
            flag("return_source_documents", "Answers the documents too, as source_documents.")
                .or(Default::Flag(true)),
        ],
        outputs: &[output("chain")],
        examples: &[Example {
            title: "the answer and its documents",
            inputs: r#"{
                "combine_documents_chain": {"$component": "CombineDocsChain", "inputs": {
                    "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}}
                }},
                "retriever": {"$component": "FAISS", "inputs": {
                    "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
                }}
            }"#,
            output: r#"{"chain": {"chain": {"inputs": ["query"], "outputs": ["result", "source_documents"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let chain = Answering {
            combine: self.combine_documents_chain.0,
            retriever: self.retriever.0,
            memory: self.memory.map(|memory| memory.0),
            input: self.input_key,
            output: self.output_key,
            documents: self.return_source_documents,
        };
        Ok(Outputs::one("chain", Value::Capability(Capability::Chain(Arc::new(chain)))))
    }
}

#[derive(Debug)]
struct Answering {
    combine: Arc<CombineDocs>,
    retriever: Arc<dyn Retriever>,
    memory: Option<Arc<dyn Memory>>,
    input: String,
    output: String,
    /// Whether the documents are answered too.
    documents: bool,
}

#[async_trait]
impl Chain for Answering {
    fn input_keys(&self) -> Vec<String> {
        vec![self.input.clone()]
    }

    fn output_keys(&self) -> Vec<String> {
        let documents = self.documents.then(|| SOURCE_DOCUMENTS.to_owned());
        [self.output.clone()].into_iter().chain(documents).collect()
    }

    async fn call(&self, cx: &Context, inputs: Map<String, Json>) -> Result<ChainCall, RunError> {
        demand(&self.input_keys(), &inputs)?;
        let question = input_text(&inputs, &self.input)?;
        let recalled = Recalled::load(cx, self.memory.as_ref(), &inputs, &self.input_keys()).await?;
        let documents = self.retriever.retrieve(cx, &question).await?;
        let CombineDocs { llm, chain_type } = self.combine.as_ref();
        let (llm, chain_type, form) = (llm.as_ref(), *chain_type, Form::Plain);
        let combination = Combination { llm, chain_type, form, question: &question };
        let answer = combination.answer(cx, &documents).await?;
        let mut outputs = Map::from_iter([(self.output.clone(), Json::String(answer.clone()))]);
        if self.documents {
            outputs.insert(SOURCE_DOCUMENTS.to_owned(), shown(&documents));
        }
        recalled.keep(cx, &inputs, &outputs, &answer).await?;
        Ok(ChainCall { beside: recalled.values, outputs })
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<RetrievalQa>();
