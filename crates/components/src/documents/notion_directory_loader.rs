//! NotionDirectoryLoader: the pages of a Notion export (0.x).

use millrace_engine::{Component, Context, Entry, Example, Outputs, RunError, Spec, json, output, text};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::folder::{self, Choice};
use super::{loader, text_loader};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct NotionDirectoryLoader {
    path: String,
    metadata: Option<Map<String, Json>>,
}

impl Component for NotionDirectoryLoader {
    const SPEC: Spec = Spec {
        names: &["NotionDirectoryLoader"],
        about: "The Markdown files of a Notion export, each as one document with its marks.",
        inputs: &[
            text("path", "A folder that the operator opened. At most 1000 files and 128 MiB of text."),
            json("metadata", "Added to each document's own metadata."),
        ],
        outputs: &[output("documents")],
        examples: &[Example {
            title: "the pages as they are",
            inputs: r#"{"path": "notes", "metadata": {"by": "miller"}}"#,
            output: r##"{"documents": [
                {"page_content": "# Flour\n\nTwo *sacks*.\n", "metadata": {"source": "flour.md", "by": "miller"},
                 "type": "Document"}
            ]}"##,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let documents = folder::load(cx, &self.path, &Choice::of("**/*.md")?, text_loader::read).await?;
        Ok(Outputs::one("documents", loader::output(documents, self.metadata.unwrap_or_default())))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<NotionDirectoryLoader>();
