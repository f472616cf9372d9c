//! Planned flows, kept by version: the same content is the same plan.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use millrace_engine::{ErrorKind, FlowError, Plan, Report, RunError, Warning, parse_within};
use millrace_store::{FlowId, StoreError, TenantId};
use serde_json::Value as Json;

use crate::Runner;

/// Plans kept at a time. A plan of a usual flow takes some ten KB.
const KEPT: usize = 64;

/// Plans by version, and the versions in the order in which they came.
type Kept = (HashMap<String, Arc<Plan>>, VecDeque<String>);

#[derive(Default)]
pub(crate) struct Plans(Mutex<Kept>);

impl Plans {
    fn get(&self, version: &str) -> Option<Arc<Plan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.get(version).cloned()
    }

    fn put(&self, version: &str, plan: Arc<Plan>) {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (plans, order) = &mut *guard;
        if plans.insert(version.to_owned(), plan).is_none() {
            order.push_back(version.to_owned());
        }
        while order.len() > KEPT {
            if let Some(oldest) = order.pop_front() {
                plans.remove(&oldest);
            }
        }
    }
}

impl Runner {
    /// What can be said of a flow before it runs, and the same faults in sentences for its owner. `None` for an
    /// empty draft, which has none.
    ///
    /// # Errors
    /// [`FlowError::TooMany`]: the flow is too large to be kept. Any other fault is a part of the report.
    pub fn check(&self, data: &Json) -> Result<Option<(Report, Vec<String>)>, FlowError> {
        let is_draft = data.get("nodes").and_then(Json::as_array).is_some_and(Vec::is_empty);
        if is_draft {
            return Ok(None);
        }
        Ok(Some(match self.compile(data) {
            Ok(plan) => (plan.report(), plan.warnings().iter().map(ToString::to_string).collect()),
            Err(error @ FlowError::TooMany { .. }) => return Err(error),
            Err(error) => {
                let warning = Warning::Broken(error);
                (Report::broken(None, &warning), vec![warning.to_string()])
            }
        }))
    }

    fn compile(&self, data: &Json) -> Result<Arc<Plan>, FlowError> {
        let flow = parse_within(data, &self.0.config.flow_limits)?;
        Plan::new(flow, &self.0.registry, self.0.config.strict_code)
    }

    /// The plan of a flow's version, from memory where it was run before.
    pub(crate) async fn plan(
        &self,
        tenant: &TenantId,
        flow: FlowId,
        version: &str,
    ) -> Result<Result<Arc<Plan>, RunError>, StoreError> {
        if let Some(plan) = self.0.plans.get(version) {
            return Ok(Ok(plan));
        }
        let Some(data) = self.0.store.flow_data(tenant, flow, version).await? else {
            let message = format!("Flow {flow} no longer has the version that this task was pinned to");
            return Ok(Err(RunError::new(ErrorKind::Flow, message)));
        };
        match self.compile(&data) {
            Ok(plan) => {
                self.0.plans.put(version, plan.clone());
                Ok(Ok(plan))
            }
            Err(error) => Ok(Err(error.into())),
        }
    }
}
