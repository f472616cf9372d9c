//! Ways in for `tests/fuzz`.

use super::{json_spec, table};

/// The answers to questions about a table, one after the other, or why the file is none.
///
/// # Errors
/// A sentence on the file.
pub fn table(csv: &[u8], questions: &[&str]) -> Result<Vec<String>, String> {
    let (frame, _) = table::read(csv).map_err(|error| error.to_string())?;
    let mut session = table::Session::of(&frame);
    Ok(questions.iter().map(|question| session.answer(question)).collect())
}

/// What stands at a path of a JSON or YAML file, by the file's name, and its keys.
///
/// # Errors
/// A sentence on the file, or Python's on the path.
pub fn json_value(name: &str, bytes: &[u8], path: &str) -> Result<String, String> {
    json_spec::look_up(name, bytes, path)
}
