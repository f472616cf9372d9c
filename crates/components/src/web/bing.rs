//! Bing's web search (0.x).

use http::Method;
use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, output, reach, secret,
    text,
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::search::{Key, Provider, Search, Settings, joined, texts};

pub(crate) const PROVIDER: Provider = Provider {
    name: "Bing",
    base: "https://api.bing.microsoft.com",
    path: "/v7.0/search",
    base_variable: "BING_API_BASE",
    method: Method::GET,
    question: "q",
    key: Key::Header("ocp-apim-subscription-key", ""),
    key_names: ("bing_subscription_key", "BING_SUBSCRIPTION_KEY"),
    read,
};

fn read(answer: &Json, _: usize) -> String {
    joined(texts(&answer["webPages"]["value"], "snippet"), " ", "No good Bing Search Result was found")
}

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct BingSearchApiWrapper {
    bing_search_url: Option<String>,
    bing_subscription_key: Option<String>,
    k: u32,
}

impl Component for BingSearchApiWrapper {
    const SPEC: Spec = Spec {
        names: &["BingSearchAPIWrapper"],
        about: "Bing as a service for search nodes.",
        inputs: &[
            text("bing_search_url", "Address of the search; Bing's own if empty."),
            secret(
                "bing_subscription_key",
                "Key; the variable BING_SUBSCRIPTION_KEY if empty, but not for another address.",
            ),
            integer("k", "Results, 50 at most.").or(Default::Integer(10)),
        ],
        outputs: &[output("api_wrapper")],
        reaches: &[reach("Bing", "https://api.bing.microsoft.com", "bing_search_url")],
        examples: &[Example {
            title: "what it is",
            inputs: r#"{"bing_subscription_key": "k"}"#,
            output: r#"{"api_wrapper": {"search_service": "Bing"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let parameters = [
            ("count", self.k.min(50).to_string()),
            ("textDecorations", "True".to_owned()),
            ("textFormat", "HTML".to_owned()),
        ];
        // Bing's own address, though the node spells it out, is not an address of the node's own.
        let address = self.bing_search_url.filter(|address| !is_own(address));
        let settings = Settings { address, ..Settings::key(self.bing_subscription_key).with(parameters) };
        let search = Search::of(cx, "BingSearchAPIWrapper", &PROVIDER, settings).await?;
        Ok(Outputs::one("api_wrapper", search.into_value()))
    }
}

fn is_own(address: &str) -> bool {
    let rest = address.trim().trim_end_matches('/').strip_prefix(PROVIDER.base);
    rest.is_some_and(|path| path == PROVIDER.path)
}

pub(crate) const ENTRY: Entry = Entry::of::<BingSearchApiWrapper>();
