//! SambaNova: the 1.x component.

use millrace_engine::{Default, Entry, Example, Reach, reach};

use super::family::{FamilyModel, Row};
use crate::protocol::openai_family::{Provider, SAMBANOVA};

/// The row of this type.
pub(crate) struct SambaNova;

impl Row for SambaNova {
    const NAMES: &'static [&'static str] = &["SambaNovaModel"];
    const ABOUT: &'static str = "One chat completion by a model that SambaNova serves.";
    const PROVIDER: &'static Provider = &SAMBANOVA;
    const MODEL: Default = Default::Text("Meta-Llama-3.1-8B-Instruct");
    const REACHES: &'static [Reach] = &[reach("SambaNova", "https://api.sambanova.ai/v1", "base_url")];
    const EXAMPLES: &'static [Example] = &[Example {
        title: "the model as a handle",
        inputs: r#"{"model_name": "example", "api_key": "x"}"#,
        output: r#"{"model_output": {"language_model": "example"}}"#,
    }];
}

pub(crate) const ENTRY: Entry = Entry::of::<FamilyModel<SambaNova>>();
