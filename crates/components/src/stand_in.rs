//! What tests of components stand on: a run with a scripted web, a scripted model, and sessions in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use millrace_engine::{
    ChatModel, ChatReply, ChatRequest, Clock, Context, Effect, File, Files, Indexes, MemoryJournal,
    MemorySessions, Nowhere, Owner, Resources, RunError, Services, ToolCall, Unsupervised, Usage, Variable,
    Variables,
};
use millrace_outbound::{Answer, Hop, Outbound, OutboundConfig, Transport, TransportError};
use serde_json::json;

/// A run outside any flow, whose parts a test may look at.
pub(crate) struct Stand {
    pub services: Services,
    pub journal: Arc<MemoryJournal>,
}

impl Stand {
    /// A run whose requests are answered by `web`; without one, use [`Stand::offline`].
    pub fn new(web: impl Fn(&Hop) -> Answer + Send + Sync + 'static) -> Self {
        let transport: Arc<dyn Transport> = Arc::new(Web(web));
        let outbound = Outbound::with_transport(OutboundConfig::default(), transport);
        let journal = Arc::new(MemoryJournal::default());
        let services = Services {
            journal: journal.clone(),
            sessions: Arc::new(MemorySessions::default()),
            variables: Arc::new(Named(HashMap::new())),
            files: Arc::new(Nowhere),
            indexes: Arc::new(Kept::default()),
            flows: Arc::new(Nowhere),
            clock: Arc::new(Epoch),
            supervisor: Arc::new(Unsupervised),
            resources: Resources::default().with(outbound),
        };
        Self { services, journal }
    }

    /// A run that may reach nothing.
    pub fn offline() -> Self {
        Self::new(|_| Answer::new(599, "no request was expected"))
    }

    /// The same run with these files, by reference.
    pub fn files(mut self, files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        self.services.files = Arc::new(Folder(files));
        self
    }

    /// The same run with these variables of the operator's.
    pub fn variables(self, variables: &[(&str, &str)]) -> Self {
        self.variables_of(Owner::Operator, variables, &[])
    }

    /// The same run with these variables of somebody's, and those of the other's besides.
    pub fn variables_of(mut self, owner: Owner, variables: &[(&str, &str)], others: &[(&str, &str)]) -> Self {
        let other = if owner == Owner::Tenant { Owner::Operator } else { Owner::Tenant };
        let named = |owner| {
            move |(name, value): &(&str, &str)| {
                ((*name).to_owned(), Variable { value: (*value).to_owned(), owner })
            }
        };
        let all = others.iter().map(named(other)).chain(variables.iter().map(named(owner)));
        self.services.variables = Arc::new(Named(all.collect()));
        self
    }

    /// A context of this run. **Each call is a new attempt**: with the same journal, recorded effects are
    /// answered from it.
    pub fn cx(&self) -> Context {
        Context::detached(self.services.clone(), &[])
    }
}

struct Web<F>(F);

#[async_trait]
impl<F: Fn(&Hop) -> Answer + Send + Sync> Transport for Web<F> {
    async fn exchange(&self, hop: &Hop) -> Result<Answer, TransportError> {
        Ok((self.0)(hop))
    }
}

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

struct Named(HashMap<String, Variable>);

#[async_trait]
impl Variables for Named {
    async fn get(&self, name: &str) -> Result<Option<Variable>, RunError> {
        Ok(self.0.get(name).cloned())
    }
}

struct Folder(HashMap<String, Vec<u8>>);

#[async_trait]
impl Files for Folder {
    async fn read(&self, reference: &str, limit: u64) -> Result<File, RunError> {
        let Some(bytes) = self.0.get(reference).filter(|bytes| bytes.len() as u64 <= limit) else {
            return Nowhere.read(reference, limit).await;
        };
        let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(File { name, bytes: bytes.as_slice().into(), immutable: true })
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, RunError> {
        let mut below: Vec<_> = self.0.keys().filter(|name| name.starts_with(folder)).cloned().collect();
        below.sort();
        Ok(below)
    }

    async fn on_disk(&self, reference: &str) -> Result<std::path::PathBuf, RunError> {
        Nowhere.on_disk(reference).await
    }
}

/// Indexes in memory.
#[derive(Default)]
pub(crate) struct Kept(Mutex<HashMap<String, Arc<[u8]>>>);

#[async_trait]
impl Indexes for Kept {
    async fn load(&self, key: &str) -> Result<Option<Arc<[u8]>>, RunError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn save(&self, key: &str, index: Arc<[u8]>) -> Result<(), RunError> {
        self.0.lock().unwrap().insert(key.to_owned(), index);
        Ok(())
    }
}

/// A model that gives these replies in order and keeps what it was asked.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    replies: Mutex<Vec<ChatReply>>,
    pub asked: Mutex<Vec<ChatRequest>>,
}

impl Scripted {
    /// A model that says these texts.
    pub fn saying(texts: &[&str]) -> Arc<Self> {
        Self::replying(texts.iter().map(|text| reply(text, Vec::new())).collect())
    }

    /// A model that gives these replies.
    pub fn replying(mut replies: Vec<ChatReply>) -> Arc<Self> {
        replies.reverse();
        Arc::new(Self { replies: Mutex::new(replies), asked: Mutex::default() })
    }

    /// The texts of the messages of each call.
    pub fn prompts(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let text = |request: &ChatRequest| {
            request
                .messages
                .iter()
                .map(|message| message.content.as_str())
                .collect::<Vec<_>>()
                .join("\n---\n")
        };
        asked.iter().map(text).collect()
    }
}

/// A reply that wants these tools called.
pub(crate) fn reply(text: &str, tool_calls: Vec<ToolCall>) -> ChatReply {
    ChatReply { text: text.to_owned(), tool_calls, usage: Usage { input: 1, output: 1 } }
}

#[async_trait]
impl ChatModel for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    async fn generate(&self, cx: &Context, request: ChatRequest) -> Result<ChatReply, RunError> {
        let identity = json!({"messages": request.messages, "stop": request.stop});
        let perform = || async {
            self.asked.lock().unwrap().push(request);
            let reply = self.replies.lock().unwrap().pop().expect("a call that was not scripted");
            let usage = reply.usage;
            Ok((reply, usage))
        };
        cx.effect(Effect { kind: "model", request: identity }, perform).await
    }
}
