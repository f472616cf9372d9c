//! BSHTMLLoader: an HTML file's text and title (0.x).

use millrace_engine::{Entry, Example, Spec, output};

use super::html;
use super::loader::{self, Format, Loader};

/// An HTML file as it stands.
pub(crate) struct BsHtml;

impl Format for BsHtml {
    const SPEC: Spec = Spec {
        names: &["BSHTMLLoader"],
        about: "All the text of an HTML file as one document, with its title.",
        inputs: loader::INPUTS,
        outputs: &[output("documents")],
        examples: &[Example {
            title: "the text between the tags",
            inputs: r#"{"file_path": "mill.html"}"#,
            output: r#"{"documents": [
                {"page_content": "MillThe mill\nIt stands by the river.\n", "metadata": {"source": "mill.html", "title": "Mill"},
                 "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };
    const READ: loader::Read = html::read_page;
}

pub(crate) const ENTRY: Entry = Entry::of::<Loader<BsHtml>>();
