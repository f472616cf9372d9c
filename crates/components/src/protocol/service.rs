//! A service that components call over HTTP: one way to send, to fail and to say so.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use millrace_engine::{Context, Effect, ErrorKind, RunError, Usage};
use millrace_outbound::{Outbound, OutboundError, Request, Response, Retry};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::aws::{Signature, signed};
use super::google_account::ServiceAccount;

/// What one call may take, repeats and pauses included, unless its node gives a single try more.
const BUDGET: Duration = Duration::from_secs(120);

/// Kept of the time that the run has left, so that the answer can be recorded.
const RESERVE: Duration = Duration::from_secs(1);

/// Characters of a service's own sentence that are passed on.
const SAID: usize = 500;

/// How a service is called and told apart in errors.
#[derive(Clone)]
pub(crate) struct Service {
    /// The node it was made by, for errors: type and id.
    node: (String, String),
    /// What it speaks, for errors, such as `the OpenAI protocol`.
    protocol: &'static str,
    timeout: Duration,
    retries: u32,
    /// Headers of every request, whose values are kept out of logs and errors.
    secret_headers: Vec<(&'static str, String)>,
    /// Headers of every request that are no secrets.
    headers: Vec<(&'static str, String)>,
    /// Texts that an answer must not bring back to the caller.
    secrets: Vec<String>,
    /// How its requests are signed, where it is a service of AWS.
    signature: Option<Signature>,
    /// Who vouches for its requests, where it is a service of Google's cloud; or why nobody does.
    account: Option<Result<Arc<ServiceAccount>, RunError>>,
    /// Finds the sentence in an answer that is an error.
    said: fn(&Json) -> Option<String>,
}

impl fmt::Debug for Service {
    /// Without keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("node", &self.node).finish_non_exhaustive()
    }
}

impl Service {
    /// A service that a node of this type calls: 60 s for a try, two repeats.
    pub fn new(cx: &Context, kind: &str, protocol: &'static str) -> Self {
        Self {
            node: (kind.to_owned(), cx.vertex_id().to_owned()),
            protocol,
            timeout: Duration::from_secs(60),
            retries: 2,
            secret_headers: Vec::new(),
            headers: Vec::new(),
            secrets: Vec::new(),
            signature: None,
            account: None,
            said: message_in,
        }
    }

    /// Seconds for one try, 1 to 600; more is cut, since the 1.x OpenAI node is drawn with 700. `None` leaves it.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] when it is less than 1 or no number.
    pub fn timeout(mut self, seconds: Option<f64>) -> Result<Self, RunError> {
        let Some(seconds) = seconds.map(|seconds| seconds.min(600.0)) else { return Ok(self) };
        if !(1.0..=600.0).contains(&seconds) {
            let message = format!("the request timeout is {seconds} s; it must be from 1 to 600");
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        self.timeout = Duration::from_secs_f64(seconds);
        Ok(self)
    }

    /// Repeats of a request that failed for a passing reason, 10 at most. `None` leaves it.
    pub fn retries(mut self, retries: Option<u32>) -> Self {
        self.retries = retries.map_or(self.retries, |retries| retries.min(10));
        self
    }

    /// A secret that goes with every request in this header, after `prefix` (`Bearer ` or nothing).
    pub fn secret(mut self, header: &'static str, prefix: &str, secret: &str) -> Self {
        self.secret_headers.push((header, format!("{prefix}{secret}")));
        self.hide(secret)
    }

    /// A header that goes with every request.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// A secret that travels elsewhere and must not come back in an error either.
    pub fn hide(mut self, secret: &str) -> Self {
        self.secrets.push(secret.to_owned());
        self
    }

    /// A service of AWS: its requests are signed as they are sent.
    pub fn signed(mut self, signature: Signature) -> Self {
        if let Some(keys) = &signature.keys {
            self.secrets.extend(std::iter::once(&keys.secret).chain(&keys.session).cloned());
        }
        self.signature = Some(signature);
        self
    }

    /// A service of Google's cloud: its requests carry a token of this account, or fail as it does.
    pub fn on_behalf_of(mut self, account: Result<Arc<ServiceAccount>, RunError>) -> Self {
        self.account = Some(account);
        self
    }

    /// How the sentence in an answer that is an error is found, where it is not `error.message`, `error`,
    /// `message` or `detail`.
    pub fn errors(mut self, said: fn(&Json) -> Option<String>) -> Self {
        self.said = said;
        self
    }

    /// One recorded call: `request` is made anew for a call that takes place, `identity` names it without
    /// secrets, and `read` turns a successful answer into what is recorded, and its cost.
    pub async fn call<T: Serialize + DeserializeOwned>(
        &self,
        cx: &Context,
        kind: &'static str,
        identity: Json,
        request: impl FnOnce() -> Result<Request, OutboundError>,
        read: impl FnOnce(&Self, Response) -> Result<(T, Usage), RunError>,
    ) -> Result<T, RunError> {
        let perform = || self.attempt(cx, request, read);
        cx.scope(&self.node.1).effect(Effect { kind, request: identity }, perform).await
    }

    /// The same for a tool: that a service cannot be reached or is out of order is an answer in words, and recorded
    /// as that, so that a run that is resumed goes on from the same words. A key that is refused, a run that is out
    /// of time or asked to wait fail as ever.
    pub async fn call_for_words(
        &self,
        cx: &Context,
        kind: &'static str,
        identity: Json,
        request: impl FnOnce() -> Result<Request, OutboundError>,
        read: impl FnOnce(&Self, Response) -> Result<(String, Usage), RunError>,
    ) -> Result<String, RunError> {
        let perform = || async {
            match self.attempt(cx, request, read).await {
                Err(error)
                    if error.kind == ErrorKind::Upstream
                        && error.transient
                        && error.retry_after.is_none() =>
                {
                    Ok((format!("This tool failed: {}", error.message), Usage::default()))
                }
                outcome => outcome,
            }
        };
        cx.scope(&self.node.1).effect(Effect { kind, request: identity }, perform).await
    }

    async fn attempt<T>(
        &self,
        cx: &Context,
        request: impl FnOnce() -> Result<Request, OutboundError>,
        read: impl FnOnce(&Self, Response) -> Result<(T, Usage), RunError>,
    ) -> Result<(T, Usage), RunError> {
        let request = request().map_err(|error| self.failed(&error))?;
        let response = self.send(cx, request).await?;
        read(self, response)
    }

    /// A recorded call that posts JSON and reads JSON.
    pub async fn post<R: DeserializeOwned, T: Serialize + DeserializeOwned>(
        &self,
        cx: &Context,
        kind: &'static str,
        url: &str,
        body: &Json,
        read: impl FnOnce(R) -> Option<(T, Usage)>,
    ) -> Result<T, RunError> {
        let identity = serde_json::json!({"url": url, "body": body});
        let read = |service: &Self, response: Response| {
            let reply = service.json(&response)?;
            read(reply).ok_or_else(|| service.unreadable("what was asked for is not in it"))
        };
        self.call(cx, kind, identity, || Request::post(url).json(body), read).await
    }

    /// One request, not recorded: only for use within [`Service::call`] or another effect. The answer is one
    /// of success.
    pub async fn send(&self, cx: &Context, request: Request) -> Result<Response, RunError> {
        let budget = self.budget(cx.time_left());
        if budget.is_zero() {
            let fault = self.fault("the run has no time left for a request to the provider");
            return Err(RunError { kind: ErrorKind::Timeout, ..fault }.transient(true));
        }
        let mut request =
            request.timeout(self.timeout).retry(Retry::attempts(self.retries + 1)).within(budget);
        for (name, value) in &self.headers {
            request = request.header(name, value).map_err(|error| self.failed(&error))?;
        }
        for (name, value) in &self.secret_headers {
            request = request.secret_header(name, value).map_err(|error| self.failed(&error))?;
        }
        let mut lent = None;
        if let Some(Signature { service, region, keys }) = &self.signature {
            request = signed(cx, service, region, keys.as_ref(), request).await?;
        }
        if let Some(account) = &self.account {
            let token = account.as_ref().map_err(Clone::clone)?.token(cx, self).await?;
            request = request.bearer(&token).map_err(|error| self.failed(&error))?;
            lent = Some(token);
        }
        if let Some(traceparent) = millrace_engine::traceparent() {
            request = request.header("traceparent", &traceparent).map_err(|error| self.failed(&error))?;
        }
        let outbound: &Outbound = cx.resource()?;
        let response = outbound.send(request).await.map_err(|error| self.failed(&error))?;
        if response.is_success() { Ok(response) } else { Err(self.refused(&response, lent.as_ref())) }
    }

    fn budget(&self, left: Option<Duration>) -> Duration {
        let budget = BUDGET.max(self.timeout);
        left.map_or(budget, |left| budget.min(left.saturating_sub(RESERVE)))
    }

    /// A request without a whole answer.
    pub fn failed(&self, error: &OutboundError) -> RunError {
        let kind = match error {
            OutboundError::TimedOut { .. } => ErrorKind::Timeout,
            OutboundError::Blocked { .. }
            | OutboundError::InvalidUrl { .. }
            | OutboundError::InvalidRequest { .. } => ErrorKind::Flow,
            _ => ErrorKind::Upstream,
        };
        RunError { kind, ..self.fault(&error.to_string()) }.transient(error.is_transient())
    }

    /// An answer that is an error. The provider's own sentence is passed on, without the key should it
    /// quote that.
    fn refused(&self, response: &Response, lent: Option<&String>) -> RunError {
        let said = serde_json::from_slice(&response.body).ok().and_then(|reply| (self.said)(&reply));
        let mut said = said.unwrap_or_else(|| format!("its answer is no JSON of {}", self.protocol));
        // Before it is cut: half a key would not be found.
        for secret in self.secrets.iter().chain(lent).filter(|secret| secret.len() > 4) {
            said = said.replace(secret.as_str(), "***");
        }
        let said: String = said.chars().take(SAID).collect();
        let status = response.status;
        let transient = matches!(status, 408 | 409 | 429 | 500..);
        self.fault(&format!("the provider answered {status}: {said}"))
            .transient(transient)
            .retry_after(response.retry_after().filter(|_| transient))
    }

    /// The JSON of a successful answer.
    pub fn json<R: DeserializeOwned>(&self, response: &Response) -> Result<R, RunError> {
        response.json().map_err(|error| match error {
            // Without the host, which is in the error's own sentence.
            OutboundError::InvalidJson { problem, line, column, .. } => {
                self.unreadable(&format!("{problem} at line {line} column {column}"))
            }
            other => self.unreadable(&other.to_string()),
        })
    }

    /// An answer of success whose body cannot be used. Final: the provider has done its work and charged for
    /// it, and would be paid for each repeat.
    pub fn unreadable(&self, problem: &str) -> RunError {
        self.fault(&format!("the provider's answer is not what {} says: {problem}", self.protocol))
    }

    /// A fault of the service or on the way to it, under the node's name.
    pub fn fault(&self, message: &str) -> RunError {
        RunError::new(ErrorKind::Upstream, format!("{} ({}): {message}", self.node.0, self.node.1))
    }
}

/// The sentence where most services put it.
fn message_in(reply: &Json) -> Option<String> {
    let text = |value: &Json| value.as_str().map(str::to_owned);
    let error = reply.get("error");
    error
        .and_then(|error| error.get("message").and_then(text).or_else(|| text(error)))
        .or_else(|| reply.get("message").and_then(text))
        .or_else(|| reply.get("detail").and_then(text))
}

/// The host of an address, for what must tell one from another; the address itself where it has none.
pub(crate) fn host(address: &str) -> String {
    let url = url::Url::parse(address).ok();
    let authority =
        url.as_ref().map(|url| url[url::Position::BeforeHost..url::Position::AfterPort].to_owned());
    authority.unwrap_or_else(|| address.to_owned())
}
