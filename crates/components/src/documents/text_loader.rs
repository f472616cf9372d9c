//! TextLoader: a text file as a document (0.x).

use millrace_engine::{Document, Entry, Example, File, Spec, output};

use super::loader::{self, Format, Loader, Unreadable};
use super::plain_text::decode_lines;

/// Plain text.
pub(crate) struct PlainText;

impl Format for PlainText {
    const SPEC: Spec = Spec {
        names: &["TextLoader"],
        about: "A text file as one document. It is UTF-8, UTF-16 with its mark, or else Latin-1.",
        inputs: loader::INPUTS,
        outputs: &[output("documents")],
        examples: &[Example {
            title: "the text as it is",
            inputs: r#"{"file_path": "mill.txt"}"#,
            output: r#"{"documents": [
                {"page_content": "The mill stands by the river.\n", "metadata": {"source": "mill.txt"},
                 "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };
    const READ: loader::Read = read;
}

/// The text, its line breaks as Python reads them.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    Ok(loader::whole(decode_lines(&file.bytes)))
}

pub(crate) const ENTRY: Entry = Entry::of::<Loader<PlainText>>();
