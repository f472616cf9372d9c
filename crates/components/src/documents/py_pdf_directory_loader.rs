//! PyPDFDirectoryLoader: the pages of a folder's PDF files (0.x).

use millrace_engine::{Component, Context, Entry, Example, Outputs, RunError, Spec, json, output, text};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::folder::{self, Choice};
use super::{loader, pdf};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct PyPdfDirectoryLoader {
    path: String,
    metadata: Option<Map<String, Json>>,
}

impl Component for PyPdfDirectoryLoader {
    const SPEC: Spec = Spec {
        names: &["PyPDFDirectoryLoader"],
        about: "The pages of all PDF files of a folder and those below, as PyPDFLoader reads them.",
        inputs: &[
            text("path", "A folder that the operator opened. At most 1000 files and 128 MiB of text."),
            json("metadata", "Added to each document's own metadata."),
        ],
        outputs: &[output("documents")],
        examples: &[Example {
            title: "the pages of its files",
            inputs: r#"{"path": "papers"}"#,
            output: r##"{"documents": [
                {"page_content": "The mill stands by the river.", "metadata": {"source": "mill.pdf", "page": 0},
                 "type": "Document"},
                {"page_content": "Its wheel turns.", "metadata": {"source": "mill.pdf", "page": 1},
                 "type": "Document"}
            ]}"##,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let documents = folder::load(cx, &self.path, &Choice::of("**/[!.]*.pdf")?, pdf::read).await?;
        Ok(Outputs::one("documents", loader::output(documents, self.metadata.unwrap_or_default())))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<PyPdfDirectoryLoader>();
