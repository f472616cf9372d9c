//! Search services: what they share is code, what differs is a row of a table.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use millrace_engine::{Capability, Context, ErrorKind, Object, RunError, Tool, ToolInput, Usage, Value};
use millrace_outbound::{OutboundError, Request, Response};
use serde_json::{Value as Json, json};
use url::Url;

use super::fetch;
use crate::protocol::account::{first, key_for};
use crate::protocol::service::Service;

/// Characters of a question at most; a longer one is no question.
const MAX_QUESTION: usize = 2_000;

/// A search service, as data.
#[derive(Debug)]
pub(crate) struct Provider {
    /// Its name, for errors and descriptions.
    pub name: &'static str,
    /// Scheme and host of its own. `{lang}` stands for the node's language.
    pub base: &'static str,
    /// What follows the base.
    pub path: &'static str,
    /// The variable that replaces the base: the service's name and `_API_BASE`.
    pub base_variable: &'static str,
    /// How it is asked.
    pub method: Method,
    /// The parameter that is the question.
    pub question: &'static str,
    /// Where its key goes.
    pub key: Key,
    /// The node's field and the variable for the key.
    pub key_names: (&'static str, &'static str),
    /// Reads an answer as the tool gives it.
    pub read: Read,
}

/// Turns an answer into the tool's. `usize` is how many results are wanted.
pub(crate) type Read = fn(&Json, usize) -> String;

/// Where a key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// There is none.
    None,
    /// Into this parameter.
    Parameter(&'static str),
    /// Into this header, after a prefix.
    Header(&'static str, &'static str),
}

/// What a node says about its service.
pub(crate) struct Settings {
    /// An address of the node's own, path included.
    pub address: Option<String>,
    pub key: Option<String>,
    /// Headers of its own, all taken for secrets.
    pub headers: Vec<(String, String)>,
    /// Parameters beside the question.
    pub parameters: Vec<(&'static str, String)>,
    /// Results wanted.
    pub results: usize,
}

impl Settings {
    /// Nothing but a key.
    pub fn key(key: Option<String>) -> Self {
        Self { address: None, key, headers: Vec::new(), parameters: Vec::new(), results: 10 }
    }

    /// With these parameters beside the question.
    pub fn with(self, parameters: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self { parameters: parameters.into_iter().collect(), ..self }
    }
}

/// A service that can be asked.
#[derive(Clone)]
pub(crate) struct Search {
    pub provider: &'static Provider,
    service: Service,
    address: String,
    /// Without the key.
    parameters: Vec<(String, String)>,
    /// What goes with a request and into no record: parameters and headers.
    secrets: Secrets,
    results: usize,
    read: Read,
    /// Characters of question and answer where they are cut; else a long question is refused and a long
    /// answer says that it was cut.
    cut: Option<(usize, usize)>,
}

#[derive(Clone, Default)]
struct Secrets {
    parameters: Vec<(&'static str, String)>,
    headers: Vec<(String, String)>,
}

impl Search {
    /// The service of a node of type `node`. What the node leaves open comes from variables.
    ///
    /// **A key that the node does not bring along never goes to an address that it does.**
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] without a key, unless the operator has replaced the address.
    pub async fn of(
        cx: &Context,
        node: &str,
        provider: &'static Provider,
        settings: Settings,
    ) -> Result<Self, RunError> {
        let own = settings.address.filter(|address| !address.trim().is_empty());
        let replaced = first(cx, &[provider.base_variable]).await?;
        let base = replaced.as_ref().map_or(provider.base, |base| &base.value).trim_end_matches('/');
        let address =
            own.as_deref().map_or_else(|| format!("{base}{}", provider.path), |own| own.trim().to_owned());
        let mut key = settings.key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        let (field, variable) = provider.key_names;
        if key.is_none() && own.is_none() && provider.key != Key::None {
            key = key_for(cx, &[variable], replaced.as_ref().map(|base| base.owner)).await?;
        }
        if key.is_none() && provider.key != Key::None && (own.is_some() || replaced.is_none()) {
            let message = format!(
                "no key for {}: fill in the node's field {field}, or set the variable {variable}",
                provider.name
            );
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        let mut service = Service::new(cx, node, provider.name).errors(said);
        let mut secrets = Secrets { headers: settings.headers, ..Secrets::default() };
        for (_, value) in &secrets.headers {
            service = service.hide(value);
        }
        service = match (provider.key, key) {
            (Key::Parameter(name), Some(key)) => {
                let service = service.hide(&key);
                secrets.parameters.push((name, key));
                service
            }
            (Key::Header(name, prefix), Some(key)) => service.secret(name, prefix, &key),
            _ => service,
        };
        let parameters =
            settings.parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (results, read) = (settings.results, provider.read);
        Ok(Self { provider, service, address, parameters, secrets, results, read, cut: None })
    }

    /// The same service with another parameter, or another value of it.
    pub fn with(mut self, name: &str, value: String) -> Self {
        match self.parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.parameters.push((name.to_owned(), value)),
        }
        self
    }

    /// The same service, its answers read in another way, of so many results.
    pub fn reading(self, read: Read, results: usize) -> Self {
        Self { read, results, ..self }
    }

    /// The same service, in this language.
    pub fn in_language(self, lang: &str) -> Self {
        Self { address: self.address.replace("{lang}", lang), ..self }
    }

    /// The same service, question and answer cut at so many characters.
    pub fn cut(self, question: usize, answer: usize) -> Self {
        Self { cut: Some((question, answer)), ..self }
    }

    /// Asks, recorded. What the service has to say against the question is an answer.
    ///
    /// # Errors
    /// Those of the service as such: its status, no answer, one that is not its own.
    pub async fn ask(&self, cx: &Context, question: &str) -> Result<String, RunError> {
        let question = question.trim();
        let length = question.chars().count();
        if self.cut.is_none() && length > MAX_QUESTION {
            return Ok(format!(
                "Nothing was searched for: the text has {length} characters; {MAX_QUESTION} are allowed."
            ));
        }
        let (most, _) = self.cut.unwrap_or((MAX_QUESTION, 0));
        let question: String = question.chars().take(most).collect();
        let mut parameters = self.parameters.clone();
        parameters.push((self.provider.question.to_owned(), question));
        let identity = json!({"address": self.address, "parameters": parameters});
        let read = |service: &Service, response: Response| {
            let answer: Json = service.json(&response)?;
            let text = (self.read)(&answer, self.results);
            let text = match self.cut {
                Some((_, most)) => text.chars().take(most).collect(),
                None => fetch::shown(text),
            };
            Ok((text, Usage::default()))
        };
        self.service.call_for_words(cx, "search", identity, || self.request(&parameters), read).await
    }

    fn request(&self, parameters: &[(String, String)]) -> Result<Request, OutboundError> {
        let mut url = Url::parse(&self.address)
            .map_err(|_| OutboundError::InvalidUrl { reason: "it is not an absolute URL" })?;
        url.query_pairs_mut().extend_pairs(parameters).extend_pairs(&self.secrets.parameters);
        let request = Request::new(self.provider.method.clone(), url).header("accept", "application/json")?;
        fetch::with_headers(request, &self.secrets.headers)
    }

    /// The service as what a wrapper node gives.
    pub fn into_value(self) -> Value {
        Value::Capability(Capability::Object(Arc::new(self)))
    }
}

/// The sentence in an answer that is an error, where it is not where most services put it.
fn said(answer: &Json) -> Option<String> {
    let places = ["/error/message", "/error/info", "/error", "/errors/0/message", "/message", "/detail"];
    places.iter().find_map(|place| answer.pointer(place)?.as_str()).map(str::to_owned)
}

impl fmt::Debug for Search {
    /// Without keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search").field("provider", &self.provider.name).finish_non_exhaustive()
    }
}

impl Object for Search {
    fn kind(&self) -> &'static str {
        "a search service"
    }

    fn describe(&self) -> Json {
        json!({"search_service": self.provider.name})
    }
}

/// A search service as a tool.
#[derive(Debug)]
pub(crate) struct SearchTool {
    pub name: &'static str,
    pub description: &'static str,
    pub search: Search,
}

impl SearchTool {
    /// The tool as a node gives it.
    pub fn into_value(self) -> Value {
        Value::Capability(Capability::Tool(Arc::new(self)))
    }
}

#[async_trait]
impl Tool for SearchTool {
    fn name(&self) -> &str {
        self.name
    }

    fn description(&self) -> &str {
        self.description
    }

    async fn call(&self, cx: &Context, input: ToolInput) -> Result<String, RunError> {
        self.search.ask(cx, &input.into_text()).await
    }
}

/// The texts under a name in a list of results, in order.
pub(crate) fn texts<'a>(results: &'a Json, name: &'a str) -> impl Iterator<Item = &'a str> {
    list(results).iter().filter_map(move |result| result[name].as_str())
}

/// A list, empty where it is none.
pub(crate) fn list(results: &Json) -> &[Json] {
    results.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Texts joined, or a sentence where there is none.
pub(crate) fn joined<'a>(texts: impl Iterator<Item = &'a str>, separator: &str, none: &str) -> String {
    let texts: Vec<&str> = texts.collect();
    if texts.is_empty() { none.to_owned() } else { texts.join(separator) }
}
