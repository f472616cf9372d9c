//! SerpAPI: Google's results. The node `Search` is the tool, `SerpAPIWrapper` the service (0.x).

use http::Method;
use millrace_engine::{
    Component, Context, Entry, Example, Outputs, RunError, Spec, json, output, python_str, reach, secret,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::search::{Key, Provider, Search, SearchTool, Settings, list};

pub(crate) const PROVIDER: Provider = Provider {
    name: "SerpAPI",
    base: "https://serpapi.com",
    path: "/search",
    base_variable: "SERPAPI_API_BASE",
    method: Method::GET,
    question: "q",
    key: Key::Parameter("api_key"),
    key_names: ("serpapi_api_key", "SERPAPI_API_KEY"),
    read,
};

/// What goes with each question.
const PARAMETERS: [(&str, &str); 6] = [
    ("engine", "google"),
    ("google_domain", "google.com"),
    ("gl", "us"),
    ("hl", "en"),
    ("output", "json"),
    ("source", "python"),
];

/// The service with its usual parameters, or with these instead of the first four.
async fn service(
    cx: &Context,
    node: &str,
    key: Option<String>,
    instead: Option<Map<String, Json>>,
) -> Result<Search, RunError> {
    let usual = if instead.is_some() { &PARAMETERS[4..] } else { &PARAMETERS[..] };
    let usual = usual.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let search = Search::of(cx, node, &PROVIDER, Settings::key(key).with(usual)).await?;
    let instead = instead.unwrap_or_default().into_iter();
    // The question and the key are not the node's to replace.
    let instead = instead.filter(|(name, _)| !["q", "api_key", ""].contains(&name.as_str()));
    Ok(instead.fold(search, |search, (name, value)| search.with(&name, python_str(&value))))
}

/// The first of these that an answer has, in LangChain's order: the answer box, a list of one kind, what is
/// known of a thing with the snippets.
fn read(answer: &Json, _: usize) -> String {
    if let Some(error) = answer["error"].as_str() {
        return format!("SerpAPI says: {error}");
    }
    let boxes = answer.get("answer_box_list").or_else(|| answer.get("answer_box"));
    if let Some(found) = boxes.and_then(|found| found.as_array().map_or(Some(found), |found| found.first())) {
        return answer_box(found);
    }
    if let Some(found) = results_of_a_kind(answer) {
        return python_str(&found);
    }
    let snippets = snippets(answer);
    if snippets.is_empty() { "No good search result found".to_owned() } else { python_str(&snippets.into()) }
}

fn answer_box(found: &Json) -> String {
    let named = ["result", "answer", "snippet", "snippet_highlighted_words"];
    if let Some(answer) = named.iter().find_map(|name| found.get(name)) {
        return python_str(answer);
    }
    let plain = found.as_object().into_iter().flatten().filter(|(_, value)| {
        !value.is_array()
            && !value.is_object()
            && !value.as_str().is_some_and(|text| text.starts_with("http"))
    });
    python_str(&Json::Object(plain.map(|(name, value)| (name.clone(), value.clone())).collect()))
}

/// The results of a search that found things of one kind: where they are, and how many are shown.
fn results_of_a_kind(answer: &Json) -> Option<Json> {
    const KINDS: [(&str, usize); 9] = [
        ("/events_results", 10),
        ("/sports_results", usize::MAX),
        ("/top_stories", usize::MAX),
        ("/news_results", usize::MAX),
        ("/jobs_results/jobs", usize::MAX),
        ("/shopping_results", 3),
        ("/questions_and_answers", usize::MAX),
        ("/popular_destinations/destinations", usize::MAX),
        ("/top_sights/sights", usize::MAX),
    ];
    let of = |(place, most): &(&str, usize)| {
        let found = answer.pointer(place)?;
        let usable = *place != "/shopping_results" || found[0].get("title").is_some();
        let shown = || found.as_array().map(|all| all.iter().take(*most).cloned().collect());
        usable.then(|| shown().unwrap_or_else(|| found.clone()))
    };
    KINDS.iter().find_map(of).or_else(|| {
        let images = list(&answer["images_results"]);
        images.first()?.get("thumbnail")?;
        Some(images.iter().take(10).map(|image| image["thumbnail"].clone()).collect())
    })
}

fn snippets(answer: &Json) -> Vec<Json> {
    let mut snippets = Vec::new();
    if let Some(known) = answer["knowledge_graph"].as_object() {
        snippets.extend(known.get("description").cloned());
        let title = known.get("title").and_then(Json::as_str).unwrap_or_default();
        let said = known.iter().filter_map(|(name, value)| {
            let value = value.as_str().filter(|value| !value.starts_with("http"))?;
            let link = name.ends_with("_stick") || name.ends_with("_link");
            let said = !link && name != "title" && name != "description";
            said.then(|| Json::from(format!("{title} {name}: {value}.")))
        });
        snippets.extend(said);
    }
    let parts = ["snippet", "snippet_highlighted_words", "rich_snippet", "rich_snippet_table", "link"];
    let organic = list(&answer["organic_results"]).iter();
    snippets.extend(organic.filter_map(|result| parts.iter().find_map(|part| result.get(part)).cloned()));
    snippets.extend(answer.get("buying_guide").cloned());
    snippets.extend(list(&answer["local_results"]).iter().cloned());
    snippets.extend(answer.pointer("/local_results/places").cloned());
    snippets
}

/// The tool's fields.
#[derive(Deserialize)]
pub(crate) struct SerpApiSearch {
    serpapi_api_key: Option<String>,
}

impl Component for SerpApiSearch {
    const SPEC: Spec = Spec {
        names: &["Search"],
        about: "A tool that searches with Google over SerpAPI.",
        inputs: &[secret("serpapi_api_key", "Key; the variable SERPAPI_API_KEY if empty.")],
        outputs: &[output("tool")],
        reaches: &[reach("SerpAPI", "https://serpapi.com", "")],
        examples: &[Example {
            title: "the tool's name",
            inputs: r#"{"serpapi_api_key": "k"}"#,
            output: r#"{"tool": {"tool": "Search"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let tool = SearchTool {
            name: "Search",
            description: "Searches the web. Use it for questions about current events. The input is what to \
                          search for.",
            search: service(cx, "Search", self.serpapi_api_key, None).await?,
        };
        Ok(Outputs::one("tool", tool.into_value()))
    }
}

/// The service's fields.
#[derive(Deserialize)]
pub(crate) struct SerpApiWrapper {
    serpapi_api_key: Option<String>,
    params: Option<Map<String, Json>>,
}

impl Component for SerpApiWrapper {
    const SPEC: Spec = Spec {
        names: &["SerpAPIWrapper"],
        about: "SerpAPI as a service for search nodes.",
        inputs: &[
            secret("serpapi_api_key", "Key; the variable SERPAPI_API_KEY if empty."),
            json(
                "params",
                "Parameters of each search; engine, google_domain, gl and hl of the United States if empty.",
            ),
        ],
        outputs: &[output("api_wrapper")],
        reaches: &[reach("SerpAPI", "https://serpapi.com", "")],
        examples: &[Example {
            title: "what it is",
            inputs: r#"{"serpapi_api_key": "k", "params": "{\"engine\": \"bing\"}"}"#,
            output: r#"{"api_wrapper": {"search_service": "SerpAPI"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let search = service(cx, "SerpAPIWrapper", self.serpapi_api_key, self.params).await?;
        Ok(Outputs::one("api_wrapper", search.into_value()))
    }
}

/// The tool and the service.
pub(crate) const ENTRIES: [&Entry; 2] = [&Entry::of::<SerpApiSearch>(), &Entry::of::<SerpApiWrapper>()];
