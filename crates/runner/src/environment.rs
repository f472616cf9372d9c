//! The environment, read once in `main`, and the clients that it describes.
//!
//! **Nothing else reads environment variables**; tests and the local cloud fill in [`Environment`] by hand.
//! Region, credentials and endpoints come from the standard variables of the AWS SDKs (`AWS_REGION`,
//! `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_SQS`, `AWS_ENDPOINT_URL_S3`), which [`Environment::connect`]
//! leaves to them.

mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millrace_components::VARIABLES;
use millrace_engine::{FlowLimits, Leniency, Registry};
use millrace_outbound::{HostRule, Outbound, OutboundConfig, OutboundError};
use millrace_store::{MasterKey, Store, StoreConfig, SystemHost};
use thiserror::Error;
use tokio_util::task::TaskTracker;

use values::{dollars, exporter, flag, hosts, master_key, number, prices};

use crate::{ExporterConfig, Prices, RunLimits, Runner, RunnerConfig};

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
    /// `MILLRACE_PRICES`: entries that replace those of the built-in price table, as JSON: see [`Prices`].
    pub prices: Prices,
    /// `MILLRACE_TASK_BUDGET`: US dollars that a task may cost by estimate. 0, the default, is no budget.
    pub task_budget: Option<f64>,
    /// `MILLRACE_TENANT_BUDGET`: US dollars that a tenant may spend a day (UTC) by estimate. 0, the default, is no
    /// budget.
    pub tenant_budget: Option<f64>,
    /// `MILLRACE_METRICS_NAMESPACE`: where CloudWatch puts metrics, which are written as lines of the log. None by
    /// default: then there are no metrics.
    pub metrics_namespace: Option<String>,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` and `OTEL_EXPORTER_OTLP_HEADERS`: where spans are sent to over OTLP/HTTP, and
    /// comma-separated `name=value` headers. None by default.
    pub exporter: Option<ExporterConfig>,
    /// Memory of the function in MB (`AWS_LAMBDA_FUNCTION_MEMORY_SIZE`), by which its time is billed; elsewhere 256,
    /// the template's default.
    pub memory_mb: u32,
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
///
/// A function's `main` ends with it, and Rust shows that by `Debug`: it says the same as `Display`.
#[derive(Clone, PartialEq, Eq, Error)]
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

impl fmt::Debug for EnvironmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
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
            prices: Prices::default(),
            task_budget: None,
            tenant_budget: None,
            metrics_namespace: None,
            exporter: None,
            memory_mb: RunnerConfig::default().memory_mb,
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
        let memory = get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
            .map(|megabytes| number::<u32>("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &megabytes))
            .transpose()?;
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
            prices: prices(get("MILLRACE_PRICES"))?,
            task_budget: dollars("MILLRACE_TASK_BUDGET", get("MILLRACE_TASK_BUDGET"))?,
            tenant_budget: dollars("MILLRACE_TENANT_BUDGET", get("MILLRACE_TENANT_BUDGET"))?,
            metrics_namespace: get("MILLRACE_METRICS_NAMESPACE"),
            exporter: exporter(get("OTEL_EXPORTER_OTLP_ENDPOINT"), get("OTEL_EXPORTER_OTLP_HEADERS"))?,
            memory_mb: memory.unwrap_or(defaults.memory_mb),
            files_root: get("MILLRACE_FILES_ROOT").map(PathBuf::from),
            index_bytes: memory.map_or(defaults.index_bytes, |memory| memory as usize * 1024 * 1024 / 4),
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
        self.exporting(Runner::new(store, millrace_components::registry(), outbound, self.runner_config()))
    }

    /// The same for a process that runs no flow, as the sweeper: **it links no component**, which more than halves it.
    ///
    /// # Errors
    /// [`OutboundError`] where the way out cannot be set up.
    pub async fn connect_without_components(&self) -> Result<Runner, OutboundError> {
        let store = Store::connect(self.store_config(), self.bucket.clone(), Arc::new(SystemHost)).await;
        let outbound = Outbound::new(self.outbound_config())?;
        self.exporting(Runner::new(store, Registry::new(&[], ""), outbound, self.runner_config()))
    }

    /// The same for a process that works on after an answer; see [`Runner::with_background`].
    ///
    /// # Errors
    /// [`OutboundError`] where the way out cannot be set up.
    pub async fn connect_with(&self, background: TaskTracker) -> Result<Runner, OutboundError> {
        let store = Store::connect(self.store_config(), self.bucket.clone(), Arc::new(SystemHost)).await;
        let outbound = Outbound::new(self.outbound_config())?;
        let registry = millrace_components::registry();
        self.exporting(Runner::with_background(store, registry, outbound, self.runner_config(), background))
    }

    /// The same runner, sending spans where they are wanted.
    ///
    /// # Errors
    /// [`OutboundError`] where the collector's address is none.
    pub fn exporting(&self, runner: Runner) -> Result<Runner, OutboundError> {
        if let Some(exporter) = &self.exporter {
            runner.export_to(exporter.clone())?;
        }
        Ok(runner)
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
            prices: self.prices.clone(),
            memory_mb: self.memory_mb,
            task_budget: self.task_budget,
            tenant_budget: self.tenant_budget,
            metrics_namespace: self.metrics_namespace.clone(),
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

#[cfg(test)]
mod tests;
