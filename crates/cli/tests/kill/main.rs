//! The whole local cloud, `millrace local`, killed with SIGKILL and started again on its files while tasks are submitted and
//! run: none is lost or made twice, and nothing that was recorded is done again.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a failure here is a failed test"
)]

// What the kill tests of the worker run and check is run and checked here too.
#[path = "../../../../functions/worker/tests/kill/audit.rs"]
mod audit;
#[path = "../../../../functions/worker/tests/kill/form.rs"]
mod form;
#[path = "../../../../functions/worker/tests/kill/provider.rs"]
mod provider;
#[path = "../../../../functions/worker/tests/kill/step.rs"]
mod step;

mod local;
mod strikes;

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use millrace_local::{LocalCloud, LocalConfig};
use millrace_store::{Store, StoreConfig, SystemHost, TaskQuery, TenantId};
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use audit::{Counts, Submitted, audit};
use form::Form;
use local::{Client, Local};
use provider::{Calls, Provider};
use strikes::{Strike, Strikes};

/// `MILLRACE_KILL_TASKS` has another number.
const TASKS: usize = 200;
const KILLS: usize = 5;
const SEED: u64 = 7;
/// Calls that are under way at once.
const CLIENTS: usize = 16;
const FORMS: [Form; 6] =
    [Form::Chain(1), Form::List(1), Form::Chain(4), Form::List(4), Form::Chain(10), Form::List(10)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_task_is_lost_when_the_whole_cloud_is_killed() {
    let count = std::env::var("MILLRACE_KILL_TASKS").ok().and_then(|text| text.parse().ok()).unwrap_or(TASKS);
    let plan: Vec<Form> = FORMS.into_iter().cycle().take(count).collect();
    let effects: usize = plan.iter().map(|form| form.steps("", 0).len()).sum();
    // Each call of the model is two moments, and all kills have to come before the last.
    let (strikes, due) = Strikes::new(SEED, (effects / 8, effects * 2 / (KILLS + 1)));
    let provider = Provider::start(Duration::from_millis(20), move |_| strikes.moment()).await;
    let mut local = Local::start(provider.base_url());
    let client = local.client();
    client.healthy().await;

    let tasks = async {
        let tasks = submit(&client, &plan).await;
        wait(&client, &tasks).await;
        tasks
    };
    let limit = Duration::from_secs(150) + Duration::from_millis(250) * u32::try_from(count).unwrap();
    let both = async { tokio::join!(tasks, kill(&mut local, &client, due)) };
    let (tasks, ()) = timeout(limit, both).await.unwrap_or_else(|_| panic!("not over after {limit:?}"));

    local.kill();
    let counts = audit_files(&local, &tasks, &provider.calls()).await;
    println!("{KILLS} kills of the whole cloud, {} calls of the API repeated; {counts}", client.unanswered());
    assert_eq!((counts.tasks, counts.records), (count, counts.effects));
    assert!(counts.claims > count as u64, "no kill has hit a task");
}

/// Kills the cloud and starts it again, each time that it is due.
async fn kill(local: &mut Local, client: &Client, mut due: UnboundedReceiver<Strike>) {
    for _ in 0..KILLS {
        let strike = due.recv().await.expect("the provider is there for longer");
        local.kill();
        drop(strike);
        local.restart();
        client.healthy().await;
    }
}

/// Submits a task of each form, several at once; whoever had no answer asks again.
async fn submit(client: &Client, plan: &[Form]) -> Vec<Submitted> {
    let mut flows = Vec::new();
    for form in FORMS {
        let body = json!({"name": format!("{form:?}"), "data": form.data()});
        let flow = client.post("/api/v1/flows/", "a-flow", &body).await;
        flows.push((form, flow["id"].as_str().unwrap().to_owned()));
    }
    let calls = plan.iter().enumerate().map(|(number, form)| {
        let (_, flow) = flows.iter().find(|(drawn, _)| drawn == form).unwrap();
        // Some results fit into the task's row, and some do not.
        let (name, padding) = (format!("task-{number:05}"), [0, 1500][number / FORMS.len() % 2]);
        async move {
            let body = json!({"inputs": form.inputs(&name, padding), "sync": false, "session_id": name});
            let answer = client.post(&format!("/api/v1/process/{flow}"), &name, &body).await;
            let task = answer["task"]["id"].as_str().unwrap().parse().unwrap();
            Submitted { name, form: *form, padding, flow: flow.parse().unwrap(), task }
        }
    });
    stream::iter(calls).buffered(CLIENTS).collect().await
}

/// Polls until all tasks have ended. A task that was accepted and is not known is one lost.
async fn wait(client: &Client, tasks: &[Submitted]) {
    for task in tasks {
        let path = format!("/api/v1/task/{}", task.task);
        while client.get(&path).await.is_none_or(|task| task["status"] == "PENDING") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Checks what the files have after the last kill.
async fn audit_files(local: &Local, tasks: &[Submitted], calls: &Calls) -> Counts {
    let config = LocalConfig { data: Some(local.folder.clone()), ..LocalConfig::default() };
    let cloud = LocalCloud::start(config.clone()).await.unwrap();
    let store = StoreConfig::new(config.table, cloud.queue_url());
    let store = Store::new(cloud.dynamodb_client(), cloud.sqs_client(), store, Arc::new(SystemHost));
    let tenant = "default".parse().unwrap();
    let counts = audit(&store, &tenant, tasks, calls).await;
    assert_eq!(all_tasks(&store, &tenant).await, tasks.len(), "a call that was repeated has made two tasks");
    cloud.shutdown().await;
    counts
}

async fn all_tasks(store: &Store, tenant: &TenantId) -> usize {
    let (mut count, mut cursor) = (0, None);
    loop {
        let query = TaskQuery { flow: None, state: None, limit: 100, cursor };
        let page = store.tasks(tenant, &query).await.unwrap();
        count += page.tasks.len();
        match page.next {
            Some(next) => cursor = Some(next),
            None => return count,
        }
    }
}
