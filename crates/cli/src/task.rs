//! `millrace task`: what has become of a call.

use anyhow::Result;
use clap::ValueEnum;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::client::{Call, Client, find_flow, with_query};
use crate::client_args::{Target, Task as Args, TaskAction, TaskList};
use crate::exit::{Exit, Failure, interruptible};
use crate::follow::{self, follow, shown, state, verdict};
use crate::json_argument::JsonArgument;
use crate::output::{self, Progress};
use crate::profile::{Variables, resolve};

pub(crate) async fn run(args: Args) -> Result<()> {
    let client = Client::new(&resolve(&args.target, &Variables::read())?)?;
    let target = &args.target;
    match args.action {
        TaskAction::Tail { id } => tail(&client, target, id).await,
        TaskAction::Retry { id, tweaks, wait } => {
            let body = again(tweaks.as_ref())?;
            retry(&client, target, id, (&body, wait)).await
        }
        action => interruptible(once(&client, target, action), || "interrupted".to_owned()).await,
    }
}

async fn once(client: &Client, target: &Target, action: TaskAction) -> Result<()> {
    match action {
        TaskAction::List(filter) => list(client, target, &filter).await,
        TaskAction::Cancel { id } => {
            let path = format!("/api/v1/task/{id}/cancel");
            let task = client.send(Call::new("POST", path)).await.map_err(|error| unknown(error, id))?;
            print(target, &task)
        }
        TaskAction::Get { id } | TaskAction::Tail { id } | TaskAction::Retry { id, .. } => {
            let path = format!("/api/v1/task/{id}");
            print(target, &client.get(path).await.map_err(|error| unknown(error, id))?)
        }
    }
}

/// The body of a retry.
fn again(tweaks: Option<&JsonArgument>) -> Result<Json> {
    let tweaks = tweaks.map(|tweaks| tweaks.object("--tweaks")).transpose()?;
    Ok(Json::Object(tweaks.map(|tweaks| ("tweaks".to_owned(), tweaks)).into_iter().collect::<Map<_, _>>()))
}

async fn retry(client: &Client, target: &Target, id: Uuid, (body, wait): (&Json, bool)) -> Result<()> {
    // Sent twice it is one retry.
    let name = Uuid::new_v4().to_string();
    let call = Call::new("POST", format!("/api/v1/task/{id}/retry")).body(body).named(&name);
    let sent = interruptible(client.send(call), || "interrupted".to_owned()).await;
    let accepted = sent.map_err(|error| unknown(error, id))?;
    let task = accepted["task"]["id"].as_str().unwrap_or_default();
    if wait {
        let mut progress = Progress::new(target);
        progress.say(format_args!("Task {id} is tried again as {task}."));
        return follow::wait(client, task, None, (target, progress)).await;
    }
    match target.json {
        true => output::json(&json!({
            "task_id": task, "retry_of": id, "session_id": accepted["session_id"], "status": accepted["status"],
        })),
        false => output::line(task),
    }
}

async fn tail(client: &Client, target: &Target, id: Uuid) -> Result<()> {
    let mut before = String::new();
    let seen = |task: &Json| {
        let now = state(task);
        if now == before {
            return Ok(());
        }
        before = now;
        // One object a line: a script reads them as they come.
        if target.json { output::line(task) } else { output::line(&before) }
    };
    let ended = follow(client, &id.to_string(), None, seen).await.map_err(|error| unknown(error, id))?;
    verdict(&ended)?;
    if target.json { Ok(()) } else { output::line(shown(&ended["result"])) }
}

async fn list(client: &Client, target: &Target, filter: &TaskList) -> Result<()> {
    let flow = match &filter.flow {
        Some(name) if name.parse::<Uuid>().is_err() => {
            find_flow(client, name).await?["id"].as_str().map(str::to_owned)
        }
        id => id.clone(),
    };
    let state = filter.state.and_then(|state| Some(state.to_possible_value()?.get_name().to_owned()));
    let mut cursor = filter.cursor.clone();
    let mut listed = Vec::new();
    loop {
        let query = [
            ("flow_id", flow.clone()),
            ("state", state.clone()),
            ("limit", Some(filter.limit.to_string())),
            ("cursor", cursor.take()),
        ];
        let page = client.get(with_query("/api/v1/tasks", &query)).await?;
        cursor = page["cursor"].as_str().map(str::to_owned);
        for task in page["tasks"].as_array().into_iter().flatten() {
            match target.json {
                true => listed.push(task.clone()),
                false => output::line(row(task))?,
            }
        }
        if cursor.is_none() || !filter.all {
            break;
        }
    }
    if target.json {
        return output::json(&json!({"tasks": listed, "cursor": cursor}));
    }
    if let Some(cursor) = cursor {
        Progress::new(target).say(format_args!("There are more: --cursor {cursor}, or --all."));
    }
    Ok(())
}

/// `id  state  flow  when it was accepted`
fn row(task: &Json) -> String {
    let text = |name: &str| task[name].as_str().unwrap_or_default();
    format!("{}  {:9}  {}  {}", text("task_id"), text("state"), text("flow_id"), text("created_at"))
}

fn print(target: &Target, task: &Json) -> Result<()> {
    if target.json {
        return output::json(task);
    }
    for (name, label) in [
        ("task_id", "task"),
        ("flow_id", "flow"),
        ("session_id", "session"),
        ("attempt", "attempt"),
        ("created_at", "created"),
        ("started_at", "started"),
        ("ended_at", "ended"),
        ("origin", "retry of"),
        ("callback", "callback"),
    ] {
        match &task[name] {
            Json::Null => {}
            value => output::line(format_args!("{label:9} {}", shown(value)))?,
        }
    }
    output::line(format_args!("state     {}", state(task)))?;
    if let Some(usage) = task.get("usage") {
        let number = |name: &str| usage[name].as_u64().unwrap_or_default();
        output::line(format_args!(
            "used      {} tokens in, {} out; {} USD by estimate",
            number("input"),
            number("output"),
            usage["cost_usd"]
        ))?;
    }
    if task["status"] != "PENDING" {
        output::line(format_args!("result    {}", shown(&task["result"])))?;
    }
    Ok(())
}

/// The server does not say which task it has not.
fn unknown(error: anyhow::Error, id: Uuid) -> anyhow::Error {
    match Failure::exit_of(&error) {
        Exit::NotFound => Failure::new(Exit::NotFound, format!("no task {id}")).into(),
        _ => error,
    }
}
