//! What a caller asked for, in the form in which it waits in a task's INPUT.

use millrace_engine::{InputType, OutputSelection, ProcessInputs};
use millrace_store::{FlowRecord, SessionId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// A call of a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Call {
    /// `POST /process`: a 0.x call.
    Process {
        /// An object, or a list of objects.
        inputs: Inputs,
        /// By node id.
        #[serde(default)]
        tweaks: Map<String, Json>,
        /// Whether the conversation is forgotten first.
        #[serde(default)]
        clear_session: bool,
    },
    /// `POST /run`: a 1.x call.
    Run {
        /// The text, if one was given.
        #[serde(default)]
        input_value: Option<String>,
        /// `chat`, `text` or `any`.
        #[serde(default)]
        input_type: InputType,
        /// Which outputs are answered.
        output: OutputSelection,
        /// By node id, display name or bare field.
        #[serde(default)]
        tweaks: Map<String, Json>,
    },
}

/// The inputs of a 0.x call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Inputs {
    /// One set.
    One(Map<String, Json>),
    /// Several.
    Many(Vec<Map<String, Json>>),
}

/// A call for a tenant: everything that makes a task.
#[derive(Debug, Clone)]
pub struct Job {
    /// Whose it is; from the API key and nowhere else.
    pub tenant: TenantId,
    /// The flow, at the version that the task is pinned to.
    pub flow: FlowRecord,
    /// The conversation.
    pub session: SessionId,
    /// What was asked for.
    pub call: Call,
}

impl Call {
    pub(crate) fn tweaks(&self) -> &Map<String, Json> {
        match self {
            Self::Process { tweaks, .. } | Self::Run { tweaks, .. } => tweaks,
        }
    }
}

impl From<Inputs> for ProcessInputs {
    fn from(inputs: Inputs) -> Self {
        match inputs {
            Inputs::One(one) => Self::One(one),
            Inputs::Many(many) => Self::Many(many),
        }
    }
}
