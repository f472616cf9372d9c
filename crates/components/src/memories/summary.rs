//! ConversationSummaryMemory: a summary of the conversation, brought up to date after each turn (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, ChatModel, Component, Context, Default, Entry, Example, Memory, MemoryKeys, Outputs, Role,
    RunError, Spec, Value, flag, handles, message, output, text,
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::postgres::PostgresHistory;
use super::state;
use super::turns::{Exchange, Shown};
use crate::chains::own_prompt::{OwnPrompt, ask};

/// Our own words; variables and role as in LangChain.
const PROMPT: OwnPrompt = &[(
    Role::User,
    "Keep a running summary of a conversation: take the summary so far, add what the new lines bring, and give \
     the whole new summary.\n\n\
     For example:\nSummary so far:\nThe human plans a garden and asks which trees are small.\n\n\
     New lines:\nHuman: Would a quince do?\nAI: Yes, it stays below five metres.\n\n\
     New summary:\nThe human plans a garden and asks which trees are small. The AI recommends the quince, which \
     stays below five metres.\n(end of the example)\n\n\
     Summary so far:\n{summary}\n\nNew lines:\n{new_lines}\n\nNew summary:",
)];

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct SummaryMemory {
    llm: handles::ChatModel,
    chat_memory: Option<handles::Object<PostgresHistory>>,
    memory_key: String,
    input_key: Option<String>,
    output_key: Option<String>,
    return_messages: bool,
    human_prefix: String,
    ai_prefix: String,
}

impl Component for SummaryMemory {
    const SPEC: Spec = Spec {
        names: &["ConversationSummaryMemory"],
        about: "Remembers a summary of the conversation of a session, which a model brings up to date after \
                each turn.",
        inputs: &[
            message(
                "llm",
                "The model that summarises: one more call each turn, and again where turns end at the same time.",
            ),
            message("chat_memory", "Keeps the messages too; the prompt does not show them."),
            text("memory_key", "The prompt variable that it fills.").or(Default::Text("chat_history")),
            text("input_key", "The input that is the person's turn, where there are several."),
            text("output_key", "The output that is the model's turn, where there are several."),
            flag("return_messages", "As a message rather than as text.").or(Default::Flag(false)),
            text("human_prefix", "The person's name in the summary.").or(Default::Text("Human")),
            text("ai_prefix", "The model's name in the summary.").or(Default::Text("AI")),
        ],
        outputs: &[output("memory")],
        examples: &[Example {
            title: "under the name that the prompt has",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "memory_key": "history"
            }"#,
            output: r#"{"memory": {"memory": "history"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let memory = Summary {
            vertex: cx.vertex_id().to_owned(),
            llm: self.llm.0,
            messages: self.chat_memory.map(|history| history.0),
            keys: MemoryKeys { memory: self.memory_key, input: self.input_key, output: self.output_key },
            shown: Shown { human: self.human_prefix, ai: self.ai_prefix, messages: self.return_messages },
        };
        Ok(Outputs::one("memory", Value::Capability(Capability::Memory(Arc::new(memory)))))
    }
}

#[derive(Debug, Clone)]
struct Summary {
    vertex: String,
    llm: Arc<dyn ChatModel>,
    messages: Option<Arc<PostgresHistory>>,
    keys: MemoryKeys,
    shown: Shown,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    summary: String,
}

#[async_trait]
impl Memory for Summary {
    fn keys(&self) -> &MemoryKeys {
        &self.keys
    }

    fn with_keys(&self, keys: MemoryKeys) -> Arc<dyn Memory> {
        Arc::new(Self { keys, ..self.clone() })
    }

    async fn load(&self, cx: &Context) -> Result<Json, RunError> {
        let kept: Kept = state::load(&cx.scope(&self.vertex), &self.vertex).await?;
        Ok(self.shown.notes(vec![kept.summary]))
    }

    async fn save(&self, cx: &Context, input: &str, output: &str) -> Result<(), RunError> {
        let exchange = Exchange { input: input.to_owned(), output: output.to_owned() };
        let (cx, lines) = (&cx.scope(&self.vertex), self.shown.lines(&exchange.clone().into_messages()));
        if let Some(messages) = &self.messages {
            messages.append(cx, exchange).await?;
        }
        let lines = lines.as_str();
        state::fold(cx, &self.vertex, |kept: Kept| {
            Box::pin(async move {
                let values = [("summary", kept.summary.as_str()), ("new_lines", lines)];
                Ok(Kept { summary: ask(cx, self.llm.as_ref(), PROMPT, &values).await? })
            })
        })
        .await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<SummaryMemory>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::{Scripted, Stand};

    fn memory(llm: Arc<dyn ChatModel>, messages: bool) -> Summary {
        let keys = MemoryKeys { memory: "history".to_owned(), input: None, output: None };
        Summary {
            vertex: "S-1".to_owned(),
            llm,
            messages: None,
            keys,
            shown: Shown { messages, ..Shown::default() },
        }
    }

    #[tokio::test]
    async fn each_turn_is_added_to_the_summary() {
        let (stand, llm) = (Stand::offline(), Scripted::saying(&["first", "second"]));
        let memory = memory(llm.clone(), false);
        let cx = stand.cx();
        assert_eq!(memory.load(&cx).await.unwrap(), "");
        memory.save(&cx, "one", "1").await.unwrap();
        assert_eq!(memory.load(&cx).await.unwrap(), "first");
        memory.save(&cx, "two", "2").await.unwrap();
        assert_eq!(memory.load(&cx).await.unwrap(), "second");
        let prompts = llm.prompts();
        assert!(
            prompts[0].ends_with("far:\n\n\nNew lines:\nHuman: one\nAI: 1\n\nNew summary:"),
            "{prompts:?}"
        );
        assert!(prompts[1].ends_with("far:\nfirst\n\nNew lines:\nHuman: two\nAI: 2\n\nNew summary:"));
        let renamed = memory.with_keys(MemoryKeys { memory: "past".to_owned(), input: None, output: None });
        assert_eq!(renamed.recall(&cx, "").await.unwrap()["past"], "second");
    }

    /// Two turns load the same summary; the one that is late summarises again from the other's.
    #[tokio::test]
    async fn of_two_turns_at_once_none_is_lost() {
        let stand = Stand::offline();
        let llm = Scripted::saying(&["of a", "of b", "of a and b"]);
        let memory = memory(Arc::new(state::Yielding(llm.clone())), true);
        let (a, b) = (stand.cx().scope("a"), stand.cx().scope("b"));
        let (first, second) = futures::join!(memory.save(&a, "a", "A"), memory.save(&b, "b", "B"));
        first.and(second).unwrap();
        let prompts = llm.prompts();
        assert_eq!(prompts.len(), 3, "{prompts:?}");
        assert!(prompts[2].contains("so far:\nof a\n\nNew lines:\nHuman: b\n"), "{}", prompts[2]);
        let note = serde_json::json!([{"role": "system", "content": "of a and b"}]);
        assert_eq!(memory.load(&stand.cx().scope("later")).await.unwrap(), note);
    }
}
