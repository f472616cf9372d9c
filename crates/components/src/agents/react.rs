//! Agents that reason in text: a prompt with the tools and the work so far, and a parser for what the model
//! says (ReAct and its relatives). The kinds are data: see `kinds.rs`.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Chain, ChatMessage, ChatModel, ChatRequest, Context, ErrorKind, Prompt, PromptText, Role, RunError,
    Template, TemplateError, Tool,
};
use serde_json::{Map, Value as Json};

use super::executor::{Action, Executor, Plan, Planner, Step};
use super::parse::{Parser, Unread, Wish, tool_input};
use super::parse_lines;
use super::wording;

/// What stands around the tools in a zero-shot agent's prompt: prefix, tools, format instructions, suffix.
#[derive(Debug, Clone)]
pub(crate) struct ReactPrompt {
    /// A template; its variables are inputs of the agent.
    pub prefix: String,
    /// A template with the variables `input` and `agent_scratchpad`.
    pub suffix: String,
    /// A template with the variable `tool_names`; the usual one if absent.
    pub format_instructions: Option<String>,
}

/// A zero-shot ReAct agent: takes `input`, answers `output`.
pub(crate) fn react_agent(
    llm: Arc<dyn ChatModel>,
    tools: Vec<Arc<dyn Tool>>,
    prompt: ReactPrompt,
    max_iterations: u32,
) -> Arc<dyn Chain> {
    let planner = Box::new(zero_shot(llm, &tools, prompt));
    Arc::new(Executor { planner, tools, memory: None, max_iterations })
}

/// The planner of a zero-shot ReAct agent.
pub(super) fn zero_shot(
    model: Arc<dyn ChatModel>,
    tools: &[Arc<dyn Tool>],
    prompt: ReactPrompt,
) -> TextPlanner {
    let instructions = prompt.format_instructions.as_deref().unwrap_or(wording::ZERO_SHOT_FORMAT);
    let instructions = instructions.replace("{tool_names}", &literal(&tool_names(tools)));
    let mut template =
        [prompt.prefix, literal(&tool_lines(tools, "")), instructions, prompt.suffix].join("\n\n");
    // As LangChain: a model that is not shown its work would begin again for ever.
    if !template.contains(&format!("{{{SCRATCHPAD}}}")) {
        template.push_str(&format!("\n{{{SCRATCHPAD}}}"));
    }
    TextPlanner {
        model,
        parts: vec![Part::Text(Role::User, template)],
        form: Form {
            parser: parse_lines::zero_shot,
            stop: OBSERVATION,
            observation: "Observation: ",
            next: "Thought:",
            worked: "",
        },
        repairs: false,
    }
}

/// Where a model that calls tools in lines has to stop: what follows is the tool's part.
pub(super) const OBSERVATION: &[&str] = &["\nObservation:", "\n\tObservation:"];

/// The tools' names, as prompts list them.
pub(super) fn tool_names(tools: &[Arc<dyn Tool>]) -> String {
    tools.iter().map(|tool| tool.name()).collect::<Vec<_>>().join(", ")
}

/// A line of name and description for each tool.
pub(super) fn tool_lines(tools: &[Arc<dyn Tool>], bullet: &str) -> String {
    let line = |tool: &Arc<dyn Tool>| format!("{bullet}{}: {}", tool.name(), tool.description());
    tools.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A text as part of a template: its braces are no variables.
pub(crate) fn literal(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// How a kind of agent writes and reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub parser: Parser,
    pub stop: &'static [&'static str],
    /// What stands before a tool's answer.
    pub observation: &'static str,
    /// What stands behind it, for the model to go on.
    pub next: &'static str,
    /// What stands before the work so far, if there is any.
    pub worked: &'static str,
}

/// A part of a prompt.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// A template, said by someone.
    Text(Role, String),
    /// The variable `chat_history`, as messages.
    History,
    /// The work so far, as messages: what the model said, and this template with `observation`.
    Work(&'static str),
}

/// Plans with a prompt and a parser.
#[derive(Debug)]
pub(super) struct TextPlanner {
    pub model: Arc<dyn ChatModel>,
    pub parts: Vec<Part>,
    pub form: Form,
    /// Whether a text that cannot be read is given to the model once to be put right.
    pub repairs: bool,
}

const SCRATCHPAD: &str = "agent_scratchpad";
const HISTORY: &str = "chat_history";

impl TextPlanner {
    fn messages(&self, values: &Map<String, Json>, steps: &[Step]) -> Result<Vec<ChatMessage>, RunError> {
        let mut values = values.clone();
        values.insert(SCRATCHPAD.to_owned(), Json::String(self.scratchpad(steps)));
        values.entry(HISTORY).or_insert_with(|| Json::String(String::new()));
        let mut messages = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(role, text) => messages.push(ChatMessage::new(*role, filled(text, &values)?)),
                Part::History => messages.extend(history(&values[HISTORY])?),
                Part::Work(template) => messages.extend(steps.iter().flat_map(|step| {
                    let observed = template.replace("{observation}", &step.observation);
                    [ChatMessage::new(Role::Assistant, &step.log), ChatMessage::new(Role::User, observed)]
                })),
            }
        }
        Ok(messages)
    }

    fn scratchpad(&self, steps: &[Step]) -> String {
        let Form { observation, next, worked, .. } = self.form;
        let step = |step: &Step| format!("{}\n{observation}{}\n{next}", step.log, step.observation);
        let steps: String = steps.iter().map(step).collect();
        if steps.is_empty() { steps } else { format!("{worked}{steps}") }
    }

    async fn ask(&self, cx: &Context, messages: Vec<ChatMessage>, stop: &[&str]) -> Result<String, RunError> {
        let stop = stop.iter().map(|stop| (*stop).to_owned()).collect();
        let request = ChatRequest { stop, ..ChatRequest::of(messages) };
        Ok(self.model.generate(cx, request).await?.text)
    }

    /// Shows the model what it wrote and why it cannot be read.
    async fn repaired(&self, cx: &Context, text: String, why: Unread) -> Result<String, RunError> {
        let request = wording::REPAIR.replace("{error}", &why).replace("{completion}", &text);
        self.ask(cx, vec![ChatMessage::new(Role::User, request)], &[]).await
    }
}

#[async_trait]
impl Planner for TextPlanner {
    fn input_keys(&self) -> Vec<String> {
        let mut names = Vec::new();
        for part in &self.parts {
            let Part::Text(_, text) = part else { continue };
            let template = Template::parse(text);
            let variables = template.as_ref().map(Template::variables).unwrap_or_default();
            names.extend(variables.into_iter().map(str::to_owned));
        }
        // A conversation without a memory has no history yet: nobody has to say so.
        names.retain(|name| name != SCRATCHPAD && name != HISTORY);
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }

    async fn plan(&self, cx: &Context, values: &Map<String, Json>, steps: &[Step]) -> Result<Plan, RunError> {
        let mut text = self.ask(cx, self.messages(values, steps)?, self.form.stop).await?;
        let mut wish = (self.form.parser)(&text);
        if let (true, Err(why)) = (self.repairs, &wish) {
            text = self.repaired(cx, text, why.clone()).await?;
            wish = (self.form.parser)(&text);
        }
        Ok(match wish {
            Ok(Wish::Finish(answer)) => Plan::Finish(answer),
            Ok(Wish::Act { tool, input }) => {
                Plan::Act(vec![Action { tool, input: tool_input(input), log: text, call: None }])
            }
            Err(observation) => Plan::Unread(Step { log: text, call: None, observation }),
        })
    }
}

fn filled(template: &str, values: &Map<String, Json>) -> Result<String, RunError> {
    let template = Template::parse(template)
        .map_err(|e| RunError::new(ErrorKind::Flow, format!("The agent's prompt cannot be used: {e}")))?;
    let missing = |e: TemplateError| RunError::new(ErrorKind::Input, e.to_string());
    match Prompt::plain(template).fill(values).map_err(missing)? {
        PromptText::Text(text) => Ok(text),
        PromptText::Messages(messages) => Ok(messages.into_iter().map(|message| message.content).collect()),
    }
}

/// A history as messages; one that is kept as text is told by the system. A caller may give one too, in the forms that
/// LangChain takes: messages, pairs of speaker and text, texts of the person.
///
/// # Errors
/// [`ErrorKind::Input`] for any other form.
pub(super) fn history(history: &Json) -> Result<Vec<ChatMessage>, RunError> {
    match history {
        Json::Null => Ok(Vec::new()),
        Json::String(text) if text.is_empty() => Ok(Vec::new()),
        Json::String(text) => {
            Ok(vec![ChatMessage::new(Role::System, format!("The conversation so far:\n{text}"))])
        }
        Json::Array(list) => list.iter().map(|item| said(item).ok_or_else(unreadable)).collect(),
        _ => Err(unreadable()),
    }
}

fn said(item: &Json) -> Option<ChatMessage> {
    match item {
        Json::String(text) => Some(ChatMessage::new(Role::User, text)),
        Json::Array(pair) => match pair.as_slice() {
            [Json::String(who), Json::String(text)] => Some(ChatMessage::new(speaker(who)?, text)),
            _ => None,
        },
        message => serde_json::from_value(message.clone()).ok(),
    }
}

fn speaker(name: &str) -> Option<Role> {
    match name {
        "human" | "user" => Some(Role::User),
        "ai" | "assistant" => Some(Role::Assistant),
        "system" => Some(Role::System),
        _ => None,
    }
}

fn unreadable() -> RunError {
    let message = "inputs.chat_history: expected messages, pairs such as [\"human\", \"hi\"], or texts";
    RunError::new(ErrorKind::Input, message)
}

#[cfg(test)]
#[path = "react_tests.rs"]
mod tests;
