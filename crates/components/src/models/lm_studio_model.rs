//! LM Studio: the 1.x component. Its usual address is reached only where the operator allows it.

use millrace_engine::{Default, Entry, Example, Reach, reach};

use super::family::{FamilyModel, Row};
use crate::protocol::openai_family::{LM_STUDIO, Provider};

/// The row of this type.
pub(crate) struct LmStudio;

impl Row for LmStudio {
    const NAMES: &'static [&'static str] = &["LMStudioModel"];
    const ABOUT: &'static str = "One chat completion by a model that LM Studio runs.";
    const PROVIDER: &'static Provider = &LM_STUDIO;
    const MODEL: Default = Default::Absent;
    const REACHES: &'static [Reach] = &[reach("LM Studio", "http://localhost:1234/v1", "base_url")];
    const EXAMPLES: &'static [Example] = &[Example {
        title: "the model as a handle",
        inputs: r#"{"model_name": "example", "api_key": "x"}"#,
        output: r#"{"model_output": {"language_model": "example"}}"#,
    }];
}

pub(crate) const ENTRY: Entry = Entry::of::<FamilyModel<LmStudio>>();
