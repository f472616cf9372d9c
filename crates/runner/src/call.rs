//! What a caller asked for, in the form in which it waits in a task's INPUT.

use std::time::Duration;

use millrace_engine::{InputType, OutputSelection, ProcessInputs};
use millrace_store::{FlowRecord, IdempotencyKey, JournalMode, SessionId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::secrets::{CallVariables, Erased};

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
    /// How it is to be run.
    pub options: Options,
}

/// What a call is to the conversation that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Session {
    /// The caller made the name up, and says all there is to say in each call.
    #[default]
    Named,
    /// The name is made for this call.
    Begins,
    /// The name was made for an earlier call, whose tweaks still count.
    GoesOn,
}

/// How a call is to be run; by default as the flow and the installation say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What it is to its conversation.
    pub session: Session,
    /// What is kept of its effects.
    pub journal: Option<JournalMode>,
    /// How long it may take from its first claim.
    pub timeout: Option<Duration>,
    /// Where the end of its task is posted to.
    pub callback_url: Option<String>,
    /// US dollars that it may cost by estimate.
    pub budget: Option<f64>,
    /// The W3C trace context under which it came, as the header `traceparent` says it.
    pub trace: Option<String>,
    /// The id of the request, as the platform gave it: the log of whoever runs the task names it.
    pub request_id: Option<String>,
    /// The caller's name for this call: the same again is the same task.
    pub idempotency: Option<Idempotency>,
    /// Variables for this run alone, before those of the tenant.
    pub variables: CallVariables,
    /// Whether the caller may say where the flow's keys go, as who may change the flow does.
    pub may_redirect: bool,
}

/// A caller's name for a call, and what tells this call from another one.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The name.
    pub key: IdempotencyKey,
    /// A digest of the whole request.
    pub request_hash: String,
}

/// A task's INPUT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stored {
    #[serde(flatten)]
    pub call: Call,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// What was taken out of the tweaks.
    #[serde(default)]
    pub erased: Erased,
    /// Dollars that it may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
}

impl Stored {
    /// Whether it may hold what its caller keeps to itself: an address can, and any tweak.
    pub fn is_private(&self) -> bool {
        self.callback_url.is_some() || !self.call.tweaks().is_empty()
    }
}

impl Call {
    /// The same with other tweaks.
    pub(crate) fn with_tweaks(mut self, other: Map<String, Json>) -> Self {
        match &mut self {
            Self::Process { tweaks, .. } | Self::Run { tweaks, .. } => *tweaks = other,
        }
        self
    }

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
