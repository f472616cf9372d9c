//! The search nodes: a service as a tool. All that differs is which service, and what the tool is called.

use millrace_engine::{
    Component, Context, Entry, ErrorKind, Example, Outputs, RunError, Spec, handles, message, output,
};
use serde::Deserialize;

use super::search::{Provider, Search, SearchTool};
use super::{bing, google_search, serper, wikipedia, wolfram_alpha};

/// A tool, as data.
struct Row {
    names: &'static [&'static str],
    about: &'static str,
    provider: Provider,
    /// Gives so many results as records, instead of the answer's text.
    records: Option<usize>,
    tool: &'static str,
    description: &'static str,
    example: &'static [Example],
}

/// A tool's only example: what it is called. `$inputs` are those of the service's node.
macro_rules! named {
    ($tool:literal, $node:literal, $inputs:literal) => {
        &[Example {
            title: "the tool's name",
            inputs: concat!(r#"{"api_wrapper": {"$component": ""#, $node, r#"", "inputs": "#, $inputs, "}}"),
            output: concat!(r#"{"tool": {"tool": ""#, $tool, r#""}}"#),
        }]
    };
}

const ROWS: [Row; 6] = [
    Row {
        names: &["BingSearchRun"],
        about: "A tool that searches with Bing.",
        provider: bing::PROVIDER,
        records: None,
        tool: "bing_search",
        description: "Searches the web with Bing. Use it for questions about current events. The input is what \
                      to search for.",
        example: named!("bing_search", "BingSearchAPIWrapper", r#"{"bing_subscription_key": "k"}"#),
    },
    Row {
        names: &["GoogleSearchRun"],
        about: "A tool that searches with Google.",
        provider: google_search::PROVIDER,
        records: None,
        tool: "google_search",
        description: "Searches the web with Google. Use it for questions about current events. The input is \
                      what to search for.",
        example: named!(
            "google_search",
            "GoogleSearchAPIWrapper",
            r#"{"google_api_key": "k", "google_cse_id": "e"}"#
        ),
    },
    Row {
        names: &["GoogleSearchResults"],
        about: "A tool that searches with Google and gives title, link and snippet of four results.",
        provider: google_search::PROVIDER,
        records: Some(4),
        tool: "google_search_results_json",
        description: "Searches the web with Google. Use it for questions about current events. The input is \
                      what to search for; the output is a list of results with title, link and snippet.",
        example: named!(
            "google_search_results_json",
            "GoogleSearchAPIWrapper",
            r#"{"google_api_key": "k", "google_cse_id": "e"}"#
        ),
    },
    Row {
        names: &["GoogleSerperRun"],
        about: "A tool that searches with Google over Serper.",
        provider: serper::PROVIDER,
        records: None,
        tool: "google_serper",
        description: "Searches the web with Google over Serper. Use it for questions about current events. The \
                      input is what to search for.",
        example: named!("google_serper", "GoogleSerperAPIWrapper", r#"{"serper_api_key": "k"}"#),
    },
    Row {
        names: &["WikipediaQueryRun"],
        about: "A tool that reads the beginnings of Wikipedia's pages.",
        provider: wikipedia::PROVIDER,
        records: None,
        tool: "wikipedia",
        description: "Looks something up in Wikipedia. Use it for questions about people, places, companies, \
                      facts, history and the like. The input is what to look up.",
        example: named!("wikipedia", "WikipediaAPIWrapper", "{}"),
    },
    Row {
        names: &["WolframAlphaQueryRun"],
        about: "A tool that asks Wolfram Alpha.",
        provider: wolfram_alpha::PROVIDER,
        records: None,
        tool: "wolfram_alpha",
        description: "Asks Wolfram Alpha. Use it for questions about mathematics, science, technology, culture \
                      and everyday life. The input is the question.",
        example: named!("wolfram_alpha", "WolframAlphaAPIWrapper", r#"{"appid": "k"}"#),
    },
];

/// The fields of each of them.
#[derive(Deserialize)]
pub(crate) struct SearchRun<const ROW: usize> {
    api_wrapper: handles::Object<Search>,
}

impl<const ROW: usize> Component for SearchRun<ROW> {
    const SPEC: Spec = Spec {
        names: ROWS[ROW].names,
        about: ROWS[ROW].about,
        inputs: &[message("api_wrapper", "The search service.")],
        outputs: &[output("tool")],
        examples: ROWS[ROW].example,
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let row = const { &ROWS[ROW] };
        let (wanted, found) = (row.provider.name, self.api_wrapper.provider.name);
        if wanted != found {
            let message = format!("field 'api_wrapper': expected the service {wanted}, found {found}");
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        let search = (**self.api_wrapper).clone();
        let search = match row.records {
            Some(count) => search.with("num", count.to_string()).reading(google_search::records, count),
            None => search,
        };
        let tool = SearchTool { name: row.tool, description: row.description, search };
        Ok(Outputs::one("tool", tool.into_value()))
    }
}

/// The tools, in the order of the rows.
pub(crate) const ENTRIES: [&Entry; 6] = [
    &Entry::of::<SearchRun<0>>(),
    &Entry::of::<SearchRun<1>>(),
    &Entry::of::<SearchRun<2>>(),
    &Entry::of::<SearchRun<3>>(),
    &Entry::of::<SearchRun<4>>(),
    &Entry::of::<SearchRun<5>>(),
];
