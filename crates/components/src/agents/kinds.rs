//! The kinds of agents that AgentInitializer knows, by LangChain 0.1's names.

use std::sync::Arc;

use millrace_engine::{ChatModel, ErrorKind, Role, RunError, Tool, python_str};
use serde_json::{Value as Json, json};

use crate::tools::callable::without_blanks;

use super::executor::Planner;
use super::functions::{FunctionsPlanner, Offer};
use super::react::{
    Form, OBSERVATION, Part, ReactPrompt, TextPlanner, literal, tool_lines, tool_names, zero_shot,
};
use super::{parse_blobs, parse_lines, wording};

/// The kinds by name; the first is the default.
pub(super) const KINDS: &[&str] = &[
    "zero-shot-react-description",
    "react-docstore",
    "self-ask-with-search",
    "conversational-react-description",
    "chat-zero-shot-react-description",
    "chat-conversational-react-description",
    "structured-chat-zero-shot-react-description",
    "openai-functions",
    "openai-multi-functions",
];

/// The prompt variable that holds the history, of kinds that show it to their model.
pub(super) fn history_key(kind: &str) -> Option<&'static str> {
    let shown = ["conversational-react-description", "chat-conversational-react-description"].contains(&kind);
    shown.then_some("chat_history")
}

/// The planner of a kind.
///
/// # Errors
/// [`ErrorKind::Flow`] for a kind that is not in [`KINDS`], or whose tools must have other names.
pub(super) fn planner(
    kind: &str,
    model: Arc<dyn ChatModel>,
    tools: &[Arc<dyn Tool>],
) -> Result<Box<dyn Planner>, RunError> {
    let text = |parts, form| Box::new(TextPlanner { model: model.clone(), parts, form, repairs: false });
    Ok(match kind {
        "zero-shot-react-description" => {
            let prompt = ReactPrompt {
                prefix: wording::ZERO_SHOT_PREFIX.to_owned(),
                suffix: wording::ZERO_SHOT_SUFFIX.to_owned(),
                format_instructions: None,
            };
            Box::new(zero_shot(model, tools, prompt))
        }
        "react-docstore" => {
            require(kind, tools, &["Lookup", "Search"])?;
            text(vec![user(wording::DOCSTORE)], DOCSTORE)
        }
        "self-ask-with-search" => {
            require(kind, tools, &["Intermediate Answer"])?;
            text(vec![user(wording::SELF_ASK)], SELF_ASK)
        }
        "conversational-react-description" => text(conversational(tools), CONVERSATIONAL),
        "chat-zero-shot-react-description" => text(chat(tools), CHAT),
        "chat-conversational-react-description" => text(conversational_chat(tools), CONVERSATIONAL_CHAT),
        "structured-chat-zero-shot-react-description" => {
            Box::new(TextPlanner { model, parts: structured(tools), form: STRUCTURED, repairs: true })
        }
        "openai-functions" => Box::new(FunctionsPlanner::new(model, tools, Offer::Each)),
        "openai-multi-functions" => Box::new(FunctionsPlanner::new(model, tools, Offer::Selection)),
        other => {
            let message = format!("field 'agent': '{other}' is none of {}", KINDS.join(", "));
            return Err(RunError::new(ErrorKind::Flow, message));
        }
    })
}

/// Some kinds call their tools by names that their prompts fix.
fn require(kind: &str, tools: &[Arc<dyn Tool>], names: &[&str]) -> Result<(), RunError> {
    let mut found: Vec<_> = tools.iter().map(|tool| tool.name()).collect();
    found.sort_unstable();
    let written: Vec<_> = names.iter().map(|name| without_blanks(name)).collect();
    if found == names || found == written {
        return Ok(());
    }
    let message = format!(
        "field 'tools': the agent {kind} needs exactly the tools [{}], and got [{}]",
        names.join(", "),
        found.join(", ")
    );
    Err(RunError::new(ErrorKind::Flow, message))
}

const DOCSTORE: Form = Form {
    parser: parse_lines::docstore,
    stop: &["\nObservation:"],
    observation: "Observation: ",
    next: "Thought:",
    worked: "",
};

const SELF_ASK: Form = Form {
    parser: parse_lines::self_ask,
    stop: &["\nIntermediate answer:", "\n\tIntermediate answer:"],
    observation: "Intermediate answer: ",
    next: "",
    worked: "",
};

const CONVERSATIONAL: Form = Form {
    parser: parse_lines::conversational,
    stop: OBSERVATION,
    observation: "Observation: ",
    next: "Thought:",
    worked: "",
};

const CHAT: Form = Form {
    parser: parse_blobs::chat,
    stop: &["Observation:"],
    observation: "Observation: ",
    next: "Thought:",
    worked: wording::WORKED,
};

const STRUCTURED: Form = Form { parser: parse_blobs::structured, ..CHAT };

const CONVERSATIONAL_CHAT: Form =
    Form { parser: parse_blobs::conversational_chat, stop: OBSERVATION, worked: "", ..CHAT };

fn user(template: &str) -> Part {
    Part::Text(Role::User, template.to_owned())
}

/// The instructions of a kind with the tools' names in them.
fn named(instructions: &str, tools: &[Arc<dyn Tool>]) -> String {
    instructions.replace("{tool_names}", &literal(&tool_names(tools)))
}

fn conversational(tools: &[Arc<dyn Tool>]) -> Vec<Part> {
    let lines = literal(&tool_lines(tools, "> "));
    let format = named(wording::CONVERSATIONAL_FORMAT, tools);
    let parts = [wording::CONVERSATIONAL_PREFIX, &lines, &format, wording::CONVERSATIONAL_SUFFIX];
    vec![user(&parts.join("\n\n"))]
}

fn chat(tools: &[Arc<dyn Tool>]) -> Vec<Part> {
    let lines = literal(&tool_lines(tools, ""));
    let format = named(wording::CHAT_FORMAT, tools);
    let system = [wording::ZERO_SHOT_PREFIX, &lines, &format, wording::CHAT_SUFFIX].join("\n\n");
    vec![Part::Text(Role::System, system), user("{input}\n\n{agent_scratchpad}")]
}

fn structured(tools: &[Arc<dyn Tool>]) -> Vec<Part> {
    let line = |tool: &Arc<dyn Tool>| {
        format!("{}: {}, args: {}", tool.name(), tool.description(), python_str(&arguments(tool.as_ref())))
    };
    let lines = literal(&tools.iter().map(line).collect::<Vec<_>>().join("\n"));
    let format = named(wording::STRUCTURED_FORMAT, tools);
    let system = [wording::STRUCTURED_PREFIX, &lines, &format, wording::STRUCTURED_SUFFIX].join("\n\n");
    vec![Part::Text(Role::System, system), user("{input}\n\n{agent_scratchpad}")]
}

fn conversational_chat(tools: &[Arc<dyn Tool>]) -> Vec<Part> {
    let lines = literal(&tool_lines(tools, "> "));
    let format = named(wording::CONVERSATIONAL_CHAT_FORMAT, tools);
    let person = wording::CONVERSATIONAL_CHAT_SUFFIX.replace("{tools}", &lines);
    vec![
        Part::Text(Role::System, wording::CONVERSATIONAL_CHAT_SYSTEM.to_owned()),
        Part::History,
        user(&person.replace("{format_instructions}", &format)),
        Part::Work(wording::TOOL_RESPONSE),
    ]
}

/// A tool's arguments by name, as the agents that list them are told.
pub(super) fn arguments(tool: &dyn Tool) -> Json {
    let schema = tool.parameters().and_then(|mut schema| schema.get_mut("properties").map(Json::take));
    schema.unwrap_or_else(|| json!({"tool_input": {"type": "string"}}))
}

#[cfg(test)]
#[path = "kinds_tests.rs"]
mod tests;
