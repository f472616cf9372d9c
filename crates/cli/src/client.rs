//! A client of an installation's HTTP API, for people: each way to fail has its sentence and its exit code.

use std::time::Duration;

use anyhow::Result;
use millrace_outbound::{
    HostRule, Outbound, OutboundConfig, OutboundError, Request, Response, TransportError,
};
use serde_json::Value as Json;
use url::form_urlencoded;
use uuid::Uuid;

use crate::exit::{Exit, Failure};
use crate::profile::{Address, Installation};

/// The largest answer that is read: a list of flows comes with their data.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;
/// How long an answer may take: a Function URL waits 15 minutes for a synchronous run.
const TIMEOUT: Duration = Duration::from_secs(16 * 60);
/// How often a request is sent that may be sent twice.
const TRIES: u32 = 4;
/// The longest pause that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The API of one installation.
pub(crate) struct Client {
    url: Address,
    key: String,
    http: Outbound,
}

/// A request.
pub(crate) struct Call<'a> {
    method: &'static str,
    path: String,
    body: Option<&'a Json>,
    idempotency: Option<&'a str>,
}

impl<'a> Call<'a> {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None, idempotency: None }
    }

    pub fn body(self, body: &'a Json) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Names the request, so that it may be sent twice and is done once.
    pub fn named(self, key: &'a str) -> Self {
        Self { idempotency: Some(key), ..self }
    }

    /// Whether it does no harm to send it again.
    fn may_repeat(&self) -> bool {
        self.method == "GET" || self.idempotency.is_some()
    }
}

impl Client {
    /// A client of this installation. Connects to nothing.
    ///
    /// # Errors
    /// The address has a host that no request can be sent to.
    pub fn new(installation: &Installation) -> Result<Self> {
        let Installation { url, key } = installation;
        // The user has named this host: neither is it kept from private addresses, nor from plain http.
        let host: HostRule = url.host_and_port().parse().map_err(|_| {
            Failure::usage(format!("'{url}' is no address of an installation: its host cannot be called"))
        })?;
        let config = OutboundConfig {
            allow: vec![host],
            timeout: TIMEOUT,
            max_response_bytes: MAX_ANSWER_BYTES,
            ..OutboundConfig::default()
        };
        Ok(Self { url: url.clone(), key: key.expose().to_owned(), http: Outbound::new(config)? })
    }

    /// Reads something.
    pub async fn get(&self, path: impl Into<String>) -> Result<Json> {
        self.send(Call::new("GET", path)).await
    }

    /// Sends a request and reads its answer. What may be sent twice is, where it got lost or the server is busy.
    ///
    /// # Errors
    /// As the codes of [`Exit`] say.
    pub async fn send(&self, call: Call<'_>) -> Result<Json> {
        let mut tries = if call.may_repeat() { TRIES } else { 1 };
        let mut pause = Duration::from_millis(500);
        loop {
            tries -= 1;
            let outcome = self.http.send(self.request(&call)?).await;
            match pause_after(&outcome, pause).filter(|_| tries > 0) {
                Some(asked) => tokio::time::sleep(asked).await,
                None => return self.read(outcome),
            }
            pause *= 2;
        }
    }

    fn request(&self, call: &Call<'_>) -> Result<Request> {
        let url = format!("{}{}", self.url, call.path);
        let request = match call.method {
            "GET" => Request::get(url),
            "POST" => Request::post(url),
            method => Request { method: method.parse()?, ..Request::get(url) },
        };
        let mut request = request.secret_header("x-api-key", &self.key)?;
        if let Some(body) = call.body {
            request = request.json(body)?;
        }
        if let Some(key) = call.idempotency {
            let refused = |_| Failure::usage("--idempotency-key has characters that no header can have");
            request = request.header("idempotency-key", key).map_err(refused)?;
        }
        Ok(request)
    }

    fn read(&self, outcome: Result<Response, OutboundError>) -> Result<Json> {
        let response = outcome.map_err(|error| self.no_answer(&error))?;
        if !response.is_success() {
            return Err(self.refused(&response).into());
        }
        response.json().map_err(|_| {
            let sentence = format!("{} does not answer as Millrace does: is the address right?", self.url);
            Failure::new(Exit::Failed, sentence).into()
        })
    }

    fn no_answer(&self, error: &OutboundError) -> Failure {
        let url = &self.url;
        match error {
            OutboundError::Unreachable { reason, .. } if *url == Address::local() => {
                let sentence = format!(
                    "cannot reach {url}: {reason}. Is `millrace local` running, or is another --url meant?"
                );
                Failure::new(Exit::Unreachable, sentence)
            }
            OutboundError::Unreachable { reason, .. } => {
                Failure::new(Exit::Unreachable, format!("cannot reach {url}: {reason}"))
            }
            OutboundError::TimedOut { .. } | OutboundError::BodyBroken { .. } => {
                Failure::new(Exit::Unreachable, format!("no whole answer of {url}: {error}"))
            }
            _ => Failure::new(Exit::Failed, format!("{url}: {error}")),
        }
    }

    /// What an answer that is an error means.
    fn refused(&self, response: &Response) -> Failure {
        let (url, detail) = (&self.url, detail(response));
        if let Some(task) = task_of(response) {
            return Failure::of_task(task, &detail);
        }
        match response.status {
            401 | 403 => Failure::new(Exit::Refused, format!("{url} refuses this key: {detail}")),
            404 => Failure::new(Exit::NotFound, detail),
            429 | 502..=504 => {
                Failure::new(Exit::Busy, format!("{url} is busy ({}): {detail}", response.status))
            }
            status => Failure::new(Exit::Failed, format!("{url} answered {status}: {detail}")),
        }
    }
}

/// How long to wait before the same request is sent again; `None` where its outcome stands.
fn pause_after(outcome: &Result<Response, OutboundError>, own: Duration) -> Option<Duration> {
    let response = match outcome {
        Ok(response) => response,
        // Nobody there is an answer in itself; an answer that broke off is none.
        Err(OutboundError::Unreachable { reason: TransportError::ConnectionClosed, .. })
        | Err(OutboundError::BodyBroken { .. }) => return Some(own),
        Err(_) => return None,
    };
    let asked = response.retry_after();
    let is_passing = match response.status {
        429 | 502..=504 => true,
        // The first request of this name is still being answered.
        409 => asked.is_some(),
        _ => false,
    };
    let pause = asked.unwrap_or(own);
    (is_passing && task_of(response).is_none() && pause <= LONGEST_PAUSE).then_some(pause)
}

/// The task that an answer is about.
fn task_of(response: &Response) -> Option<&str> {
    response.header("x-millrace-task")
}

/// The sentence of an error: a text, or faults with their places.
fn detail(response: &Response) -> String {
    let body: Json = response.json().unwrap_or_default();
    let fault = |fault: &Json| {
        let place = fault["loc"].as_array().into_iter().flatten();
        let place: Vec<String> =
            place.map(|part| part.as_str().map_or(part.to_string(), str::to_owned)).collect();
        format!("{}: {}", place.join("."), fault["msg"].as_str().unwrap_or_default())
    };
    match body.get("detail").or_else(|| body.get("message")) {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Array(faults)) => faults.iter().map(fault).collect::<Vec<_>>().join("; "),
        Some(other) => other["message"].as_str().map_or_else(|| other.to_string(), str::to_owned),
        None => format!("status {} without a sentence", response.status),
    }
}

/// A path with a query of what there is.
pub(crate) fn with_query(path: &str, pairs: &[(&str, Option<String>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// A flow of the installation, with its data.
///
/// `name` is an id, an endpoint name or a name, in this order.
///
/// # Errors
/// There is none, or several have the name.
pub(crate) async fn find_flow(client: &Client, name: &str) -> Result<Json> {
    if let Ok(id) = name.parse::<Uuid>() {
        return client.get(format!("/api/v1/flows/{id}")).await.map_err(|error| unknown(error, name));
    }
    match flow_named(&flows(client).await?, name)? {
        Some(flow) => Ok(flow.clone()),
        None => {
            Err(Failure::new(Exit::NotFound, format!("no flow '{name}'; `millrace flow list` shows them"))
                .into())
        }
    }
}

/// All flows of the installation.
pub(crate) async fn flows(client: &Client) -> Result<Vec<Json>> {
    let answer = client.get("/api/v1/flows/").await?;
    Ok(answer.as_array().cloned().unwrap_or_default())
}

/// The flow with this endpoint name, else that with this name.
///
/// # Errors
/// Several have the name.
pub(crate) fn flow_named<'a>(flows: &'a [Json], name: &str) -> Result<Option<&'a Json>> {
    let with = |field: &str| flows.iter().filter(|flow| flow[field] == name).collect::<Vec<_>>();
    if let [flow] = with("endpoint_name").as_slice() {
        return Ok(Some(flow));
    }
    match with("name").as_slice() {
        [] => Ok(None),
        [flow] => Ok(Some(flow)),
        several => {
            let ids: Vec<&str> = several.iter().filter_map(|flow| flow["id"].as_str()).collect();
            let count = several.len();
            Err(Failure::usage(format!(
                "{count} flows are called '{name}'; name one by its id: {}",
                ids.join(", ")
            ))
            .into())
        }
    }
}

/// The server does not say which flow it has not.
fn unknown(error: anyhow::Error, name: &str) -> anyhow::Error {
    match Failure::exit_of(&error) {
        Exit::NotFound => Failure::new(Exit::NotFound, format!("no flow {name}")).into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_query_is_of_what_there_is() {
        let pairs = [("limit", Some("5".to_owned())), ("cursor", None), ("q", Some("a b&c".to_owned()))];
        assert_eq!(with_query("/tasks", &pairs), "/tasks?limit=5&q=a+b%26c");
        assert_eq!(with_query("/tasks", &pairs[1..2]), "/tasks");
    }

    #[test]
    fn an_endpoint_name_goes_before_a_name() {
        let flows = [
            json!({"id": "1", "name": "a", "endpoint_name": "b"}),
            json!({"id": "2", "name": "b"}),
            json!({"id": "3", "name": "c"}),
            json!({"id": "4", "name": "c"}),
        ];
        let id = |name: &str| flow_named(&flows, name).map(|flow| flow.map(|flow| flow["id"].clone()));
        assert_eq!(id("a").unwrap(), Some(json!("1")));
        assert_eq!(id("b").unwrap(), Some(json!("1")));
        assert_eq!(id("d").unwrap(), None);
        let error = id("c").unwrap_err();
        assert_eq!(error.to_string(), "2 flows are called 'c'; name one by its id: 3, 4");
        assert_eq!(Failure::exit_of(&error), Exit::Usage);
    }
}
