//! What a run needs from outside. The runner implements these over the store.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::capability::Usage;
use crate::effect::{Effect, EffectKey};
use crate::error::{ErrorKind, RunError};
use crate::journal::Journal;
use crate::plan::Plan;

/// The conversations of this run's tenant, flow and session; nothing else can be addressed.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The newest turns of a scope (all without `newest`), oldest first.
    async fn turns(&self, scope: &str, newest: Option<u32>) -> Result<Vec<Json>, RunError>;
    /// Adds a turn under a sortable key; the same key twice is one turn.
    async fn append(&self, scope: &str, key: &str, turn: &Json) -> Result<(), RunError>;
    /// What a memory keeps beside its turns, such as a summary, and the version of it.
    async fn state(&self, scope: &str) -> Result<Option<State>, RunError>;
    /// Puts a state in place of the one of version `expected` (`None`: where there is none), in the name of
    /// `writer`. Answers whether it stands: `false` where another got there first. Written twice by the same
    /// writer, it stands once.
    async fn put_state(
        &self,
        scope: &str,
        expected: Option<u64>,
        writer: &str,
        body: &Json,
    ) -> Result<bool, RunError>;
    /// Forgets the conversation.
    async fn clear(&self) -> Result<(), RunError>;
}

/// A state and its version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Counts the writes.
    pub version: u64,
    /// The state.
    pub body: Json,
}

/// Files of this run's tenant: uploads by their reference, and those under a folder that the operator opened.
#[async_trait]
pub trait Files: Send + Sync {
    /// The file of this reference.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`](crate::ErrorKind::Flow) when there is none or it is larger than `limit` bytes.
    async fn read(&self, reference: &str, limit: u64) -> Result<File, RunError>;
    /// The files below a folder, as references, sorted.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`](crate::ErrorKind::Flow) when there is no such folder, or none may be read.
    async fn list(&self, folder: &str) -> Result<Vec<String>, RunError>;
    /// The real place of a file that a library must open by itself (SQLite): one under the operator's
    /// folder, or an upload that was put on the disk for it.
    ///
    /// # Errors
    /// As [`Files::read`].
    async fn on_disk(&self, reference: &str) -> Result<PathBuf, RunError>;
}

/// A file.
#[derive(Debug, Clone)]
pub struct File {
    /// Its name without folders, as its owner named it.
    pub name: String,
    /// What is in it.
    pub bytes: Arc<[u8]>,
    /// Whether the reference always stands for these bytes.
    pub immutable: bool,
}

/// Vector indexes of this run's tenant and flow, by a key made of what is in them.
#[async_trait]
pub trait Indexes: Send + Sync {
    /// The index under this key, if it was built before. Kept in memory between calls.
    async fn load(&self, key: &str) -> Result<Option<Arc<[u8]>>, RunError>;
    /// Keeps an index. Under one key there is only ever one.
    async fn save(&self, key: &str, index: Arc<[u8]>) -> Result<(), RunError>;
}

/// The other flows of this run's tenant.
#[async_trait]
pub trait Flows: Send + Sync {
    /// A flow by its id or, where there is only one of it, its name; of this version, or its newest.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`](crate::ErrorKind::Flow) when there is none.
    async fn load(&self, flow: &str, version: Option<&str>) -> Result<LoadedFlow, RunError>;
}

/// A flow that another calls.
#[derive(Clone)]
pub struct LoadedFlow {
    /// The flow's id.
    pub id: String,
    /// Which version it is.
    pub version: String,
    /// The flow.
    pub plan: Arc<Plan>,
    /// Its conversations, under the caller's session.
    pub sessions: Arc<dyn Sessions>,
}

/// Stands for the ports of an installation that keeps no files, indexes or other flows.
pub struct Nowhere;

#[async_trait]
impl Files for Nowhere {
    async fn read(&self, _: &str, _: u64) -> Result<File, RunError> {
        Err(RunError::new(ErrorKind::Flow, "there are no files here"))
    }

    async fn list(&self, _: &str) -> Result<Vec<String>, RunError> {
        Err(RunError::new(ErrorKind::Flow, "there are no folders here"))
    }

    async fn on_disk(&self, _: &str) -> Result<PathBuf, RunError> {
        Err(RunError::new(ErrorKind::Flow, "there are no files here"))
    }
}

#[async_trait]
impl Indexes for Nowhere {
    async fn load(&self, _: &str) -> Result<Option<Arc<[u8]>>, RunError> {
        Ok(None)
    }

    async fn save(&self, _: &str, _: Arc<[u8]>) -> Result<(), RunError> {
        Ok(())
    }
}

#[async_trait]
impl Flows for Nowhere {
    async fn load(&self, flow: &str, _: Option<&str>) -> Result<LoadedFlow, RunError> {
        Err(RunError::new(ErrorKind::Flow, format!("there is no flow {flow}")))
    }
}

/// Whose a variable is, and so where its value may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The tenant's own, or its caller's for this run: the flow may do with it what it likes.
    Tenant,
    /// Of whoever runs the installation: it stands in for what a node leaves open, and its value is never told.
    Operator,
}

/// The value of a variable. It is not shown when it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Variable {
    /// The value.
    pub value: String,
    /// Whose it is.
    pub owner: Owner,
}

impl std::fmt::Debug for Variable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Variable").field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// Named values that fields refer to: those of the request, then the tenant's, then the operator's.
#[async_trait]
pub trait Variables: Send + Sync {
    /// The first value that there is.
    async fn get(&self, name: &str) -> Result<Option<Variable>, RunError>;
}

/// The time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Who watches over a run: what it may still begin, and how far it is.
#[async_trait]
pub trait Supervisor: Send + Sync {
    /// Waits until this new effect may begin; the [`Admission`] is dropped once it is recorded.
    ///
    /// **It does not return where the run is to stop**: what is in flight elsewhere in the run is finished and
    /// recorded, nothing new begins, and then the whole run is dropped.
    ///
    /// # Errors
    /// The run has to end with this error.
    async fn admit(&self, effect: &Effect, key: &EffectKey) -> Result<Admission, RunError>;

    /// The trace context that the requests of an admitted effect carry, as the header `traceparent`; none by default.
    fn traceparent(&self, _key: &EffectKey) -> Option<String> {
        None
    }

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

    /// An effect was answered from the journal: it took place in an earlier attempt.
    fn replayed(&self) {}

    /// An effect took place, now or in an earlier attempt, and cost this.
    fn spent(&self, _effect: &Effect, _usage: Usage) {}
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
    async fn admit(&self, _: &Effect, _: &EffectKey) -> Result<Admission, RunError> {
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
    /// Files.
    pub files: Arc<dyn Files>,
    /// Vector indexes.
    pub indexes: Arc<dyn Indexes>,
    /// Other flows.
    pub flows: Arc<dyn Flows>,
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
