//! What a 1.x run answers: the `outputs` of `/run` (1.13 contract 2.2).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::build::Built;
use crate::capability::Usage;
use crate::component::{Kind, Outputs};
use crate::context::Context;
use crate::plan::Plan;
use crate::run::ChatInput;
use crate::value::{Message, Value};

/// Which vertices a caller wants the outputs of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputSelection {
    /// Output vertices whose id contains this word, such as `chat` or `text`.
    Named(String),
    /// All output vertices.
    Any,
    /// All vertices.
    Debug,
    /// One vertex, by id or display name.
    Component(String),
}

/// The answer of a 1.x run.
#[derive(Debug, Clone)]
pub struct RunAnswer {
    /// `outputs` as `/run` answers them.
    pub outputs: Json,
    /// The messages that were stored, in order: a streaming answer shows them.
    pub messages: Vec<Message>,
    /// Tokens used.
    pub usage: Usage,
}

pub(crate) fn answer(
    plan: &Plan,
    cx: &Context,
    input: &ChatInput,
    selection: &OutputSelection,
    built: &Built,
) -> RunAnswer {
    let results: Vec<Json> = selected(plan, selection)
        .into_iter()
        .filter_map(|vertex| Some(result(plan, vertex, built.get(&vertex)?)))
        .collect();
    let inputs = input.value.as_ref().map_or(json!({}), |value| json!({"input_value": value}));
    RunAnswer {
        outputs: json!([{"inputs": inputs, "outputs": results}]),
        messages: cx.emitted(),
        usage: cx.total_usage(),
    }
}

/// In node order; all output vertices if the selection fits none.
fn selected(plan: &Plan, selection: &OutputSelection) -> Vec<usize> {
    let vertices = &plan.flow().vertices;
    let is_output = |v: &usize| plan.entry(*v).is_some_and(|entry| entry.spec.kind == Kind::Output);
    let all = 0..vertices.len();
    let chosen: Vec<usize> = match selection {
        OutputSelection::Debug => all.clone().collect(),
        OutputSelection::Any => all.clone().filter(is_output).collect(),
        OutputSelection::Named(word) => {
            all.clone().filter(is_output).filter(|v| vertices[*v].id.to_lowercase().contains(word)).collect()
        }
        OutputSelection::Component(name) => {
            all.clone().filter(|v| vertices[*v].id == *name || vertices[*v].display_name == *name).collect()
        }
    };
    if chosen.is_empty() { all.filter(is_output).collect() } else { chosen }
}

/// One vertex's `ResultData`.
fn result(plan: &Plan, vertex: usize, outputs: &Outputs) -> Json {
    let node = &plan.flow().vertices[vertex];
    let map = |f: &dyn Fn(&Value) -> Json| {
        outputs.iter().map(|(name, value)| (name.to_owned(), f(value))).collect::<Map<_, _>>()
    };
    let message = outputs.iter().find_map(|(_, value)| match value {
        Value::Message(message) if !message.sender.is_empty() => Some(message),
        _ => None,
    });
    let artifacts = match message {
        Some(m) => json!({"message": m.text, "sender": m.sender, "sender_name": m.sender_name,
                          "files": m.files, "type": "object"}),
        None => Json::Object(map(&artifact)),
    };
    let messages: Vec<Json> = message.into_iter().map(|m| chat_message(m, &node.id)).collect();
    json!({
        "results": map(&Value::to_json), "artifacts": artifacts, "outputs": map(&short),
        "logs": map(&|_| json!([])), "messages": messages, "timedelta": null, "duration": null,
        "component_display_name": node.display_name, "component_id": node.id,
        "used_frozen_result": false, "token_usage": null,
    })
}

fn chat_message(m: &Message, component: &str) -> Json {
    json!({"message": m.text, "sender": m.sender, "sender_name": m.sender_name, "session_id": m.session_id,
           "stream_url": null, "component_id": component, "files": m.files, "type": "text"})
}

fn artifact(value: &Value) -> Json {
    let raw = value.as_text().map_or_else(|| value.to_json(), Json::String);
    json!({"repr": raw, "raw": raw, "type": type_of(value)})
}

fn short(value: &Value) -> Json {
    let message = value.as_text().map_or_else(|| value.to_json(), Json::String);
    json!({"message": message, "type": type_of(value)})
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Message(_) | Value::Document(_) => "text",
        Value::Json(Json::String(_)) => "text",
        Value::Table(_) | Value::List(_) | Value::Json(Json::Array(_)) => "array",
        _ => "object",
    }
}
