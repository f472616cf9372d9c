//! OTLP over HTTP in its JSON form, as <https://opentelemetry.io/docs/specs/otlp/> describes it.
//!
//! Written here and not taken from a library: the form is one object, and what there is brings a runtime of its own, threads
//! that Lambda freezes between calls, and a third of a function's size.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use millrace_outbound::{HostRule, Outbound, OutboundConfig, OutboundError, Request, Retry};
use serde_json::{Value as Json, json};

use super::hex;
use super::span::{Span, Spans};

/// An invocation waits so long for its spans to be taken; then they are lost.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Where spans are sent to: `OTEL_EXPORTER_OTLP_ENDPOINT` and `OTEL_EXPORTER_OTLP_HEADERS`.
#[derive(Clone, PartialEq, Eq)]
pub struct ExporterConfig {
    /// The base address; `/v1/traces` is added.
    pub endpoint: String,
    /// Headers of each request, such as a key of the collector.
    pub headers: Vec<(String, String)>,
}

impl std::fmt::Debug for ExporterConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExporterConfig").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Sends spans.
pub(crate) struct Exporter {
    pub spans: Arc<Spans>,
    outbound: Outbound,
    config: ExporterConfig,
}

impl Exporter {
    /// # Errors
    /// [`OutboundError`] for an address that is none.
    pub fn new(config: ExporterConfig) -> Result<Self, OutboundError> {
        // The collector is the operator's and may be anywhere; nothing that a flow says leads here.
        let host = config.endpoint.split_once("://").map_or(config.endpoint.as_str(), |(_, rest)| rest);
        let host = host.split('/').next().unwrap_or(host).rsplit('@').next().unwrap_or(host);
        let allow = host.parse::<HostRule>().into_iter().collect();
        let outbound = Outbound::new(OutboundConfig { allow, ..OutboundConfig::default() })?;
        outbound.check(&config.endpoint)?;
        Ok(Self { spans: Arc::default(), outbound, config })
    }

    /// Sends what waits. What is not taken is lost.
    pub async fn export(&self) {
        let spans = self.spans.take();
        if spans.is_empty() {
            return;
        }
        match self.send(&spans).await {
            Ok(200..300) => {}
            Ok(status) => tracing::warn!(status, "the collector of spans refused them"),
            Err(error) => tracing::warn!(code = error.code(), "the collector of spans was not reached"),
        }
    }

    async fn send(&self, spans: &[Span]) -> Result<u16, OutboundError> {
        let url = format!("{}/v1/traces", self.config.endpoint.trim_end_matches('/'));
        let mut request = Request::post(url).json(&body(spans))?.timeout(TIMEOUT).retry(Retry::never());
        for (name, value) in &self.config.headers {
            request = request.secret_header(name, value)?;
        }
        Ok(self.outbound.send(request).await?.status)
    }
}

fn body(spans: &[Span]) -> Json {
    json!({"resourceSpans": [{
        "resource": {"attributes": [attribute(&("service.name", json!("millrace")))]},
        "scopeSpans": [{
            "scope": {"name": "millrace", "version": env!("CARGO_PKG_VERSION")},
            "spans": spans.iter().map(span).collect::<Vec<_>>(),
        }],
    }]})
}

fn span(span: &Span) -> Json {
    let mut told = json!({
        "traceId": hex(&span.trace),
        "spanId": hex(&span.id),
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": nanoseconds(span.began),
        "endTimeUnixNano": nanoseconds(span.ended),
        "attributes": span.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "status": {"code": if span.failed { 2 } else { 0 }},
    });
    if span.parent != [0; 8] {
        told["parentSpanId"] = json!(hex(&span.parent));
    }
    told
}

/// 64-bit numbers are texts in protobuf's JSON.
fn nanoseconds(time: Timestamp) -> String {
    time.as_nanosecond().to_string()
}

fn attribute((key, value): &(&str, Json)) -> Json {
    let value = match value {
        Json::String(text) => json!({"stringValue": text}),
        Json::Bool(flag) => json!({"boolValue": flag}),
        Json::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        number => json!({"intValue": number.to_string()}),
    };
    json!({"key": key, "value": value})
}
