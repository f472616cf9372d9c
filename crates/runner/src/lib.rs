//! Runs one task: claim, load, run with its journal, finish. What the api (sync) and the worker (async) share.

mod call;
mod config;
pub mod environment;
mod error;
mod plans;
mod services;
mod task;

use std::sync::Arc;

use millrace_engine::Registry;
use millrace_outbound::Outbound;
use millrace_store::Store;

pub use call::{Call, Inputs, Job};
pub use config::RunnerConfig;
pub use error::RunnerError;
pub use task::{Answer, Delivery, Executed};

use plans::Plans;

/// Runs tasks of all tenants. Cheap to clone.
#[derive(Clone)]
pub struct Runner(Arc<Inner>);

struct Inner {
    store: Store,
    registry: Registry,
    outbound: Outbound,
    config: RunnerConfig,
    plans: Plans,
}

impl Runner {
    /// A runner over this store with these component types.
    pub fn new(store: Store, registry: Registry, outbound: Outbound, config: RunnerConfig) -> Self {
        Self(Arc::new(Inner { store, registry, outbound, config, plans: Plans::default() }))
    }

    /// The store behind it.
    pub fn store(&self) -> &Store {
        &self.0.store
    }
}
