//! Ways in for `tests/fuzz`: what reads texts and files that others wrote. Nothing that is deployed calls them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use millrace_engine::File;

use crate::tools::arithmetic;
use crate::{agents, chains, documents, memories, prompts, python, sql, toolkits, web};

pub use toolkits::fuzzing::{json_value, table};

/// The kinds of files that [`document`] reads.
pub fn document_kinds() -> impl Iterator<Item = &'static str> {
    documents::fuzzing::READERS.iter().map(|(kind, _)| *kind)
}

/// Reads a file of a kind: what its documents hold, in bytes, or why it has none. As in a loader, a library may panic.
///
/// # Errors
/// A sentence, as the loader's user sees it.
pub fn document(kind: &str, bytes: &[u8]) -> Result<usize, String> {
    let reader = documents::fuzzing::READERS.iter().find(|(known, _)| *known == kind);
    let (_, read) = reader.ok_or_else(|| format!("no kind {kind}"))?;
    let file = File { name: format!("file.{kind}"), bytes: bytes.into(), immutable: true };
    let read = catch_unwind(AssertUnwindSafe(|| read(&file))).map_err(|_| "it cannot be read".to_owned())?;
    let documents = read.map_err(|unreadable| unreadable.to_string())?;
    Ok(documents.iter().map(|document| document.page_content.len()).sum())
}

/// The pieces of a text; see [`documents::fuzzing::split`].
///
/// # Errors
/// A sentence: sizes or pieces beyond the limits.
pub fn split(
    separators: &[&str],
    recursive: bool,
    text: &str,
    sizes: (u32, u32),
) -> Result<Vec<String>, String> {
    documents::fuzzing::split(separators, recursive, text, sizes)
}

/// Whether a loader's pattern takes a place in a folder; none if it is no pattern.
pub fn glob(pattern: &str, place: &str) -> Option<bool> {
    documents::fuzzing::glob(pattern, place)
}

/// Every parser of what an agent's model says; how many could read it.
pub fn agents(text: &str) -> usize {
    agents::fuzzing::PARSERS.iter().filter(|parse| parse(text).is_ok()).count()
}

/// The value of an expression.
///
/// # Errors
/// A sentence on what is wrong with it.
pub fn arithmetic(text: &str) -> Result<String, String> {
    arithmetic::evaluate(text).map_err(|error| error.to_string())
}

/// What is read from a model's reply by chains and memories.
pub fn reply(text: &str) {
    chains::fuzzing::reply(text);
    memories::fuzzing::reply(text);
    let _ = sql::statement_in(text);
}

/// What is read from the schema of somebody's database.
pub fn schema(text: &str) {
    sql::fuzzing::schema(text);
}

/// A prompt's template and its form of double braces.
pub fn template(text: &str) -> bool {
    prompts::fuzzing::template(text)
}

/// Whether a Python function is the one that gives its argument back.
pub fn python(code: &str) -> bool {
    python::fuzzing::echoes(code)
}

/// The text of a page, as it came from a server that declared a character set.
pub fn page(bytes: &[u8], declared: Option<&str>) -> String {
    web::fuzzing::page(bytes, declared)
}
