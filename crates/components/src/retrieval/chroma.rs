//! Chroma (0.x): documents in a collection of this process.

use std::sync::Arc;

use millrace_engine::{
    Capability, Component, Context, Default, Entry, ErrorKind, Example, LazyValue, Outputs, RunError, Spec,
    Value, flag, handles, json, message, output, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::collection::Collection;
use super::nearest::Metric;
use super::preset::with_search_kwargs;
use super::wired_documents::documents;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct Chroma {
    documents: Option<Vec<LazyValue>>,
    embedding: handles::Embedder,
    collection_name: String,
    persist: bool,
    search_kwargs: Option<Map<String, Json>>,
    chroma_server_host: Option<String>,
}

impl Component for Chroma {
    const SPEC: Spec = Spec {
        names: &["Chroma"],
        about: "Finds documents by meaning: exact search of the nearest, inside Millrace, without a Chroma server. \
                A collection belongs to its flow; what is added while the flow runs, to the conversation.",
        inputs: &[
            message(
                "documents",
                "The documents, 50,000 at most. The same ones are embedded once, by the first call that has them.",
            ),
            message("embedding", "The embedding model."),
            text("collection_name", "The collection, 3 to 63 characters.").or(Default::Text("langflow")),
            flag(
                "persist",
                "Keeps the documents in the conversation's collection when the node later brings others.",
            )
            .or(Default::Flag(false)),
            json("search_kwargs", "How it is searched unasked: k, filter, fetch_k, lambda_mult."),
            text("chroma_server_host", "Must be empty: collections are kept here, not on a Chroma server."),
        ],
        outputs: &[output("vector_store")],
        examples: &[Example {
            title: "a collection without documents is empty",
            inputs: r#"{
                "collection_name": "notes",
                "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
            }"#,
            output: r#"{"vector_store": {"vector_store": {}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let refused = |message: &str| Err(RunError::new(ErrorKind::Flow, message));
        if self.chroma_server_host.is_some_and(|host| !host.trim().is_empty()) {
            return refused(
                "chroma_server_host: Chroma servers are not called; leave it empty and the collection is kept here",
            );
        }
        let name = self.collection_name;
        if !is_collection_name(&name) {
            return refused(
                "collection_name: a name has 3 to 63 letters, digits, dots, underscores and hyphens, begins and \
                 ends with a letter or digit, and is no address",
            );
        }
        let documents = documents("documents", self.documents.unwrap_or_default())?;
        let store =
            Collection::open(cx, name, Metric::SquaredL2, self.embedding.0, &documents, self.persist).await?;
        let store = with_search_kwargs(Arc::new(store), &self.search_kwargs.unwrap_or_default())?;
        Ok(Outputs::one("vector_store", Value::Capability(Capability::VectorStore(store))))
    }
}

/// Chroma's own rule.
fn is_collection_name(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let ends = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric());
    let address = name.parse::<std::net::Ipv4Addr>().is_ok();
    (3..=63).contains(&name.len()) && name.chars().all(inside) && ends && !name.contains("..") && !address
}

pub(crate) const ENTRY: Entry = Entry::of::<Chroma>();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_chromas() {
        for good in ["langflow", "a_b", "c_Chroma", "a.b-c", &"x".repeat(63), "1.2.3"] {
            assert!(is_collection_name(good), "{good}");
        }
        for bad in ["", "ab", &"x".repeat(64), "-ab", "ab.", "a..b", "a b", "añb", "10.0.0.1"] {
            assert!(!is_collection_name(bad), "{bad}");
        }
    }
}
