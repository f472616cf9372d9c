//! Message History: reads or adds to the messages of a 1.x conversation.

use millrace_engine::{
    Component, Context, Default, Entry, ErrorKind, Example, LazyValue, Message, Outputs, RunError, Spec,
    Table, Template, Value, integer, message, output, python_str, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::chat::{self, MESSAGES};

/// What messages of this run, which are not history, may add to what is read.
const OWN: u32 = 16;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct MessageHistory {
    mode: String,
    message: Option<LazyValue>,
    session_id: Option<String>,
    context_id: Option<String>,
    sender: Option<String>,
    sender_name: Option<String>,
    sender_type: String,
    n_messages: u32,
    order: String,
    template: String,
}

impl Component for MessageHistory {
    const SPEC: Spec = Spec {
        names: &["Memory", "Message History"],
        about: "The messages of the conversation before this run, as text or as a table; or adds one.",
        inputs: &[
            text("mode", "Retrieve or Store.").or(Default::Text("Retrieve")),
            message("message", "What is added (Store)."),
            text("session_id", "The conversation; that of the run if empty."),
            text("context_id", "Only messages of this context."),
            text("sender", "Who says what is added (Store): Machine or User."),
            text("sender_name", "Only messages of this name; the name of what is added (Store)."),
            text("sender_type", "Machine, User, or Machine and User.").or(Default::Text("Machine and User")),
            integer("n_messages", "The newest, this many.").or(Default::Integer(100)),
            text("order", "Ascending or Descending.").or(Default::Text("Ascending")),
            text("template", "How each message is written in the text.")
                .or(Default::Text("{sender_name}: {text}")),
        ],
        outputs: &[output("messages_text"), output("dataframe"), output("messages")],
        examples: &[Example {
            title: "a conversation that has just begun",
            inputs: r#"{}"#,
            output: r#"{"messages_text": "", "dataframe": []}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        if self.mode == "Store" {
            self.store(cx).await?;
        }
        let rows = self.rows(cx).await?;
        let text = self.text(&rows)?;
        let messages = rows.iter().cloned().map(Value::Data).collect();
        Ok(Outputs::one("messages_text", Value::Message(Box::new(Message::of(text))))
            .and("dataframe", Value::Table(Table { rows }))
            .and("messages", Value::List(messages)))
    }
}

impl MessageHistory {
    async fn store(&self, cx: &Context) -> Result<(), RunError> {
        let text =
            self.message.as_ref().and_then(|message| message.0.as_text()).filter(|text| !text.is_empty());
        let Some(text) = text else {
            return Err(RunError::new(ErrorKind::Flow, "field 'message': there is no text to store"));
        };
        let sender = self.sender.clone().unwrap_or_else(|| "Machine".to_owned());
        let name = if sender == "User" { "User" } else { "AI" };
        let message = Message {
            sender_name: self.sender_name.clone().unwrap_or_else(|| name.to_owned()),
            sender,
            session_id: self.session_id.clone().unwrap_or_else(|| cx.session_id().to_owned()),
            context_id: self.context_id.clone().unwrap_or_default(),
            ..Message::of(text)
        };
        chat::store(cx, message, true).await.map(drop)
    }

    /// The newest messages that fit, in the wanted order. This run's own are no history, unless it is
    /// what this node just stored.
    async fn rows(&self, cx: &Context) -> Result<Vec<Map<String, Json>>, RunError> {
        let filtered =
            self.sender_type != "Machine and User" || self.sender_name.is_some() || self.context_id.is_some();
        let newest = (!filtered).then_some(self.n_messages.saturating_add(OWN));
        let mut rows: Vec<Map<String, Json>> = cx
            .turns(MESSAGES, newest)
            .await?
            .into_iter()
            .filter_map(|turn| turn.as_object().cloned())
            .filter(|row| self.fits(cx, row))
            .collect();
        let surplus = rows.len().saturating_sub(self.n_messages as usize);
        rows.drain(..surplus);
        if self.order == "Descending" {
            rows.reverse();
        }
        Ok(rows)
    }

    fn fits(&self, cx: &Context, row: &Map<String, Json>) -> bool {
        let is = |name: &str, wanted: &str| row.get(name).and_then(Json::as_str) == Some(wanted);
        let before = self.mode == "Store" || !is("run_id", cx.task_id());
        before
            && (self.sender_type == "Machine and User" || is("sender", &self.sender_type))
            && self.sender_name.as_ref().is_none_or(|name| is("sender_name", name))
            && self.context_id.as_ref().is_none_or(|context| is("context_id", context))
    }

    fn text(&self, rows: &[Map<String, Json>]) -> Result<String, RunError> {
        let fault = |e| RunError::new(ErrorKind::Flow, format!("field 'template': {e}"));
        let template = Template::parse(&self.template).map_err(fault)?;
        let line = |row: &Map<String, Json>| {
            template.fill(|name| Some(row.get(name).map(python_str).unwrap_or_default())).map_err(fault)
        };
        Ok(rows.iter().map(line).collect::<Result<Vec<_>, _>>()?.join("\n"))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<MessageHistory>();
