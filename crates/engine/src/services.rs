//! What a run needs from outside. The runner implements these over the store.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::capability::Usage;
use crate::error::RunError;
use crate::journal::Journal;

/// The conversations of this run's tenant, flow and session; nothing else can be addressed.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The newest turns of a scope (all without `newest`), oldest first.
    async fn turns(&self, scope: &str, newest: Option<u32>) -> Result<Vec<Json>, RunError>;
    /// Adds a turn under a sortable key; the same key twice is one turn.
    async fn append(&self, scope: &str, key: &str, turn: &Json) -> Result<(), RunError>;
    /// Forgets the conversation.
    async fn clear(&self) -> Result<(), RunError>;
}

/// Named values that fields refer to: a tenant's variables, request-scoped ones first.
#[async_trait]
pub trait Variables: Send + Sync {
    /// The value, if there is one.
    async fn get(&self, name: &str) -> Result<Option<String>, RunError>;
}

/// The time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Who watches over a run: what it may still begin, and how far it is.
#[async_trait]
pub trait Supervisor: Send + Sync {
    /// Waits until a new effect of this kind may begin; the [`Admission`] is dropped once it is recorded.
    ///
    /// **It does not return where the run is to stop**: what is in flight elsewhere in the run is finished and
    /// recorded, nothing new begins, and then the whole run is dropped.
    ///
    /// # Errors
    /// The run has to end with this error.
    async fn admit(&self, kind: &'static str) -> Result<Admission, RunError>;

    /// The run has failed: nothing new begins, and this returns once what is in flight is recorded.
    async fn settle(&self) {}

    /// What the run may still take here; `None` where nothing limits it.
    fn time_left(&self) -> Option<Duration> {
        None
    }

    /// A vertex began to be built.
    fn vertex_started(&self, _id: &str) {}

    /// A vertex was built.
    fn vertex_done(&self, _id: &str) {}

    /// An effect took place, now or in an earlier attempt, and cost this.
    fn spent(&self, _usage: Usage) {}
}

/// The permission for one effect, held until it is recorded.
pub struct Admission(#[expect(dead_code, reason = "held for its drop")] Box<dyn Send>);

impl Admission {
    /// `held` is dropped with the admission.
    pub fn holding(held: impl Send + 'static) -> Self {
        Self(Box::new(held))
    }
}

/// Lets everything begin at once and watches nothing.
pub struct Unsupervised;

#[async_trait]
impl Supervisor for Unsupervised {
    async fn admit(&self, _kind: &'static str) -> Result<Admission, RunError> {
        Ok(Admission::holding(()))
    }
}

/// Everything a run may reach.
#[derive(Clone)]
pub struct Services {
    /// The effects that this run has already had.
    pub journal: Arc<dyn Journal>,
    /// Conversations.
    pub sessions: Arc<dyn Sessions>,
    /// Named values.
    pub variables: Arc<dyn Variables>,
    /// The time; read only through the door.
    pub clock: Arc<dyn Clock>,
    /// Who watches over the run.
    pub supervisor: Arc<dyn Supervisor>,
    /// What components need and the engine does not know, such as the outbound client.
    pub resources: Resources,
}

/// Values by type, put in by the runner and taken out by components.
#[derive(Clone, Default)]
pub struct Resources(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Resources {
    /// Adds a value; a second one of the same type replaces the first.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, value: T) -> Self {
        self.0.insert(TypeId::of::<T>(), Arc::new(value));
        self
    }

    /// The value of this type, if it was put in.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>()).and_then(|value| value.downcast_ref())
    }
}
