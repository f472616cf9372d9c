//! A chain and its memory: which input is the person's turn, what is put in before, what is kept after.

use std::sync::Arc;

use millrace_engine::{Context, ErrorKind, Memory, RunError, Turn, python_str};
use serde_json::{Map, Value as Json};

/// What a memory put into one call of a chain; nothing where the chain has none.
pub(crate) struct Recalled<'a> {
    memory: Option<&'a dyn Memory>,
    turn: String,
    /// The memory's variables by name.
    pub values: Map<String, Json>,
}

impl<'a> Recalled<'a> {
    /// Asks the memory, in view of the inputs. `read` are the inputs that the chain knows.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when it is unclear which input is the person's turn: found out before a model is
    /// called, since a call whose turn cannot be kept must not be paid. Else what the memory fails with.
    pub async fn load(
        cx: &Context,
        memory: Option<&'a Arc<dyn Memory>>,
        inputs: &Map<String, Json>,
        read: &[String],
    ) -> Result<Self, RunError> {
        let Some(memory) = memory else {
            return Ok(Self { memory: None, turn: String::new(), values: Map::new() });
        };
        let turn = turn_input(memory.as_ref(), inputs, read)?;
        let values = memory.recall(cx, &turn).await?;
        Ok(Self { memory: Some(memory.as_ref()), turn, values })
    }

    /// Hands the exchange to the memory. The model's turn is the output that the memory names, else
    /// `answer`.
    ///
    /// # Errors
    /// What the memory fails with.
    pub async fn keep(
        &self,
        cx: &Context,
        inputs: &Map<String, Json>,
        outputs: &Map<String, Json>,
        answer: &str,
    ) -> Result<(), RunError> {
        let Some(memory) = self.memory else { return Ok(()) };
        let named = memory.keys().output.as_ref().and_then(|name| outputs.get(name)).map(python_str);
        let output = named.as_deref().unwrap_or(answer);
        let turn = Turn { input: &self.turn, output, inputs, outputs, recalled: &self.values };
        memory.keep(cx, turn).await
    }
}

/// Complains of inputs that are not there, all at once.
///
/// # Errors
/// [`ErrorKind::Input`].
pub(crate) fn demand(keys: &[String], inputs: &Map<String, Json>) -> Result<(), RunError> {
    let mut absent: Vec<&str> =
        keys.iter().filter(|key| !inputs.contains_key(*key)).map(String::as_str).collect();
    absent.sort_unstable();
    if absent.is_empty() { Ok(()) } else { Err(missing(&absent)) }
}

/// An input as text.
///
/// # Errors
/// [`ErrorKind::Input`] when it is not there.
pub(crate) fn text(inputs: &Map<String, Json>, key: &str) -> Result<String, RunError> {
    inputs.get(key).map(python_str).ok_or_else(|| missing(&[key]))
}

fn turn_input(memory: &dyn Memory, inputs: &Map<String, Json>, read: &[String]) -> Result<String, RunError> {
    if let Some(name) = &memory.keys().input {
        return text(inputs, name);
    }
    let filled = memory.variables();
    let mut names: Vec<&String> =
        inputs.keys().filter(|name| !filled.contains(name) && *name != "stop").collect();
    if names.len() > 1 {
        // Inputs that the chain does not read are harmless without a memory, so they are with one.
        names.retain(|name| read.contains(name));
    }
    match names.as_slice() {
        [name] => text(inputs, name),
        _ => Err(ambiguous(&names)),
    }
}

fn missing(names: &[&str]) -> RunError {
    let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    RunError::new(ErrorKind::Input, format!("Missing some input keys: {{{}}}", names.join(", ")))
}

fn ambiguous(names: &[&String]) -> RunError {
    let mut names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    names.sort();
    let message = format!(
        "One input key expected got [{}]; say in the memory's input_key which is the turn",
        names.join(", ")
    );
    RunError::new(ErrorKind::Input, message)
}
