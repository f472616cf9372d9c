//! Metaphor: a toolkit that searches the web by meaning, over metaphor.systems (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Component, Context, Default, Entry, ErrorKind, Example, Outputs, RunError, Spec, Tool,
    ToolInput, Usage, Value, flag, integer, output, python_str, reach, secret,
};
use millrace_outbound::Request;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use url::form_urlencoded;

use super::fetch;
use super::search::list;
use crate::protocol::account::{first, key_for};
use crate::protocol::service::Service;

/// Where the service answers, unless the variable names another.
const BASE: &str = "https://api.metaphor.systems";
const BASE_VARIABLE: &str = "METAPHOR_API_BASE";

/// Documents that are read at once, at most.
const MAX_IDS: usize = 20;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct Metaphor {
    metaphor_api_key: Option<String>,
    use_autoprompt: bool,
    search_num_results: u32,
    similar_num_results: u32,
}

impl Component for Metaphor {
    const SPEC: Spec = Spec {
        names: &["Metaphor"],
        about: "Tools that search the web by meaning, read what was found, and find pages similar to one.",
        inputs: &[
            secret("metaphor_api_key", "Key; the variable METAPHOR_API_KEY if empty."),
            flag("use_autoprompt", "Lets the service reword a question.").or(Default::Flag(true)),
            integer("search_num_results", "Results of a search, 50 at most.").or(Default::Integer(5)),
            integer("similar_num_results", "Similar pages, 50 at most.").or(Default::Integer(5)),
        ],
        outputs: &[output("tools")],
        reaches: &[reach("Metaphor", BASE, "")],
        examples: &[Example {
            title: "the tools' names",
            inputs: r#"{"metaphor_api_key": "k"}"#,
            output: r#"{"tools": [{"tool": "search"}, {"tool": "get_contents"}, {"tool": "find_similar"}]}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let named = first(cx, &[BASE_VARIABLE]).await?;
        let key = match self.metaphor_api_key {
            Some(key) => Some(key),
            None => key_for(cx, &["METAPHOR_API_KEY"], named.as_ref().map(|base| base.owner)).await?,
        };
        let base = named.map_or_else(|| BASE.to_owned(), |base| base.value);
        let key = key.ok_or_else(|| {
            let message = "no key for Metaphor: fill in the node's field metaphor_api_key, or set the variable \
                           METAPHOR_API_KEY";
            RunError::new(ErrorKind::Flow, message)
        })?;
        let service = Service::new(cx, "Metaphor", "Metaphor").secret("x-api-key", "", key.trim());
        let client = Arc::new(Client {
            base: base.trim().trim_end_matches('/').to_owned(),
            service,
            autoprompt: self.use_autoprompt,
            found: self.search_num_results.clamp(1, 50),
            similar: self.similar_num_results.clamp(1, 50),
        });
        let tool = |ask| {
            let tool = MetaphorTool { ask, client: client.clone() };
            Value::Capability(Capability::Tool(Arc::new(tool)))
        };
        let tools = [Ask::Search, Ask::Contents, Ask::Similar].map(tool);
        Ok(Outputs::one("tools", Value::List(tools.into())))
    }
}

#[derive(Debug)]
struct Client {
    base: String,
    service: Service,
    autoprompt: bool,
    found: u32,
    similar: u32,
}

/// What a tool asks.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Search,
    Contents,
    Similar,
}

#[derive(Debug)]
struct MetaphorTool {
    ask: Ask,
    client: Arc<Client>,
}

#[async_trait]
impl Tool for MetaphorTool {
    fn name(&self) -> &str {
        match self.ask {
            Ask::Search => "search",
            Ask::Contents => "get_contents",
            Ask::Similar => "find_similar",
        }
    }

    fn description(&self) -> &str {
        match self.ask {
            Ask::Search => "Searches the web for pages that fit a question. Each result has an ID.",
            Ask::Contents => "Reads pages. The IDs are those of results of `search`.",
            Ask::Similar => "Finds pages similar to one. The URL is that of a result of `search`.",
        }
    }

    fn parameters(&self) -> Option<Json> {
        let (name, kind) = match self.ask {
            Ask::Search => ("query", json!({"type": "string"})),
            Ask::Contents => ("ids", json!({"type": "array", "items": {"type": "string"}})),
            Ask::Similar => ("url", json!({"type": "string"})),
        };
        Some(json!({"type": "object", "properties": {name: kind}, "required": [name]}))
    }

    async fn call(&self, cx: &Context, input: ToolInput) -> Result<String, RunError> {
        let client = &self.client;
        match self.ask {
            Ask::Search => {
                let body = json!({"query": input.into_text(), "numResults": client.found,
                    "useAutoprompt": client.autoprompt});
                client.post(cx, "search", &body).await
            }
            Ask::Similar => {
                let body = json!({"url": input.into_text(), "numResults": client.similar});
                client.post(cx, "findSimilar", &body).await
            }
            Ask::Contents => client.contents(cx, &ids(input)).await,
        }
    }
}

impl Client {
    async fn post(&self, cx: &Context, path: &str, body: &Json) -> Result<String, RunError> {
        let url = format!("{}/{path}", self.base);
        let read = |answer: Json| Some((told(answer.get("results")?), Usage::default()));
        self.service.post(cx, "search", &url, body, read).await
    }

    async fn contents(&self, cx: &Context, ids: &[String]) -> Result<String, RunError> {
        if ids.is_empty() || ids.len() > MAX_IDS {
            return Ok(format!("Nothing was read: give 1 to {MAX_IDS} IDs of results."));
        }
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(ids.iter().map(|id| ("ids", id)))
            .finish();
        let url = format!("{}/contents?{query}", self.base);
        let read = |service: &Service, response: millrace_outbound::Response| {
            let answer: Json = service.json(&response)?;
            Ok((told(&answer["contents"]), Usage::default()))
        };
        self.service.call(cx, "search", json!({"url": url}), || Ok(Request::get(&url)), read).await
    }
}

/// The IDs that a model gives: a list, JSON text of one, or a single one.
fn ids(input: ToolInput) -> Vec<String> {
    let given = match input {
        ToolInput::Fields(fields) => fields.get("ids").cloned().unwrap_or_default(),
        ToolInput::Text(text) => serde_json::from_str(&text).unwrap_or(Json::String(text)),
    };
    match given {
        Json::Array(ids) => ids.iter().map(python_str).collect(),
        Json::String(id) if !id.trim().is_empty() => vec![id.trim().to_owned()],
        _ => Vec::new(),
    }
}

/// Results or pages as lines, in the order of the service.
fn told(results: &Json) -> String {
    let fields = [
        ("Title", "title"),
        ("URL", "url"),
        ("ID", "id"),
        ("Score", "score"),
        ("Published Date", "publishedDate"),
        ("Author", "author"),
        ("Extract", "extract"),
    ];
    let result = |result: &Json| {
        let lines = fields.iter().filter_map(|(label, name)| {
            let value = result.get(name).filter(|value| !value.is_null())?;
            Some(format!("{label}: {}", python_str(value)))
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let told: Vec<String> = list(results).iter().map(result).collect();
    fetch::shown(if told.is_empty() { "Nothing was found.".to_owned() } else { told.join("\n\n") })
}

pub(crate) const ENTRY: Entry = Entry::of::<Metaphor>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::Stand;
    use millrace_outbound::Answer;

    /// What the toolkit's tool of this name says on a web that answers with what it was asked.
    async fn say(name: &str, input: ToolInput) -> String {
        let stand = Stand::new(|hop| {
            let body = String::from_utf8(hop.body.as_deref().unwrap_or_default().to_vec()).unwrap();
            let key = hop.headers["x-api-key"].to_str().unwrap();
            let title = format!("{} {}", hop.method, hop.url);
            let entry = json!([{"title": title, "author": null, "extract": body, "id": key}]);
            Answer::new(200, json!({"results": entry, "contents": entry}).to_string())
        });
        let inputs = vec![("metaphor_api_key".to_owned(), Value::text("k"))];
        let outputs = ENTRY.run(inputs, &stand.cx()).await.unwrap();
        let Some(Value::List(tools)) = outputs.get("tools") else { panic!() };
        for tool in tools {
            if let Value::Capability(Capability::Tool(tool)) = tool
                && tool.name() == name
            {
                return tool.call(&stand.cx(), input).await.unwrap();
            }
        }
        panic!("no tool {name}")
    }

    #[tokio::test]
    async fn each_tool_asks_its_own_question() {
        let text = |text: &str| ToolInput::Text(text.to_owned());
        let fields = |json: Json| ToolInput::Fields(json.as_object().cloned().unwrap());
        let cases = [
            (
                "search",
                text("why"),
                "Title: POST https://api.metaphor.systems/search\nID: k\nExtract: \
                 {\"query\":\"why\",\"numResults\":5,\"useAutoprompt\":\
                 true}",
            ),
            (
                "find_similar",
                fields(json!({"url": "u"})),
                "Title: POST https://api.metaphor.systems/findSimilar\nID: k\nExtract: \
                 {\"url\":\"u\",\"numResults\":5}",
            ),
            (
                "get_contents",
                fields(json!({"ids": ["a b", "c"]})),
                "Title: GET https://api.metaphor.systems/contents?ids=a+b&ids=c\nID: k\nExtract: ",
            ),
            (
                "get_contents",
                text("[\"a\"]"),
                "Title: GET https://api.metaphor.systems/contents?ids=a\nID: k\nExtract: ",
            ),
            ("get_contents", text(" "), "Nothing was read: give 1 to 20 IDs of results."),
        ];
        for (name, input, expected) in cases {
            assert_eq!(say(name, input).await, expected);
        }
    }
}
