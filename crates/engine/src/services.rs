//! What a run needs from outside. The runner implements these over the store.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value as Json;

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
