//! xAI: the 1.x component.

use millrace_engine::{Default, Entry, Example, Reach, reach};

use super::family::{FamilyModel, Row};
use crate::protocol::openai_family::{Provider, XAI};

/// The row of this type.
pub(crate) struct Xai;

impl Row for Xai {
    const NAMES: &'static [&'static str] = &["xAIModel"];
    const ABOUT: &'static str = "One chat completion by a model of xAI.";
    const PROVIDER: &'static Provider = &XAI;
    const MODEL: Default = Default::Text("grok-2-latest");
    const REACHES: &'static [Reach] = &[reach("xAI", "https://api.x.ai/v1", "base_url")];
    const EXAMPLES: &'static [Example] = &[Example {
        title: "the model as a handle",
        inputs: r#"{"model_name": "example", "api_key": "x"}"#,
        output: r#"{"model_output": {"language_model": "example"}}"#,
    }];
}

pub(crate) const ENTRY: Entry = Entry::of::<FamilyModel<Xai>>();
