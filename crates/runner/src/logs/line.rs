//! One event, or a span around it, as a line.

use std::fmt::{Debug, Write as _};
use std::io::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::{FIELDS, FOREIGN_FIELDS, file_name, is_ours};

/// Characters of a value: an id or a code has fewer.
const LONGEST: usize = 256;

/// Writes lines.
pub(super) struct Lines<W> {
    writer: W,
}

impl<W> Lines<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer }
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::of(attributes.metadata());
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields::of(metadata);
        event.record(&mut fields);
        if !is_ours(metadata.target()) {
            fields.known.insert("message".to_owned(), place(metadata).into());
        }
        // The inner span's word counts before the outer's, and the event's own before both.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(around) = span.extensions().get::<Fields>() {
                for (name, value) in &around.known {
                    fields.known.entry(name.as_str()).or_insert_with(|| value.clone());
                }
            }
        }
        let line = json!({
            "timestamp": Timestamp::now().to_string(),
            "level": metadata.level().as_str(),
            "target": metadata.target(),
            "fields": fields.known,
        });
        // There is nowhere to tell that the log cannot be written.
        // In one piece, so that lines of several threads do not run into each other.
        let line = format!("{line}\n");
        let _ = self.writer.make_writer_for(metadata).write_all(line.as_bytes());
    }
}

/// Where another crate said something.
fn place(metadata: &Metadata<'_>) -> String {
    format!("{}:{}", metadata.file().map_or("-", file_name), metadata.line().unwrap_or(0))
}

/// The fields that are logged, of those that there are.
struct Fields {
    allowed: &'static [&'static str],
    known: Map<String, Json>,
}

impl Fields {
    fn of(metadata: &Metadata<'_>) -> Self {
        let allowed = if is_ours(metadata.target()) { FIELDS } else { FOREIGN_FIELDS };
        Self { allowed, known: Map::new() }
    }

    fn put(&mut self, field: &Field, value: impl Into<Json>) {
        if self.allowed.contains(&field.name()) {
            self.known.insert(field.name().to_owned(), value.into());
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if self.allowed.contains(&field.name()) {
            let mut text = Short(String::new());
            // Ends with an error where the value is longer than is told.
            let _ = write!(text, "{value:?}");
            self.put(field, text.0);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.chars().take(LONGEST).collect::<String>());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put(field, value.to_string());
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        // A duration in milliseconds is one.
        match u64::try_from(value) {
            Ok(value) => self.put(field, value),
            Err(_) => self.put(field, value.to_string()),
        }
    }
}

/// Text up to a length.
struct Short(String);

impl std::fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let left = LONGEST.saturating_sub(self.0.chars().count());
        self.0.extend(text.chars().take(left));
        if text.chars().count() > left { Err(std::fmt::Error) } else { Ok(()) }
    }
}
