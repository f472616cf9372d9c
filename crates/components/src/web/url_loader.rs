//! UrlLoader: pages, by a loader that is named (0.x).

use millrace_engine::{
    Component, Context, Default, Entry, ErrorKind, Example, Outputs, RunError, Spec, output, reach, text,
};
use serde::Deserialize;

use super::sites::{self, Site};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct UrlLoader {
    web_path: Vec<String>,
    loader: String,
}

impl Component for UrlLoader {
    const SPEC: Spec = Spec {
        names: &["UrlLoader"],
        about: "Web pages as documents, by the loader that is chosen.",
        inputs: &[
            text("web_path", "The page's address, or a list of at most 50. A page has 8 MiB at most."),
            text("loader", "The type of the loader, such as HNLoader.").or(Default::Text("WebBaseLoader")),
        ],
        outputs: &[output("documents")],
        reaches: &[reach("the address in web_path", "", "web_path")],
        examples: &[Example {
            title: "no address, no document",
            inputs: r#"{"web_path": [], "loader": "IMSDbLoader"}"#,
            output: r#"{"documents": []}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let site = Site::of(&self.loader).ok_or_else(|| {
            let message = format!("field 'loader': there is no loader of web pages named {}", self.loader);
            RunError::new(ErrorKind::Flow, message)
        })?;
        let documents = sites::load(cx, "UrlLoader", site, &self.web_path, None).await?;
        Ok(Outputs::one("documents", documents))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<UrlLoader>();
