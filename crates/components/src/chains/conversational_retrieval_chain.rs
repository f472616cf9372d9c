//! ConversationalRetrievalChain: a conversation whose answers rest on what a retriever finds (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Chain, ChainCall, ChatMessage, ChatModel, Component, Context, Default, Entry, Example,
    Memory, MemoryKeys, Outputs, Retriever, Role, RunError, Spec, Value, flag, handles, message, output,
    python_str, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::combine::{ChainType, Combination, Form};
use super::own_prompt::{OwnPrompt, ask};
use super::qa::{SOURCE_DOCUMENTS, shown};
use super::recall::{Recalled, demand, text as input_text};

/// Our own words; variables and role as in LangChain.
const STANDALONE: OwnPrompt = &[(
    Role::User,
    "Below are a conversation and what was asked next. Put the question so that it can be understood without \
     the conversation, in the language in which it was asked.\n\n\
     Conversation:\n{chat_history}\nAsked next: {question}\nThe question by itself:",
)];

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ConversationalRetrieval {
    llm: handles::ChatModel,
    condense_question_llm: Option<handles::ChatModel>,
    memory: handles::Memory,
    retriever: handles::Retriever,
    chain_type: Vec<ChainType>,
    return_source_documents: bool,
}

impl Component for ConversationalRetrieval {
    const SPEC: Spec = Spec {
        names: &["ConversationalRetrievalChain"],
        about: "Answers questions of a conversation from what a retriever finds. From the second turn on, a \
                model first puts the question so that it stands by itself. Takes `question`, answers `answer`.",
        inputs: &[
            message("llm", "The model."),
            message("condense_question_llm", "The model that rewrites questions; the same if none is wired."),
            message("memory", "The conversation so far."),
            message("retriever", "What finds the documents; a vector store serves."),
            text(
                "chain_type",
                "How the model is asked: stuff, map_reduce, refine or map_rerank (see CombineDocsChain).",
            )
            .or(Default::Text("stuff")),
            flag("return_source_documents", "Answers the documents too, as source_documents.")
                .or(Default::Flag(true)),
        ],
        outputs: &[output("chain")],
        examples: &[Example {
            title: "the memory is no input",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "memory": {"$component": "ConversationBufferMemory", "inputs": {"memory_key": "history"}},
                "retriever": {"$component": "FAISS", "inputs": {
                    "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
                }},
                "return_source_documents": false
            }"#,
            output: r#"{"chain": {"chain": {"inputs": ["question"], "outputs": ["answer"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let chain = Conversing {
            rewriter: self.condense_question_llm.map_or_else(|| self.llm.0.clone(), |llm| llm.0),
            llm: self.llm.0,
            retriever: self.retriever.0,
            chain_type: self.chain_type.first().copied().unwrap_or_default(),
            memory: renamed(self.memory.0),
            documents: self.return_source_documents,
        };
        Ok(Outputs::one("chain", Value::Capability(Capability::Chain(Arc::new(chain)))))
    }
}

/// The memory under the names of this chain: it reads `chat_history`, whatever the node says.
fn renamed(memory: Arc<dyn Memory>) -> Arc<dyn Memory> {
    let own = |name: &str| Some(name.to_owned());
    memory.with_keys(MemoryKeys {
        memory: "chat_history".to_owned(),
        input: own("question"),
        output: own("answer"),
    })
}

#[derive(Debug)]
struct Conversing {
    llm: Arc<dyn ChatModel>,
    rewriter: Arc<dyn ChatModel>,
    retriever: Arc<dyn Retriever>,
    chain_type: ChainType,
    memory: Arc<dyn Memory>,
    /// Whether the documents are answered too.
    documents: bool,
}

impl Conversing {
    /// The question, understandable without the conversation.
    async fn standalone(&self, cx: &Context, question: &str, history: &str) -> Result<String, RunError> {
        if history.is_empty() {
            return Ok(question.to_owned());
        }
        let values = [("chat_history", history), ("question", question)];
        ask(cx, self.rewriter.as_ref(), STANDALONE, &values).await
    }
}

/// A history as the prompt shows it: a line for each message, each begun with a line break, as LangChain
/// writes them; a history that is a text already is taken as it is.
fn conversation(history: Option<&Json>) -> String {
    let Some(history) = history else { return String::new() };
    let Some(messages) = history.as_array() else { return python_str(history) };
    let messages = messages.iter().filter_map(|m| serde_json::from_value::<ChatMessage>(m.clone()).ok());
    let line = |message: ChatMessage| match message.role {
        Role::User => format!("\nHuman: {}", message.content),
        Role::Assistant => format!("\nAssistant: {}", message.content),
        Role::System | Role::Tool => format!("\nsystem: {}", message.content),
    };
    messages.map(line).collect()
}

#[async_trait]
impl Chain for Conversing {
    fn input_keys(&self) -> Vec<String> {
        vec!["question".to_owned()]
    }

    fn output_keys(&self) -> Vec<String> {
        let documents = self.documents.then_some(SOURCE_DOCUMENTS);
        ["answer"].into_iter().chain(documents).map(str::to_owned).collect()
    }

    async fn call(&self, cx: &Context, inputs: Map<String, Json>) -> Result<ChainCall, RunError> {
        demand(&self.input_keys(), &inputs)?;
        let asked = input_text(&inputs, "question")?;
        let recalled = Recalled::load(cx, Some(&self.memory), &inputs, &self.input_keys()).await?;
        let history = conversation(recalled.values.get("chat_history"));
        let question = self.standalone(cx, &asked, &history).await?;
        let documents = self.retriever.retrieve(cx, &question).await?;
        let (llm, chain_type, form) = (self.llm.as_ref(), self.chain_type, Form::Plain);
        let combination = Combination { llm, chain_type, form, question: &question };
        let answer = combination.answer(cx, &documents).await?;
        let mut outputs = Map::from_iter([("answer".to_owned(), Json::String(answer.clone()))]);
        if self.documents {
            outputs.insert(SOURCE_DOCUMENTS.to_owned(), shown(&documents));
        }
        recalled.keep(cx, &inputs, &outputs, &answer).await?;
        Ok(ChainCall { beside: recalled.values, outputs })
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<ConversationalRetrieval>();
