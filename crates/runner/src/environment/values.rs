//! What the values of variables say.

use std::str::FromStr;

use millrace_outbound::HostRule;
use millrace_store::MasterKey;
use percent_encoding::percent_decode_str;

use super::EnvironmentError;
use crate::{ExporterConfig, Prices};

/// The key of KMS goes before a file.
pub(super) fn master_key(kms: Option<String>, file: Option<String>) -> Result<MasterKey, EnvironmentError> {
    const FILE: &str = "MILLRACE_KEY_FILE";
    match (kms, file) {
        (Some(key), _) => Ok(MasterKey::Kms(key)),
        (None, Some(file)) => {
            let wrong = || EnvironmentError::Invalid { name: FILE, expected: "a file of 32 bytes" };
            let bytes = std::fs::read(file).map_err(|_| wrong())?;
            bytes.try_into().map(MasterKey::local).map_err(|_| wrong())
        }
        (None, None) => Err(EnvironmentError::Missing("MILLRACE_KMS_KEY_ID")),
    }
}

pub(super) fn number<T: FromStr>(name: &'static str, value: &str) -> Result<T, EnvironmentError> {
    value.parse().map_err(|_| EnvironmentError::Invalid { name, expected: "a whole number" })
}

pub(super) fn flag(name: &'static str, value: &str) -> Result<bool, EnvironmentError> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(EnvironmentError::Invalid { name, expected: "true or false" }),
    }
}

pub(super) fn hosts(name: &'static str, list: &str) -> Result<Vec<HostRule>, EnvironmentError> {
    let hosts = list.split(',').map(str::trim).filter(|host| !host.is_empty());
    hosts.map(str::parse).collect::<Result<_, _>>().map_err(|_| EnvironmentError::Invalid {
        name,
        expected: "a comma-separated list of host or host:port",
    })
}

/// US dollars; 0 is as none.
pub(super) fn dollars(name: &'static str, value: Option<String>) -> Result<Option<f64>, EnvironmentError> {
    let Some(value) = value else { return Ok(None) };
    match value.parse::<f64>() {
        Ok(dollars) if dollars.is_finite() && dollars >= 0.0 => {
            Ok(Some(dollars).filter(|dollars| *dollars > 0.0))
        }
        _ => Err(EnvironmentError::Invalid { name, expected: "a number of US dollars from 0 on" }),
    }
}

/// The built-in table, with the entries of this one in place of its own.
pub(super) fn prices(entries: Option<String>) -> Result<Prices, EnvironmentError> {
    entries.map_or(Ok(Prices::default()), |entries| {
        entries.parse().map_err(|_| EnvironmentError::Invalid {
            name: "MILLRACE_PRICES",
            expected: r#"a price table such as {"models": {"gpt-4o": {"input": 2.5, "output": 10}}}"#,
        })
    })
}

/// As OpenTelemetry writes them: a base address, and `name=value` separated by commas, the values percent-encoded.
pub(super) fn exporter(
    endpoint: Option<String>,
    headers: Option<String>,
) -> Result<Option<ExporterConfig>, EnvironmentError> {
    let Some(endpoint) = endpoint else { return Ok(None) };
    if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        let (name, expected) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "an http or https address");
        return Err(EnvironmentError::Invalid { name, expected });
    }
    let headers =
        headers.as_deref().unwrap_or_default().split(',').filter(|header| !header.trim().is_empty());
    let headers = headers.map(header).collect::<Option<_>>().ok_or(EnvironmentError::Invalid {
        name: "OTEL_EXPORTER_OTLP_HEADERS",
        expected: "a comma-separated list of name=value",
    })?;
    Ok(Some(ExporterConfig { endpoint, headers }))
}

fn header(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    Some((name.trim().to_owned(), value.into_owned()))
}
