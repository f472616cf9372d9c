//! Vector stores and retrievers.

mod astra_db;
mod chroma;
pub(crate) mod collection;
#[cfg(test)]
mod collection_tests;
#[cfg(test)]
pub(crate) mod embedder_stand_in;
mod faiss;
mod filter;
mod index;
mod ingest;
mod kept;
mod mmr;
mod multi_query_retriever;
pub(crate) mod nearest;
mod pgvector;
mod pinecone;
mod preset;
mod qdrant;
mod remote;
#[cfg(test)]
mod remote_tests;
mod retriever_tool;
mod retriever_vector_store;
mod s3_vectors;
mod wired_documents;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[
    &astra_db::ENTRY,
    &chroma::ENTRY,
    &faiss::ENTRY,
    &multi_query_retriever::ENTRY,
    &pgvector::ENTRY,
    &pinecone::ENTRY,
    &qdrant::ENTRY,
    &retriever_tool::ENTRY,
    &retriever_vector_store::ENTRY,
    &s3_vectors::ENTRY,
];
