//! The loop of every agent: plan, call tools, look at what they said, plan again (LangChain's AgentExecutor).

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use millrace_engine::{
    Capability, Chain, ChainCall, Context, ErrorKind, Memory, Outputs, RunError, Tool, ToolCall, ToolInput,
    Value, python_str,
};
use serde_json::{Map, Value as Json};

use crate::chains::recall::{Recalled, demand};
use crate::tools::callable::without_blanks;

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

    /// Of tools with the same name the last counts, as in a Python dictionary. A model that writes the blanks that a
    /// name was drawn with means the same tool.
    fn tool(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        let named = |name: &str| self.tools.iter().rev().find(|tool| tool.name() == name);
        named(name).or_else(|| named(&without_blanks(name)))
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

#[async_trait]
impl Chain for Executor {
    fn input_keys(&self) -> Vec<String> {
        let filled = self.memory.as_ref().map(|memory| memory.variables()).unwrap_or_default();
        let mut names = self.planner.input_keys();
        names.retain(|name| !filled.contains(name));
        names
    }

    fn output_keys(&self) -> Vec<String> {
        vec!["output".to_owned()]
    }

    async fn call(&self, cx: &Context, inputs: Map<String, Json>) -> Result<ChainCall, RunError> {
        demand(&self.input_keys(), &inputs)?;
        let recalled = Recalled::load(cx, self.memory.as_ref(), &inputs, &self.planner.input_keys()).await?;
        let mut values = inputs.clone();
        values.extend(recalled.values.clone());
        let answer = self.run(cx, &values).await?;
        let text = python_str(&answer);
        let outputs = Map::from_iter([("output".to_owned(), answer)]);
        recalled.keep(cx, &inputs, &outputs, &text).await?;
        let mut beside = recalled.values;
        // Langflow asks agents without a memory for this key, which is empty where no tool was called.
        if self.memory.is_none() {
            beside.insert("intermediate_steps".to_owned(), Json::Array(Vec::new()));
        }
        Ok(ChainCall { beside, outputs })
    }
}
