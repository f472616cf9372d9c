//! Flow exports of Langflow, parsed, planned and run.
//!
//! Both dialects become one [`Flow`]: 0.x exports wire LangChain objects (a model into a chain's `llm`
//! field; the vertex that feeds no other is called with the inputs), 1.x exports pass data between named
//! outputs. A component is a [`Component`]; what leaves the process passes [`Context::effect`].
//!
//! **Absent here: AWS, HTTP, the environment, a clock and randomness of its own.** What a run needs from
//! outside it is given as [`Services`].

mod answer;
mod build;
mod capability;
mod cause;
mod check;
mod component;
mod context;
mod effect;
mod error;
mod export;
mod flow;
#[doc(hidden)]
pub mod fuzzing;
mod group;
mod handle;
mod inputs;
mod journal;
mod plan;
mod prompt;
mod python_literal;
mod python_text;
mod registry;
mod report;
mod root;
mod run;
mod services;
mod sessions;
mod subflow;
mod trace;
mod tweak;
mod value;

pub use answer::{OutputSelection, RunAnswer};
pub use capability::{
    Capability, Chain, ChainCall, ChatMessage, ChatModel, ChatReply, ChatRequest, DEFAULT_K, Embedder, Found,
    Memory, MemoryKeys, Nearest, Object, Retriever, Role, Search, SearchKind, Tool, ToolCall, ToolForm,
    ToolInput, ToolSpec, Turn, Usage, VectorStore, one_text_parameters,
};
pub use cause::Cause;
pub use check::Warning;
pub use component::{
    Component, Default, Entry, Example, FieldKind, Input, Kind, Output, Outputs, Reach, Spec, flag, handles,
    integer, json, message, number, output, reach, rest, secret, text,
};
pub use context::{Context, Upstream};
pub use effect::{Effect, EffectKey};
pub use error::{ErrorKind, FlowError, RunError};
pub use export::{FlowLimits, parse, parse_within};
pub use flow::{Dialect, Edge, Field, Flow, LooseEdge, Vertex};
pub use inputs::{InputError, Inputs, LazyValue};
pub use journal::{Journal, MemoryJournal, Record};
pub use plan::Plan;
pub use prompt::{Prompt, PromptPart, PromptText, Template, TemplateError};
pub use python_text::{python_float, python_repr, python_str};
pub use registry::{Registry, Stock};
pub use report::{NodeReport, Report, ServiceReport};
pub use run::{ChatInput, InputType, ProcessInputs, ProcessOutput, Run, process, run_chat};
pub use services::{
    Admission, Clock, File, Files, Flows, Indexes, LoadedFlow, Nowhere, Owner, Resources, Services, Sessions,
    State, Supervisor, Unsupervised, Variable, Variables,
};
pub use sessions::MemorySessions;
pub use subflow::MAX_FLOW_DEPTH;
pub use trace::traceparent;
pub use tweak::{Leniency, TweakError, Tweaks};
pub use value::{Document, Message, Source, Table, Value};
