//! Novita: the 1.x component.

use millrace_engine::{Default, Entry, Example, Reach, reach};

use super::family::{FamilyModel, Row};
use crate::protocol::openai_family::{NOVITA, Provider};

/// The row of this type.
pub(crate) struct Novita;

impl Row for Novita {
    const NAMES: &'static [&'static str] = &["NovitaModel"];
    const ABOUT: &'static str = "One chat completion by a model that Novita serves.";
    const PROVIDER: &'static Provider = &NOVITA;
    const MODEL: Default = Default::Text("deepseek/deepseek-r1");
    const REACHES: &'static [Reach] = &[reach("Novita", "https://api.novita.ai/v3/openai", "base_url")];
    const EXAMPLES: &'static [Example] = &[Example {
        title: "the model as a handle",
        inputs: r#"{"model_name": "example", "api_key": "x"}"#,
        output: r#"{"model_output": {"language_model": "example"}}"#,
    }];
}

pub(crate) const ENTRY: Entry = Entry::of::<FamilyModel<Novita>>();
