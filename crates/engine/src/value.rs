//! What flows along an edge: data or a capability.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::capability::{Capability, Usage};
use crate::python_text::python_str;

/// The output of a vertex.
#[derive(Debug, Clone)]
pub enum Value {
    /// Plain data: null, text, numbers, lists, objects.
    Json(Json),
    /// A chat message (1.x `Message`).
    Message(Box<Message>),
    /// A record (1.x `Data`, also called `JSON`).
    Data(Map<String, Json>),
    /// Rows (1.x `DataFrame`, also called `Table`).
    Table(Table),
    /// A text with metadata (0.x `Document`).
    Document(Document),
    /// Several values of one kind, in edge order.
    List(Vec<Value>),
    /// Something that can be called: a model, a memory, a prompt, a chain.
    Capability(Capability),
}

/// A text and where it comes from, as LangChain keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The text.
    pub page_content: String,
    /// Source, page, row and the like.
    #[serde(default)]
    pub metadata: Map<String, Json>,
}

/// Rows with named columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Each row by column name.
    pub rows: Vec<Map<String, Json>>,
}

/// A chat message of the 1.x dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The text.
    pub text: String,
    /// `User` or `Machine`; empty until a chat component says so.
    pub sender: String,
    /// The name shown.
    pub sender_name: String,
    /// The conversation.
    pub session_id: String,
    /// A layer below the conversation.
    pub context_id: String,
    /// References of attached files.
    pub files: Vec<String>,
    /// Message id, a UUID; empty until it is stored.
    pub id: String,
    /// The flow that made it.
    pub flow_id: String,
    /// The run that made it, a UUID.
    pub run_id: String,
    /// `YYYY-MM-DD HH:MM:SS.ffffff UTC`.
    pub timestamp: String,
    /// The vertex that made the text: id, display name, model.
    pub source: Source,
    /// What the models upstream used.
    pub usage: Option<Usage>,
}

/// Where the text of a message comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Vertex id.
    pub id: Option<String>,
    /// Vertex display name.
    pub display_name: Option<String>,
    /// Model name.
    pub source: Option<String>,
}

impl Message {
    /// A message that is nothing but its text.
    pub fn of(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            sender: String::new(),
            sender_name: String::new(),
            session_id: String::new(),
            context_id: String::new(),
            files: Vec::new(),
            id: String::new(),
            flow_id: String::new(),
            run_id: String::new(),
            timestamp: String::new(),
            source: Source::default(),
            usage: None,
        }
    }

    /// The fields as Langflow 1.x lists them inside `data`.
    pub fn data(&self) -> Map<String, Json> {
        let fields = json!({
            "timestamp": self.timestamp, "sender": self.sender, "sender_name": self.sender_name,
            "session_id": self.session_id, "context_id": self.context_id, "text": self.text, "files": self.files,
            "error": false, "edit": false, "properties": self.properties(), "category": "message",
            "content_blocks": [], "session_metadata": {"graph_run_id": self.run_id}, "id": self.id,
            "flow_id": self.flow_id, "run_id": self.run_id, "duration": null,
        });
        object(fields)
    }

    /// The whole message as `/run` answers it: `text_key`, `data`, and the fields once more beside them.
    pub fn to_json(&self) -> Json {
        let data = self.data();
        let mut all = object(json!({"text_key": "text", "data": data, "default_value": ""}));
        all.extend(data.into_iter().filter(|(name, _)| name != "id"));
        Json::Object(all)
    }

    fn properties(&self) -> Json {
        let usage = self.usage.map(|u| {
            json!({"input_tokens": u.input, "output_tokens": u.output, "total_tokens": u.input + u.output})
        });
        json!({
            "text_color": null, "background_color": null, "edited": false, "source": self.source, "icon": null,
            "allow_markdown": false, "positive_feedback": null, "state": "complete", "targets": [],
            "usage": usage, "build_duration": null,
        })
    }
}

impl Value {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Json(Json::String(text.into()))
    }

    /// What kind of thing this is, for an error message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Json(Json::String(_)) => "text",
            Self::Json(Json::Null) => "nothing",
            Self::Json(Json::Number(_)) => "a number",
            Self::Json(Json::Bool(_)) => "a boolean",
            Self::Json(_) => "JSON",
            Self::Message(_) => "a message",
            Self::Data(_) => "a data record",
            Self::Table(_) => "a table",
            Self::Document(_) => "a document",
            Self::List(_) => "a list",
            Self::Capability(capability) => capability.kind(),
        }
    }

    /// The value as text where it is text by nature: text itself, a message, a document, a scalar.
    pub fn as_text(&self) -> Option<String> {
        match self {
            Self::Json(Json::String(text)) => Some(text.clone()),
            Self::Json(value @ (Json::Number(_) | Json::Bool(_))) => Some(python_str(value)),
            Self::Message(message) => Some(message.text.clone()),
            Self::Document(document) => Some(document.page_content.clone()),
            Self::Data(data) => match data.get("text") {
                Some(Json::String(text)) => Some(text.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    /// The value as the API answers it. A capability is described, never dumped.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Json(json) => json.clone(),
            Self::Message(message) => message.to_json(),
            Self::Data(data) => Json::Object(data.clone()),
            Self::Table(table) => Json::Array(table.rows.iter().cloned().map(Json::Object).collect()),
            // The shape in which Langflow answers a document that is the root (contract 1.5).
            Self::Document(d) => {
                json!({"page_content": d.page_content, "metadata": d.metadata, "type": "Document"})
            }
            Self::List(list) => Json::Array(list.iter().map(Self::to_json).collect()),
            Self::Capability(capability) => capability.describe(),
        }
    }
}

fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}
