//! Chat Output: where a 1.x flow gives its answer.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Kind, LazyValue, Message, Outputs, RunError, Source, Spec,
    Table, Value, flag, message, output, python_str, text,
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::store;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ChatOutput {
    input_value: LazyValue,
    sender: String,
    sender_name: String,
    session_id: Option<String>,
    context_id: String,
    should_store_message: bool,
}

impl Component for ChatOutput {
    const SPEC: Spec = Spec {
        names: &["ChatOutput"],
        about: "Answers with what it is fed, as a message, and keeps it in the conversation.",
        inputs: &[
            message("input_value", "A message, data or a table; several are joined by line breaks.")
                .or(Default::Text("")),
            text("sender", "Machine or User.").or(Default::Text("Machine")),
            text("sender_name", "The name shown.").or(Default::Text("AI")),
            text("session_id", "The conversation; that of the message or of the run if empty."),
            text("context_id", "A layer below the conversation.").or(Default::Text("")),
            flag("should_store_message", "Whether the message is kept.").or(Default::Flag(true)),
        ],
        outputs: &[output("message")],
        kind: Kind::Output,
        examples: &[
            Example {
                title: "text is itself",
                inputs: r#"{"input_value": "hello", "should_store_message": false}"#,
                output: r#"{"message": "hello"}"#,
            },
            Example {
                title: "data becomes a JSON block",
                inputs: r#"{"input_value": {"a": 1}, "should_store_message": false}"#,
                output: r#"{"message": "```json\n{\n  \"a\": 1\n}\n```"}"#,
            },
        ],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let given = match &self.input_value.0 {
            Value::Message(message) => Some(message.as_ref().clone()),
            _ => None,
        };
        let session = self.session_id.or_else(|| given.as_ref().map(|m| m.session_id.clone()));
        let session = session.filter(|session| !session.is_empty());
        let upstream = cx.upstream("input_value");
        let message = Message {
            sender: self.sender,
            sender_name: self.sender_name,
            session_id: session.unwrap_or_else(|| cx.session_id().to_owned()),
            context_id: self.context_id,
            files: given.as_ref().map(|m| m.files.clone()).unwrap_or_default(),
            source: Source {
                id: upstream.map(|u| u.id.clone()),
                display_name: upstream.map(|u| u.display_name.clone()),
                source: given.and_then(|m| m.source.source),
            },
            usage: cx.upstream_usage(),
            ..Message::of(shown(&self.input_value.0))
        };
        let message = store(cx, message, self.should_store_message).await?;
        Ok(Outputs::one("message", Value::Message(Box::new(message))))
    }
}

/// Any value as the text of a chat (1.13 contract 3.4).
fn shown(value: &Value) -> String {
    match value {
        Value::Data(data) => block(&Json::Object(data.clone())),
        Value::Json(json @ Json::Object(_)) => block(json),
        Value::Json(Json::Array(list)) => list.iter().map(python_str).collect::<Vec<_>>().join("\n"),
        Value::Json(Json::Null) => String::new(),
        Value::List(list) => list.iter().map(shown).collect::<Vec<_>>().join("\n"),
        Value::Table(table) => markdown(table),
        other => other.as_text().unwrap_or_else(|| block(&other.to_json())),
    }
}

fn block(json: &Json) -> String {
    format!("```json\n{}\n```", serde_json::to_string_pretty(json).unwrap_or_default())
}

/// A table in Markdown; a pipe in a cell is escaped.
fn markdown(table: &Table) -> String {
    let mut columns: Vec<&String> = Vec::new();
    for name in table.rows.iter().flat_map(|row| row.keys()) {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines = vec![
        line(columns.iter().map(|name| name.replace('|', "\\|")).collect()),
        line(columns.iter().map(|_| ":---".to_owned()).collect()),
    ];
    for row in &table.rows {
        let cell =
            |name: &&String| row.get(name.as_str()).map(python_str).unwrap_or_default().replace('|', "\\|");
        lines.push(line(columns.iter().map(cell).collect()));
    }
    lines.join("\n")
}

pub(crate) const ENTRY: Entry = Entry::of::<ChatOutput>();
