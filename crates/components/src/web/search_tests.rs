//! All search services against a scripted web: asked as they want it, read as LangChain reads them, their
//! keys kept.

use std::sync::{Arc, Mutex};

use millrace_engine::{Capability, Context, ErrorKind, Inputs, RunError, ToolInput, Value};
use millrace_outbound::{Answer, Hop};
use serde_json::{Value as Json, json};

use super::search::Search;
use crate::stand_in::Stand;

/// The key of all services.
const KEY: &str = "canary-7431";

/// A service, as its node is asked.
struct Case {
    node: &'static str,
    inputs: Json,
    method: &'static str,
    /// The address and all parameters, the key as it is sent.
    asked: &'static str,
    /// The header with the key.
    header: Option<(&'static str, &'static str)>,
    /// Answers, and what is read from them.
    answers: Vec<(Json, &'static str)>,
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            node: "Search",
            inputs: json!({"serpapi_api_key": KEY}),
            method: "GET",
            asked: "https://serpapi.com/search?engine=google&google_domain=google.com&gl=us&hl=en&output=json&\
                    source=python&q=a+b&api_key=canary-7431",
            header: None,
            answers: vec![
                (
                    json!({"answer_box": {"answer": "SERP[a b]"}, "organic_results": [{"snippet": "x"}]}),
                    "SERP[a b]",
                ),
                (json!({"answer_box_list": [{"result": "first"}, {"result": "second"}]}), "first"),
                (json!({"answer_box": {"type": "t", "link": "http://x", "list": []}}), "{'type': 't'}"),
                (json!({"sports_results": {"title": "T"}, "organic_results": []}), "{'title': 'T'}"),
                (json!({"shopping_results": [{"title": 1}, {}, {}, {}]}), "[{'title': 1}, {}, {}]"),
                (json!({"images_results": [{"thumbnail": "u"}]}), "['u']"),
                (
                    json!({"knowledge_graph": {"title": "Rust", "description": "A language.", "born": "2010",
                           "a_link": "x", "site": "https://x"},
                           "organic_results": [{"snippet": "s"}, {"link": "l"}, {"other": 1}]}),
                    "['A language.', 'Rust born: 2010.', 's', 'l']",
                ),
                (json!({"organic_results": []}), "No good search result found"),
                (json!({"error": "Google found nothing."}), "SerpAPI says: Google found nothing."),
            ],
        },
        Case {
            node: "SerpAPIWrapper",
            inputs: json!({"serpapi_api_key": KEY, "params": {"engine": "bing", "q": "other", "api_key": "other"}}),
            method: "GET",
            asked: "https://serpapi.com/search?output=json&source=python&engine=bing&q=a+b&api_key=canary-7431",
            header: None,
            answers: vec![(json!({"organic_results": [{"snippet": "s"}]}), "['s']")],
        },
        Case {
            node: "GoogleSerperAPIWrapper",
            inputs: json!({"serper_api_key": KEY}),
            method: "POST",
            asked: "https://google.serper.dev/search?gl=us&hl=en&num=10&q=a+b",
            header: Some(("x-api-key", KEY)),
            answers: vec![
                (json!({"answerBox": {"snippet": "one\ntwo"}}), "one two"),
                (
                    json!({"knowledgeGraph": {"title": "Rust", "type": "Language", "attributes": {"by": "Graydon"}},
                           "organic": [{"snippet": "s", "attributes": {"Year": 2010}}]}),
                    "Rust: Language. Rust by: Graydon. s Year: 2010.",
                ),
                (json!({"organic": []}), "No good Google Search Result was found"),
            ],
        },
        Case {
            node: "BingSearchAPIWrapper",
            inputs: json!({"bing_subscription_key": KEY, "k": 3}),
            method: "GET",
            asked: "https://api.bing.microsoft.com/v7.0/search?count=3&textDecorations=True&textFormat=HTML&q=a+b",
            header: Some(("ocp-apim-subscription-key", KEY)),
            answers: vec![
                (json!({"webPages": {"value": [{"snippet": "s"}, {"snippet": "t"}]}}), "s t"),
                (json!({}), "No good Bing Search Result was found"),
            ],
        },
        Case {
            node: "GoogleSearchAPIWrapper",
            inputs: json!({"google_api_key": KEY, "google_cse_id": "engine"}),
            method: "GET",
            asked: "https://customsearch.googleapis.com/customsearch/v1?cx=engine&num=10&q=a+b&key=canary-7431",
            header: None,
            answers: vec![
                (json!({"items": [{"snippet": "s"}, {"title": "t"}, {"snippet": "u"}]}), "s u"),
                (json!({"searchInformation": {}}), "No good Google Search Result was found"),
            ],
        },
        Case {
            node: "SearxSearchWrapper",
            inputs: json!({"searx_host": "searx.example.org", "headers": {"X-Pass": KEY}, "k": 2}),
            method: "GET",
            asked: "https://searx.example.org/?language=en&format=json&q=a+b",
            header: Some(("x-pass", KEY)),
            answers: vec![
                (json!({"answers": ["42"], "results": [{"content": "s"}]}), "42"),
                (json!({"answers": [{"answer": "43"}], "results": []}), "43"),
                (json!({"answers": [], "results": [{"content": "s"}, {}, {"content": "u"}]}), "s\n\n"),
                (json!({"answers": [], "results": []}), "No good search result found"),
            ],
        },
        Case {
            node: "WikipediaAPIWrapper",
            inputs: json!({"lang": "de", "top_k_results": 2, "doc_content_chars_max": 40}),
            method: "GET",
            asked: "https://de.wikipedia.org/w/api.php?action=query&format=json&generator=search&redirects=1&\
                    prop=extracts%7Cpageprops&ppprop=disambiguation&exintro=1&explaintext=1&exlimit=max&gsrlimit=2&\
                    gsrsearch=a+b",
            header: None,
            answers: vec![
                (
                    json!({"query": {"pages": {
                        "9": {"index": 2, "title": "B", "extract": "b".repeat(50)},
                        "7": {"index": 1, "title": "A", "extract": "a."},
                        "8": {"index": 3, "title": "C", "extract": "c", "pageprops": {"disambiguation": ""}},
                    }}}),
                    "Page: A\nSummary: a.\n\nPage: B\nSummary: bb",
                ),
                (json!({"batchcomplete": ""}), "No good Wikipedia Search Result was foun"),
            ],
        },
        Case {
            node: "WolframAlphaAPIWrapper",
            inputs: json!({"appid": KEY}),
            method: "GET",
            asked: "https://api.wolframalpha.com/v2/query?output=json&format=plaintext&input=a+b&appid=canary-7431",
            header: None,
            answers: vec![
                (
                    json!({"queryresult": {"pods": [
                        {"title": "Input", "subpods": [{"plaintext": "2 + 2"}]},
                        {"title": "Result", "primary": true, "subpods": [{"plaintext": "4"}]},
                    ]}}),
                    "Assumption: 2 + 2 \nAnswer: 4",
                ),
                (
                    json!({"queryresult": {"success": false, "error": false}}),
                    "Wolfram Alpha wasn't able to answer it",
                ),
                (
                    json!({"queryresult": {"error": {"code": "1", "msg": "Invalid appid"}}}),
                    "Wolfram Alpha says: Invalid appid",
                ),
            ],
        },
        Case {
            node: "SearchApi",
            inputs: json!({"api_key": KEY, "params": {"num": 3}}),
            method: "GET",
            asked: "https://www.searchapi.io/api/v1/search?engine=google&num=3&q=a+b",
            header: Some(("authorization", "Bearer canary-7431")),
            answers: vec![
                (json!({"answer_box": {"snippet": "s"}, "organic_results": []}), "s"),
                (json!({"organic_results": [{"snippet": "s"}, {}, {"snippet": "t"}]}), "s\nt"),
                (json!({"images": [{"title": "T", "original": {"link": "l"}}, {}]}), "Title: \"T\" Link: l"),
                (json!({}), "No good search result found"),
            ],
        },
    ]
}

async fn node(
    cx: &Context,
    node: &str,
    inputs: &[(&str, Value)],
) -> Result<millrace_engine::Outputs, RunError> {
    let inputs: Inputs = inputs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    crate::registry().get(node).unwrap().run(inputs, cx).await
}

fn fields(json: &Json) -> Vec<(&str, Value)> {
    json.as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), Value::Json(value.clone())))
        .collect()
}

/// What a node's tool or service says to a question.
async fn ask(stand: &Stand, name: &str, inputs: &Json, question: &str) -> Result<String, RunError> {
    let cx = stand.cx();
    let outputs = node(&cx, name, &fields(inputs)).await?;
    let value = outputs.get("tool").or_else(|| outputs.get("api_wrapper")).unwrap();
    match value {
        Value::Capability(Capability::Tool(tool)) => {
            tool.call(&cx, ToolInput::Text(question.to_owned())).await
        }
        Value::Capability(Capability::Object(object)) => {
            let any: Arc<dyn std::any::Any + Send + Sync> = object.clone();
            any.downcast::<Search>().unwrap().ask(&cx, question).await
        }
        other => panic!("{other:?}"),
    }
}

type Hops = Arc<Mutex<Vec<Hop>>>;
type Variables = &'static [(&'static str, &'static str)];

/// A web that gives one answer and keeps what it was asked.
fn web(status: u16, body: &Json) -> (Stand, Hops) {
    let hops = Hops::default();
    let (kept, body) = (hops.clone(), body.to_string());
    let stand = Stand::new(move |hop| {
        kept.lock().unwrap().push(hop.clone());
        Answer::new(status, body.clone())
    });
    (stand, hops)
}

#[tokio::test]
async fn services_are_asked_as_they_want_and_read_as_langchain_reads_them() {
    for case in cases() {
        for (answer, expected) in &case.answers {
            let (stand, hops) = web(200, answer);
            let said = ask(&stand, case.node, &case.inputs, " a b ").await.unwrap();
            assert_eq!(said, *expected, "{}", case.node);
            let hops = hops.lock().unwrap();
            let hop = hops.last().unwrap();
            assert_eq!((hop.method.as_str(), hop.url.as_str()), (case.method, case.asked));
            if let Some((name, value)) = case.header {
                assert_eq!(hop.headers[name], value, "{}", case.node);
            }
        }
    }
}

#[tokio::test]
async fn an_error_names_the_service_and_never_the_key() {
    for case in cases() {
        let (stand, _) = web(401, &json!({"error": {"message": format!("{KEY} is no key")}}));
        let error = ask(&stand, case.node, &case.inputs, "a").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Upstream, "{error}");
        assert!(error.message.starts_with(case.node) && error.message.contains("401"), "{error}");
        let keyless = case.node == "WikipediaAPIWrapper";
        assert_eq!(format!("{error:?}").contains(KEY), keyless, "{error:?}");
    }
}

/// An agent may go on without a search, and a run that is resumed must see the same.
#[tokio::test]
async fn a_service_that_is_out_of_order_is_an_answer_in_words_that_is_recorded() {
    for case in cases() {
        let (stand, hops) = web(500, &json!({"error": {"message": format!("{KEY} cannot be served")}}));
        let first = ask(&stand, case.node, &case.inputs, "a").await.unwrap();
        assert!(first.starts_with("This tool failed: ") && first.contains("500"), "{first}");
        let asked = hops.lock().unwrap().len();
        assert_eq!(ask(&stand, case.node, &case.inputs, "a").await.unwrap(), first);
        assert_eq!(hops.lock().unwrap().len(), asked, "{}", case.node);
    }
}

/// Were it part of what an effect is known by, a key could not be changed while a run waits.
#[tokio::test]
async fn a_record_knows_no_key() {
    for case in cases() {
        let (stand, hops) = web(200, &case.answers[0].0);
        let first = ask(&stand, case.node, &case.inputs, "a").await.unwrap();
        let other: Json = serde_json::from_str(&case.inputs.to_string().replace(KEY, "another")).unwrap();
        assert_eq!(ask(&stand, case.node, &other, "a").await.unwrap(), first);
        assert_eq!(hops.lock().unwrap().len(), 1, "{}", case.node);
    }
}

#[tokio::test]
async fn an_operator_may_replace_an_address_and_bring_the_key() {
    let rows: [(&str, Json, Variables, &str); 4] = [
        (
            "Search",
            json!({}),
            &[("SERPAPI_API_BASE", "https://stand.example/x/"), ("SERPAPI_API_KEY", "k")],
            "https://stand.example/x/search?engine=google&google_domain=google.com&gl=us&hl=en&output=json&\
             source=python&q=a&api_key=k",
        ),
        (
            "WolframAlphaAPIWrapper",
            json!({}),
            &[("WOLFRAM_ALPHA_API_BASE", "https://stand.example")],
            "https://stand.example/v2/query?output=json&format=plaintext&input=a",
        ),
        (
            "BingSearchAPIWrapper",
            json!({"bing_search_url": "https://api.bing.microsoft.com/v7.0/search"}),
            &[("BING_API_BASE", "https://stand.example"), ("BING_SUBSCRIPTION_KEY", "k")],
            "https://stand.example/v7.0/search?count=10&textDecorations=True&textFormat=HTML&q=a",
        ),
        (
            "SearxSearchWrapper",
            json!({}),
            &[("SEARX_API_BASE", "https://stand.example")],
            "https://stand.example/?language=en&format=json&q=a",
        ),
    ];
    for (name, inputs, variables, expected) in rows {
        let (stand, hops) = web(200, &json!({"answers": [], "results": []}));
        ask(&stand.variables(variables), name, &inputs, "a").await.unwrap();
        assert_eq!(hops.lock().unwrap()[0].url.as_str(), expected);
    }
}

#[tokio::test]
async fn the_operators_key_stays_with_the_operators_addresses() {
    let rows: [(&str, Json, &str); 3] = [
        (
            "BingSearchAPIWrapper",
            json!({"bing_search_url": "https://api.bing.microsoft.com.example.org/v7.0/search"}),
            "bing_subscription_key",
        ),
        ("GoogleSerperAPIWrapper", json!({}), "serper_api_key"),
        ("GoogleSearchAPIWrapper", json!({"google_api_key": KEY}), "google_cse_id"),
    ];
    for (name, inputs, field) in rows {
        let variables: Variables = &[("BING_SUBSCRIPTION_KEY", KEY), ("BING_API_BASE", "https://a.example")];
        let (stand, hops) = web(200, &json!({}));
        let error = ask(&stand.variables(variables), name, &inputs, "a").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Flow);
        assert!(error.message.contains(field), "{error}");
        assert!(hops.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_tool_takes_its_own_service_alone() {
    let stand = Stand::offline();
    let cx = stand.cx();
    let outputs = node(&cx, "WolframAlphaAPIWrapper", &[("appid", Value::text(KEY))]).await.unwrap();
    let wrapper = outputs.get("api_wrapper").unwrap().clone();
    let error = node(&cx, "WikipediaQueryRun", &[("api_wrapper", wrapper)]).await.unwrap_err();
    let expected = "field 'api_wrapper': expected the service Wikipedia, found Wolfram Alpha";
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Flow, expected));
}

#[tokio::test]
async fn results_are_records_where_the_tool_says_so() {
    let item = |n: u32| json!({"title": format!("t{n}"), "link": "l", "snippet": "s", "kind": "x"});
    let (stand, hops) = web(200, &json!({"items": [item(1), item(2), item(3), item(4), item(5)]}));
    let cx = stand.cx();
    let keys = json!({"google_api_key": KEY, "google_cse_id": "e"});
    let outputs = node(&cx, "GoogleSearchAPIWrapper", &fields(&keys)).await.unwrap();
    let wrapper = outputs.get("api_wrapper").unwrap().clone();
    let outputs = node(&cx, "GoogleSearchResults", &[("api_wrapper", wrapper)]).await.unwrap();
    let Some(Value::Capability(Capability::Tool(tool))) = outputs.get("tool") else { panic!() };
    let said = tool.call(&cx, ToolInput::Text("a".to_owned())).await.unwrap();
    assert!(said.starts_with("[{'title': 't1', 'link': 'l', 'snippet': 's'}, "), "{said}");
    assert_eq!(said.matches("title").count(), 4);
    assert!(hops.lock().unwrap()[0].url.as_str().contains("num=4"));
}

#[tokio::test]
async fn a_text_that_is_no_question_is_answered_without_a_search() {
    let (stand, hops) = web(200, &json!({}));
    let said = ask(&stand, "Search", &json!({"serpapi_api_key": KEY}), &"x".repeat(2001)).await.unwrap();
    assert_eq!(said, "Nothing was searched for: the text has 2001 characters; 2000 are allowed.");
    assert!(hops.lock().unwrap().is_empty());
}

#[tokio::test]
async fn searchapis_whole_answer_is_a_document() {
    let (stand, hops) = web(200, &json!({"organic_results": [{"b": 1, "a": "x"}]}));
    let cx = Context::detached(stand.services.clone(), &["document"]);
    let inputs = json!({"api_key": KEY, "engine": "bing", "params": {"q": "why", "num": 2}});
    let outputs = node(&cx, "SearchApi", &fields(&inputs)).await.unwrap();
    let Some(Value::Document(document)) = outputs.get("document") else { panic!() };
    assert_eq!(document.page_content, r#"{"organic_results":[{"b":1,"a":"x"}]}"#);
    assert!(hops.lock().unwrap()[0].url.as_str().ends_with("?engine=bing&num=2&q=why"));
}
