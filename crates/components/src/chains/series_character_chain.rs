//! SeriesCharacterChain: a conversation with a character of a series (0.x).

use std::collections::BTreeMap;

use millrace_engine::{
    Component, Context, Entry, Example, Outputs, RunError, Spec, handles, message, output, text,
};
use serde::Deserialize;

use super::conversation::Conversation;

/// Our own words; variables and role as in Langflow.
const TEMPLATE: &str = "You are {character} from {series}. Speak and answer in every way as {character} would, \
knowing all that {character} knows. Say only what {character} says, without explanations.\n\n\
The conversation so far:\n{history}\nHuman: {input}\n{character}:";

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct SeriesCharacterChain {
    llm: handles::ChatModel,
    memory: Option<handles::Memory>,
    character: String,
    series: String,
}

impl Component for SeriesCharacterChain {
    const SPEC: Spec = Spec {
        names: &["SeriesCharacterChain"],
        about: "Talks as a character of a series. Takes `input`, answers `response`.",
        inputs: &[
            message("llm", "The model."),
            message(
                "memory",
                "The memory; one of its own if none is wired, which calls the model by the character's name.",
            ),
            text("character", "The character's name."),
            text("series", "The series."),
        ],
        outputs: &[output("chain")],
        examples: &[Example {
            title: "the character is no input of the chain",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "character": "SpongeBob", "series": "SpongeBob SquarePants"
            }"#,
            output: r#"{"chain": {"chain": {"inputs": ["input"], "outputs": ["response"]}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let filled = BTreeMap::from([
            ("character".to_owned(), self.character.clone()),
            ("series".to_owned(), self.series),
        ]);
        let memory = self.memory.map(|memory| memory.0);
        Conversation { llm: self.llm.0, memory, template: TEMPLATE, filled, ai: &self.character }
            .into_outputs(cx)
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<SeriesCharacterChain>();
