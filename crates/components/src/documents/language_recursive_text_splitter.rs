//! LanguageRecursiveTextSplitter: cuts documents where their language suggests it (0.x).

use millrace_engine::{
    Component, Context, Default, Entry, Example, LazyValue, Outputs, RunError, Spec, integer, message,
    output, text,
};
use serde::Deserialize;

use super::languages;
use super::split::{self, Sizes, Splitter};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct LanguageRecursiveTextSplitter {
    documents: Vec<LazyValue>,
    chunk_size: u32,
    chunk_overlap: u32,
    separator_type: String,
}

impl Component for LanguageRecursiveTextSplitter {
    const SPEC: Spec = Spec {
        names: &["LanguageRecursiveTextSplitter"],
        about: "Cuts documents before what begins a part in their language, such as a function or a heading.",
        inputs: &[
            message("documents", "The documents."),
            integer("chunk_size", "Characters of a piece at most, where the language allows it.")
                .or(Default::Integer(1000)),
            integer("chunk_overlap", "Characters at most of one piece with which the next begins.")
                .or(Default::Integer(200)),
            text("separator_type", "The language, such as `python`, `markdown` or `html`.")
                .or(Default::Text("Python")),
        ],
        outputs: &[output("documents")],
        examples: &[Example {
            title: "functions stay whole",
            inputs: r#"{"documents": "x = 1\ndef a():\n    pass\ndef b():\n    pass", "chunk_size": 20,
                        "chunk_overlap": 0}"#,
            output: r#"{"documents": [
                {"page_content": "x = 1", "metadata": {}, "type": "Document"},
                {"page_content": "def a():\n    pass", "metadata": {}, "type": "Document"},
                {"page_content": "def b():\n    pass", "metadata": {}, "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let sizes = Sizes::new(self.chunk_size, self.chunk_overlap)?;
        let splitter = Splitter::Recursive(languages::separators(&self.separator_type)?);
        let pieces = splitter.split(split::documents(self.documents)?, sizes)?;
        Ok(Outputs::one("documents", split::output(pieces)))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<LanguageRecursiveTextSplitter>();
