//! How tasks are run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use millrace_engine::{FlowLimits, Leniency};

use crate::Prices;

/// How tasks are run. Read once, in `main`.
#[derive(Debug, Clone)]
pub struct RunnerConfig {
    /// Refuse unknown code under a known type instead of running the stock behaviour.
    pub strict_code: bool,
    /// What happens to a tweak for an unknown node or field.
    pub tweaks: Leniency,
    /// Variables that every tenant's flows can refer to, such as the operator's provider key.
    pub variables: BTreeMap<String, String>,
    /// The folder whose files flows may read by their paths; none by default.
    pub files_root: Option<PathBuf>,
    /// Where uploads are put for libraries that open files by themselves.
    pub spool: PathBuf,
    /// How many bytes of vector indexes are kept in memory.
    pub index_bytes: usize,
    /// How long a caller who waits for the result is kept waiting; then the run becomes a queued task.
    pub sync_timeout: Duration,
    /// How large a flow may be.
    pub flow_limits: FlowLimits,
    /// What one run may use.
    pub run_limits: RunLimits,
    /// What things cost.
    pub prices: Prices,
    /// Memory of the function, MB: its time is billed by it.
    pub memory_mb: u32,
    /// Dollars that a task may cost by estimate; none by default.
    pub task_budget: Option<f64>,
    /// Dollars that a tenant may spend a day (UTC) by estimate; none by default.
    pub tenant_budget: Option<f64>,
    /// Where CloudWatch puts the metrics; without it there are none.
    pub metrics_namespace: Option<String>,
    /// What is kept back of an invocation's time, to record the end of a run or to give its task back.
    pub reserve: Duration,
}

/// What one run may use, all its attempts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// Effects: model calls, requests, statements, reads and writes of a conversation, files, looks at the clock.
    pub effects: u64,
    /// Tokens, input and output together.
    pub tokens: u64,
}

impl Default for RunLimits {
    /// 20,000 effects: a list call of 1,000 inputs with 20 each, or a folder of 10,000 files. 10,000,000 tokens.
    fn default() -> Self {
        Self { effects: 20_000, tokens: 10_000_000 }
    }
}

impl Default for RunnerConfig {
    /// Stock code runs with a warning, unknown tweaks are errors, no variables, no folder, 256 MB of indexes, 28 s: two seconds less than
    /// what an HTTP API leaves its function; 3 s are kept back.
    fn default() -> Self {
        Self {
            strict_code: false,
            tweaks: Leniency::Strict,
            variables: BTreeMap::new(),
            files_root: None,
            spool: std::env::temp_dir().join("millrace-uploads"),
            index_bytes: 256 * 1024 * 1024,
            sync_timeout: Duration::from_secs(28),
            flow_limits: FlowLimits::default(),
            run_limits: RunLimits::default(),
            prices: Prices::default(),
            memory_mb: 256,
            task_budget: None,
            tenant_budget: None,
            metrics_namespace: None,
            reserve: Duration::from_secs(3),
        }
    }
}
