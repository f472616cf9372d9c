//! Agents that call functions: the model is offered the tools and answers with calls of them.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    ChatMessage, ChatModel, ChatReply, ChatRequest, Context, ErrorKind, Prompt, PromptText, Role, RunError,
    Tool, ToolCall, ToolForm, ToolInput, ToolSpec, one_text_parameters, python_str,
};
use serde_json::{Map, Value as Json, json};

use super::executor::{Action, MAX_ACTIONS, Plan, Planner, Step};
use super::parse::tool_input;
use super::{json_text, kinds, react, wording};

/// How tools are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    /// Each as a function (openai-functions).
    Each,
    /// One function that takes a list of actions (openai-multi-functions).
    Selection,
}

/// What a model is told first.
#[derive(Debug, Clone)]
pub(super) enum Instructions {
    Fixed(&'static str),
    Prompt(Arc<Prompt>),
}

/// Plans by function calls.
#[derive(Debug)]
pub(super) struct FunctionsPlanner {
    model: Arc<dyn ChatModel>,
    functions: Vec<ToolSpec>,
    offer: Offer,
    pub system: Instructions,
    /// The variable whose messages stand between instructions and question.
    pub history: Option<String>,
}

impl FunctionsPlanner {
    /// A planner with the usual instructions, that is shown no history.
    pub fn new(model: Arc<dyn ChatModel>, tools: &[Arc<dyn Tool>], offer: Offer) -> Self {
        let functions = match offer {
            Offer::Each => tools.iter().map(|tool| function(tool.as_ref())).collect(),
            Offer::Selection => vec![selection(tools)],
        };
        Self {
            model,
            functions,
            offer,
            system: Instructions::Fixed(wording::FUNCTIONS_SYSTEM),
            history: None,
        }
    }

    fn instructions(&self, values: &Map<String, Json>) -> Result<Vec<ChatMessage>, RunError> {
        let prompt = match &self.system {
            Instructions::Fixed(text) => return Ok(vec![ChatMessage::new(Role::System, *text)]),
            Instructions::Prompt(prompt) => prompt,
        };
        let filled = prompt.fill(values).map_err(|e| RunError::new(ErrorKind::Input, e.to_string()))?;
        Ok(match filled {
            PromptText::Text(text) => vec![ChatMessage::new(Role::System, text)],
            PromptText::Messages(messages) => messages,
        })
    }

    fn messages(&self, values: &Map<String, Json>, steps: &[Step]) -> Result<Vec<ChatMessage>, RunError> {
        let mut messages = self.instructions(values)?;
        if let Some(history) = self.history.as_ref().and_then(|key| values.get(key)) {
            messages.extend(react::history(history)?);
        }
        let question = values.get("input").map(python_str).unwrap_or_default();
        messages.push(ChatMessage::new(Role::User, question));
        steps.iter().for_each(|step| messages.extend(shown(step)));
        Ok(messages)
    }

    /// What a reply with calls wants; one call that cannot be read makes all of it unread.
    fn wanted(&self, reply: &ChatReply) -> Plan {
        let mut actions = Vec::new();
        for call in &reply.tool_calls {
            let read = match self.offer {
                Offer::Each => single(call),
                Offer::Selection => selected(call),
            };
            match read {
                Ok(more) if actions.len() + more.len() > MAX_ACTIONS => {
                    let why = format!("there are more than {MAX_ACTIONS} calls in one answer");
                    return Plan::Unread(unread(&reply.text, call, &why));
                }
                Ok(more) => {
                    actions
                        .extend(more.into_iter().map(|action| Action { log: reply.text.clone(), ..action }));
                }
                Err(why) => return Plan::Unread(unread(&reply.text, call, &why)),
            }
        }
        Plan::Act(actions)
    }
}

#[async_trait]
impl Planner for FunctionsPlanner {
    fn input_keys(&self) -> Vec<String> {
        let mut names = match &self.system {
            Instructions::Fixed(_) => Vec::new(),
            Instructions::Prompt(prompt) => prompt.variables(),
        };
        names.retain(|name| name != "input" && Some(name) != self.history.as_ref());
        names.push("input".to_owned());
        names
    }

    async fn plan(&self, cx: &Context, values: &Map<String, Json>, steps: &[Step]) -> Result<Plan, RunError> {
        let messages = self.messages(values, steps)?;
        let tools = self.functions.clone();
        let request = ChatRequest { tools, tool_form: ToolForm::Functions, ..ChatRequest::of(messages) };
        let reply = self.model.generate(cx, request).await?;
        if reply.tool_calls.is_empty() {
            return Ok(Plan::Finish(Json::String(reply.text)));
        }
        Ok(self.wanted(&reply))
    }
}

/// A call and its result; what could not be read is what the model said (as LangChain tells it).
fn shown(step: &Step) -> Vec<ChatMessage> {
    let mut said = ChatMessage::new(Role::Assistant, &step.log);
    let Some((tool, call)) = &step.call else {
        said.content = if step.log.is_empty() {
            step.observation.clone()
        } else {
            format!("{}\n{}", step.log, step.observation)
        };
        return vec![said];
    };
    said.tool_calls.push(call.clone());
    let answered = ToolCall { name: tool.clone(), ..call.clone() };
    vec![said, ChatMessage::tool_result(answered, &step.observation)]
}

fn unread(text: &str, call: &ToolCall, why: &str) -> Step {
    let observation = format!("The call of {} could not be read, {why}: {}", call.name, call.arguments);
    Step { log: text.to_owned(), call: None, observation }
}

fn arguments(call: &ToolCall) -> Result<Json, String> {
    match call.arguments.trim() {
        "" => Ok(json!({})),
        text => json_text::read(text).ok_or_else(|| "its arguments are no JSON".to_owned()),
    }
}

fn single(call: &ToolCall) -> Result<Vec<Action>, String> {
    let input = input(arguments(call)?);
    Ok(vec![Action { tool: call.name.clone(), input, log: String::new(), call: Some(call.clone()) }])
}

/// The actions of a `tool_selection`: `{action_name, action}`, or the arguments beside `action_name`.
fn selected(call: &ToolCall) -> Result<Vec<Action>, String> {
    let Some(Json::Array(actions)) = arguments(call)?.get_mut("actions").map(Json::take) else {
        return Err("its arguments have no list 'actions'".to_owned());
    };
    if actions.is_empty() {
        return Err("its list of actions is empty".to_owned());
    }
    let several = actions.len() > 1 && !call.id.is_empty();
    let action = |(i, action): (usize, Json)| {
        let Json::Object(mut fields) = action else { return Err("an action is no object".to_owned()) };
        let Some(Json::String(tool)) = fields.remove("action_name") else {
            return Err("an action has no 'action_name'".to_owned());
        };
        let input = input(fields.remove("action").unwrap_or(Json::Object(fields)));
        // A result goes by the id of its call, and here one call has several results.
        let id = if several { format!("{}-{i}", call.id) } else { call.id.clone() };
        Ok(Action { tool, input, log: String::new(), call: Some(ToolCall { id, ..call.clone() }) })
    };
    actions.into_iter().enumerate().map(action).collect()
}

/// `__arg1` stands for the one text of a tool that has no schema.
fn input(json: Json) -> ToolInput {
    match json {
        Json::Object(mut fields) if fields.contains_key("__arg1") => {
            tool_input(fields.remove("__arg1").unwrap_or_default())
        }
        other => tool_input(other),
    }
}

fn function(tool: &dyn Tool) -> ToolSpec {
    ToolSpec {
        name: tool.name().to_owned(),
        description: tool.description().to_owned(),
        parameters: tool.parameters().unwrap_or_else(one_text_parameters),
    }
}

/// The one function of openai-multi-functions.
fn selection(tools: &[Arc<dyn Tool>]) -> ToolSpec {
    let names: Vec<_> = tools.iter().map(|tool| tool.name()).collect();
    let schema = |tool: &Arc<dyn Tool>| json!({"title": tool.name(), "type": "object", "properties": kinds::arguments(tool.as_ref())});
    let schemas: Vec<_> = tools.iter().map(schema).collect();
    let about = "The actions to take, in a list.";
    let parameters = json!({
        "title": "tool_selection",
        "description": about,
        "type": "object",
        "properties": {"actions": {"title": "actions", "type": "array", "items": {
            "title": "tool_call",
            "type": "object",
            "properties": {
                "action_name": {
                    "title": "action_name",
                    "enum": names,
                    "type": "string",
                    "description": "Which action to take; the fields of `action` must be the ones it has.",
                },
                "action": {"title": "Action", "anyOf": schemas},
            },
            "required": ["action_name", "action"],
        }}},
        "required": ["actions"],
    });
    ToolSpec { name: "tool_selection".to_owned(), description: about.to_owned(), parameters }
}

#[cfg(test)]
#[path = "functions_tests.rs"]
mod tests;
