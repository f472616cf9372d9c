//! What a conversation keeps in a collection beside the documents that its flow brings along.

use millrace_engine::{Context, ErrorKind, RunError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::index::Index;
use super::ingest::hex;

/// Indexes of single additions before they are made into one.
const UNMERGED: usize = 16;

/// Sets of documents that `persist` keeps, at most.
const MAX_PERSISTED: usize = 100;

/// Tries against others that write to the same collection.
const TRIES: usize = 8;

/// The list of a collection's indexes. It is the state of the conversation's scope `collection/<name>`, written
/// only over the version that was read, so that of two additions at the same time none is lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Documents that a node with `persist` brought along, oldest first.
    #[serde(default)]
    pub persisted: Vec<String>,
    /// Documents that were added one by one, as by a memory, oldest first.
    #[serde(default)]
    pub added: Vec<String>,
}

/// What is put into a manifest: the key of an index.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entry<'a> {
    /// Once, however often it is brought along.
    Persisted(&'a str),
    /// As often as it is added.
    Added(&'a str),
}

/// The manifest as it stands.
pub(crate) async fn manifest(cx: &Context, collection: &str) -> Result<Manifest, RunError> {
    Ok(versioned(cx, collection).await?.1)
}

async fn versioned(cx: &Context, collection: &str) -> Result<(Option<u64>, Manifest), RunError> {
    let Some(state) = cx.state(&scope(collection)).await? else { return Ok((None, Manifest::default())) };
    let manifest = serde_json::from_value(state.body)
        .map_err(|e| RunError::new(ErrorKind::Internal, "A kept collection cannot be read").because(e))?;
    Ok((Some(state.version), manifest))
}

fn scope(collection: &str) -> String {
    format!("collection/{collection}")
}

/// Adds an entry to what stands, whoever else writes meanwhile.
///
/// # Errors
/// [`ErrorKind::Unavailable`], transient, after eight others in a row were faster.
pub(crate) async fn put(cx: &Context, collection: &str, entry: Entry<'_>) -> Result<(), RunError> {
    for _ in 0..TRIES {
        let (version, before) = versioned(cx, collection).await?;
        let after = with(cx, &before, entry).await?;
        if after == before || cx.put_state(&scope(collection), version, &json!(after)).await? {
            return Ok(());
        }
    }
    let message = format!("The collection {collection} is being written to by too many calls at once");
    Err(RunError::new(ErrorKind::Unavailable, message).transient(true))
}

async fn with(cx: &Context, before: &Manifest, entry: Entry<'_>) -> Result<Manifest, RunError> {
    let mut after = before.clone();
    match entry {
        Entry::Persisted(key) if after.persisted.iter().any(|known| known == key) => {}
        Entry::Persisted(key) if after.persisted.len() < MAX_PERSISTED => {
            after.persisted.push(key.to_owned())
        }
        Entry::Persisted(_) => {
            let message =
                format!("a conversation's collection keeps {MAX_PERSISTED} sets of documents at most");
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        Entry::Added(key) => {
            if after.added.len() >= UNMERGED {
                after.added = vec![merged(cx, &after.added).await?];
            }
            after.added.push(key.to_owned());
        }
    }
    Ok(after)
}

/// The indexes of these keys as one, which is kept under a key made of theirs.
async fn merged(cx: &Context, keys: &[String]) -> Result<String, RunError> {
    let key = hex(&Sha256::digest(format!("merged\n{}", keys.join("\n"))));
    let index = Index::merge(&opened(cx, keys).await?)?;
    cx.indexes().save(&key, index.bytes().clone()).await?;
    Ok(key)
}

/// The indexes of these keys.
///
/// # Errors
/// [`ErrorKind::Unavailable`] when one is gone.
pub(crate) async fn opened(cx: &Context, keys: &[String]) -> Result<Vec<Index>, RunError> {
    let mut all = Vec::with_capacity(keys.len());
    for key in keys {
        let gone = || {
            RunError::new(ErrorKind::Unavailable, "A kept vector index is gone")
                .because(("index", key.as_str()))
        };
        all.push(Index::open(cx.indexes().load(key).await?.ok_or_else(gone)?)?);
    }
    Ok(all)
}
