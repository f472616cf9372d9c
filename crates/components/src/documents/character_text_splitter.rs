//! CharacterTextSplitter: cuts documents at one separator (0.x).

use millrace_engine::{
    Component, Context, Default, Entry, Example, LazyValue, Outputs, RunError, Spec, integer, message,
    output, text,
};
use serde::Deserialize;

use super::split::{self, Sizes, Splitter};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct CharacterTextSplitter {
    documents: Vec<LazyValue>,
    chunk_size: u32,
    chunk_overlap: u32,
    separator: String,
}

impl Component for CharacterTextSplitter {
    const SPEC: Spec = Spec {
        names: &["CharacterTextSplitter"],
        about: "Cuts documents at a separator and puts the parts together to pieces.",
        inputs: &[
            message("documents", "The documents."),
            integer("chunk_size", "Characters of a piece at most, where the separator allows it.")
                .or(Default::Integer(1000)),
            integer("chunk_overlap", "Characters at most of one piece with which the next begins.")
                .or(Default::Integer(200)),
            text("separator", "Where a document may be cut; `\\n` is a line break.").or(Default::Text("\\n")),
        ],
        outputs: &[output("documents")],
        examples: &[Example {
            title: "lines are put together while they fit",
            inputs: r#"{"documents": "one\ntwo\nthree", "chunk_size": 8, "chunk_overlap": 3}"#,
            output: r#"{"documents": [
                {"page_content": "one\ntwo", "metadata": {}, "type": "Document"},
                {"page_content": "three", "metadata": {}, "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let sizes = Sizes::new(self.chunk_size, self.chunk_overlap)?;
        let splitter = Splitter::Plain(split::unescape(&self.separator));
        let pieces = splitter.split(split::documents(self.documents)?, sizes)?;
        Ok(Outputs::one("documents", split::output(pieces)))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<CharacterTextSplitter>();
