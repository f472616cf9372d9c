//! VectorStoreRetrieverMemory: earlier exchanges that resemble what is said now (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Component, Context, Default, Document, Entry, ErrorKind, Example, Memory, MemoryKeys,
    Outputs, Retriever, RunError, Spec, Turn, Value, VectorStore, handles, message, output, python_str, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct VectorStoreRetrieverMemory {
    retriever: handles::Retriever,
    memory_key: String,
    input_key: Option<String>,
}

impl Component for VectorStoreRetrieverMemory {
    const SPEC: Spec = Spec {
        names: &["VectorStoreRetrieverMemory"],
        about: "Keeps each exchange as a document of a vector store, and remembers those that resemble what is \
                said now. The documents are the store's: all sessions that use the store find them.",
        inputs: &[
            message("retriever", "A vector store, or the retriever of one."),
            text("memory_key", "The prompt variable that it fills.").or(Default::Text("chat_history")),
            text("input_key", "The input that is the person's turn, where there are several."),
        ],
        outputs: &[output("memory")],
        examples: &[Example {
            title: "on a store without documents",
            inputs: r#"{
                "retriever": {"$component": "FAISS", "inputs": {
                    "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
                }}
            }"#,
            output: r#"{"memory": {"memory": "chat_history"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let store = self.retriever.store().ok_or_else(|| {
            RunError::new(
                ErrorKind::Flow,
                "field 'retriever': nothing can be added to what this one searches",
            )
        })?;
        let keys = MemoryKeys { memory: self.memory_key, input: self.input_key, output: None };
        let memory =
            Resembling { vertex: cx.vertex_id().to_owned(), keys, retriever: self.retriever.0, store };
        Ok(Outputs::one("memory", Value::Capability(Capability::Memory(Arc::new(memory)))))
    }
}

#[derive(Debug, Clone)]
struct Resembling {
    vertex: String,
    keys: MemoryKeys,
    retriever: Arc<dyn Retriever>,
    store: Arc<dyn VectorStore>,
}

#[async_trait]
impl Memory for Resembling {
    fn keys(&self) -> &MemoryKeys {
        &self.keys
    }

    fn with_keys(&self, keys: MemoryKeys) -> Arc<dyn Memory> {
        Arc::new(Self { keys, ..self.clone() })
    }

    /// Nothing: what resembles what is said now needs to be asked with it.
    async fn load(&self, _cx: &Context) -> Result<Json, RunError> {
        Ok(json!(""))
    }

    async fn save(&self, cx: &Context, input: &str, output: &str) -> Result<(), RunError> {
        let page_content = format!("input: {input}\noutput: {output}");
        let document = Document { page_content, metadata: Map::new() };
        self.store.add(&cx.scope(&self.vertex), &[document]).await
    }

    async fn recall(&self, cx: &Context, input: &str) -> Result<Map<String, Json>, RunError> {
        let found = self.retriever.retrieve(&cx.scope(&self.vertex), input).await?;
        let texts: Vec<_> = found.into_iter().map(|document| document.page_content).collect();
        Ok(Map::from_iter([(self.keys.memory.clone(), json!(texts.join("\n")))]))
    }

    /// A line `name: value` for each input and output, but for the memory's own.
    async fn keep(&self, cx: &Context, turn: Turn<'_>) -> Result<(), RunError> {
        let inputs = turn.inputs.iter().filter(|(name, _)| **name != self.keys.memory);
        let lines: Vec<_> = inputs
            .chain(turn.outputs)
            .map(|(name, value)| format!("{name}: {}", python_str(value)))
            .collect();
        let document = Document { page_content: lines.join("\n"), metadata: Map::new() };
        self.store.add(&cx.scope(&self.vertex), &[document]).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<VectorStoreRetrieverMemory>();

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use millrace_engine::{Found, Nearest, Search};

    use super::*;
    use crate::stand_in::Stand;

    /// Finds documents that have a word of the question.
    #[derive(Debug, Default)]
    struct Words(Mutex<Vec<Document>>);

    #[async_trait]
    impl VectorStore for Words {
        async fn search(&self, _: &Context, search: &Search) -> Result<Vec<Found>, RunError> {
            let all = self.0.lock().unwrap();
            let fits = |d: &&Document| search.query.split(' ').any(|word| d.page_content.contains(word));
            Ok(all.iter().filter(fits).map(|d| Found { document: d.clone(), score: None }).collect())
        }

        async fn add(&self, _: &Context, documents: &[Document]) -> Result<(), RunError> {
            self.0.lock().unwrap().extend_from_slice(documents);
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_resembles_comes_back() {
        let store: Arc<dyn VectorStore> = Arc::new(Words::default());
        let retriever: Arc<dyn Retriever> = Arc::new(Nearest(store));
        let keys = MemoryKeys { memory: "chat_history".to_owned(), input: None, output: None };
        let store = retriever.store().unwrap();
        let memory = Resembling { vertex: "V-1".to_owned(), keys, retriever, store };
        let cx = Stand::offline().cx();
        for (said, answered) in [("Bob sings", "Nice"), ("Ada swims", "Good")] {
            let object = |json: Json| json.as_object().cloned().unwrap();
            let inputs = object(json!({"text": said, "chat_history": "left out"}));
            let outputs = object(json!({"response": answered}));
            let recalled = Map::new();
            let turn = Turn {
                input: said,
                output: answered,
                inputs: &inputs,
                outputs: &outputs,
                recalled: &recalled,
            };
            memory.keep(&cx, turn).await.unwrap();
        }
        let renamed =
            memory.with_keys(MemoryKeys { memory: "history".to_owned(), input: None, output: None });
        let said = renamed.recall(&cx, "who sings").await.unwrap();
        assert_eq!(Json::Object(said), json!({"history": "text: Bob sings\nresponse: Nice"}));
        assert_eq!(memory.recall(&cx, "nobody").await.unwrap()["chat_history"], "");
    }
}
