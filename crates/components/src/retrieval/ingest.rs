//! Documents turned into an index, once.

use std::fmt::Write as _;

use millrace_engine::{Context, Document, Embedder, RunError};
use sha2::{Digest, Sha256};

use super::index::{FORMAT, Index, check};

/// The index of these documents: the one that was kept, or else a new one, which is then kept.
///
/// The embedding calls stand in a scope named after the content: a run that is resumed and finds the index
/// makes none of them, and no other effect's key moves. Two runs that come first at the same time both embed;
/// what they keep is the same.
pub(crate) async fn indexed(
    cx: &Context,
    collection: &str,
    embedder: &dyn Embedder,
    documents: &[Document],
) -> Result<(String, Index), RunError> {
    let key = content_key(collection, embedder, documents);
    if let Some(bytes) = cx.indexes().load(&key).await? {
        return Ok((key, Index::open(bytes)?));
    }
    let vectors = embedded(&ingest_scope(cx, &key), embedder, documents).await?;
    let index = Index::build(documents, &vectors)?;
    cx.indexes().save(&key, index.bytes().clone()).await?;
    Ok((key, index))
}

/// The vectors of documents, checked.
pub(crate) async fn embedded(
    cx: &Context,
    embedder: &dyn Embedder,
    documents: &[Document],
) -> Result<Vec<Vec<f32>>, RunError> {
    // Before anything is paid for.
    if documents.len() > super::index::MAX_DOCUMENTS {
        return Err(super::index::IndexError::TooManyDocuments { found: documents.len() }.into());
    }
    let texts: Vec<String> = documents.iter().map(|document| document.page_content.clone()).collect();
    let vectors = embedder.embed_documents(cx, &texts).await?;
    check(documents.len(), &vectors)?;
    Ok(vectors)
}

/// Where the effects of taking in the content of this key stand.
pub(crate) fn ingest_scope(cx: &Context, key: &str) -> Context {
    cx.scope(&format!("ingest-{}", &key[..key.len().min(16)]))
}

/// What names an index: its layout, the model, the collection, and the documents with all that is known of
/// them.
pub(crate) fn content_key(collection: &str, embedder: &dyn Embedder, documents: &[Document]) -> String {
    let mut sha = Sha256::new();
    let mut part = |bytes: &[u8]| {
        // With its length, so that no two lists of parts look alike.
        sha.update((bytes.len() as u64).to_le_bytes());
        sha.update(bytes);
    };
    part(&FORMAT.to_le_bytes());
    part(embedder.identity().as_bytes());
    part(collection.as_bytes());
    for document in documents {
        part(document.page_content.as_bytes());
        part(serde_json::to_string(&document.metadata).unwrap_or_default().as_bytes());
    }
    hex(&sha.finalize())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
