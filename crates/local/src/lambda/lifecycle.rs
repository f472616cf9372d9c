//! What an environment is doing, as a state that its requests and its invoker move on. No I/O.
//!
//! ```text
//! start                 an invocation                              end
//! ── all have polled ──► offered ── runtime answers ──► answered ── all have polled again ──► free
//! ```
//!
//! "All" are the runtime and the extensions: at the start every one, after an answer those registered for `INVOKE`. What an
//! extension does between the answer and its next poll is work that the invoker does not wait for.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use uuid::Uuid;

use crate::FunctionError;

/// Lambda's limit.
const MAX_EXTENSIONS: usize = 10;

/// What an invocation ends with.
pub(super) type Outcome = Result<Bytes, FunctionError>;

/// An event on its way.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    pub(super) id: String,
    pub(super) event: Bytes,
    /// Milliseconds since 1970.
    pub(super) deadline: u64,
    pub(super) function_arn: String,
    /// The value of an `X-Amzn-Trace-Id` header.
    pub(super) trace: String,
}

/// What an extension is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "eventType", rename_all = "UPPERCASE", rename_all_fields = "camelCase")]
pub(super) enum ExtensionEvent {
    /// An invocation has begun.
    Invoke { deadline_ms: u64, request_id: String, invoked_function_arn: String, tracing: Tracing },
    /// The environment is about to end.
    Shutdown { shutdown_reason: &'static str, deadline_ms: u64 },
}

/// The trace of an invocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Tracing {
    r#type: &'static str,
    value: String,
}

/// Why a request of an extension is refused, in Lambda's words; the status is always 403.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) error_type: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(error_type: &'static str, message: impl Into<String>) -> Self {
        Self { error_type, message: message.into() }
    }
}

/// Who asks for events: the runtime, or an extension.
#[derive(Debug, Default)]
struct Poller {
    /// Whether it has ever asked.
    polled: bool,
    /// Whether it asks, or has asked since it was last given something.
    asks: bool,
    /// The last invocation that it was given, counted from 1.
    given: u64,
}

impl Poller {
    fn ask(&mut self) {
        (self.polled, self.asks) = (true, true);
    }

    fn give(&mut self, count: u64) {
        (self.asks, self.given) = (false, count);
    }

    fn is_done_with(&self, count: u64) -> bool {
        self.asks && self.given == count
    }
}

#[derive(Debug)]
struct Extension {
    name: String,
    invoke: bool,
    shutdown: bool,
    poller: Poller,
}

/// The state of one environment.
#[derive(Debug, Default)]
pub(super) struct Lifecycle {
    /// Names of the extensions that are processes of their own, as Lambda finds them in `/opt/extensions`.
    external: Vec<String>,
    runtime: Poller,
    extensions: BTreeMap<Uuid, Extension>,
    /// How many invocations there were.
    count: u64,
    invocation: Option<Invocation>,
    outcome: Option<Outcome>,
    answered: bool,
    failure: Option<FunctionError>,
    shutdown: Option<ExtensionEvent>,
    closed: bool,
}

impl Lifecycle {
    pub(super) fn new(external: Vec<String>) -> Self {
        Self { external, ..Self::default() }
    }

    /// The start's end: everyone has polled, or someone has failed.
    pub(super) fn started(&self) -> Option<Result<(), FunctionError>> {
        if let Some(error) = self.error() {
            return Some(Err(error));
        }
        let all = self.runtime.polled && self.extensions.values().all(|extension| extension.poller.polled);
        all.then_some(Ok(()))
    }

    /// The invocation's end: the runtime and the extensions registered for `INVOKE` ask for the next event.
    pub(super) fn freed(&self) -> Option<Result<(), FunctionError>> {
        if let Some(error) = self.error() {
            return Some(Err(error));
        }
        let mut invoked = self.extensions.values().filter(|extension| extension.invoke);
        let all = self.runtime.is_done_with(self.count) && invoked.all(|e| e.poller.is_done_with(self.count));
        all.then_some(Ok(()))
    }

    /// Whether an extension may work after the answer.
    pub(super) fn works_after_answers(&self) -> bool {
        self.extensions.values().any(|extension| extension.invoke)
    }

    pub(super) fn has_extensions(&self) -> bool {
        !self.extensions.is_empty()
    }

    pub(super) fn offer(&mut self, invocation: Invocation) {
        self.count += 1;
        self.invocation = Some(invocation);
        (self.outcome, self.answered) = (None, false);
    }

    /// The end of the invocation, once.
    pub(super) fn take_outcome(&mut self) -> Option<Outcome> {
        self.outcome.take().or_else(|| self.error().map(Err))
    }

    /// Ends the invocation `id`; false if it is not the one that runs.
    pub(super) fn finish(&mut self, id: &str, outcome: Outcome) -> bool {
        let runs = !self.answered && self.runtime.given == self.count;
        let named = self.invocation.as_ref().is_some_and(|invocation| invocation.id == id);
        if runs && named {
            (self.outcome, self.answered) = (Some(outcome), true);
        }
        runs && named
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Someone has reported that it cannot go on.
    pub(super) fn fail(&mut self, error: FunctionError) {
        self.failure.get_or_insert(error);
    }

    /// Tells the extensions that the environment is about to end.
    pub(super) fn shut_down(&mut self, reason: &'static str, deadline_ms: u64) {
        self.shutdown = Some(ExtensionEvent::Shutdown { shutdown_reason: reason, deadline_ms });
    }

    /// Ends all waiting.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn ask(&mut self) {
        self.runtime.ask();
    }

    /// The next event for the runtime. `Err` where there will be none.
    pub(super) fn give(&mut self) -> Option<Result<Invocation, FunctionError>> {
        if let Some(error) = self.error() {
            return Some(Err(error));
        }
        let invocation = self.invocation.as_ref().filter(|_| self.runtime.given < self.count)?;
        self.runtime.give(self.count);
        Some(Ok(invocation.clone()))
    }

    /// Takes an extension in, until the runtime polls for the first time.
    pub(super) fn register(&mut self, name: &str, events: &[String]) -> Result<Uuid, Refusal> {
        self.check_events(name, events)?;
        self.check_name(name)?;
        let id = Uuid::new_v4();
        let has = |event: &str| events.iter().any(|other| other == event);
        let (invoke, shutdown) = (has("INVOKE"), has("SHUTDOWN"));
        let extension = Extension { name: name.to_owned(), invoke, shutdown, poller: Poller::default() };
        self.extensions.insert(id, extension);
        Ok(id)
    }

    /// What is refused to extensions inside the runtime's process is refused by Lambda too.
    fn check_events(&self, name: &str, events: &[String]) -> Result<(), Refusal> {
        let external = self.external.iter().any(|other| other == name);
        let refused = events.iter().find_map(|event| match event.as_str() {
            "INVOKE" => None,
            "SHUTDOWN" if external => None,
            "SHUTDOWN" => Some(format!("{event}: ShutdownEventNotSupportedForInternalExtension")),
            _ => Some(format!("{event}: ErrorInvalidEventType")),
        });
        refused.map_or(Ok(()), |message| Err(Refusal::new("Extension.InvalidEventType", message)))
    }

    fn check_name(&self, name: &str) -> Result<(), Refusal> {
        let taken = self.extensions.values().any(|extension| extension.name == name);
        let (error_type, message) = if name.is_empty() {
            ("Extension.InvalidExtensionName", "Empty extension name")
        } else if self.runtime.polled {
            ("Extension.RegistrationClosed", "Extension registration closed already")
        } else if taken {
            ("Extension.InvalidExtensionState", "Extension with this name already registered")
        } else if self.extensions.len() >= MAX_EXTENSIONS {
            ("Extension.TooManyExtensions", "Extension limit (10) reached")
        } else {
            return Ok(());
        };
        Err(Refusal::new(error_type, message))
    }

    pub(super) fn knows(&self, id: Uuid) -> Result<(), Refusal> {
        let unknown =
            || Refusal::new("Extension.UnknownExtensionIdentifier", format!("Unknown extension {id}"));
        self.extensions.contains_key(&id).then_some(()).ok_or_else(unknown)
    }

    pub(super) fn ask_as(&mut self, id: Uuid) {
        if let Some(extension) = self.extensions.get_mut(&id) {
            extension.poller.ask();
        }
    }

    /// The next event for an extension; `Err` where there will be none.
    pub(super) fn give_to(&mut self, id: Uuid) -> Option<Result<ExtensionEvent, FunctionError>> {
        let (error, count) = (self.error(), self.count);
        let extension = self.extensions.get_mut(&id)?;
        if extension.shutdown
            && let Some(event) = self.shutdown.clone()
        {
            extension.shutdown = false;
            extension.poller.give(count);
            return Some(Ok(event));
        }
        if let Some(error) = error {
            return Some(Err(error));
        }
        let invocation = self.invocation.as_ref().filter(|_| extension.invoke)?;
        if self.shutdown.is_some() || extension.poller.given == count {
            return None;
        }
        extension.poller.give(count);
        Some(Ok(ExtensionEvent::Invoke {
            deadline_ms: invocation.deadline,
            request_id: invocation.id.clone(),
            invoked_function_arn: invocation.function_arn.clone(),
            tracing: Tracing { r#type: "X-Amzn-Trace-Id", value: invocation.trace.clone() },
        }))
    }

    fn error(&self) -> Option<FunctionError> {
        let stopped = || FunctionError::new("Runtime.ExitError", "The environment was stopped.");
        self.failure.clone().or_else(|| self.closed.then(stopped))
    }
}
