//! ConversationKGMemory: facts of the conversation as triples, and those on the things now spoken of (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, ChatModel, Component, Context, Default, Entry, Example, Memory, MemoryKeys, Outputs, Role,
    RunError, Spec, Turn, Value, flag, handles, integer, message, output, text,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::buffer::TurnMemory;
use super::entities::named;
use super::postgres::PostgresHistory;
use super::state;
use super::turns::Shown;
use crate::chains::own_prompt::{OwnPrompt, ask};

/// Bytes of all facts of a session; above, the oldest are forgotten.
const MAX_BYTES: usize = 200 * 1024;

/// Our own words; variables and role as in LangChain. `NONE`, `<|>` and the parentheses are what the answer
/// is read by.
const FACTS: OwnPrompt = &[(
    Role::User,
    "Read the conversation of a person and an AI, and write down the facts in what the person said last, as \
     triples of a subject, a predicate and an object. What was said before is there only so that you understand \
     words such as \"she\" or \"it\".\n\nAnswer in one line with triples in parentheses, separated by <|>, or \
     with NONE if there are no facts.\n\n\
     For example:\nSaid before:\nHuman: Do you know Ada?\nAI: Tell me about her.\n\
     Said last:\nHuman: She lives in Turin and builds clocks.\n\
     Facts: (Ada, lives in, Turin)<|>(Ada, builds, clocks)\n(end of the example)\n\n\
     For example:\nSaid before:\nHuman: Hello.\nAI: Hi!\nSaid last:\nHuman: How are you?\n\
     Facts: NONE\n(end of the example)\n\n\
     Said before:\n{history}\nSaid last:\nHuman: {input}\n\nFacts:",
)];

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct KnowledgeGraphMemory {
    llm: handles::ChatModel,
    chat_memory: Option<handles::Object<PostgresHistory>>,
    k: u32,
    memory_key: String,
    input_key: Option<String>,
    output_key: Option<String>,
    return_messages: bool,
    human_prefix: String,
    ai_prefix: String,
}

impl Component for KnowledgeGraphMemory {
    const SPEC: Spec = Spec {
        names: &["ConversationKGMemory"],
        about: "Remembers facts of the conversation of a session (the newest 200 KiB), and tells those on the \
                people, places and things now spoken of.",
        inputs: &[
            message("llm", "The model that finds them: one more call before each turn and one after it."),
            message("chat_memory", "Where the messages are kept; with the session if nothing is wired."),
            integer("k", "How many exchanges the model sees; 0 for all.").or(Default::Integer(10)),
            text("memory_key", "The prompt variable that it fills.").or(Default::Text("chat_history")),
            text("input_key", "The input that is the person's turn, where there are several."),
            text("output_key", "The output that is the model's turn, where there are several."),
            flag("return_messages", "As messages rather than as text.").or(Default::Flag(false)),
            text("human_prefix", "The person's name in the text.").or(Default::Text("Human")),
            text("ai_prefix", "The model's name in the text.").or(Default::Text("AI")),
        ],
        outputs: &[output("memory")],
        examples: &[Example {
            title: "the default name",
            inputs: r#"{"llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}}}"#,
            output: r#"{"memory": {"memory": "chat_history"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let keys = MemoryKeys { memory: self.memory_key, input: self.input_key, output: self.output_key };
        let shown = Shown { human: self.human_prefix, ai: self.ai_prefix, messages: self.return_messages };
        let kept = self.chat_memory.map(|history| history.0);
        let newest = (self.k > 0).then_some(self.k);
        let turns = TurnMemory::new(cx.vertex_id(), keys.clone()).shown(shown.clone(), newest).kept_in(kept);
        let memory = Facts { vertex: cx.vertex_id().to_owned(), llm: self.llm.0, keys, shown, turns };
        Ok(Outputs::one("memory", Value::Capability(Capability::Memory(Arc::new(memory)))))
    }
}

#[derive(Debug, Clone)]
struct Facts {
    vertex: String,
    llm: Arc<dyn ChatModel>,
    keys: MemoryKeys,
    shown: Shown,
    turns: TurnMemory,
}

/// Subject, predicate, object.
type Triple = (String, String, String);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// One for each subject and object, in the order in which the pairs came up.
    triples: Vec<Triple>,
}

impl Kept {
    fn put(&mut self, triple: Triple) {
        let same = |known: &&mut Triple| (&known.0, &known.2) == (&triple.0, &triple.2);
        match self.triples.iter_mut().find(same) {
            Some(known) => *known = triple,
            None => self.triples.push(triple),
        }
        let mut size: usize = self.triples.iter().map(bytes).sum();
        let surplus = self.triples.iter().take_while(|oldest| {
            let beyond = size > MAX_BYTES;
            size -= bytes(oldest);
            beyond
        });
        let surplus = surplus.count();
        self.triples.drain(..surplus);
    }

    /// `On Ada: Ada lives in Turin. Ada builds clocks.`
    fn on(&self, entity: &str) -> Option<String> {
        let facts = self.triples.iter().filter(|(subject, _, object)| subject == entity && object != entity);
        let facts: Vec<_> =
            facts.map(|(subject, predicate, object)| format!("{subject} {predicate} {object}")).collect();
        (!facts.is_empty()).then(|| format!("On {entity}: {}.", facts.join(". ")))
    }
}

fn bytes((subject, predicate, object): &Triple) -> usize {
    subject.len() + predicate.len() + object.len()
}

/// Reads triples as LangChain does: what has not three parts is passed over.
pub(super) fn triples(reply: &str) -> Vec<Triple> {
    let reply = reply.trim();
    if reply.is_empty() || reply == "NONE" {
        return Vec::new();
    }
    reply.split("<|>").filter_map(triple).collect()
}

fn triple(text: &str) -> Option<Triple> {
    let text = text.trim();
    let parts: Vec<&str> = text.split(", ").collect();
    let [subject, predicate, object] = parts.as_slice() else { return None };
    let subject = subject.strip_prefix('(')?;
    let object = object.strip_suffix(')')?;
    Some((subject.to_owned(), (*predicate).to_owned(), object.to_owned()))
}

impl Facts {
    async fn history(&self, cx: &Context) -> Result<String, RunError> {
        Ok(self.shown.lines(&self.turns.messages(cx).await?))
    }
}

#[async_trait]
impl Memory for Facts {
    fn keys(&self) -> &MemoryKeys {
        &self.keys
    }

    fn with_keys(&self, keys: MemoryKeys) -> Arc<dyn Memory> {
        Arc::new(Self { keys, ..self.clone() })
    }

    /// Nothing: without knowing what is spoken of, no fact matters more than another.
    async fn load(&self, _cx: &Context) -> Result<Json, RunError> {
        Ok(self.shown.notes(Vec::new()))
    }

    async fn save(&self, cx: &Context, input: &str, output: &str) -> Result<(), RunError> {
        self.turns.save(cx, input, output).await?;
        let history = self.history(cx).await?;
        let cx = &cx.scope(&self.vertex);
        let values = [("history", history.as_str()), ("input", input)];
        let found = triples(&ask(cx, self.llm.as_ref(), FACTS, &values).await?);
        if found.is_empty() {
            return Ok(());
        }
        state::fold(cx, &self.vertex, |mut kept: Kept| {
            found.iter().cloned().for_each(|triple| kept.put(triple));
            Box::pin(async move { Ok(kept) })
        })
        .await
    }

    async fn recall(&self, cx: &Context, input: &str) -> Result<Map<String, Json>, RunError> {
        let history = self.history(cx).await?;
        let scope = cx.scope(&self.vertex);
        let names = named(&scope, self.llm.as_ref(), &history, input).await?;
        let kept: Kept = match names.is_empty() {
            true => Kept::default(),
            false => state::load(&scope, &self.vertex).await?,
        };
        let notes = names.iter().filter_map(|name| kept.on(name)).collect();
        Ok(Map::from_iter([(self.keys.memory.clone(), self.shown.notes(notes))]))
    }

    async fn keep(&self, cx: &Context, turn: Turn<'_>) -> Result<(), RunError> {
        self.save(cx, turn.input, turn.output).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<KnowledgeGraphMemory>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::{Scripted, Stand};

    #[tokio::test]
    async fn facts_are_told_of_what_is_spoken_of() {
        let llm = Scripted::saying(&[
            "(Ada, lives in, Turin)<|>(Ada, builds, clocks)",
            "Ada, Bob",
            "(Ada, left, Turin)",
            "Ada",
        ]);
        let keys = MemoryKeys { memory: "chat_history".to_owned(), input: None, output: None };
        let turns = TurnMemory::new("K-1", keys.clone()).shown(Shown::default(), Some(10));
        let memory =
            Facts { vertex: "K-1".to_owned(), llm: llm.clone(), keys, shown: Shown::default(), turns };
        let cx = Stand::offline().cx();
        memory.save(&cx, "Ada lives in Turin and builds clocks", "Oh").await.unwrap();
        let said = memory.recall(&cx, "And Bob?").await.unwrap();
        assert_eq!(said["chat_history"], "On Ada: Ada lives in Turin. Ada builds clocks.");
        memory.save(&cx, "She left", "Oh").await.unwrap();
        let renamed =
            memory.with_keys(MemoryKeys { memory: "history".to_owned(), input: None, output: None });
        let said = renamed.recall(&cx, "Ada?").await.unwrap();
        assert_eq!(said["history"], "On Ada: Ada left Turin. Ada builds clocks.");
        assert!(llm.prompts()[1].ends_with(
            "Human: Ada lives in Turin and builds clocks\nAI: Oh\nSaid last:\nHuman: And Bob?\n\nNames:"
        ));
    }

    #[test]
    fn the_oldest_facts_are_forgotten_first() {
        let mut kept = Kept::default();
        let long = "x".repeat(MAX_BYTES / 2 - 10);
        for subject in ["a", "b", "a", "c"] {
            kept.put((subject.to_owned(), "says".to_owned(), long.clone()));
        }
        let subjects: Vec<_> = kept.triples.iter().map(|(subject, ..)| subject.as_str()).collect();
        assert_eq!(subjects, ["b", "c"]);
    }

    #[test]
    fn what_has_not_three_parts_is_no_fact() {
        let triple = |s: &str, p: &str, o: &str| (s.to_owned(), p.to_owned(), o.to_owned());
        assert_eq!(triples("(a, b, c)<|> (d, e, f) "), [triple("a", "b", "c"), triple("d", "e", "f")]);
        for reply in ["NONE", "", "(a, b)", "(a, b, c, d)", "a, b, c"] {
            assert_eq!(triples(reply), [], "{reply}");
        }
    }
}
