//! Vector stores and retrievers.

mod chroma;
mod collection;
#[cfg(test)]
mod collection_tests;
#[cfg(test)]
mod embedder_stand_in;
mod faiss;
mod filter;
mod index;
mod ingest;
mod kept;
mod mmr;
mod nearest;
mod preset;
mod wired_documents;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[&chroma::ENTRY, &faiss::ENTRY];
