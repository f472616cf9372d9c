//! What a run is measured with, what it may cost, and who is told of its end.

use std::sync::Arc;

use jiff::Timestamp;
use millrace_store::{Counter, FlowId, Lease, Outcome, StoreError, TaskId, TenantId};
use serde_json::json;

use crate::Runner;
use crate::ledger::End;
use crate::metrics::Ended;
use crate::supervisor::{Budgets, Watch};
use crate::trace::{Kind, RequestTrace, TraceContext, Traced};
use crate::usage::{Meter, Spent, TaskUsage};

/// A task that has ended, as far as is told of it.
pub(crate) struct Told<'a> {
    pub tenant: &'a TenantId,
    pub task: TaskId,
    pub flow: FlowId,
    pub request_id: Option<&'a str>,
    pub created_at: Timestamp,
    pub started_at: Timestamp,
    pub attempt: u64,
}

impl<'a> Told<'a> {
    pub fn of(lease: &'a Lease) -> Self {
        Self {
            tenant: &lease.tenant,
            task: lease.task,
            flow: lease.flow,
            request_id: lease.request_id.as_deref(),
            created_at: lease.created_at,
            started_at: lease.started_at,
            attempt: lease.token,
        }
    }
}

impl Runner {
    /// Measures a run, from now on.
    pub(crate) fn meter(&self, counter: &Arc<Counter>, before: Spent) -> Arc<Meter> {
        Meter::new(counter.clone(), self.0.rates.clone(), &self.0.shares, before)
    }

    /// What a run may cost: `task` is what its call or its flow allows it, in dollars.
    ///
    /// # Errors
    /// Those of the store, where the tenant has a budget and what it spent cannot be read.
    pub(crate) async fn budgets(&self, tenant: &TenantId, task: Option<f64>) -> Result<Budgets, StoreError> {
        let config = &self.0.config;
        let task = task.into_iter().chain(config.task_budget).reduce(f64::min);
        let day = match config.tenant_budget {
            Some(limit) => Some((limit, limit - self.spent_today(tenant).await?)),
            None => None,
        };
        Ok(Budgets { task, day })
    }

    /// The trace of a run: that of its request, or one of its own where somebody collects spans.
    pub(crate) fn traced(
        &self,
        task: TaskId,
        attempt: u64,
        trace: Option<&str>,
        kind: Kind,
    ) -> Option<Traced> {
        let exporter = self.0.exporter.get();
        let own = || exporter.map(|_| TraceContext::begins(task.0.into_bytes()));
        let context = trace.and_then(TraceContext::parse).or_else(own)?;
        let spans = exporter.map(|exporter| &exporter.spans);
        Some(Traced::new(context, (task, attempt), kind, self.store().clone(), spans))
    }

    /// The end of a task is recorded: it is counted, told, and its span ends.
    pub(crate) fn tell_end(&self, told: &Told<'_>, outcome: &Outcome, usage: &TaskUsage) {
        let (end, code) = match outcome {
            Outcome::Succeeded { .. } => (End::Succeeded, None),
            Outcome::Failed { error } => (End::Failed, Some(error.kind.as_str())),
        };
        self.account(told.tenant, Some(end), usage);
        self.0.metrics.task(&Ended {
            task: told.task,
            flow: Some(told.flow),
            request_id: told.request_id,
            end,
            code,
            created_at: Some(told.created_at),
            started_at: Some(told.started_at),
            ended_at: self.store().host().now(),
            attempt: told.attempt,
            usage,
        });
    }

    /// A task was ended by somebody who does not run it: cancelled, or by recovery.
    pub(crate) fn ended_elsewhere(&self, tenant: &TenantId, task: TaskId, end: End, code: Option<&str>) {
        let usage = TaskUsage::default();
        self.account(tenant, Some(end), &usage);
        self.0.metrics.task(&Ended {
            task,
            flow: None,
            request_id: None,
            end,
            code,
            created_at: None,
            started_at: None,
            ended_at: self.store().host().now(),
            attempt: 0,
            usage: &usage,
        });
    }

    /// An attempt is over: its span ends.
    pub(crate) fn end_trace(&self, watch: &Watch, told: &Told<'_>, state: &'static str) {
        let usage = watch.usage();
        watch.end_trace(
            || {
                vec![
                    ("millrace.task_id", json!(told.task.to_string())),
                    ("millrace.flow_id", json!(told.flow.to_string())),
                    ("millrace.tenant", json!(told.tenant.as_str())),
                    ("millrace.attempt", json!(told.attempt)),
                    ("millrace.state", json!(state)),
                    ("gen_ai.usage.input_tokens", json!(usage.input)),
                    ("gen_ai.usage.output_tokens", json!(usage.output)),
                ]
            },
            state == "failed",
        );
    }

    /// The trace of a request, if anybody traces it: as its header `traceparent` says, else as X-Ray's says where
    /// that samples it, else one that begins here where spans are collected.
    pub fn trace_request(&self, traceparent: Option<&str>, x_ray: Option<&str>) -> Option<RequestTrace> {
        let exporter = self.0.exporter.get();
        let given = traceparent.and_then(TraceContext::parse).or_else(|| TraceContext::of_x_ray(x_ray?));
        let mut random = [0; 24];
        if exporter.is_some() {
            self.store().host().random(&mut random);
        }
        let [begins @ .., _, _, _, _, _, _, _, _] = random;
        let context = given.or_else(|| exporter.map(|_| TraceContext::begins(begins)))?;
        let spans = exporter.map(|exporter| &exporter.spans);
        Some(RequestTrace::new(context, self.store().host().now(), &random, spans))
    }

    /// A process has its first event: told once, as a metric.
    pub fn cold_start(&self, function: &'static str) {
        self.0.cold_start.call_once(|| self.0.metrics.cold_start(function, self.store().host().now()));
    }

    /// A request is answered: what is due is put and sent, after the answer where that is possible.
    pub async fn finish_request(&self) {
        let spans = self.0.exporter.get().is_some_and(|exporter| !exporter.spans.is_empty());
        if !spans && !self.0.ledger.is_due() {
            return;
        }
        match &self.0.background {
            Some(background) => {
                let runner = self.clone();
                background.spawn(async move { runner.finish_invocation(true).await });
            }
            None => self.finish_invocation(true).await,
        }
    }

    /// An invocation is about to be answered: sums are put and spans are sent. With `only_due` no sum that was put a
    /// moment ago.
    pub async fn finish_invocation(&self, only_due: bool) {
        let export = async {
            if let Some(exporter) = self.0.exporter.get() {
                exporter.export().await;
            }
        };
        tokio::join!(self.put_usage(only_due), export);
    }
}
