//! A collection of documents searched in this process: what Chroma and FAISS are here.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Context, Document, Embedder, ErrorKind, Found, RunError, Search, SearchKind, VectorStore,
};

use super::filter::Filter;
use super::index::Index;
use super::ingest::indexed;
use super::kept::{self, Entry};
use super::mmr::diverse;
use super::nearest::{Metric, Near, nearest};

/// Documents of one search, at most.
pub(crate) const MAX_FOUND: usize = 1000;

/// The flow's own documents under an index named by their content, and what the conversation added.
///
/// Indexes belong to one tenant's flow, what was added to one conversation of it: nothing is shared further,
/// whatever the collection is called.
#[derive(Debug)]
pub(crate) struct Collection {
    name: String,
    metric: Metric,
    embedder: Arc<dyn Embedder>,
    /// The documents that the node brings along, and the key of their index.
    own: Option<(String, Index)>,
}

impl Collection {
    /// Takes in the documents of a node; with `persist` they stay when the node later brings others or none.
    pub async fn open(
        cx: &Context,
        name: String,
        metric: Metric,
        embedder: Arc<dyn Embedder>,
        documents: &[Document],
        persist: bool,
    ) -> Result<Self, RunError> {
        let own = match documents {
            [] => None,
            documents => Some(indexed(cx, &name, embedder.as_ref(), documents).await?),
        };
        if let (Some((key, _)), true) = (&own, persist) {
            kept::put(&cx.scope("persist"), &name, Entry::Persisted(key)).await?;
        }
        Ok(Self { name, metric, embedder, own })
    }

    /// All there is to search, the node's own documents first.
    async fn indexes(&self, cx: &Context) -> Result<Vec<Index>, RunError> {
        let manifest = kept::manifest(cx, &self.name).await?;
        let own = self.own.as_ref().map(|(key, _)| key);
        let mut keys = manifest.persisted;
        keys.retain(|key| Some(key) != own);
        keys.extend(manifest.added);
        let mut all: Vec<Index> = self.own.iter().map(|(_, index)| index.clone()).collect();
        all.extend(kept::opened(cx, &keys).await?);
        Ok(all)
    }

    async fn question(&self, cx: &Context, query: &str, indexes: &[Index]) -> Result<Vec<f32>, RunError> {
        let vector = self.embedder.embed_query(cx, query).await?;
        match indexes.iter().find(|index| index.dimensions() != vector.len()) {
            Some(other) => Err(of_other_dimensions(&self.name, other.dimensions(), vector.len())),
            None => Ok(vector),
        }
    }
}

/// The embedding model does not fit what it is to be compared with.
pub(crate) fn of_other_dimensions(collection: &str, kept: usize, asked: usize) -> RunError {
    let message = format!(
        "the collection {collection} holds vectors of {kept} dimensions and the embedding model gives {asked}; \
         use the model that it was filled with, or another collection"
    );
    RunError::new(ErrorKind::Flow, message)
}

#[async_trait]
impl VectorStore for Collection {
    async fn search(&self, cx: &Context, search: &Search) -> Result<Vec<Found>, RunError> {
        let filter = Filter::of(&search.filter)?;
        let indexes = self.indexes(cx).await?;
        if indexes.is_empty() {
            return Ok(Vec::new());
        }
        let question = self.question(cx, &search.query, &indexes).await?;
        let near = |k: usize| nearest(&indexes, &question, self.metric, k.min(MAX_FOUND), &filter);
        let chosen: Vec<Near> = match search.kind {
            SearchKind::Similarity => near(search.k)?,
            SearchKind::Mmr { fetch_k, lambda } => {
                let candidates = near(fetch_k)?;
                let vectors: Vec<_> =
                    candidates.iter().map(|near| indexes[near.index].vector(near.row)).collect();
                let order = diverse(&question, &vectors, search.k, lambda);
                order.into_iter().map(|at| candidates[at]).collect()
            }
        };
        let found = |near: Near| Ok(Found { document: near.document(&indexes)?, score: Some(near.distance) });
        chosen.into_iter().map(found).collect()
    }

    async fn add(&self, cx: &Context, documents: &[Document]) -> Result<(), RunError> {
        if documents.is_empty() {
            return Ok(());
        }
        let (key, _) = indexed(cx, &self.name, self.embedder.as_ref(), documents).await?;
        kept::put(cx, &self.name, Entry::Added(&key)).await
    }
}
