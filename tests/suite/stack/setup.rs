//! How a stack is made.

use std::path::PathBuf;
use std::time::Duration;

use millrace_engine::FlowLimits;
use millrace_runner::{ExporterConfig, Prices, RunLimits};

use crate::observer::Observed;

/// How a stack differs from the usual one.
#[derive(Clone)]
pub struct Setup {
    /// Whether a worker waits at the queue.
    pub worker: bool,
    /// How often the sweeper runs, if at all.
    pub sweeps: Option<Duration>,
    /// How long a caller is kept waiting.
    pub sync_timeout: Duration,
    /// Whether work goes on after an answer.
    pub background: bool,
    /// Attempts that may fail; with 1 a passing reason is as final as any.
    pub max_failures: u64,
    /// Tasks of a tenant at once; 0 is no limit.
    pub tenant_concurrency: u32,
    /// Requests of a key in a minute; 0 is no limit.
    pub requests_per_minute: u32,
    /// How long a claim holds.
    pub lease: Duration,
    /// The folder whose files flows may read by their paths.
    pub files: Option<PathBuf>,
    /// Whether keys may be any text, as in the local cloud.
    pub plain_keys: bool,
    /// How large a flow may be.
    pub flow_limits: FlowLimits,
    /// What one run may use.
    pub run_limits: RunLimits,
    /// What things cost.
    pub prices: Prices,
    /// Dollars that a task may cost.
    pub task_budget: Option<f64>,
    /// Dollars that a tenant may spend a day.
    pub tenant_budget: Option<f64>,
    /// Where spans are sent to.
    pub collector: Option<ExporterConfig>,
    /// Who notes what each function calls. Each has clients of its own then, and secrets are sealed under KMS.
    pub observed: Option<Observed>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            worker: true,
            sweeps: None,
            sync_timeout: Duration::from_secs(28),
            background: true,
            max_failures: 1,
            tenant_concurrency: 0,
            requests_per_minute: 0,
            lease: Duration::from_secs(30),
            files: None,
            plain_keys: true,
            flow_limits: FlowLimits::default(),
            run_limits: RunLimits::default(),
            prices: Prices::default(),
            task_budget: None,
            tenant_budget: None,
            collector: None,
            observed: None,
        }
    }
}
