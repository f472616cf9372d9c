//! UnstructuredHTMLLoader: the text of an HTML file (0.x).

use millrace_engine::{Entry, Example, Spec, output};

use super::html;
use super::loader::{self, Format, Loader};

/// An HTML file by its blocks.
pub(crate) struct UnstructuredHtml;

impl Format for UnstructuredHtml {
    const SPEC: Spec = Spec {
        names: &["UnstructuredHTMLLoader"],
        about: "The text of an HTML file as one document: its blocks, empty lines between them.",
        inputs: loader::INPUTS,
        outputs: &[output("documents")],
        examples: &[Example {
            title: "blocks",
            inputs: r#"{"file_path": "mill.html"}"#,
            output: r#"{"documents": [
                {"page_content": "The mill\n\nIt stands by the river.", "metadata": {"source": "mill.html"},
                 "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };
    const READ: loader::Read = html::read_blocks;
}

pub(crate) const ENTRY: Entry = Entry::of::<Loader<UnstructuredHtml>>();
