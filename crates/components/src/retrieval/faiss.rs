//! FAISS (0.x): documents in an index of this process.

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Entry, Example, LazyValue, Outputs, RunError, Spec, Value, handles, json,
    message, output,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::collection::Collection;
use super::nearest::Metric;
use super::preset::with_search_kwargs;
use super::wired_documents::documents;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct Faiss {
    documents: Option<Vec<LazyValue>>,
    embedding: handles::Embedder,
    search_kwargs: Option<Map<String, Json>>,
}

impl Component for Faiss {
    const SPEC: Spec = Spec {
        names: &["FAISS"],
        about: "Finds documents by meaning: exact search of the nearest by squared Euclidean distance, inside \
                Millrace.",
        inputs: &[
            message(
                "documents",
                "The documents, 50,000 at most. The same ones are embedded once, by the first call that has them.",
            ),
            message("embedding", "The embedding model."),
            json("search_kwargs", "How it is searched unasked: k, filter, fetch_k, lambda_mult."),
        ],
        outputs: &[output("vector_store")],
        examples: &[Example {
            title: "without documents nothing is found",
            inputs: r#"{"embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}}"#,
            output: r#"{"vector_store": {"vector_store": {}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let documents = documents("documents", self.documents.unwrap_or_default())?;
        let name = cx.vertex_id().to_owned();
        let store =
            Collection::open(cx, name, Metric::SquaredL2, self.embedding.0, &documents, false).await?;
        let store = with_search_kwargs(Arc::new(store), &self.search_kwargs.unwrap_or_default())?;
        Ok(Outputs::one("vector_store", Value::Capability(Capability::VectorStore(store))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<Faiss>();
