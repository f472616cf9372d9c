//! `millrace local` as a process, and a client of it that does not mind when it is gone for a while.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use millrace_outbound::{Outbound, OutboundConfig, OutboundError, Request, Response};
use serde_json::Value as Json;

const KEY: &str = "local-key";
/// How long a start may take.
const START: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(25);

/// The process, on a port and a folder of its own. Dropped, it is killed, and the folder goes.
pub struct Local {
    pub folder: PathBuf,
    port: u16,
    provider: String,
    process: Child,
}

impl Drop for Local {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Local {
    /// Starts it, with models played by `provider`.
    pub fn start(provider: &str) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = std::env::temp_dir().join(format!("millrace-kill-{}-{port}", std::process::id()));
        let process = spawn(&folder, port, provider);
        Self { folder, port, provider: provider.to_owned(), process }
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it again on its files, after a kill.
    pub fn restart(&mut self) {
        self.process = spawn(&self.folder, self.port, &self.provider);
    }

    /// A client of it, whichever process it is.
    pub fn client(&self) -> Client {
        let outbound = Outbound::new(OutboundConfig { allow_loopback: true, ..OutboundConfig::default() });
        let base = format!("http://127.0.0.1:{}", self.port);
        Client { base, outbound: outbound.unwrap(), unanswered: AtomicUsize::new(0) }
    }
}

fn spawn(folder: &Path, port: u16, provider: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_millrace"))
        .args(["local", "--key", KEY, "--sweep-seconds", "0.5", "--port", &port.to_string(), "--data"])
        .arg(folder)
        .env("MILLRACE_LEASE_SECONDS", "2")
        .env("MILLRACE_MAX_FAILURES", "1000")
        .env("OPENAI_BASE_URL", provider)
        .env("OPENAI_API_KEY", "sk-test")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Calls the API.
pub struct Client {
    base: String,
    outbound: Outbound,
    unanswered: AtomicUsize,
}

impl Client {
    /// How many posts had no answer and were repeated. The process may have done what they asked for.
    pub fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// Waits until it answers.
    pub async fn healthy(&self) {
        let began = Instant::now();
        while self.send(Request::get(self.url("/health"))).await.is_err() {
            assert!(began.elapsed() < START, "it does not come up");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Posts under a name until there is an answer: the same call under the same name is the same task.
    pub async fn post(&self, path: &str, name: &str, body: &Json) -> Json {
        loop {
            let request = Request::post(self.url(path)).json(body).unwrap();
            match self.send(request.header("idempotency-key", name).unwrap()).await {
                Ok(answer) if answer.is_success() => return answer.json().unwrap(),
                Ok(answer) => assert!(answer.status >= 500, "{name}: {} {}", answer.status, answer.text()),
                Err(_) => {}
            }
            self.unanswered.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The body of an answer; `None` while there is no process that could give one.
    pub async fn get(&self, path: &str) -> Option<Json> {
        let answer = self.send(Request::get(self.url(path))).await.ok()?;
        assert!(answer.is_success() || answer.status >= 500, "{path}: {} {}", answer.status, answer.text());
        answer.is_success().then(|| answer.json().unwrap())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn send(&self, request: Request) -> Result<Response, OutboundError> {
        self.outbound.send(request.header("x-api-key", KEY)?.timeout(Duration::from_secs(10))).await
    }
}
