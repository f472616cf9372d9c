//! Kills the worker at the moments that a plan picks.

use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use millrace_local::{Call, Phase, Process, Verdict};
use serde_json::Value as Json;

/// What the worker does, as far as a plan tells it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It takes a task.
    Claim,
    /// It asks the model.
    Model,
    /// It records what the model answered.
    Record,
    /// It writes a result that is an item of its own.
    Result,
    /// It sets the state of a task that succeeded.
    End,
    /// The event source deletes its messages.
    Delete,
    /// Any other call of a service.
    Other,
}

impl What {
    fn of(call: &Call<'_>) -> Self {
        let body: Json = serde_json::from_slice(call.body).unwrap_or_default();
        let values = &body["ExpressionAttributeValues"];
        let sort_key = body["Item"]["sk"]["S"].as_str().unwrap_or_default();
        match call.operation {
            "UpdateItem" if !values[":claim_new"].is_null() => Self::Claim,
            "UpdateItem" if values[":state_new"]["S"] == "succeeded" => Self::End,
            "PutItem" if sort_key.starts_with("J#") && body["Item"]["kind"]["S"] == "model" => Self::Record,
            "PutItem" if sort_key == "RESULT" => Self::Result,
            "DeleteMessageBatch" => Self::Delete,
            _ => Self::Other,
        }
    }
}

/// Says when to kill.
pub trait Plan: Send + 'static {
    /// Whether the worker is killed at this moment, and what becomes of the call then.
    fn strike(&mut self, what: What, phase: Phase) -> Option<Verdict>;
}

/// Carries out a plan. It is asked only while there is a process that can be killed.
pub struct Killer {
    plan: Mutex<Box<dyn Plan>>,
    worker: OnceLock<Arc<Process>>,
    killed: Mutex<Vec<u32>>,
}

impl Killer {
    /// A killer that has no victim yet.
    pub fn new(plan: impl Plan) -> Arc<Self> {
        Arc::new(Self { plan: Mutex::new(Box::new(plan)), worker: OnceLock::new(), killed: Mutex::default() })
    }

    /// Names the victim.
    pub fn aim(&self, worker: Arc<Process>) {
        assert!(self.worker.set(worker).is_ok(), "one killer, one worker");
    }

    /// The ids of the processes that were killed.
    pub fn killed(&self) -> Vec<u32> {
        self.killed.lock().unwrap().clone()
    }

    /// Whether a call goes on; when it is answered, a worker that was to be killed is dead.
    pub fn call(&self, call: &Call<'_>) -> BoxFuture<'static, Verdict> {
        self.at(What::of(call), call.phase)
    }

    /// The same for a call of the model.
    pub fn model(&self, phase: Phase) -> BoxFuture<'static, ()> {
        self.at(What::Model, phase).map(drop).boxed()
    }

    fn at(&self, what: What, phase: Phase) -> BoxFuture<'static, Verdict> {
        let worker = self.worker.get().cloned();
        let Some(worker) = worker.filter(|worker| !worker.pids().is_empty()) else {
            return ready(Verdict::Pass).boxed();
        };
        let Some(verdict) = self.plan.lock().unwrap().strike(what, phase) else {
            return ready(Verdict::Pass).boxed();
        };
        self.killed.lock().unwrap().extend(worker.pids());
        async move {
            worker.kill().await;
            verdict
        }
        .boxed()
    }
}

/// The answer of a service that will not do it, and is not to be asked again.
pub fn refusal() -> Verdict {
    Verdict::Reply(
        400,
        Bytes::from_static(br#"{"__type":"com.amazonaws.sqs#InvalidSecurity","message":"no"}"#),
    )
}
