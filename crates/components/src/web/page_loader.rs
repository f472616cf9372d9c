//! The loaders of a page: all that differs is what they look for in it.

use millrace_engine::{
    Component, Context, Entry, Example, Outputs, RunError, Spec, json, output, reach, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::sites::{self, Site};

/// A loader, as data.
struct Row {
    names: &'static [&'static str],
    about: &'static str,
    site: Site,
}

const ROWS: [Row; 7] = [
    Row { names: &["WebBaseLoader"], about: "All the text of a web page as one document.", site: Site::Page },
    Row {
        names: &["AZLyricsLoader"],
        about: "The words of a song on azlyrics.com as one document.",
        site: Site::AzLyrics,
    },
    Row {
        names: &["CollegeConfidentialLoader"],
        about: "What collegeconfidential.com says of a college as one document.",
        site: Site::CollegeConfidential,
    },
    Row {
        names: &["GutenbergLoader"],
        about: "A book's plain text on gutenberg.org as one document, an empty line after each line.",
        site: Site::Gutenberg,
    },
    Row {
        names: &["HNLoader"],
        about: "The stories of a page of Hacker News, or the comments of a story, a document each.",
        site: Site::HackerNews,
    },
    Row {
        names: &["IFixitLoader"],
        about: "A repair guide, a device with its guides, or a question with its answers on ifixit.com.",
        site: Site::Ifixit,
    },
    Row { names: &["IMSDbLoader"], about: "A film script on imsdb.com as one document.", site: Site::Imsdb },
];

/// The fields of each of them.
#[derive(Deserialize)]
pub(crate) struct PageLoader<const ROW: usize> {
    web_path: Vec<String>,
    metadata: Option<Map<String, Json>>,
}

impl<const ROW: usize> Component for PageLoader<ROW> {
    const SPEC: Spec = Spec {
        names: ROWS[ROW].names,
        about: ROWS[ROW].about,
        inputs: &[
            text("web_path", "The page's address, or a list of at most 50. A page has 8 MiB at most."),
            json("metadata", "Added to each document's own metadata."),
        ],
        outputs: &[output("documents")],
        reaches: &[reach("the address in web_path", "", "web_path")],
        examples: &[Example {
            title: "no address, no document",
            inputs: r#"{"web_path": [], "metadata": [{"": ""}]}"#,
            output: r#"{"documents": []}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let Row { names, site, .. } = ROWS[ROW];
        let documents = sites::load(cx, names[0], site, &self.web_path, self.metadata).await?;
        Ok(Outputs::one("documents", documents))
    }
}

/// The loaders, in the order of the rows.
pub(crate) const ENTRIES: [&Entry; 7] = [
    &Entry::of::<PageLoader<0>>(),
    &Entry::of::<PageLoader<1>>(),
    &Entry::of::<PageLoader<2>>(),
    &Entry::of::<PageLoader<3>>(),
    &Entry::of::<PageLoader<4>>(),
    &Entry::of::<PageLoader<5>>(),
    &Entry::of::<PageLoader<6>>(),
];
