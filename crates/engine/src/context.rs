//! What a component sees of its run, and the one door through which effects pass.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::capability::Usage;
use crate::cause::Cause;
use crate::effect::{Effect, EffectKey};
use crate::error::{ErrorKind, RunError};
use crate::flow::Vertex;
use crate::journal::Record;
use crate::services::{File, Files, Indexes, Owner, Services, State, Variable};
use crate::trace::traced;
use crate::value::Message;

/// Who a run is for.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub task_id: String,
    pub flow_id: String,
    pub session_id: String,
    /// How many flows called each other to get here.
    pub depth: u32,
}

pub(crate) struct RunState {
    pub services: Services,
    pub identity: Identity,
    occurrences: Mutex<HashMap<String, u32>>,
    usage: Mutex<Vec<(String, Usage)>>,
    messages: Mutex<Vec<Message>>,
}

/// A vertex that feeds a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Vertex id.
    pub id: String,
    /// Its display name.
    pub display_name: String,
    /// Its type.
    pub kind: String,
}

/// The ids of the vertices from which a vertex can be reached.
pub(crate) type Ancestors = Box<dyn Fn() -> BTreeSet<String> + Send + Sync>;

/// What a component is told about the vertex it plays.
pub(crate) struct VertexScope {
    pub vertex: Vertex,
    pub wanted: BTreeSet<String>,
    pub upstream: HashMap<String, Upstream>,
    pub ancestors: Ancestors,
}

/// A component's view of its run. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    run: Arc<RunState>,
    scope: Arc<str>,
    vertex: Option<Arc<VertexScope>>,
}

impl Context {
    pub(crate) fn root(services: Services, identity: Identity) -> Self {
        let run = RunState {
            services,
            identity,
            occurrences: Mutex::default(),
            usage: Mutex::default(),
            messages: Mutex::default(),
        };
        Self { run: Arc::new(run), scope: "".into(), vertex: None }
    }

    /// A context outside a run, as for a component's examples: a vertex `example` of which these outputs are
    /// wanted.
    pub fn detached(services: Services, wanted: &[&str]) -> Self {
        let id = || "example".to_owned();
        let root =
            Self::root(services, Identity { task_id: id(), flow_id: id(), session_id: id(), depth: 0 });
        let vertex = Vertex {
            id: id(),
            kind: id(),
            display_name: id(),
            fields: Arc::default(),
            code_hash: None,
            outputs: Vec::new(),
        };
        root.for_vertex(VertexScope {
            vertex,
            wanted: wanted.iter().map(|name| (*name).to_owned()).collect(),
            upstream: HashMap::new(),
            ancestors: Box::new(BTreeSet::new),
        })
    }

    /// What this run may reach.
    pub(crate) fn services(&self) -> &Services {
        &self.run.services
    }

    /// How many flows called each other to get here.
    pub(crate) fn depth(&self) -> u32 {
        self.run.identity.depth
    }

    /// The run of another flow, as a part of this one: its effects stand below this scope.
    pub(crate) fn inner_run(&self, services: Services, flow_id: String) -> Self {
        let identity = Identity { flow_id, depth: self.depth() + 1, ..self.run.identity.clone() };
        Self { scope: self.scope.clone(), ..Self::root(services, identity) }
    }

    /// Counts what the run of another flow used as this vertex's own.
    pub(crate) fn used(&self, usage: Usage) {
        let vertex = self.vertex_id().to_owned();
        self.run.usage.lock().unwrap_or_else(PoisonError::into_inner).push((vertex, usage));
    }

    /// A scope below this one. **Whatever may run at the same time needs segments of its own.**
    #[must_use]
    pub fn scope(&self, segment: &str) -> Self {
        let scope =
            if self.scope.is_empty() { segment.to_owned() } else { format!("{}/{segment}", self.scope) };
        Self { scope: scope.into(), ..self.clone() }
    }

    pub(crate) fn for_vertex(&self, vertex: VertexScope) -> Self {
        let mut cx = self.scope(&vertex.vertex.id);
        cx.vertex = Some(Arc::new(vertex));
        cx
    }

    /// Performs an effect, or answers it from the journal if it already happened.
    ///
    /// # Errors
    /// What `perform` fails with (nothing is recorded then), or [`ErrorKind::Version`] when the record
    /// under this key is of another request: the flow or the code changed under the task.
    pub async fn effect<T, F, Fut>(&self, effect: Effect, perform: F) -> Result<T, RunError>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<(T, Usage), RunError>>,
    {
        let key = self.next_key();
        let journal = &self.run.services.journal;
        let supervisor = &self.run.services.supervisor;
        let request_hash = effect.hash();
        if let Some(record) = journal.recorded(&key).await? {
            supervisor.replayed();
            return self.adopt(&effect, &request_hash, record);
        }
        let _admission = supervisor.admit(&effect, &key).await?;
        let began = self.run.services.clock.now();
        let (response, usage) = traced(supervisor.traceparent(&key), perform()).await?;
        let at = self.run.services.clock.now();
        let response = serde_json::to_value(&response).map_err(|e| broken_record(effect.kind, e))?;
        let (kind, request_hash) = (effect.kind.to_owned(), request_hash);
        // A clock that was put back makes no negative time.
        let ms = u64::try_from(at.duration_since(began).as_millis()).unwrap_or(0);
        let record = Record { kind, request_hash: request_hash.clone(), response, usage, at, ms };
        // Whoever loses the race adopts the stored one: both attempts then go on with the same answer.
        let stands = journal.record(&key, record).await?;
        self.adopt(&effect, &request_hash, stands)
    }

    fn adopt<T: DeserializeOwned>(&self, effect: &Effect, hash: &str, record: Record) -> Result<T, RunError> {
        if record.request_hash != hash || record.kind != effect.kind {
            let message = "The flow or Millrace changed while this task was running; it cannot be resumed";
            return Err(RunError::new(ErrorKind::Version, message).because(("record at", &*self.scope)));
        }
        let vertex = self.vertex.as_ref().map_or_else(String::new, |v| v.vertex.id.clone());
        self.run.services.supervisor.spent(effect, record.usage);
        self.run.usage.lock().unwrap_or_else(PoisonError::into_inner).push((vertex, record.usage));
        serde_json::from_value(record.response).map_err(|e| broken_record(effect.kind, e))
    }

    fn next_key(&self) -> EffectKey {
        let mut all = self.run.occurrences.lock().unwrap_or_else(PoisonError::into_inner);
        let next = all.entry(self.scope.to_string()).or_insert(0);
        let key = EffectKey::new(&self.scope, *next);
        *next += 1;
        key
    }

    /// The time, recorded: a replayed run sees the same.
    pub async fn now(&self) -> Result<jiff::Timestamp, RunError> {
        let clock = self.run.services.clock.clone();
        let effect = Effect { kind: "clock", request: Json::Null };
        self.effect(effect, || async move { Ok((clock.now(), Usage::default())) }).await
    }

    /// A UUID for this place of this run: the same in every attempt, so it needs no record.
    pub fn uuid(&self) -> String {
        let key = self.next_key();
        let digest = Sha256::digest(format!("{}\n{}", self.run.identity.task_id, key.as_str()));
        let h = hex(&digest[..16]);
        // Version 4 and variant bits, so that it passes for any random UUID.
        format!("{}-{}-4{}-a{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..32])
    }

    /// The newest turns of a conversation's scope, oldest first.
    pub async fn turns(&self, scope: &str, newest: Option<u32>) -> Result<Vec<Json>, RunError> {
        let sessions = self.run.services.sessions.clone();
        let effect = Effect { kind: "session.turns", request: json!({"scope": scope, "newest": newest}) };
        self.effect(effect, || async move { Ok((sessions.turns(scope, newest).await?, Usage::default())) })
            .await
    }

    /// Adds a turn to a conversation's scope, once per place of a run.
    ///
    /// Turns sort by task first, since task ids sort by time, then by `order` (empty where a task adds one
    /// turn, else a recorded time), then by the place in the run.
    pub async fn append_turn(&self, scope: &str, order: &str, turn: Json) -> Result<(), RunError> {
        let sessions = self.run.services.sessions.clone();
        let key = format!("{}#{order}#{}", self.run.identity.task_id, self.next_key().as_str());
        let effect = Effect { kind: "session.append", request: json!({"scope": scope, "turn": turn}) };
        let append = || async move {
            sessions.append(scope, &key, &turn).await?;
            Ok(((), Usage::default()))
        };
        self.effect(effect, append).await
    }

    /// What a memory keeps beside its turns, and the version of it.
    pub async fn state(&self, scope: &str) -> Result<Option<State>, RunError> {
        let sessions = self.run.services.sessions.clone();
        let effect = Effect { kind: "session.state", request: json!({"scope": scope}) };
        self.effect(effect, || async move { Ok((sessions.state(scope).await?, Usage::default())) }).await
    }

    /// Puts a state in place of the one of version `expected` (`None`: where there is none). `false` where
    /// another got there first: load it again, and put what follows from both.
    pub async fn put_state(&self, scope: &str, expected: Option<u64>, body: &Json) -> Result<bool, RunError> {
        let sessions = self.run.services.sessions.clone();
        let writer = format!("{}#{}", self.run.identity.task_id, self.next_key().as_str());
        let request = json!({"scope": scope, "expected": expected, "body": body});
        let put = || async move {
            Ok((sessions.put_state(scope, expected, &writer, body).await?, Usage::default()))
        };
        self.effect(Effect { kind: "session.put_state", request }, put).await
    }

    /// A file of at most `limit` bytes that the flow names. One that may change is recorded by its digest:
    /// a run that is resumed sees the same, or ends.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] when there is none or it is too large; [`ErrorKind::Version`] when it changed.
    pub async fn file(&self, reference: &str, limit: u64) -> Result<File, RunError> {
        let file = self.run.services.files.read(reference, limit).await?;
        if file.immutable {
            return Ok(file);
        }
        let digest = hex(&Sha256::digest(&file.bytes));
        let effect = Effect { kind: "file", request: json!({"file": reference}) };
        let now = digest.clone();
        let then: String = self.effect(effect, || async move { Ok((now, Usage::default())) }).await?;
        if then != digest {
            let message = format!("The file {} changed while this task was running", file.name);
            return Err(RunError::new(ErrorKind::Version, message));
        }
        Ok(file)
    }

    /// The files below a folder, as references.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] when there is no such folder, or none may be read.
    pub async fn folder(&self, folder: &str) -> Result<Vec<String>, RunError> {
        let files = self.run.services.files.clone();
        let effect = Effect { kind: "folder", request: json!({"folder": folder}) };
        self.effect(effect, || async move { Ok((files.list(folder).await?, Usage::default())) }).await
    }

    /// Files, for a library that must open them by itself.
    pub fn files(&self) -> &dyn Files {
        self.run.services.files.as_ref()
    }

    /// Vector indexes. Reading one is no effect: what is under a key never changes.
    pub fn indexes(&self) -> &dyn Indexes {
        self.run.services.indexes.as_ref()
    }

    /// Forgets the conversation, once per place of a run.
    pub(crate) async fn clear_session(&self) -> Result<(), RunError> {
        let sessions = self.run.services.sessions.clone();
        let effect = Effect { kind: "session.clear", request: Json::Null };
        let clear = || async move {
            sessions.clear().await?;
            Ok(((), Usage::default()))
        };
        self.scope("clear").effect(effect, clear).await
    }

    /// What the run may still take here; `None` where nothing limits it. An effect that cannot be over by then
    /// had better not be tried again.
    pub fn time_left(&self) -> Option<std::time::Duration> {
        self.run.services.supervisor.time_left()
    }

    /// What stands in for something that a node leaves open. **An operator's value is never told to the flow**: it
    /// goes to the provider it is for and nowhere else. Not recorded: secrets stay out of the journal.
    pub async fn variable(&self, name: &str) -> Result<Option<Variable>, RunError> {
        self.run.services.variables.get(name).await
    }

    /// The value of a variable that a flow refers to by name: the tenant's own, never the operator's.
    pub(crate) async fn own_variable(&self, name: &str) -> Result<Option<String>, RunError> {
        let variable = self.variable(name).await?;
        Ok(variable.filter(|variable| variable.owner == Owner::Tenant).map(|variable| variable.value))
    }

    /// A resource that the runner put in.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the runner did not: a fault in wiring.
    pub fn resource<T: std::any::Any + Send + Sync>(&self) -> Result<&T, RunError> {
        self.run.services.resources.get().ok_or_else(|| {
            RunError::new(ErrorKind::Internal, "This installation is incomplete")
                .because(("no resource", std::any::type_name::<T>()))
        })
    }

    /// Whether this output of the vertex is read by another vertex or by the caller.
    pub fn wants(&self, output: &str) -> bool {
        self.vertex.as_ref().is_none_or(|v| v.wanted.contains(output))
    }

    /// The vertex that feeds this field, if one does.
    pub fn upstream(&self, field: &str) -> Option<&Upstream> {
        self.vertex.as_ref()?.upstream.get(field)
    }

    /// Tokens that the vertices upstream of this one used; `None` if no model ran there.
    pub fn upstream_usage(&self) -> Option<Usage> {
        let ancestors = (self.vertex.as_ref()?.ancestors)();
        let all = self.run.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sum = Usage::default();
        all.iter().filter(|(id, _)| ancestors.contains(id)).for_each(|(_, usage)| sum += *usage);
        (sum != Usage::default()).then_some(sum)
    }

    /// Tokens that the run used so far.
    pub fn total_usage(&self) -> Usage {
        let all = self.run.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sum = Usage::default();
        all.iter().for_each(|(_, usage)| sum += *usage);
        sum
    }

    /// Says that a message was stored: a streaming answer shows it.
    pub fn emit(&self, message: Message) {
        self.run.messages.lock().unwrap_or_else(PoisonError::into_inner).push(message);
    }

    pub(crate) fn emitted(&self) -> Vec<Message> {
        self.run.messages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The id of this vertex; empty outside one.
    pub fn vertex_id(&self) -> &str {
        self.vertex.as_ref().map_or("", |v| &v.vertex.id)
    }

    /// The conversation.
    pub fn session_id(&self) -> &str {
        &self.run.identity.session_id
    }

    /// The flow.
    pub fn flow_id(&self) -> &str {
        &self.run.identity.flow_id
    }

    /// The task, the first of its chain where it is a retry; stands for Langflow's run id.
    pub fn task_id(&self) -> &str {
        &self.run.identity.task_id
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn broken_record(kind: &'static str, error: serde_json::Error) -> RunError {
    RunError::new(ErrorKind::Internal, "A recorded step could not be read back")
        .because((kind, error.told().as_str()))
}
