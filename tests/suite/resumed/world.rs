//! All that a flow reaches, in process: providers that say what was recorded, pages, files, indexes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use millrace_engine::{
    Clock, ErrorKind, File, Files, Indexes, MemoryJournal, MemorySessions, Nowhere, Owner, Resources,
    RunError, Services, Unsupervised, Variable, Variables,
};
use millrace_outbound::{Answer, Hop, Outbound, OutboundConfig, Transport, TransportError};
use serde_json::{Value as Json, json};

use crate::provider::{Reply, embeddings};

/// The web: scripted models, embeddings by hash, a search service, the pages of the recordings.
pub struct Web {
    fixtures: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    replies: Vec<Reply>,
    /// Model calls that are recorded and so will not come again.
    recorded: usize,
    /// Model calls since the script or the cut.
    asked: usize,
}

impl Web {
    pub fn new(fixtures: Option<PathBuf>) -> Self {
        Self { fixtures, state: Mutex::default() }
    }

    /// What the models of the next call say.
    pub fn script(&self, replies: Vec<Reply>) {
        *self.state.lock().unwrap() = State { replies, ..State::default() };
    }

    /// The process is gone, with so many model calls recorded. What was answered and not recorded will be asked
    /// again, and gets the same answer.
    pub fn cut(&self, recorded: usize) {
        let mut state = self.state.lock().unwrap();
        (state.recorded, state.asked) = (recorded, 0);
    }

    /// Requests to models since the script or the cut.
    pub fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    /// The reply that is meant for this request, else the next.
    fn model(&self, path: &str, body: &Json) -> (u16, Json) {
        let mut state = self.state.lock().unwrap();
        let next = state.recorded + state.asked;
        state.asked += 1;
        let same = |to: &Json| ["messages", "prompt"].iter().all(|name| to.get(name) == body.get(name));
        let meant = state.replies.iter().find(|reply| reply.to.as_ref().is_some_and(same));
        match meant.or_else(|| state.replies.get(next)) {
            Some(reply) => said(path, reply.reply.clone()),
            None => said(path, json!("MOCK")),
        }
    }

    fn page(&self, path: &str) -> (u16, Vec<u8>) {
        let file = self.fixtures.as_ref().map(|fixtures| fixtures.join("site").join(path));
        match file.and_then(|file| std::fs::read(file).ok()) {
            Some(bytes) => (200, bytes),
            None => (404, b"{}".to_vec()),
        }
    }
}

/// A reply in the form of its endpoint, with its status.
fn said(path: &str, reply: Json) -> (u16, Json) {
    let usage = json!({"prompt_tokens": 1, "completion_tokens": 1});
    if let Some(message) = reply["error"]["message"].as_str() {
        let digits: String = message.chars().filter(char::is_ascii_digit).take(3).collect();
        return (digits.parse().unwrap_or(500), reply);
    }
    if reply["status"].is_u64() {
        return (reply["status"].as_u64().unwrap() as u16, reply["body"].clone());
    }
    if path.ends_with("/completions") && !path.ends_with("/chat/completions") {
        let texts = reply.as_array().cloned().unwrap_or_else(|| vec![reply.clone()]);
        let choices: Vec<Json> = texts.iter().map(|text| json!({"text": text})).collect();
        return (200, json!({"choices": choices, "usage": usage}));
    }
    let message = match reply {
        Json::String(text) => json!({"role": "assistant", "content": text}),
        message => message,
    };
    (200, json!({"choices": [{"message": message}], "usage": usage}))
}

#[async_trait]
impl Transport for Web {
    async fn exchange(&self, hop: &Hop) -> Result<Answer, TransportError> {
        // Calls that may run at the same time do: the order in which they end is another than they began in.
        tokio::task::yield_now().await;
        let path = hop.url.path();
        let body: Json = hop.body.as_ref().and_then(|b| serde_json::from_slice(b).ok()).unwrap_or_default();
        let (status, bytes) = match path {
            _ if hop.url.port() == Some(9) => (503, Vec::new()),
            _ if path.ends_with("/embeddings") => (200, embeddings(&body).to_string().into_bytes()),
            _ if path.starts_with("/search") => {
                let query = hop.url.query_pairs().find(|(name, _)| name == "q").map(|(_, q)| q.into_owned());
                let answer = format!("SERP[{}]", query.unwrap_or_default());
                (200, json!({"answer_box": {"answer": answer}}).to_string().into_bytes())
            }
            _ if path.starts_with("/site/") => self.page(&path[6..]),
            _ => {
                let (status, reply) = self.model(path, &body);
                (status, reply.to_string().into_bytes())
            }
        };
        Ok(Answer::new(status, bytes))
    }
}

/// Services over this web and these files. Indexes are kept from call to call.
pub fn services(web: &Arc<Web>, fixtures: Option<&Path>) -> Services {
    let config = OutboundConfig { allow_loopback: true, ..OutboundConfig::default() };
    let transport: Arc<dyn Transport> = web.clone();
    let outbound = Outbound::with_transport(config, transport);
    Services {
        journal: Arc::new(MemoryJournal::default()),
        sessions: Arc::new(MemorySessions::default()),
        variables: Arc::new(Recorded),
        files: Arc::new(Fixtures(fixtures.map(Path::to_owned))),
        indexes: Arc::new(Kept::default()),
        flows: Arc::new(Nowhere),
        clock: Arc::new(Recorded),
        supervisor: Arc::new(Unsupervised),
        resources: Resources::default().with(outbound.databases().clone()).with(outbound),
    }
}

/// The variables and the time under which the recordings were made.
struct Recorded;

#[async_trait]
impl Variables for Recorded {
    async fn get(&self, name: &str) -> Result<Option<Variable>, RunError> {
        let value = match name {
            "OPENAI_API_BASE" => "http://127.0.0.1:28081/v1",
            "OPENAI_API_KEY" => "sk-mock",
            "SERPAPI_API_BASE" => "http://127.0.0.1:28081",
            _ => return Ok(None),
        };
        Ok(Some(Variable { value: value.to_owned(), owner: Owner::Operator }))
    }
}

impl Clock for Recorded {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

/// The files of the recordings, by the names that stand in them.
struct Fixtures(Option<PathBuf>);

impl Fixtures {
    fn place(&self, reference: &str) -> Result<PathBuf, RunError> {
        let name = reference.strip_prefix("fixtures/").unwrap_or(reference);
        let place = self.0.as_ref().map(|folder| folder.join(name)).filter(|place| place.is_file());
        place.ok_or_else(|| RunError::new(ErrorKind::Flow, format!("there is no file {reference}")))
    }
}

#[async_trait]
impl Files for Fixtures {
    async fn read(&self, reference: &str, limit: u64) -> Result<File, RunError> {
        let bytes = std::fs::read(self.place(reference)?).unwrap();
        assert!(bytes.len() as u64 <= limit);
        let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(File { name, bytes: bytes.into(), immutable: false })
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, RunError> {
        Nowhere.list(folder).await
    }

    async fn on_disk(&self, reference: &str) -> Result<PathBuf, RunError> {
        self.place(reference)
    }
}

#[derive(Default)]
struct Kept(Mutex<HashMap<String, Arc<[u8]>>>);

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
