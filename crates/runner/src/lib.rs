//! Runs one task: claim, load, run with its journal, finish. What the api (sync) and the worker (async) share.

mod accept;
mod account;
mod attempt;
mod call;
mod callback;
mod config;
mod credentials;
pub mod environment;
mod error;
mod execute;
mod files;
mod flows;
mod indexes;
mod journal;
mod keep_alive;
mod ledger;
pub mod logs;
pub mod metrics;
mod now;
mod plans;
mod prices;
mod redact;
mod secrets;
mod services;
#[cfg(test)]
mod services_tests;
mod session_tweaks;
mod supervisor;
mod sweep;
mod trace;
mod usage;
mod variables;
mod view;

use std::sync::{Arc, Once, OnceLock};

use millrace_engine::Registry;
use millrace_outbound::{Outbound, OutboundError};
use millrace_store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use accept::{Accepted, Again};
pub use attempt::{Delivery, Visit};
pub use call::{Call, Idempotency, Inputs, Job, Options, Session};
pub use config::{RunLimits, RunnerConfig};
pub use credentials::{Moved, Moves};
pub use error::RunnerError;
pub use execute::Answer;
pub use keep_alive::heartbeat_period;
pub use millrace_engine::Report;
pub use now::{Executed, Ran};
pub use prices::{AwsPrices, GbSecond, ModelPrice, Prices, PricesError};
pub use secrets::CallVariables;
pub use sweep::Swept;
pub use trace::{ExporterConfig, RequestTrace, TraceContext};
pub use view::TaskView;

use indexes::IndexCache;
use ledger::Ledger;
use metrics::Metrics;
use plans::Plans;
use trace::Exporter;
use usage::{Rates, Shares};

/// Runs tasks of all tenants. Cheap to clone.
#[derive(Clone)]
pub struct Runner(Arc<Inner>);

struct Inner {
    store: Store,
    registry: Registry,
    outbound: Outbound,
    config: RunnerConfig,
    plans: Plans,
    indexes: IndexCache,
    /// What is finished after the answer; none where the environment stops with the answer.
    background: Option<TaskTracker>,
    shutdown: CancellationToken,
    rates: Arc<Rates>,
    shares: Arc<Shares>,
    ledger: Ledger,
    metrics: Metrics,
    cold_start: Once,
    exporter: OnceLock<Exporter>,
}

impl Runner {
    /// A runner over this store with these component types.
    pub fn new(store: Store, registry: Registry, outbound: Outbound, config: RunnerConfig) -> Self {
        Self::build(store, registry, outbound, config, None)
    }

    /// The same, where work goes on after the answer: it is spawned on `background`, and whoever could stop
    /// the process waits for it.
    pub fn with_background(
        store: Store,
        registry: Registry,
        outbound: Outbound,
        config: RunnerConfig,
        background: TaskTracker,
    ) -> Self {
        Self::build(store, registry, outbound, config, Some(background))
    }

    fn build(
        store: Store,
        registry: Registry,
        outbound: Outbound,
        config: RunnerConfig,
        background: Option<TaskTracker>,
    ) -> Self {
        let (plans, indexes) = (Plans::default(), IndexCache::new(config.index_bytes));
        let shutdown = CancellationToken::new();
        let rates = Arc::new(Rates { prices: config.prices.clone(), memory_mb: config.memory_mb });
        let metrics = Metrics::new(config.metrics_namespace.clone());
        Self(Arc::new(Inner {
            store,
            registry,
            outbound,
            config,
            plans,
            indexes,
            background,
            shutdown,
            rates,
            shares: Arc::default(),
            ledger: Ledger::default(),
            metrics,
            cold_start: Once::new(),
            exporter: OnceLock::new(),
        }))
    }

    /// From now on spans are sent there. Only the first call counts.
    ///
    /// # Errors
    /// [`OutboundError`] for an address that is none.
    pub fn export_to(&self, config: ExporterConfig) -> Result<(), OutboundError> {
        let _first = self.0.exporter.set(Exporter::new(config)?);
        Ok(())
    }

    /// The store behind it.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The process is about to end: every task that runs is given back, at once. What it was waiting for is
    /// abandoned.
    pub fn shut_down(&self) {
        self.0.shutdown.cancel();
    }
}
