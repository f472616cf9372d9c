//! FileLoader: a file of any kind that can be read (0.6).

use millrace_engine::{
    Component, Context, Entry, ErrorKind, Example, Outputs, RunError, Spec, message, output, text,
};
use serde::Deserialize;
use serde_json::Map;

use super::{formats, loader};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct FileLoader {
    file_path: Option<String>,
    loader: Option<Vec<String>>,
}

impl Component for FileLoader {
    const SPEC: Spec = Spec {
        names: &["FileLoader"],
        about: "The documents of a file, by the ending of its name: csv, docx, eml, html, json, jsonl, md, pdf, pptx, \
                srt, txt, xlsx.",
        inputs: &[
            text("file_path", "The file. At most 50 MiB."),
            message("loader", "`Automatic`, or the kind of file, such as `CSV (.csv)`."),
        ],
        outputs: &[output("documents")],
        examples: &[
            Example {
                title: "a text file",
                inputs: r#"{"file_path": "mill.txt", "loader": "Automatic"}"#,
                output: r#"{"documents": [
                    {"page_content": "The mill stands by the river.\n", "metadata": {"source": "mill.txt"},
                     "type": "Document"}
                ]}"#,
            },
            Example {
                title: "a Markdown file taken for text",
                inputs: r#"{"file_path": "mill.md", "loader": "Text (.txt)"}"#,
                output: r##"{"documents": [
                    {"page_content": "# The mill\n\nIt stands *by* the river.\n",
                     "metadata": {"source": "mill.md"}, "type": "Document"}
                ]}"##,
            },
        ],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let path = self.file_path.ok_or_else(|| loader::no_path("FileLoader"))?;
        let chosen = self.loader.unwrap_or_default().into_iter().next();
        let read = match chosen.as_deref() {
            None | Some("" | "Automatic") => formats::automatic,
            Some(name) => formats::named(name).ok_or_else(|| {
                RunError::new(ErrorKind::Flow, format!("field 'loader': there is no loader '{name}'"))
            })?,
        };
        let documents = loader::load(cx, &path, read).await?;
        Ok(Outputs::one("documents", loader::output(documents, Map::new())))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<FileLoader>();
