//! The environment, read once in `main`, and the clients that it describes.
//!
//! **Nothing else reads environment variables**; tests and the local cloud fill in [`Environment`] by hand.
//! Region, credentials and endpoints come from the standard variables of the AWS SDKs (`AWS_REGION`,
//! `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_SQS`, `AWS_ENDPOINT_URL_S3`), which [`Environment::connect`]
//! leaves to them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use millrace_components::VARIABLES;
use millrace_engine::{FlowLimits, Leniency, Registry};
use millrace_outbound::{HostRule, Outbound, OutboundConfig, OutboundError};
use millrace_store::{MasterKey, Store, StoreConfig, SystemHost};
use thiserror::Error;
use tokio_util::task::TaskTracker;

use crate::{RunLimits, Runner, RunnerConfig};

/// What the functions are told. An empty variable is the same as none.
#[derive(Clone)]
pub struct Environment {
    /// `MILLRACE_TABLE`: name of the table. Required.
    pub table: String,
    /// `MILLRACE_QUEUE_URL`: URL of the queue. Required.
    pub queue_url: String,
    /// `MILLRACE_BUCKET`: name of the bucket. Without one there are no uploads, vector indexes are built again by
    /// each process, and large values stand in the table.
    pub bucket: Option<String>,
    /// `MILLRACE_LOG`: what is logged, as `tracing-subscriber` filters read it. `info` by default.
    pub log: String,
    /// `MILLRACE_LEASE_SECONDS`: how long a claim of a task holds without being renewed. 30 by default.
    pub lease: Duration,
    /// `MILLRACE_TASK_TIMEOUT_SECONDS`: how long a task may take from its first claim on, unless it says so
    /// itself. 3600 by default.
    pub task_timeout: Duration,
    /// `MILLRACE_MAX_TASK_TIMEOUT_SECONDS`: the longest that a task may ask for. 86400 by default.
    pub max_task_timeout: Duration,
    /// `MILLRACE_MAX_FAILURES`: how many crashes and passing failures a task survives. 5 by default.
    pub max_failures: u64,
    /// `MILLRACE_TENANT_CONCURRENCY`: how many tasks of one tenant run at once; further ones wait. 0, the
    /// default, is no limit.
    pub tenant_concurrency: u32,
    /// `MILLRACE_REQUESTS_PER_MINUTE`: how many requests a minute are served of an API key that has no limit of
    /// its own. 1200 by default; 0 is no limit.
    pub requests_per_minute: u32,
    /// `MILLRACE_SYNC_SECONDS`: how long a caller who waits for a result is kept waiting before the run
    /// becomes a queued task. 28 by default, which fits the 30 s of an HTTP API.
    pub sync_timeout: Duration,
    /// `MILLRACE_RETENTION_DAYS`: how long tasks and conversations are kept. 7 by default.
    pub retention: Duration,
    /// `MILLRACE_MAX_BODY_BYTES`: the largest request body that is read. 5,000,000 by default: what Lambda
    /// takes (6 MB) less the room that the event around it needs.
    pub max_body_bytes: usize,
    /// `MILLRACE_MAX_UPLOAD_BYTES`: the largest file that may be uploaded. 100,000,000 by default.
    pub max_upload_bytes: u64,
    /// `MILLRACE_MAX_VERTICES`: how many nodes a flow may have, those inside groups included. 2,000 by default.
    pub max_vertices: usize,
    /// `MILLRACE_MAX_EDGES`: how many edges a flow may have, those inside groups included. 10,000 by default.
    pub max_edges: usize,
    /// `MILLRACE_MAX_EFFECTS`: how many effects a run may have, all attempts together. 20,000 by default.
    pub max_effects: u64,
    /// `MILLRACE_MAX_TOKENS`: how many tokens a run may use, input and output together. 10,000,000 by default.
    pub max_tokens: u64,
    /// `MILLRACE_FILES_ROOT`: the folder whose files flows may read by their paths. None by default, and none
    /// when deployed: there, files are uploaded.
    pub files_root: Option<PathBuf>,
    /// How many bytes of vector indexes a process keeps in memory: a quarter of the function's memory
    /// (`AWS_LAMBDA_FUNCTION_MEMORY_SIZE`), 256 MB elsewhere.
    pub index_bytes: usize,
    /// `MILLRACE_STRICT_CODE`: refuse unknown code under a known component type. Off by default.
    pub strict_code: bool,
    /// `MILLRACE_LENIENT_TWEAKS`: ignore tweaks that fit nothing, as Langflow does. Off by default.
    pub lenient_tweaks: bool,
    /// `MILLRACE_KMS_KEY_ID`: id, ARN or alias of the KMS key that wraps the keys of secrets; or `MILLRACE_KEY_FILE`,
    /// a file of 32 bytes, for the local cloud. One of them is required.
    pub master_key: MasterKey,
    /// `MILLRACE_MAX_VARIABLES`: how many variables a tenant may have. 200 by default.
    pub max_variables: usize,
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
}

/// What the PostgreSQL driver would take from the environment and nothing can take away again: the databases of flows would
/// be shown the operator's certificate.
const UNWANTED: &[&str] = &["PGOPTIONS", "PGSSLCERT", "PGSSLKEY", "PGSSLROOTCERT"];

/// A variable that is missing or cannot be read. The process cannot start.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvironmentError {
    /// A required variable is not set.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// A variable is set that has a meaning which is not wanted.
    #[error("{0} is set, and would reach the databases of flows; unset it")]
    Unwanted(&'static str),
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
    #[expect(clippy::disallowed_methods, reason = "the one place that reads them")]
    pub fn from_env() -> Result<Self, EnvironmentError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// The defaults for a table and a queue.
    pub fn new(table: impl Into<String>, queue_url: impl Into<String>) -> Self {
        let store = StoreConfig::new(table, queue_url);
        Self {
            table: store.table,
            queue_url: store.queue_url,
            bucket: None,
            log: "info".to_owned(),
            lease: store.lease,
            task_timeout: store.task_timeout,
            max_task_timeout: store.max_task_timeout,
            max_failures: store.max_failures,
            tenant_concurrency: store.tenant_concurrency,
            requests_per_minute: 1_200,
            sync_timeout: RunnerConfig::default().sync_timeout,
            retention: store.retention,
            max_body_bytes: 5_000_000,
            max_upload_bytes: store.max_upload_bytes,
            max_vertices: FlowLimits::default().vertices,
            max_edges: FlowLimits::default().edges,
            max_effects: RunLimits::default().effects,
            max_tokens: RunLimits::default().tokens,
            files_root: None,
            index_bytes: RunnerConfig::default().index_bytes,
            strict_code: false,
            lenient_tweaks: false,
            master_key: MasterKey::None,
            max_variables: store.max_variables,
            allow_hosts: Vec::new(),
            allow_loopback: false,
            plain_keys: false,
            variables: BTreeMap::new(),
        }
    }

    /// Reads the variables that `lookup` gives, for a process that sets some of them itself.
    ///
    /// # Errors
    /// [`EnvironmentError`], for the first variable that is missing or wrong.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let get = |name| lookup(name).filter(|value| !value.is_empty());
        if let Some(name) = UNWANTED.iter().find(|name| get(name).is_some()) {
            return Err(EnvironmentError::Unwanted(name));
        }
        let required = |name| get(name).ok_or(EnvironmentError::Missing(name));
        let flag = |name| get(name).map_or(Ok(false), |value| flag(name, &value));
        let defaults = Self::new(required("MILLRACE_TABLE")?, required("MILLRACE_QUEUE_URL")?);
        let seconds = |name, unit: u32, default| match get(name) {
            Some(value) => Ok(Duration::from_secs(number::<u32>(name, &value)?.into()).saturating_mul(unit)),
            None => Ok(default),
        };
        let size = |name, default| get(name).map_or(Ok(default), |value| number::<usize>(name, &value));
        let count = |name, default| get(name).map_or(Ok(default), |value| number::<u64>(name, &value));
        Ok(Self {
            bucket: get("MILLRACE_BUCKET"),
            log: get("MILLRACE_LOG").unwrap_or(defaults.log),
            lease: seconds("MILLRACE_LEASE_SECONDS", 1, defaults.lease)?,
            task_timeout: seconds("MILLRACE_TASK_TIMEOUT_SECONDS", 1, defaults.task_timeout)?,
            max_task_timeout: seconds("MILLRACE_MAX_TASK_TIMEOUT_SECONDS", 1, defaults.max_task_timeout)?,
            max_failures: count("MILLRACE_MAX_FAILURES", defaults.max_failures)?,
            tenant_concurrency: count("MILLRACE_TENANT_CONCURRENCY", defaults.tenant_concurrency.into())?
                .try_into()
                .unwrap_or(u32::MAX),
            requests_per_minute: match get("MILLRACE_REQUESTS_PER_MINUTE") {
                Some(value) => number("MILLRACE_REQUESTS_PER_MINUTE", &value)?,
                None => defaults.requests_per_minute,
            },
            sync_timeout: seconds("MILLRACE_SYNC_SECONDS", 1, defaults.sync_timeout)?,
            retention: seconds("MILLRACE_RETENTION_DAYS", 24 * 60 * 60, defaults.retention)?,
            max_body_bytes: size("MILLRACE_MAX_BODY_BYTES", defaults.max_body_bytes)?,
            max_upload_bytes: count("MILLRACE_MAX_UPLOAD_BYTES", defaults.max_upload_bytes)?,
            max_vertices: size("MILLRACE_MAX_VERTICES", defaults.max_vertices)?,
            max_edges: size("MILLRACE_MAX_EDGES", defaults.max_edges)?,
            max_effects: count("MILLRACE_MAX_EFFECTS", defaults.max_effects)?,
            max_tokens: count("MILLRACE_MAX_TOKENS", defaults.max_tokens)?,
            files_root: get("MILLRACE_FILES_ROOT").map(PathBuf::from),
            index_bytes: match get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") {
                Some(megabytes) => {
                    number::<usize>("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &megabytes)? * 1024 * 1024 / 4
                }
                None => defaults.index_bytes,
            },
            strict_code: flag("MILLRACE_STRICT_CODE")?,
            lenient_tweaks: flag("MILLRACE_LENIENT_TWEAKS")?,
            master_key: master_key(get("MILLRACE_KMS_KEY_ID"), get("MILLRACE_KEY_FILE"))?,
            max_variables: match get("MILLRACE_MAX_VARIABLES") {
                Some(value) => number("MILLRACE_MAX_VARIABLES", &value)?,
                None => defaults.max_variables,
            },
            allow_hosts: hosts("MILLRACE_ALLOW_HOSTS", &get("MILLRACE_ALLOW_HOSTS").unwrap_or_default())?,
            allow_loopback: flag("MILLRACE_ALLOW_LOOPBACK")?,
            plain_keys: flag("MILLRACE_PLAIN_KEYS")?,
            variables: VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), get(name)?))).collect(),
            table: defaults.table,
            queue_url: defaults.queue_url,
        })
    }

    /// Builds the clients and a runner over them. Calls no service.
    ///
    /// # Errors
    /// [`OutboundError`] where the way out cannot be set up.
    pub async fn connect(&self) -> Result<Runner, OutboundError> {
        let store = Store::connect(self.store_config(), self.bucket.clone(), Arc::new(SystemHost)).await;
        let outbound = Outbound::new(self.outbound_config())?;
        Ok(Runner::new(store, millrace_components::registry(), outbound, self.runner_config()))
    }

    /// The same for a process that runs no flow, as the sweeper: **it links no component**, which more than halves it.
    ///
    /// # Errors
    /// [`OutboundError`] where the way out cannot be set up.
    pub async fn connect_without_components(&self) -> Result<Runner, OutboundError> {
        let store = Store::connect(self.store_config(), self.bucket.clone(), Arc::new(SystemHost)).await;
        let outbound = Outbound::new(self.outbound_config())?;
        Ok(Runner::new(store, Registry::new(&[], ""), outbound, self.runner_config()))
    }

    /// The same for a process that works on after an answer; see [`Runner::with_background`].
    ///
    /// # Errors
    /// [`OutboundError`] where the way out cannot be set up.
    pub async fn connect_with(&self, background: TaskTracker) -> Result<Runner, OutboundError> {
        let store = Store::connect(self.store_config(), self.bucket.clone(), Arc::new(SystemHost)).await;
        let outbound = Outbound::new(self.outbound_config())?;
        let registry = millrace_components::registry();
        Ok(Runner::with_background(store, registry, outbound, self.runner_config(), background))
    }

    /// The store's part.
    pub fn store_config(&self) -> StoreConfig {
        StoreConfig {
            lease: self.lease,
            retention: self.retention,
            task_timeout: self.task_timeout,
            max_task_timeout: self.max_task_timeout,
            max_failures: self.max_failures,
            tenant_concurrency: self.tenant_concurrency,
            requests_per_minute: self.requests_per_minute,
            max_upload_bytes: self.max_upload_bytes,
            plain_keys: self.plain_keys,
            master_key: self.master_key.clone(),
            max_variables: self.max_variables,
            ..StoreConfig::new(self.table.as_str(), self.queue_url.as_str())
        }
    }

    /// The runner's part.
    pub fn runner_config(&self) -> RunnerConfig {
        RunnerConfig {
            strict_code: self.strict_code,
            tweaks: if self.lenient_tweaks { Leniency::Lenient } else { Leniency::Strict },
            variables: self.variables.clone(),
            files_root: self.files_root.clone(),
            index_bytes: self.index_bytes,
            sync_timeout: self.sync_timeout,
            flow_limits: FlowLimits { vertices: self.max_vertices, edges: self.max_edges },
            run_limits: RunLimits { effects: self.max_effects, tokens: self.max_tokens },
            ..RunnerConfig::default()
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

/// The key of KMS goes before a file.
fn master_key(kms: Option<String>, file: Option<String>) -> Result<MasterKey, EnvironmentError> {
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
        let required = [
            ("MILLRACE_TABLE", "tasks"),
            ("MILLRACE_QUEUE_URL", "http://queue/q"),
            ("MILLRACE_KMS_KEY_ID", "alias/millrace"),
        ];
        let all: BTreeMap<_, _> = required.iter().chain(variables).copied().collect();
        Environment::read(|name| all.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn only_table_queue_and_key_are_required() {
        let environment = read(&[]).unwrap();
        assert_eq!((environment.table.as_str(), environment.queue_url.as_str()), ("tasks", "http://queue/q"));
        assert_eq!(environment.max_body_bytes, 5_000_000);
        assert_eq!(environment.lease, Duration::from_secs(30));
        assert_eq!((&environment.bucket, &environment.files_root), (&None, &None));
        assert!(!environment.plain_keys && !environment.allow_loopback && environment.variables.is_empty());
        assert_eq!(environment.store_config().master_key, MasterKey::Kms("alias/millrace".to_owned()));
        for name in ["MILLRACE_TABLE", "MILLRACE_QUEUE_URL", "MILLRACE_KMS_KEY_ID"] {
            assert_eq!(read(&[(name, "")]).unwrap_err(), EnvironmentError::Missing(name));
        }
        for name in UNWANTED {
            assert_eq!(read(&[(name, "x")]).unwrap_err(), EnvironmentError::Unwanted(name));
        }
    }

    #[test]
    fn what_is_set_reaches_the_part_it_is_for() {
        let environment = read(&[
            ("MILLRACE_LEASE_SECONDS", "5"),
            ("MILLRACE_RETENTION_DAYS", "2"),
            ("MILLRACE_TASK_TIMEOUT_SECONDS", "60"),
            ("MILLRACE_MAX_TASK_TIMEOUT_SECONDS", "120"),
            ("MILLRACE_MAX_FAILURES", "7"),
            ("MILLRACE_TENANT_CONCURRENCY", "9"),
            ("MILLRACE_REQUESTS_PER_MINUTE", "0"),
            ("MILLRACE_SYNC_SECONDS", "890"),
            ("MILLRACE_PLAIN_KEYS", "true"),
            ("MILLRACE_FILES_ROOT", "/data"),
            ("MILLRACE_BUCKET", "objects"),
            ("MILLRACE_MAX_UPLOAD_BYTES", "7"),
            ("MILLRACE_MAX_VERTICES", "11"),
            ("MILLRACE_MAX_EDGES", "12"),
            ("MILLRACE_MAX_EFFECTS", "13"),
            ("MILLRACE_MAX_TOKENS", "14"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("MILLRACE_LENIENT_TWEAKS", "1"),
            ("MILLRACE_ALLOW_HOSTS", "ollama.lan:11434, 10.0.0.1"),
            ("OPENAI_API_KEY", "sk-secret"),
            ("HOME", "/root"),
        ])
        .unwrap();
        let store = environment.store_config();
        assert_eq!((store.lease, store.retention), (Duration::from_secs(5), Duration::from_secs(172_800)));
        assert_eq!((store.task_timeout.as_secs(), store.max_task_timeout.as_secs()), (60, 120));
        assert_eq!((store.max_failures, store.tenant_concurrency), (7, 9));
        assert_eq!((store.requests_per_minute, read(&[]).unwrap().requests_per_minute), (0, 1_200));
        assert_eq!(environment.runner_config().sync_timeout, Duration::from_secs(890));
        assert!(store.plain_keys);
        let runner = environment.runner_config();
        assert_eq!(runner.flow_limits, FlowLimits { vertices: 11, edges: 12 });
        assert_eq!(runner.run_limits, RunLimits { effects: 13, tokens: 14 });
        assert_eq!(environment.runner_config().tweaks, Leniency::Lenient);
        assert_eq!(environment.runner_config().variables.keys().collect::<Vec<_>>(), ["OPENAI_API_KEY"]);
        assert_eq!((environment.bucket.as_deref(), store.max_upload_bytes), (Some("objects"), 7));
        assert_eq!(environment.runner_config().index_bytes, 128 * 1024 * 1024);
        assert_eq!(environment.runner_config().files_root, Some(PathBuf::from("/data")));
        assert_eq!(environment.outbound_config().allow.len(), 2);
        assert!(!format!("{environment:?}").contains("sk-secret"));
    }

    #[test]
    fn a_key_file_has_32_bytes() {
        let file = std::env::temp_dir().join(format!("millrace-key-{}", std::process::id()));
        let read = || read(&[("MILLRACE_KMS_KEY_ID", ""), ("MILLRACE_KEY_FILE", file.to_str().unwrap())]);
        for (bytes, good) in [(31, false), (32, true), (33, false)] {
            std::fs::write(&file, vec![7; bytes]).unwrap();
            match read() {
                Ok(environment) => assert!(good && environment.master_key == MasterKey::local([7; 32])),
                Err(error) => assert!(!good && error.to_string().contains("MILLRACE_KEY_FILE"), "{error}"),
            }
        }
        std::fs::remove_file(&file).unwrap();
        assert!(read().is_err());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (name, value) in [
            ("MILLRACE_LEASE_SECONDS", "a minute"),
            ("MILLRACE_RETENTION_DAYS", "-1"),
            ("MILLRACE_MAX_FAILURES", "many"),
            ("MILLRACE_MAX_BODY_BYTES", "5MB"),
            ("MILLRACE_REQUESTS_PER_MINUTE", "-1"),
            ("MILLRACE_MAX_VERTICES", "-1"),
            ("MILLRACE_MAX_TOKENS", "1e6"),
            ("MILLRACE_STRICT_CODE", "maybe"),
            ("MILLRACE_ALLOW_HOSTS", "http://a"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(matches!(error, EnvironmentError::Invalid { name: n, .. } if n == name), "{name}");
            assert!(!error.to_string().contains(value), "{name}");
        }
    }
}
