//! GitbookLoader: a page of a GitBook (0.x).

use millrace_engine::{
    Component, Context, Entry, Example, Outputs, RunError, Spec, json, output, reach, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::sites::{self, Site};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct GitbookLoader {
    web_page: Vec<String>,
    metadata: Option<Map<String, Json>>,
}

impl Component for GitbookLoader {
    const SPEC: Spec = Spec {
        names: &["GitbookLoader"],
        about: "The main part of a GitBook's page as one document.",
        inputs: &[
            text("web_page", "The page's address, or a list of at most 50. A page has 8 MiB at most."),
            json("metadata", "Added to each document's own metadata."),
        ],
        outputs: &[output("documents")],
        reaches: &[reach("the address in web_page", "", "web_page")],
        examples: &[Example {
            title: "no address, no document",
            inputs: r#"{"web_page": []}"#,
            output: r#"{"documents": []}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let documents =
            sites::load(cx, "GitbookLoader", Site::Gitbook, &self.web_page, self.metadata).await?;
        Ok(Outputs::one("documents", documents))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<GitbookLoader>();
