//! The environment, read once in `main`, and the clients that it describes.
//!
//! **Nothing else reads environment variables**; tests and the local cloud fill in [`Environment`] by hand.
//! Region, credentials and endpoints come from the standard variables of the AWS SDKs (`AWS_REGION`,
//! `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_SQS`), which [`Environment::connect`]
//! leaves to them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use millrace_engine::Leniency;
use millrace_outbound::{HostRule, Outbound, OutboundConfig, OutboundError};
use millrace_store::{Store, StoreConfig, SystemHost};
use thiserror::Error;

use crate::{Runner, RunnerConfig};

/// Variables of the process that flows can refer to, where they are set.
const PASSED_ON: [&str; 3] = ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"];

/// What the functions are told. An empty variable is the same as none.
#[derive(Clone)]
pub struct Environment {
    /// `MILLRACE_TABLE`: name of the table. Required.
    pub table: String,
    /// `MILLRACE_QUEUE_URL`: URL of the queue. Required.
    pub queue_url: String,
    /// `MILLRACE_LOG`: what is logged, as `tracing-subscriber` filters read it. `info` by default.
    pub log: String,
    /// `MILLRACE_LEASE_SECONDS`: how long a claim of a task holds without being renewed. 60 by default.
    pub lease: Duration,
    /// `MILLRACE_RETENTION_DAYS`: how long tasks and conversations are kept. 7 by default.
    pub retention: Duration,
    /// `MILLRACE_MAX_BODY_BYTES`: the largest request body that is read. 5,000,000 by default: what Lambda
    /// takes (6 MB) less the room that the event around it needs.
    pub max_body_bytes: usize,
    /// `MILLRACE_STRICT_CODE`: refuse unknown code under a known component type. Off by default.
    pub strict_code: bool,
    /// `MILLRACE_LENIENT_TWEAKS`: ignore tweaks that fit nothing, as Langflow does. Off by default.
    pub lenient_tweaks: bool,
    /// `MILLRACE_ALLOW_HOSTS`: comma-separated `host` or `host:port` that flows may reach although the
    /// address guard would refuse them. None by default.
    pub allow_hosts: Vec<HostRule>,
    /// `MILLRACE_ALLOW_LOOPBACK`: whether flows may reach this machine itself. For the local cloud only.
    pub allow_loopback: bool,
    /// `MILLRACE_PLAIN_KEYS`: whether API keys may be any text. For the local cloud only.
    pub plain_keys: bool,
    /// `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `OPENAI_API_BASE`: the operator's defaults for flows that name
    /// none of their own.
    pub variables: BTreeMap<String, String>,
    /// How long a run may take in this process; not a variable. `main` sets it to what the function's own
    /// time limit leaves; 28 s, which fits an HTTP API, unless it does.
    pub run_timeout: Duration,
}

/// A variable that is missing or cannot be read. The process cannot start.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvironmentError {
    /// A required variable is not set.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// A variable says something else than it may.
    #[error("{name} is not {expected}")]
    Invalid {
        /// Which variable. Its value is left out, since it may be a secret in the wrong place.
        name: &'static str,
        /// What it should be, for example `a whole number`.
        expected: &'static str,
    },
}

impl Environment {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`EnvironmentError`], for the first variable that is missing or wrong.
    pub fn from_env() -> Result<Self, EnvironmentError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// The defaults for a table and a queue.
    pub fn new(table: impl Into<String>, queue_url: impl Into<String>) -> Self {
        let store = StoreConfig::new(table, queue_url);
        Self {
            table: store.table,
            queue_url: store.queue_url,
            log: "info".to_owned(),
            lease: store.lease,
            retention: store.retention,
            max_body_bytes: 5_000_000,
            strict_code: false,
            lenient_tweaks: false,
            allow_hosts: Vec::new(),
            allow_loopback: false,
            plain_keys: false,
            variables: BTreeMap::new(),
            run_timeout: RunnerConfig::default().run_timeout,
        }
    }

    /// The same for runs that may take so long: a lease is not renewed while a task runs, so it has to hold
    /// for as long.
    #[must_use]
    pub fn for_runs_of(mut self, run_timeout: Duration) -> Self {
        self.run_timeout = run_timeout;
        self.lease = self.lease.max(run_timeout + Duration::from_secs(30));
        self
    }

    fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let get = |name| lookup(name).filter(|value| !value.is_empty());
        let required = |name| get(name).ok_or(EnvironmentError::Missing(name));
        let flag = |name| get(name).map_or(Ok(false), |value| flag(name, &value));
        let defaults = Self::new(required("MILLRACE_TABLE")?, required("MILLRACE_QUEUE_URL")?);
        let seconds = |name, unit: u32, default| match get(name) {
            Some(value) => Ok(Duration::from_secs(number::<u32>(name, &value)?.into()).saturating_mul(unit)),
            None => Ok(default),
        };
        Ok(Self {
            log: get("MILLRACE_LOG").unwrap_or(defaults.log),
            lease: seconds("MILLRACE_LEASE_SECONDS", 1, defaults.lease)?,
            retention: seconds("MILLRACE_RETENTION_DAYS", 24 * 60 * 60, defaults.retention)?,
            max_body_bytes: match get("MILLRACE_MAX_BODY_BYTES") {
                Some(value) => number("MILLRACE_MAX_BODY_BYTES", &value)?,
                None => defaults.max_body_bytes,
            },
            strict_code: flag("MILLRACE_STRICT_CODE")?,
            lenient_tweaks: flag("MILLRACE_LENIENT_TWEAKS")?,
            allow_hosts: hosts("MILLRACE_ALLOW_HOSTS", &get("MILLRACE_ALLOW_HOSTS").unwrap_or_default())?,
            allow_loopback: flag("MILLRACE_ALLOW_LOOPBACK")?,
            plain_keys: flag("MILLRACE_PLAIN_KEYS")?,
            variables: PASSED_ON.into_iter().filter_map(|name| Some((name.to_owned(), get(name)?))).collect(),
            ..defaults
        })
    }

    /// Builds the clients and a runner over them. Calls no service.
    ///
    /// # Errors
    /// [`OutboundError`] where the way out cannot be set up.
    pub async fn connect(&self) -> Result<Runner, OutboundError> {
        let store = Store::connect(self.store_config(), Arc::new(SystemHost)).await;
        let outbound = Outbound::new(self.outbound_config())?;
        Ok(Runner::new(store, millrace_components::registry(), outbound, self.runner_config()))
    }

    /// The store's part.
    pub fn store_config(&self) -> StoreConfig {
        StoreConfig {
            lease: self.lease,
            retention: self.retention,
            plain_keys: self.plain_keys,
            ..StoreConfig::new(self.table.as_str(), self.queue_url.as_str())
        }
    }

    /// The runner's part.
    pub fn runner_config(&self) -> RunnerConfig {
        RunnerConfig {
            strict_code: self.strict_code,
            tweaks: if self.lenient_tweaks { Leniency::Lenient } else { Leniency::Strict },
            variables: self.variables.clone(),
            run_timeout: self.run_timeout,
        }
    }

    /// The part of the way out.
    pub fn outbound_config(&self) -> OutboundConfig {
        OutboundConfig {
            allow: self.allow_hosts.clone(),
            allow_loopback: self.allow_loopback,
            ..OutboundConfig::default()
        }
    }
}

impl fmt::Debug for Environment {
    /// Without the values of the variables that are passed on: they are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("table", &self.table)
            .field("queue_url", &self.queue_url)
            .field("variables", &self.variables.keys())
            .finish_non_exhaustive()
    }
}

fn number<T: FromStr>(name: &'static str, value: &str) -> Result<T, EnvironmentError> {
    value.parse().map_err(|_| EnvironmentError::Invalid { name, expected: "a whole number" })
}

fn flag(name: &'static str, value: &str) -> Result<bool, EnvironmentError> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(EnvironmentError::Invalid { name, expected: "true or false" }),
    }
}

fn hosts(name: &'static str, list: &str) -> Result<Vec<HostRule>, EnvironmentError> {
    let hosts = list.split(',').map(str::trim).filter(|host| !host.is_empty());
    hosts.map(str::parse).collect::<Result<_, _>>().map_err(|_| EnvironmentError::Invalid {
        name,
        expected: "a comma-separated list of host or host:port",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        let required = [("MILLRACE_TABLE", "tasks"), ("MILLRACE_QUEUE_URL", "http://queue/q")];
        let all: BTreeMap<_, _> = required.iter().chain(variables).copied().collect();
        Environment::read(|name| all.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn only_table_and_queue_are_required() {
        let environment = read(&[]).unwrap();
        assert_eq!((environment.table.as_str(), environment.queue_url.as_str()), ("tasks", "http://queue/q"));
        assert_eq!(environment.max_body_bytes, 5_000_000);
        assert_eq!(environment.lease, Duration::from_secs(60));
        assert!(!environment.plain_keys && !environment.allow_loopback && environment.variables.is_empty());
        for name in ["MILLRACE_TABLE", "MILLRACE_QUEUE_URL"] {
            assert_eq!(read(&[(name, "")]).unwrap_err(), EnvironmentError::Missing(name));
        }
    }

    #[test]
    fn what_is_set_reaches_the_part_it_is_for() {
        let environment = read(&[
            ("MILLRACE_LEASE_SECONDS", "5"),
            ("MILLRACE_RETENTION_DAYS", "2"),
            ("MILLRACE_PLAIN_KEYS", "true"),
            ("MILLRACE_LENIENT_TWEAKS", "1"),
            ("MILLRACE_ALLOW_HOSTS", "ollama.lan:11434, 10.0.0.1"),
            ("OPENAI_API_KEY", "sk-secret"),
            ("HOME", "/root"),
        ])
        .unwrap();
        let store = environment.store_config();
        assert_eq!((store.lease, store.retention), (Duration::from_secs(5), Duration::from_secs(172_800)));
        assert!(store.plain_keys);
        assert_eq!(environment.runner_config().tweaks, Leniency::Lenient);
        assert_eq!(environment.runner_config().variables.keys().collect::<Vec<_>>(), ["OPENAI_API_KEY"]);
        assert_eq!(environment.outbound_config().allow.len(), 2);
        assert!(!format!("{environment:?}").contains("sk-secret"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (name, value) in [
            ("MILLRACE_LEASE_SECONDS", "a minute"),
            ("MILLRACE_RETENTION_DAYS", "-1"),
            ("MILLRACE_MAX_BODY_BYTES", "5MB"),
            ("MILLRACE_STRICT_CODE", "maybe"),
            ("MILLRACE_ALLOW_HOSTS", "http://a"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(matches!(error, EnvironmentError::Invalid { name: n, .. } if n == name), "{name}");
            assert!(!error.to_string().contains(value), "{name}");
        }
    }
}
