//! OpenAIConversationalAgent: a functions agent with a model and a memory of its own (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    ChatMessage, Component, Context, Default, Entry, Example, Memory, MemoryKeys, Outputs, Reach, Role,
    RunError, Spec, handles, integer, message, number, output, reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::executor::{DEFAULT_ITERATIONS, Executor};
use super::functions::{FunctionsPlanner, Instructions, Offer};
use super::wording;
use crate::protocol::openai::{Endpoint, Form, Settings, model};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct ConversationalAgent {
    model_name: String,
    openai_api_key: Option<String>,
    openai_api_base: Option<String>,
    tools: Vec<handles::Tool>,
    memory: Option<handles::Memory>,
    system_message: Option<handles::Prompt>,
    max_token_limit: u32,
    temperature: f64,
}

const OPENAI: &[Reach] = &[reach("OpenAI", "https://api.openai.com/v1", "openai_api_base")];

impl Component for ConversationalAgent {
    const SPEC: Spec = Spec {
        names: &["OpenAIConversationalAgent"],
        about: "Talks, remembers the conversation and calls tools, with a model of OpenAI of its own. \
                Takes `input`, answers `output`.",
        inputs: &[
            text("model_name", "Model.").or(Default::Text("gpt-4-turbo-preview")),
            secret("openai_api_key", "Key; the variable OPENAI_API_KEY if empty."),
            text(
                "openai_api_base",
                "Base address; the variable OPENAI_API_BASE, else OpenAI's own if empty.",
            ),
            message("tools", "The tools that it may call; of an answer it sees 100,000 characters at most."),
            message("memory", "The memory; one of its own if none is wired."),
            message("system_message", "Instructions; the usual ones if none are wired."),
            integer(
                "max_token_limit",
                "Tokens of an answer at most; also of its own memory, counted as four characters each.",
            )
            .or(Default::Integer(2000)),
            number("temperature", "Randomness, 0 to 2.").or(Default::Number(0.9)),
        ],
        outputs: &[output("agent")],
        reaches: OPENAI,
        examples: &[Example {
            title: "a memory of its own",
            inputs: r#"{"openai_api_key": "sk-x", "tools": []}"#,
            output: r#"{"agent": {"chain": {"inputs": ["input"], "outputs": ["output"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings {
            base: self.openai_api_base,
            key: self.openai_api_key,
            base_variables: &["OPENAI_API_BASE", "OPENAI_BASE_URL"],
            ..Settings::default()
        };
        let endpoint = Endpoint::resolve(cx, "OpenAIConversationalAgent", settings).await?;
        let fields = Map::from_iter([
            ("model".to_owned(), json!(self.model_name)),
            ("n".to_owned(), json!(1)),
            ("stream".to_owned(), json!(false)),
            ("temperature".to_owned(), json!(self.temperature)),
            ("max_tokens".to_owned(), json!(self.max_token_limit)),
        ]);
        let tools: Vec<_> = self.tools.into_iter().map(|tool| tool.0).collect();
        let own = || Arc::new(TokenBuffer::new(cx.vertex_id(), self.max_token_limit)) as Arc<dyn Memory>;
        let memory = self.memory.map_or_else(own, |memory| memory.0);
        let mut planner = FunctionsPlanner::new(model(endpoint, Form::Chat, fields), &tools, Offer::Each);
        planner.history = Some(memory.keys().memory.clone());
        planner.system = match self.system_message {
            Some(prompt) => Instructions::Prompt(prompt.0),
            None => Instructions::Fixed(wording::CONVERSATIONAL_AGENT_SYSTEM),
        };
        let (planner, memory) = (Box::new(planner), Some(memory));
        Ok(Executor { planner, tools, memory, max_iterations: DEFAULT_ITERATIONS }.into_output())
    }
}

/// The newest messages of a conversation, up to so many tokens.
#[derive(Debug, Clone)]
struct TokenBuffer {
    /// The vertex whose memory it is.
    vertex: String,
    keys: MemoryKeys,
    limit: u32,
}

impl TokenBuffer {
    fn new(vertex: &str, limit: u32) -> Self {
        let (memory, output) = ("chat_history".to_owned(), Some("output".to_owned()));
        Self { vertex: vertex.to_owned(), keys: MemoryKeys { memory, input: None, output }, limit }
    }

    /// The newest of these messages that fit, oldest first.
    fn fitting(&self, mut messages: Vec<ChatMessage>) -> Vec<ChatMessage> {
        let mut left = self.limit as usize;
        let fits = |message: &&ChatMessage| {
            let rest = left.checked_sub(tokens(message));
            left = rest.unwrap_or(0);
            rest.is_some()
        };
        let kept = messages.iter().rev().take_while(fits).count();
        messages.split_off(messages.len() - kept)
    }
}

#[async_trait]
impl Memory for TokenBuffer {
    fn keys(&self) -> &MemoryKeys {
        &self.keys
    }

    fn with_keys(&self, keys: MemoryKeys) -> Arc<dyn Memory> {
        Arc::new(Self { keys, ..self.clone() })
    }

    async fn load(&self, cx: &Context) -> Result<Json, RunError> {
        // A message has four tokens at least, so more exchanges than these cannot be shown.
        let newest = (self.limit / 8).max(1);
        let turns = cx.scope(&self.vertex).turns(&self.vertex, Some(newest)).await?;
        let text = |turn: &Json, side: &str| turn[side].as_str().unwrap_or_default().to_owned();
        let exchange = |turn: &Json| {
            let (input, output) = (text(turn, "input"), text(turn, "output"));
            [ChatMessage::new(Role::User, input), ChatMessage::new(Role::Assistant, output)]
        };
        Ok(json!(self.fitting(turns.iter().flat_map(exchange).collect())))
    }

    async fn save(&self, cx: &Context, input: &str, output: &str) -> Result<(), RunError> {
        let turn = json!({"input": input, "output": output});
        cx.scope(&self.vertex).append_turn(&self.vertex, "", turn).await
    }
}

/// About as many as OpenAI counts: four characters each, and four for the message itself.
fn tokens(message: &ChatMessage) -> usize {
    message.content.chars().count().div_ceil(4) + 4
}

pub(crate) const ENTRY: Entry = Entry::of::<ConversationalAgent>();

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use millrace_engine::{Capability, Value};
    use millrace_outbound::Answer;

    use super::*;
    use crate::stand_in::Stand;

    #[tokio::test]
    async fn the_oldest_messages_go_first() {
        let cx = Stand::offline().cx();
        let memory = TokenBuffer::new("agent", 20);
        memory.save(&cx, "one", "four words or so").await.unwrap();
        memory.save(&cx, "two", "yes").await.unwrap();
        let shown = memory.load(&cx).await.unwrap();
        let texts: Vec<_> = shown.as_array().unwrap().iter().map(|m| m["content"].clone()).collect();
        // 8 tokens, 5 and 5: with the first message it would be 23.
        assert_eq!(texts, ["four words or so", "two", "yes"]);
    }

    #[tokio::test]
    async fn the_history_is_sent() {
        let asked: Arc<Mutex<Vec<Json>>> = Arc::default();
        let seen = asked.clone();
        let stand = Stand::new(move |hop| {
            let body = serde_json::from_slice(hop.body.as_ref().unwrap()).unwrap();
            seen.lock().unwrap().push(body);
            Answer::new(200, r#"{"choices": [{"message": {"content": "hi Bob"}}]}"#)
        });
        let cx = stand.cx();
        let inputs = vec![
            ("openai_api_key".to_owned(), Value::text("sk-x")),
            ("tools".to_owned(), Value::List(Vec::new())),
        ];
        let outputs = ENTRY.run(inputs, &cx).await.unwrap();
        let Some(Value::Capability(Capability::Chain(agent))) = outputs.get("agent") else {
            panic!("no agent")
        };
        for question in ["I am Bob", "Who am I?"] {
            let inputs = Map::from_iter([("input".to_owned(), json!(question))]);
            assert_eq!(agent.call(&cx, inputs).await.unwrap().outputs["output"], "hi Bob");
        }
        let asked = asked.lock().unwrap();
        let said: Vec<_> = asked[1]["messages"].as_array().unwrap().iter().skip(1).collect();
        let said: Vec<_> = said.iter().map(|m| (m["role"].as_str(), m["content"].as_str())).collect();
        let message = |role, content| (Some(role), Some(content));
        assert_eq!(
            said,
            [message("user", "I am Bob"), message("assistant", "hi Bob"), message("user", "Who am I?")]
        );
        assert_eq!(asked[1]["messages"][0]["role"], "system");
        assert_eq!((&asked[0]["max_tokens"], &asked[0]["temperature"]), (&json!(2000), &json!(0.9)));
    }
}
