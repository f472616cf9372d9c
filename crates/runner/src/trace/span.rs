//! Spans: what is noted of requests, runs and effects, until it is exported.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use millrace_engine::{Effect, EffectKey};
use millrace_store::{Store, TaskId};
use serde_json::{Value as Json, json};

use super::{TraceContext, span_id};

/// Spans that wait at once; what comes then is left out.
const CAPACITY: usize = 2_000;

/// A span, ended.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub trace: [u8; 16],
    pub id: [u8; 8],
    pub parent: [u8; 8],
    pub name: String,
    pub kind: Kind,
    pub began: Timestamp,
    pub ended: Timestamp,
    /// Names and values: texts, numbers or flags, and none that a caller, a flow or a provider wrote.
    pub attributes: Vec<(&'static str, Json)>,
    pub failed: bool,
}

/// As OTLP numbers them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
    Consumer = 5,
}

/// The spans of a process that wait for their export.
#[derive(Debug, Default)]
pub(crate) struct Spans(Mutex<Vec<Span>>);

impl Spans {
    fn push(&self, span: Span) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < CAPACITY {
            all.push(span);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub fn take(&self) -> Vec<Span> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Where spans of a trace go: nowhere, if nobody collects them or the caller did not sample it.
pub(crate) fn sink(spans: Option<&Arc<Spans>>, context: &TraceContext) -> Option<Arc<Spans>> {
    spans.filter(|_| context.sampled).cloned()
}

/// A run under a trace.
pub(crate) struct Traced {
    context: TraceContext,
    id: [u8; 8],
    kind: Kind,
    began: Timestamp,
    store: Store,
    spans: Option<Arc<Spans>>,
}

impl Traced {
    /// An attempt of a task. Its trace is the one that the request brought, or one of the task's own.
    pub fn new(
        context: TraceContext,
        (task, attempt): (TaskId, u64),
        kind: Kind,
        store: Store,
        spans: Option<&Arc<Spans>>,
    ) -> Self {
        let id = span_id(task.0.as_bytes(), &format!("run {attempt}"));
        let began = store.host().now();
        Self { spans: sink(spans, &context), context, id, kind, began, store }
    }

    /// What a request of an effect carries.
    pub fn traceparent(&self, key: &EffectKey) -> String {
        self.context.header(span_id(&self.id, key.as_str()))
    }

    /// Begins the span of an effect; it ends when it is dropped.
    pub fn effect(&self, effect: &Effect, key: &EffectKey) -> OpenSpan {
        let now = self.store.host().now();
        let mut attributes = vec![("millrace.effect", json!(key.as_str()))];
        attributes.extend(effect.model().map(|model| ("gen_ai.request.model", json!(model))));
        OpenSpan {
            span: self.spans.as_ref().map(|_| Span {
                trace: self.context.trace,
                id: span_id(&self.id, key.as_str()),
                parent: self.id,
                name: effect.kind.to_owned(),
                kind: Kind::Client,
                began: now,
                ended: now,
                attributes,
                failed: false,
            }),
            store: self.store.clone(),
            spans: self.spans.clone(),
        }
    }

    /// Ends the run's own span.
    pub fn end(&self, attributes: impl FnOnce() -> Vec<(&'static str, Json)>, failed: bool) {
        let Some(spans) = &self.spans else { return };
        spans.push(Span {
            trace: self.context.trace,
            id: self.id,
            parent: self.context.parent,
            name: "run".to_owned(),
            kind: self.kind,
            began: self.began,
            ended: self.store.host().now(),
            attributes: attributes(),
            failed,
        });
    }
}

/// A span that has begun.
pub(crate) struct OpenSpan {
    span: Option<Span>,
    store: Store,
    spans: Option<Arc<Spans>>,
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        if let (Some(span), Some(spans)) = (self.span.take(), &self.spans) {
            spans.push(Span { ended: self.store.host().now(), ..span });
        }
    }
}

/// A request under a trace.
pub struct RequestTrace {
    context: TraceContext,
    id: [u8; 8],
    began: Timestamp,
    spans: Option<Arc<Spans>>,
}

impl RequestTrace {
    /// `random` tells its span from others of the trace.
    pub(crate) fn new(
        context: TraceContext,
        began: Timestamp,
        random: &[u8],
        spans: Option<&Arc<Spans>>,
    ) -> Self {
        let id = span_id(random, "request");
        Self { spans: sink(spans, &context), context, id, began }
    }

    /// The context of what comes of the request, as the header `traceparent` says it. Without a collector the
    /// caller's own span stays the one before: nobody would know of another.
    pub fn traceparent(&self) -> String {
        self.context.header(if self.spans.is_some() { self.id } else { self.context.parent })
    }

    /// Ends the request's span.
    pub fn end(self, name: String, status: u16, now: Timestamp) {
        let Some(spans) = &self.spans else { return };
        spans.push(Span {
            trace: self.context.trace,
            id: self.id,
            parent: self.context.parent,
            name,
            kind: Kind::Server,
            began: self.began,
            ended: now,
            attributes: vec![("http.response.status_code", json!(status))],
            failed: status >= 500,
        });
    }
}
