//! The whole local cloud, `millrace local`, killed with SIGKILL and started again on its files while tasks are submitted and
//! run: none is lost, and nothing that was recorded is done again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failure here is a failed test"
)]

// What the kill tests of the worker check, checked here too.
#[path = "../../../../functions/worker/tests/kill/audit.rs"]
mod audit;
#[path = "../../../../functions/worker/tests/kill/form.rs"]
mod form;
#[path = "../../../../functions/worker/tests/kill/provider.rs"]
mod provider;
#[path = "../../../../functions/worker/tests/kill/step.rs"]
mod step;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_local::{LocalCloud, LocalConfig};
use millrace_outbound::{Outbound, OutboundConfig, OutboundError, Request, Response};
use millrace_store::{Store, StoreConfig, SystemHost};
use serde_json::{Value as Json, json};

use audit::{Submitted, audit};
use form::Form;
use provider::Provider;

/// `MILLRACE_KILL_TASKS` has another number.
const TASKS: usize = 200;
const KILLS: usize = 5;
const SEED: u64 = 7;
const KEY: &str = "local-key";
/// When all has to be over.
const LIMIT: Duration = Duration::from_secs(180);
const FORMS: [Form; 6] =
    [Form::Chain(1), Form::List(1), Form::Chain(4), Form::List(4), Form::Chain(10), Form::List(10)];

/// A `millrace local` on a port and a folder of its own. Dropped, it is killed, and the folder goes.
struct Local {
    folder: PathBuf,
    port: u16,
    provider: String,
    process: Child,
    outbound: Outbound,
}

impl Drop for Local {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Local {
    async fn start(provider: &str) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = std::env::temp_dir().join(format!("millrace-kill-{}-{port}", std::process::id()));
        let provider = provider.to_owned();
        let process = spawn(&folder, port, &provider);
        let outbound = Outbound::new(OutboundConfig { allow_loopback: true, ..OutboundConfig::default() });
        let local = Self { folder, port, provider, process, outbound: outbound.unwrap() };
        local.healthy().await;
        local
    }

    /// SIGKILL, and up again on the same files.
    async fn kill_and_restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = spawn(&self.folder, self.port, &self.provider);
        self.healthy().await;
    }

    async fn healthy(&self) {
        let started = Instant::now();
        while self.send(Request::get(self.url("/health"))).await.is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "it does not come up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    async fn send(&self, request: Request) -> Result<Response, OutboundError> {
        self.outbound.send(request.header("x-api-key", KEY)?.timeout(Duration::from_secs(10))).await
    }

    /// Posts until there is an answer: under its name the same call is the same task.
    async fn post(&self, path: &str, name: &str, body: &Json) -> Json {
        let started = Instant::now();
        loop {
            let request = Request::post(self.url(path)).json(body).unwrap();
            let request = request.header("idempotency-key", name).unwrap();
            match self.send(request).await {
                Ok(answer) if answer.status < 300 => return serde_json::from_slice(&answer.body).unwrap(),
                Ok(answer) if answer.status < 500 => panic!("{name}: {} {:?}", answer.status, answer.body),
                _ => {}
            }
            assert!(started.elapsed() < LIMIT, "{name} is not accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn has_ended(&self, task: &Submitted) -> bool {
        let answer = self.send(Request::get(self.url(&format!("/api/v1/task/{}", task.task)))).await;
        let Ok(answer) = answer else { return false };
        assert_eq!(answer.status, 200, "{} is lost: {:?}", task.name, answer.body);
        serde_json::from_slice::<Json>(&answer.body).unwrap()["status"] != "PENDING"
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
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_task_is_lost_when_the_whole_cloud_is_killed() {
    let count = std::env::var("MILLRACE_KILL_TASKS").ok().and_then(|text| text.parse().ok()).unwrap_or(TASKS);
    let provider = Provider::start(Duration::from_millis(20), |_| Box::pin(async {})).await;
    let mut local = Local::start(provider.base_url()).await;
    let mut flows = Vec::new();
    for form in FORMS {
        let body = json!({"name": format!("{form:?}"), "data": form.data()});
        let flow = local.post("/api/v1/flows/", "unused", &body).await;
        flows.push((form, flow["id"].as_str().unwrap().to_owned()));
    }
    let mut random = fastrand::Rng::with_seed(SEED);
    let kill_every = count.div_ceil(KILLS);
    let mut tasks = Vec::new();
    for (number, (form, flow)) in flows.iter().cycle().take(count).enumerate() {
        let (name, padding) = (format!("task-{number:05}"), [0, 1500][number / FORMS.len() % 2]);
        let body = json!({"inputs": form.inputs(&name, padding), "sync": false, "session_id": name});
        let answer = local.post(&format!("/api/v1/process/{flow}"), &name, &body).await;
        let task = answer["task"]["id"].as_str().unwrap().parse().unwrap();
        tasks.push(Submitted { name, form: *form, padding, flow: flow.parse().unwrap(), task });
        if number % kill_every == kill_every - 1 {
            tokio::time::sleep(Duration::from_millis(random.u64(0..300))).await;
            local.kill_and_restart().await;
        }
    }
    let started = Instant::now();
    for task in &tasks {
        while !local.has_ended(task).await {
            assert!(started.elapsed() < LIMIT, "{} ({:?}) does not end", task.name, task.task);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    local.process.kill().unwrap();
    local.process.wait().unwrap();

    let config = LocalConfig { data: Some(local.folder.clone()), ..LocalConfig::default() };
    let cloud = LocalCloud::start(config.clone()).await.unwrap();
    let store = StoreConfig::new(config.table, cloud.queue_url());
    let store = Store::new(cloud.dynamodb_client(), cloud.sqs_client(), store, Arc::new(SystemHost));
    let counts = audit(&store, &"default".parse().unwrap(), &tasks, &provider.calls()).await;
    println!("{KILLS} kills of the whole cloud; {counts}");
    assert_eq!((counts.tasks, counts.records), (count, counts.effects));
    assert!(counts.claims > count as u64, "no kill has hit a task");
    cloud.shutdown().await;
}
