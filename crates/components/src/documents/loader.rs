//! What loaders of one file share: the file is read, taken apart beside the run, and told where it came from.

use std::marker::PhantomData;
use std::time::Duration;

use millrace_engine::{
    Component, Context, Document, ErrorKind, File, Input, Outputs, RunError, Spec, Value, json, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use thiserror::Error;

/// Bytes of a file at most.
pub(super) const MAX_FILE: u64 = 50 << 20;
/// Documents of a file at most.
pub(super) const MAX_DOCUMENTS: usize = 100_000;
/// How long one file may take. A file that takes longer is broken or was made to.
const MAX_TIME: Duration = Duration::from_secs(60);

/// A kind of file, and the node that loads it.
pub(crate) trait Format: Send + 'static {
    /// The node. Its inputs are [`INPUTS`].
    const SPEC: Spec;
    /// The documents in a file, with what their metadata says beside `source`.
    const READ: Read;
}

/// Takes a file apart. Runs on a thread of its own: a library that panics on a file ends nothing else.
pub(crate) type Read = fn(&File) -> Result<Vec<Document>, Unreadable>;

/// The inputs of a node that loads a file.
pub(crate) const INPUTS: &[Input] = &[
    text("file_path", "The file. At most 50 MiB."),
    json("metadata", "Added to each document's own metadata."),
];

/// A file that cannot be loaded.
#[derive(Debug, Error)]
pub(crate) enum Unreadable {
    /// It is not what it should be. What its parser said of it is told nobody: it quotes the file.
    #[error("it is no {0} that can be read")]
    Broken(&'static str),
    /// A part of it does not fit.
    #[error("{0}")]
    Malformed(String),
    /// It is encrypted.
    #[error("it is encrypted; save it without a password")]
    Encrypted,
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is larger than may be.
    #[error("it has more than {limit} {what}")]
    TooMuch {
        /// How many there may be.
        limit: usize,
        /// What was counted.
        what: &'static str,
    },
    /// Nothing reads this kind of file.
    #[error("files of the kind '{0}' cannot be loaded")]
    Kind(String),
}

impl Unreadable {
    fn of(self, file: &str) -> RunError {
        RunError::new(ErrorKind::Flow, format!("Error loading {file}: {self}"))
    }
}

/// The node's fields.
#[derive(Deserialize)]
#[serde(bound = "")]
pub(crate) struct Loader<F> {
    file_path: Option<String>,
    metadata: Option<Map<String, Json>>,
    #[serde(skip)]
    format: PhantomData<F>,
}

impl<F: Format> Component for Loader<F> {
    const SPEC: Spec = F::SPEC;

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let path = self.file_path.ok_or_else(|| no_path(F::SPEC.names[0]))?;
        let documents = load(cx, &path, F::READ).await?;
        Ok(Outputs::one("documents", output(documents, self.metadata.unwrap_or_default())))
    }
}

/// Langflow's own sentence.
pub(super) fn no_path(kind: &str) -> RunError {
    let error = RunError::new(ErrorKind::Flow, format!("File path not found for {kind}"));
    RunError { field: Some("file_path".to_owned()), ..error }
}

/// The documents of one file, each with its `source`: the file's name as its owner gave it.
///
/// # Errors
/// A file that is not there, is too large or cannot be read; its name is in the message.
pub(super) async fn load(cx: &Context, reference: &str, read: Read) -> Result<Vec<Document>, RunError> {
    parse(cx.file(reference, MAX_FILE).await?, read).await
}

async fn parse(file: File, read: Read) -> Result<Vec<Document>, RunError> {
    let name = file.name.clone();
    let broken = || Unreadable::Malformed("it cannot be read".to_owned()).of(&name);
    let work = tokio::task::spawn_blocking(move || read(&file));
    let documents = match tokio::time::timeout(MAX_TIME, work).await {
        Ok(Ok(documents)) => documents.map_err(|unreadable| unreadable.of(&name))?,
        Ok(Err(panic)) => return Err(broken().because(panic)),
        Err(_) => return Err(broken().because("it took too long")),
    };
    if documents.len() > MAX_DOCUMENTS {
        return Err(Unreadable::TooMuch { limit: MAX_DOCUMENTS, what: "documents" }.of(&name));
    }
    Ok(documents.into_iter().map(|document| from(&name, document)).collect())
}

fn from(source: &str, document: Document) -> Document {
    let mut metadata = Map::from_iter([("source".to_owned(), Json::from(source))]);
    metadata.extend(document.metadata);
    Document { metadata, ..document }
}

/// Documents with more metadata. A key without a name is a row of the editor that was left empty.
pub(super) fn output(mut documents: Vec<Document>, mut metadata: Map<String, Json>) -> Value {
    metadata.retain(|key, _| !key.is_empty());
    documents.iter_mut().for_each(|document| document.metadata.extend(metadata.clone()));
    Value::List(documents.into_iter().map(Value::Document).collect())
}

/// A text as the only document of a file.
pub(super) fn whole(text: impl Into<String>) -> Vec<Document> {
    vec![Document { page_content: text.into(), metadata: Map::new() }]
}

/// A document with what its metadata says.
pub(super) fn with<const N: usize>(text: String, metadata: [(&str, Json); N]) -> Document {
    let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Document { page_content: text, metadata }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::stand_in::Stand;

    /// The documents that a reader finds in these bytes, or why it finds none.
    pub fn read(read: Read, name: &str, bytes: &[u8]) -> Result<Vec<Document>, String> {
        let file = File { name: name.to_owned(), bytes: bytes.into(), immutable: true };
        read(&file).map_err(|unreadable| unreadable.to_string())
    }

    /// The texts that a reader finds in these bytes.
    pub fn texts(reader: Read, name: &str, bytes: &[u8]) -> Vec<String> {
        read(reader, name, bytes).unwrap().into_iter().map(|document| document.page_content).collect()
    }

    #[tokio::test]
    async fn a_reader_that_panics_is_an_error_of_its_file() {
        let stand = Stand::offline().files(&[("up/a.x", b"")]);
        let error = load(&stand.cx(), "up/a.x", |_| panic!("bad byte")).await.unwrap_err();
        assert_eq!(error.message, "Error loading a.x: it cannot be read");
        assert_eq!(error.kind, ErrorKind::Flow);
        let error = load(&stand.cx(), "up/a.x", |_| Err(Unreadable::Encrypted)).await.unwrap_err();
        assert_eq!(error.message, "Error loading a.x: it is encrypted; save it without a password");
    }

    #[tokio::test]
    async fn documents_say_where_they_come_from() {
        let stand = Stand::offline().files(&[("up/a.x", b"")]);
        let read: Read = |_| Ok(vec![with("t".to_owned(), [("row", json!(0))])]);
        let documents = load(&stand.cx(), "up/a.x", read).await.unwrap();
        assert_eq!(Json::Object(documents[0].metadata.clone()), json!({"source": "a.x", "row": 0}));
        let more = json!({"": "", "row": 7, "by": "me"});
        let output = output(documents, more.as_object().unwrap().clone());
        assert_eq!(output.to_json()[0]["metadata"], json!({"source": "a.x", "row": 7, "by": "me"}));
    }
}
