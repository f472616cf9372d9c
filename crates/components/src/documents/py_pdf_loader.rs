//! PyPDFLoader: the pages of a PDF file (0.x).

use millrace_engine::{Entry, Example, Spec, output};

use super::loader::{self, Format, Loader};
use super::pdf;

/// A PDF file.
pub(crate) struct PyPdf;

impl Format for PyPdf {
    const SPEC: Spec = Spec {
        names: &["PyPDFLoader"],
        about: "Each page of a PDF file as a document with its number from 0. At most 2000 pages and 128 MiB \
                unpacked without pictures; no encrypted files, no text in pictures.",
        inputs: loader::INPUTS,
        outputs: &[output("documents")],
        examples: &[Example {
            title: "a page is a document",
            inputs: r#"{"file_path": "mill.pdf"}"#,
            output: r#"{"documents": [
                {"page_content": "The mill stands by the river.", "metadata": {"source": "mill.pdf", "page": 0},
                 "type": "Document"},
                {"page_content": "Its wheel turns.", "metadata": {"source": "mill.pdf", "page": 1},
                 "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };
    const READ: loader::Read = pdf::read;
}

pub(crate) const ENTRY: Entry = Entry::of::<Loader<PyPdf>>();
