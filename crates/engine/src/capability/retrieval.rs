//! Finding documents: retrievers and vector stores.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json};

use crate::context::Context;
use crate::error::RunError;
use crate::value::Document;

/// Documents found where nobody says how many (LangChain's `k`).
pub const DEFAULT_K: usize = 4;

/// Finds documents for a question.
#[async_trait]
pub trait Retriever: Debug + Send + Sync {
    /// The documents, best first.
    async fn retrieve(&self, cx: &Context, query: &str) -> Result<Vec<Document>, RunError>;

    /// The store that it searches, if it is one that documents can be added to.
    fn store(&self) -> Option<Arc<dyn VectorStore>> {
        None
    }
}

/// What a vector store is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The question.
    pub query: String,
    /// Documents wanted at most.
    pub k: usize,
    /// How they are chosen.
    pub kind: SearchKind,
    /// Metadata that a document must have.
    pub filter: Map<String, Json>,
}

/// How documents are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SearchKind {
    /// The nearest.
    Similarity,
    /// Near the question and far from each other (maximal marginal relevance).
    Mmr {
        /// How many of the nearest are looked at.
        fetch_k: usize,
        /// 1 for nearness alone, 0 for difference alone.
        lambda: f32,
    },
}

impl Search {
    /// The nearest documents to a question, as many as LangChain finds unasked.
    pub fn nearest(query: impl Into<String>) -> Self {
        let (kind, filter) = (SearchKind::Similarity, Map::new());
        Self { query: query.into(), k: DEFAULT_K, kind, filter }
    }
}

/// A document that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The document.
    pub document: Document,
    /// How near it is: the store's own measure, where it gives one.
    pub score: Option<f32>,
}

/// Documents with their vectors.
#[async_trait]
pub trait VectorStore: Debug + Send + Sync {
    /// What is found for a question, best first.
    async fn search(&self, cx: &Context, search: &Search) -> Result<Vec<Found>, RunError>;
    /// Adds documents.
    async fn add(&self, cx: &Context, documents: &[Document]) -> Result<(), RunError>;
}

/// A vector store asked for the nearest documents: what it is where a retriever is wanted.
#[derive(Debug, Clone)]
pub struct Nearest(pub Arc<dyn VectorStore>);

#[async_trait]
impl Retriever for Nearest {
    async fn retrieve(&self, cx: &Context, query: &str) -> Result<Vec<Document>, RunError> {
        let found = self.0.search(cx, &Search::nearest(query)).await?;
        Ok(found.into_iter().map(|found| found.document).collect())
    }

    fn store(&self) -> Option<Arc<dyn VectorStore>> {
        Some(self.0.clone())
    }
}
