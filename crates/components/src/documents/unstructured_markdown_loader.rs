//! UnstructuredMarkdownLoader: the text of a Markdown file (0.x).

use millrace_engine::{Entry, Example, Spec, output};

use super::loader::{self, Format, Loader};
use super::markdown;

/// Markdown.
pub(crate) struct Markdown;

impl Format for Markdown {
    const SPEC: Spec = Spec {
        names: &["UnstructuredMarkdownLoader"],
        about: "The text of a Markdown file as one document: its blocks without marks, empty lines between them.",
        inputs: loader::INPUTS,
        outputs: &[output("documents")],
        examples: &[Example {
            title: "marks are left out",
            inputs: r#"{"file_path": "mill.md"}"#,
            output: r#"{"documents": [
                {"page_content": "The mill\n\nIt stands by the river.", "metadata": {"source": "mill.md"},
                 "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };
    const READ: loader::Read = markdown::read;
}

pub(crate) const ENTRY: Entry = Entry::of::<Loader<Markdown>>();
