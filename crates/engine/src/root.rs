//! The root of a 0.x flow, called with what its caller gives it (contract 1.5).

use futures::stream::StreamExt;
use serde_json::{Map, Value as Json};

use crate::capability::{Capability, Search, SearchKind, Tool, ToolInput};
use crate::context::Context;
use crate::error::{ErrorKind, RunError};
use crate::prompt::PromptText;
use crate::python_text::python_str;
use crate::run::ProcessInputs;
use crate::value::Value;

/// Inputs in one call of `/process`, at most.
const MAX_INPUTS: usize = 1_000;
/// Calls of one list of inputs that run at a time.
const PARALLEL_INPUTS: usize = 32;

/// Documents of one search, at most.
const MAX_FOUND: u64 = 1_000;

/// What the root answers: to a list of inputs a list.
pub(crate) async fn answer(object: &Value, cx: &Context, inputs: ProcessInputs) -> Result<Json, RunError> {
    let inputs = match inputs {
        ProcessInputs::One(inputs) => inputs,
        ProcessInputs::Many(list) => return call_many(object, cx, list).await,
        ProcessInputs::Text(text) => Map::from_iter([(only_input(object)?, Json::String(text))]),
    };
    call(object, &cx.scope(&index(0)), inputs).await
}

/// The name of the root's only input.
fn only_input(object: &Value) -> Result<String, RunError> {
    let mut names = match object {
        Value::Capability(Capability::Chain(chain)) => chain.input_keys(),
        Value::Capability(Capability::Prompt(prompt)) => prompt.variables(),
        Value::Capability(Capability::VectorStore(_)) => vec!["query".to_owned()],
        _ => vec!["input".to_owned()],
    };
    match (names.pop(), names.is_empty()) {
        (Some(name), true) => Ok(name),
        _ => {
            let message = "this flow does not take exactly one input: give its inputs by name";
            Err(RunError::new(ErrorKind::Input, message))
        }
    }
}

/// Input number `i`, in a form that sorts.
fn index(i: usize) -> String {
    format!("{i:05}")
}

async fn call_many(object: &Value, cx: &Context, list: Vec<Map<String, Json>>) -> Result<Json, RunError> {
    if list.len() > MAX_INPUTS {
        let message = format!("inputs has {} entries; the limit is {MAX_INPUTS}", list.len());
        return Err(RunError::new(ErrorKind::Input, message));
    }
    let Value::Capability(Capability::Chain(_) | Capability::Prompt(_) | Capability::Tool(_)) = object else {
        return Err(RunError::new(
            ErrorKind::Input,
            "Invalid inputs type: this flow takes one object, not a list",
        ));
    };
    let calls = list.into_iter().enumerate().map(|(i, inputs)| {
        let cx = cx.scope(&index(i));
        async move {
            let Value::Capability(Capability::Chain(chain)) = object else {
                return call(object, &cx, inputs).await;
            };
            let call = chain.call(&cx, inputs.clone()).await?;
            let mut merged = inputs;
            merged.extend(call.beside);
            merged.extend(call.outputs);
            Ok(Json::Object(merged))
        }
    });
    let calls: Vec<_> = calls.collect();
    futures::stream::iter(calls).buffered(PARALLEL_INPUTS).collect::<Vec<_>>().await.into_iter().collect()
}

/// The root with one set of inputs (contract 1.5).
async fn call(object: &Value, cx: &Context, inputs: Map<String, Json>) -> Result<Json, RunError> {
    match object {
        Value::Capability(Capability::Chain(chain)) => {
            Ok(Json::Object(chain.call(cx, inputs).await?.outputs))
        }
        Value::Capability(Capability::Prompt(prompt)) => {
            let filled = prompt.fill(&inputs).map_err(|e| RunError::new(ErrorKind::Input, e.to_string()))?;
            Ok(match filled {
                PromptText::Text(text) => serde_json::json!({"text": text}),
                PromptText::Messages(messages) => serde_json::json!({"messages": messages}),
            })
        }
        Value::Capability(Capability::Tool(tool)) => {
            Ok(Json::String(tool.call(cx, tool_input(tool.as_ref(), inputs)?).await?))
        }
        Value::Capability(Capability::VectorStore(store)) if inputs.contains_key("query") => {
            let found = store.search(cx, &search_of(inputs)?).await?;
            Ok(found.into_iter().map(|found| Value::Document(found.document).to_json()).collect())
        }
        Value::Capability(Capability::ChatModel(_)) => {
            let message = "Invalid input type: a language model takes text or messages, not an object; \
                           connect it to a chain";
            Err(RunError::new(ErrorKind::Input, message))
        }
        other => Ok(other.to_json()),
    }
}

/// A tool that has a schema takes all inputs, any other the only one, whatever its name.
fn tool_input(tool: &dyn Tool, inputs: Map<String, Json>) -> Result<ToolInput, RunError> {
    if tool.parameters().is_some() || inputs.len() == 1 {
        return Ok(ToolInput::Fields(inputs));
    }
    let message = format!("the tool {} takes exactly one input; inputs has {}", tool.name(), inputs.len());
    Err(RunError::new(ErrorKind::Input, message))
}

/// A search as a caller writes it: `query`, and `k` and `search_type` if they are not the usual (contract 1.5).
fn search_of(inputs: Map<String, Json>) -> Result<Search, RunError> {
    let fault = |what: &str| RunError::new(ErrorKind::Input, format!("inputs.{what}"));
    let mut search = Search::nearest(inputs.get("query").map(python_str).unwrap_or_default());
    if let Some(k) = inputs.get("k") {
        let k = k.as_u64().or_else(|| k.as_str()?.trim().parse().ok());
        let k = k.filter(|k| (1..=MAX_FOUND).contains(k));
        search.k =
            k.ok_or_else(|| fault(&format!("k must be a whole number from 1 to {MAX_FOUND}")))? as usize;
    }
    match inputs.get("search_type").and_then(Json::as_str) {
        None | Some("similarity" | "") => {}
        Some("mmr") => {
            let number = |name: &str| inputs.get(name).and_then(Json::as_f64);
            let fetch_k =
                number("fetch_k").map_or(search.k.max(20), |k| k.clamp(1.0, MAX_FOUND as f64) as usize);
            let lambda = number("lambda_mult").unwrap_or(0.5).clamp(0.0, 1.0) as f32;
            search.kind = SearchKind::Mmr { fetch_k, lambda };
        }
        Some(_) => return Err(fault("search_type must be similarity or mmr")),
    }
    if let Some(Json::Object(filter)) = inputs.get("filter") {
        search.filter = filter.clone();
    }
    Ok(search)
}
