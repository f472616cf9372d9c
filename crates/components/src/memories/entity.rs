//! ConversationEntityMemory: the newest exchanges, and what is known of the things now spoken of (0.x).

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use millrace_engine::{
    Capability, ChatMessage, ChatModel, Component, Context, Default, Entry, Example, Memory, MemoryKeys,
    Outputs, Role, RunError, Spec, Turn, Value, flag, handles, integer, message, output, text,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::buffer::TurnMemory;
use super::entities::named;
use super::postgres::PostgresHistory;
use super::state;
use super::turns::Shown;
use crate::chains::own_prompt::{OwnPrompt, ask};

/// The variable that what is known of the things fills, beside the history's.
const ENTITIES: &str = "entities";

/// Bytes of all that is known of a session's things; above, what was not spoken of for the longest time is
/// forgotten.
const MAX_BYTES: usize = 200 * 1024;

/// Our own words; variables and role as in LangChain.
const UPDATE: OwnPrompt = &[(
    Role::User,
    "You keep notes for a person on the people, places and things of their life. Bring the note on one of them \
     up to date from what the person said last: only what that says of it, and only what is worth knowing \
     later. A first note is one sentence. Where nothing new was said of it, give the note again as it was.\n\n\
     The conversation, so that you understand:\n{history}\n\n\
     The note is on:\n{entity}\n\nThe note on {entity} so far:\n{summary}\n\n\
     Said last:\nHuman: {input}\nThe new note:",
)];

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct EntityMemory {
    llm: handles::ChatModel,
    chat_memory: Option<handles::Object<PostgresHistory>>,
    k: u32,
    chat_history_key: String,
    input_key: Option<String>,
    output_key: Option<String>,
    return_messages: bool,
    human_prefix: String,
    ai_prefix: String,
}

impl Component for EntityMemory {
    const SPEC: Spec = Spec {
        names: &["ConversationEntityMemory"],
        about: "Remembers the newest exchanges of a session, and in `entities` what is known of the people, \
                places and things now spoken of.",
        inputs: &[
            message(
                "llm",
                "The model that keeps the notes: one more call before each turn, and one after it for each of \
                 the first 20 things spoken of.",
            ),
            message("chat_memory", "Where the messages are kept; with the session if nothing is wired."),
            integer("k", "How many exchanges; 0 for all.").or(Default::Integer(10)),
            text("chat_history_key", "The prompt variable that the exchanges fill.")
                .or(Default::Text("history")),
            text("input_key", "The input that is the person's turn, where there are several."),
            text("output_key", "The output that is the model's turn, where there are several."),
            flag("return_messages", "The exchanges as messages rather than as text.")
                .or(Default::Flag(false)),
            text("human_prefix", "The person's name in the text.").or(Default::Text("Human")),
            text("ai_prefix", "The model's name in the text.").or(Default::Text("AI")),
        ],
        outputs: &[output("memory")],
        examples: &[Example {
            title: "its second variable is no input of the chain",
            inputs: r#"{"llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}}}"#,
            output: r#"{"memory": {"memory": "history"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let keys =
            MemoryKeys { memory: self.chat_history_key, input: self.input_key, output: self.output_key };
        let shown = Shown { human: self.human_prefix, ai: self.ai_prefix, messages: self.return_messages };
        let kept = self.chat_memory.map(|history| history.0);
        let newest = (self.k > 0).then_some(self.k);
        let turns = TurnMemory::new(cx.vertex_id(), keys.clone()).shown(shown.clone(), newest).kept_in(kept);
        let memory = Entities { vertex: cx.vertex_id().to_owned(), llm: self.llm.0, keys, shown, turns };
        Ok(Outputs::one("memory", Value::Capability(Capability::Memory(Arc::new(memory)))))
    }
}

#[derive(Debug, Clone)]
struct Entities {
    vertex: String,
    llm: Arc<dyn ChatModel>,
    keys: MemoryKeys,
    shown: Shown,
    turns: TurnMemory,
}

/// What is known, by name; what was spoken of last stands last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    summaries: Map<String, Json>,
}

impl Kept {
    fn of(&self, entity: &str) -> &str {
        self.summaries.get(entity).and_then(Json::as_str).unwrap_or_default()
    }

    fn put(&mut self, entity: &str, summary: &str) {
        self.summaries.shift_remove(entity);
        self.summaries.insert(entity.to_owned(), Json::String(summary.to_owned()));
        let size = |(name, note): (&String, &Json)| name.len() + note.as_str().map_or(0, str::len);
        while self.summaries.len() > 1 && self.summaries.iter().map(size).sum::<usize>() > MAX_BYTES {
            let oldest = self.summaries.keys().next().cloned();
            oldest.and_then(|name| self.summaries.shift_remove(&name));
        }
    }
}

/// A note that was made from another.
struct Note {
    entity: String,
    before: String,
    after: String,
}

impl Entities {
    /// The note on a thing, made anew unless it was made from the same before.
    async fn update(
        &self,
        cx: &Context,
        made: &Mutex<Vec<Note>>,
        entity: &str,
        before: &str,
        (history, input): (&str, &str),
    ) -> Result<String, RunError> {
        let known = |note: &&Note| note.entity == entity && note.before == before;
        let after =
            made.lock().unwrap_or_else(PoisonError::into_inner).iter().find(known).map(|n| n.after.clone());
        if let Some(after) = after {
            return Ok(after);
        }
        let values = [("history", history), ("entity", entity), ("summary", before), ("input", input)];
        let after = ask(cx, self.llm.as_ref(), UPDATE, &values).await?.trim().to_owned();
        let note = Note { entity: entity.to_owned(), before: before.to_owned(), after: after.clone() };
        made.lock().unwrap_or_else(PoisonError::into_inner).push(note);
        Ok(after)
    }

    async fn history(&self, cx: &Context) -> Result<(Vec<ChatMessage>, String), RunError> {
        let messages = self.turns.messages(cx).await?;
        let lines = self.shown.lines(&messages);
        Ok((messages, lines))
    }
}

#[async_trait]
impl Memory for Entities {
    fn keys(&self) -> &MemoryKeys {
        &self.keys
    }

    fn with_keys(&self, keys: MemoryKeys) -> Arc<dyn Memory> {
        Arc::new(Self { keys, ..self.clone() })
    }

    async fn load(&self, cx: &Context) -> Result<Json, RunError> {
        self.turns.load(cx).await
    }

    async fn save(&self, cx: &Context, input: &str, output: &str) -> Result<(), RunError> {
        self.turns.save(cx, input, output).await
    }

    fn variables(&self) -> Vec<String> {
        vec![ENTITIES.to_owned(), self.keys.memory.clone()]
    }

    async fn recall(&self, cx: &Context, input: &str) -> Result<Map<String, Json>, RunError> {
        let (messages, lines) = self.history(cx).await?;
        let scope = cx.scope(&self.vertex);
        let names = named(&scope, self.llm.as_ref(), &lines, input).await?;
        let kept: Kept = match names.is_empty() {
            true => Kept::default(),
            false => state::load(&scope, &self.vertex).await?,
        };
        let entities: Map<_, _> =
            names.into_iter().map(|name| (name.clone(), Json::String(kept.of(&name).to_owned()))).collect();
        Ok(Map::from_iter([
            (self.keys.memory.clone(), self.shown.history(&messages)),
            (ENTITIES.to_owned(), Json::Object(entities)),
        ]))
    }

    async fn keep(&self, cx: &Context, turn: Turn<'_>) -> Result<(), RunError> {
        self.save(cx, turn.input, turn.output).await?;
        let names = turn.recalled.get(ENTITIES).and_then(Json::as_object);
        let Some(names) = names.filter(|names| !names.is_empty()) else { return Ok(()) };
        let (_, history) = self.history(cx).await?;
        let made = Mutex::new(Vec::new());
        let (cx, made, said) = (&cx.scope(&self.vertex), &made, (history.as_str(), turn.input));
        state::fold(cx, &self.vertex, |mut kept: Kept| {
            Box::pin(async move {
                for entity in names.keys() {
                    let note = self.update(cx, made, entity, kept.of(entity), said).await?;
                    kept.put(entity, &note);
                }
                Ok(kept)
            })
        })
        .await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<EntityMemory>();

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stand_in::{Scripted, Stand};

    fn memory(llm: Arc<dyn ChatModel>) -> Entities {
        let keys = MemoryKeys { memory: "history".to_owned(), input: None, output: None };
        let turns = TurnMemory::new("E-1", keys.clone()).shown(Shown::default(), Some(10));
        Entities { vertex: "E-1".to_owned(), llm, keys, shown: Shown::default(), turns }
    }

    async fn exchange(memory: &Entities, cx: &Context, input: &str, output: &str) -> Map<String, Json> {
        let (inputs, outputs) = (Map::new(), Map::new());
        let recalled = memory.recall(cx, input).await.unwrap();
        let turn = Turn { input, output, inputs: &inputs, outputs: &outputs, recalled: &recalled };
        memory.keep(cx, turn).await.unwrap();
        recalled
    }

    #[tokio::test]
    async fn things_spoken_of_are_noted() {
        let llm = Scripted::saying(&[
            "Bob, Paris",
            "Bob is a person.",
            "Paris is far.",
            "Bob",
            "Bob sings.",
            "NONE",
        ]);
        let memory = memory(llm.clone());
        let cx = Stand::offline().cx();
        let first = exchange(&memory, &cx, "I am Bob in Paris", "Hi").await;
        assert_eq!(json!(first), json!({"history": "", "entities": {"Bob": "", "Paris": ""}}));
        let second = exchange(&memory, &cx, "Bob sings", "So?").await;
        let history = "Human: I am Bob in Paris\nAI: Hi";
        assert_eq!(json!(second), json!({"history": history, "entities": {"Bob": "Bob is a person."}}));
        let third = exchange(&memory, &cx, "Well.", "Yes.").await;
        assert_eq!(third["entities"], json!({}));
        let prompts = llm.prompts();
        assert_eq!(prompts.len(), 6);
        assert!(
            prompts[1].contains("AI: Hi\n\nThe note is on:\nBob\n\nThe note on Bob so far:\n\n\nSaid"),
            "{}",
            prompts[1]
        );
        assert!(prompts[4].contains("on Bob so far:\nBob is a person.\n\nSaid last:\nHuman: Bob sings\n"));
    }

    #[tokio::test]
    async fn of_two_turns_at_once_none_is_lost() {
        let stand = Stand::offline();
        let llm = Scripted::saying(&["Ann", "Ben", "Ann swims.", "Ben runs."]);
        let memory = memory(Arc::new(state::Yielding(llm.clone())));
        let (a, b) = (stand.cx().scope("a"), stand.cx().scope("b"));
        futures::join!(exchange(&memory, &a, "Ann swims", "ok"), exchange(&memory, &b, "Ben runs", "ok"));
        assert_eq!(llm.prompts().len(), 4, "a note that was made is not made again");
        let kept: Kept = state::load(&stand.cx().scope("later"), "E-1").await.unwrap();
        assert_eq!(kept.summaries.keys().collect::<Vec<_>>(), ["Ann", "Ben"]);
    }

    #[test]
    fn the_longest_unspoken_is_forgotten_first() {
        let mut kept = Kept::default();
        let long = "x".repeat(MAX_BYTES / 2 - 1);
        for name in ["a", "b", "a", "c"] {
            kept.put(name, &long);
        }
        assert_eq!(kept.summaries.keys().collect::<Vec<_>>(), ["a", "c"]);
    }
}
