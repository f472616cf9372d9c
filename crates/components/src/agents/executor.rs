//! The loop of every agent: plan, call tools, look at what they said, plan again (LangChain's AgentExecutor).

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use millrace_engine::{
    Capability, Chain, ChainCall, Context, ErrorKind, Memory, MemoryKeys, Outputs, RunError, Tool, ToolCall,
    ToolInput, Value, python_str,
};
use serde_json::{Map, Value as Json};

/// Iterations where nobody says how many (LangChain's default).
pub(crate) const DEFAULT_ITERATIONS: u32 = 15;
/// Iterations of one agent, at most: what a node asks for beyond it is refused.
pub(crate) const MAX_ITERATIONS: u32 = 100;
/// Tools that one answer of a model may call.
pub(crate) const MAX_ACTIONS: usize = 32;
/// Characters of a tool's answer that a model is shown; the cut is stated in it.
const MAX_OBSERVATION: usize = 100_000;
/// The answer of an agent that ran out of iterations (contract 5.1).
const STOPPED: &str = "Agent stopped due to iteration limit or time limit.";

/// A tool that the model wants called.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    pub tool: String,
    pub input: ToolInput,
    /// What the model wrote.
    pub log: String,
    /// The call as the provider put it, for agents that call functions.
    pub call: Option<ToolCall>,
}

/// Something that the model did, and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// What the model wrote.
    pub log: String,
    /// The tool that answered and the call as the provider put it, for agents that call functions.
    pub call: Option<(String, ToolCall)>,
    pub observation: String,
}

/// What the model wants next.
#[derive(Debug, Clone)]
pub(crate) enum Plan {
    /// This is the answer.
    Finish(Json),
    /// These tools, independent of each other.
    Act(Vec<Action>),
    /// Nothing that can be read: a step whose observation says what is wrong.
    Unread(Step),
}

/// How a kind of agent asks its model and reads what it says.
#[async_trait]
pub(crate) trait Planner: std::fmt::Debug + Send + Sync {
    /// The inputs that its prompt needs.
    fn input_keys(&self) -> Vec<String>;
    /// Asks the model what is to be done after these steps.
    async fn plan(&self, cx: &Context, values: &Map<String, Json>, steps: &[Step]) -> Result<Plan, RunError>;
}

/// An agent: a planner, its tools, and a memory if one is wired.
#[derive(Debug)]
pub(crate) struct Executor {
    pub planner: Box<dyn Planner>,
    pub tools: Vec<Arc<dyn Tool>>,
    pub memory: Option<Arc<dyn Memory>>,
    /// Model calls at most, not counting those of tools.
    pub max_iterations: u32,
}

impl Executor {
    /// The agent as a node's output.
    pub fn into_output(self) -> Outputs {
        Outputs::one("agent", Value::Capability(Capability::Chain(Arc::new(self))))
    }

    async fn run(&self, cx: &Context, values: &Map<String, Json>) -> Result<Json, RunError> {
        let mut steps = Vec::new();
        for _ in 0..self.max_iterations {
            match self.planner.plan(cx, values, &steps).await? {
                Plan::Finish(answer) => return Ok(answer),
                Plan::Unread(step) => steps.push(step),
                Plan::Act(actions) => {
                    let direct = matches!(actions.as_slice(), [only] if self.ends_with(only));
                    steps.extend(self.act(cx, actions).await?);
                    if let (true, Some(last)) = (direct, steps.last()) {
                        return Ok(Json::String(last.observation.clone()));
                    }
                }
            }
        }
        Ok(Json::String(STOPPED.to_owned()))
    }

    /// Calls tools at the same time, each in a scope of its own. What one fails with is said when all are
    /// done: their effects are paid for, and a later attempt shall find them.
    async fn act(&self, cx: &Context, actions: Vec<Action>) -> Result<Vec<Step>, RunError> {
        let calls = actions.into_iter().enumerate().map(|(i, action)| async move {
            let observation = self.observe(&cx.scope(&format!("tool-{i}")), &action).await?;
            Ok(Step { log: action.log, call: action.call.map(|call| (action.tool, call)), observation })
        });
        join_all(calls).await.into_iter().collect()
    }

    async fn observe(&self, cx: &Context, action: &Action) -> Result<String, RunError> {
        let Some(tool) = self.tool(&action.tool) else {
            let names: Vec<_> = self.tools.iter().map(|tool| tool.name()).collect();
            return Ok(format!("{} is not a valid tool, try one of [{}].", action.tool, names.join(", ")));
        };
        Ok(shortened(tool.call(cx, action.input.clone()).await?))
    }

    fn ends_with(&self, action: &Action) -> bool {
        self.tool(&action.tool).is_some_and(|tool| tool.return_direct())
    }

    /// Of tools with the same name the last counts, as in a Python dictionary.
    fn tool(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.tools.iter().rev().find(|tool| tool.name() == name)
    }

    /// The input that is the person's turn. Found before the model is called: a call whose turn cannot be
    /// kept must not be paid.
    fn turn(&self, keys: &MemoryKeys, inputs: &Map<String, Json>) -> Result<String, RunError> {
        let mut names: Vec<&String> = match &keys.input {
            Some(name) => vec![name],
            None => inputs.keys().filter(|name| **name != keys.memory && *name != "stop").collect(),
        };
        if names.len() > 1 {
            let read = self.planner.input_keys();
            names.retain(|name| read.contains(name));
        }
        match names.as_slice() {
            [name] => inputs.get(*name).map(python_str).ok_or_else(|| missing(&[(*name).clone()])),
            _ => Err(ambiguous(&names)),
        }
    }
}

/// The iterations that a node asks for.
///
/// # Errors
/// [`ErrorKind::Flow`] beyond [`MAX_ITERATIONS`].
pub(crate) fn iterations(asked: u32) -> Result<u32, RunError> {
    if asked <= MAX_ITERATIONS {
        return Ok(asked);
    }
    let message = format!("field 'max_iterations': {asked} is more than {MAX_ITERATIONS}");
    Err(RunError::new(ErrorKind::Flow, message))
}

fn shortened(observation: String) -> String {
    let Some((cut, _)) = observation.char_indices().nth(MAX_OBSERVATION) else { return observation };
    format!("{}\n[cut after {MAX_OBSERVATION} characters]", &observation[..cut])
}

fn missing(names: &[String]) -> RunError {
    let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    RunError::new(ErrorKind::Input, format!("Missing some input keys: {{{}}}", names.join(", ")))
}

fn ambiguous(names: &[&String]) -> RunError {
    let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    let message = format!(
        "One input key expected got [{}]; say in the memory's input_key which is the turn",
        names.join(", ")
    );
    RunError::new(ErrorKind::Input, message)
}

#[async_trait]
impl Chain for Executor {
    fn input_keys(&self) -> Vec<String> {
        let mut names = self.planner.input_keys();
        names.retain(|name| self.memory.as_ref().is_none_or(|memory| memory.keys().memory != *name));
        names
    }

    fn output_keys(&self) -> Vec<String> {
        vec!["output".to_owned()]
    }

    async fn call(&self, cx: &Context, inputs: Map<String, Json>) -> Result<ChainCall, RunError> {
        let mut absent = self.input_keys();
        absent.retain(|name| !inputs.contains_key(name));
        if !absent.is_empty() {
            absent.sort();
            return Err(missing(&absent));
        }
        let mut memory = Map::new();
        let mut turn = String::new();
        if let Some(kept) = &self.memory {
            turn = self.turn(kept.keys(), &inputs)?;
            memory.insert(kept.keys().memory.clone(), kept.load(cx).await?);
        }
        let mut values = inputs;
        values.extend(memory.clone());
        let answer = self.run(cx, &values).await?;
        if let Some(kept) = &self.memory {
            kept.save(cx, &turn, &python_str(&answer)).await?;
        }
        Ok(ChainCall { memory, outputs: Map::from_iter([("output".to_owned(), answer)]) })
    }
}
