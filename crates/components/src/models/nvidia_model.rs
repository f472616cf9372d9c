//! NVIDIA: the 1.x component.

use millrace_engine::{Default, Entry, Example, Reach, reach};

use super::family::{FamilyModel, Row};
use crate::protocol::openai_family::{NVIDIA, Provider};

/// The row of this type.
pub(crate) struct Nvidia;

impl Row for Nvidia {
    const NAMES: &'static [&'static str] = &["NVIDIAModelComponent"];
    const ABOUT: &'static str = "One chat completion by a model that NVIDIA serves.";
    const PROVIDER: &'static Provider = &NVIDIA;
    const MODEL: Default = Default::Absent;
    const REACHES: &'static [Reach] = &[reach("NVIDIA", "https://integrate.api.nvidia.com/v1", "base_url")];
    const EXAMPLES: &'static [Example] = &[Example {
        title: "the model as a handle",
        inputs: r#"{"model_name": "example", "api_key": "x"}"#,
        output: r#"{"model_output": {"language_model": "example"}}"#,
    }];
}

pub(crate) const ENTRY: Entry = Entry::of::<FamilyModel<Nvidia>>();
