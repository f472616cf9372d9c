//! Groq: the 1.x component.

use millrace_engine::{Default, Entry, Example, Reach, reach};

use super::family::{FamilyModel, Row};
use crate::protocol::openai_family::{GROQ, Provider};

/// The row of this type.
pub(crate) struct Groq;

impl Row for Groq {
    const NAMES: &'static [&'static str] = &["GroqModel"];
    const ABOUT: &'static str = "One chat completion by a model that Groq serves.";
    const PROVIDER: &'static Provider = &GROQ;
    const MODEL: Default = Default::Text("llama-3.1-8b-instant");
    const REACHES: &'static [Reach] = &[reach("Groq", "https://api.groq.com", "base_url")];
    const EXAMPLES: &'static [Example] = &[Example {
        title: "the model as a handle",
        inputs: r#"{"model_name": "example", "api_key": "x"}"#,
        output: r#"{"model_output": {"language_model": "example"}}"#,
    }];
}

pub(crate) const ENTRY: Entry = Entry::of::<FamilyModel<Groq>>();
