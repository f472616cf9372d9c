//! What has to hold once nothing goes wrong any longer and time has passed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use millrace_store::{JournalRecord, TaskId, TenantId};
use serde_json::Value as Json;

use super::callers::ends;
use super::flows::Drawn;
use super::installation::{Installation, Promise, TENANTS};
use super::provider::{Asked, marker};
use super::scenario::{Ends, Scenario};
use super::watch::{Step, is_terminal};
use super::world::{DEAD, QUEUE, World};

/// A task goes on so long after a crash: a lease, a sweep, and what the ways take.
const PROMPTLY: Duration = Duration::from_secs(92);

/// Whether nothing is left to be done.
pub fn is_quiet(installation: &Installation) -> bool {
    let world = &installation.world;
    let functions = [&installation.api, &installation.worker, &installation.sweeper];
    functions.iter().all(|function| function.is_idle())
        && [QUEUE, DEAD].iter().all(|queue| left(world, queue) == 0)
        && world.table.index("open").is_empty()
        && ends(installation).values().all(|row| is_terminal(row["state"]["S"].as_str().unwrap_or_default()))
}

/// Messages in a queue, whether they can be received or not.
fn left(world: &World, queue: &str) -> usize {
    let counts = world.queue.with(|account, now| Ok(account.settled(queue, now)?.counts())).unwrap();
    counts.visible + counts.in_flight + counts.delayed
}

/// A task and all that is known of it.
struct Task {
    id: String,
    row: Json,
    markers: BTreeSet<String>,
    /// Whether it does once more what failed.
    retry: bool,
    journal: Vec<JournalRecord>,
}

impl Task {
    fn state(&self) -> &str {
        self.row["state"]["S"].as_str().unwrap_or_default()
    }

    fn claims(&self) -> usize {
        self.row["attempt"]["N"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// What does not hold, a sentence each.
pub async fn faults(installation: &Installation, scenario: &Scenario) -> Vec<String> {
    let world = &installation.world;
    let mut faults = world.table.watch.lock().unwrap().faults.clone();
    faults.extend(installation.complaints.lock().unwrap().iter().cloned());
    let tasks = tasks(installation).await;
    let promises = installation.promises.lock().unwrap().clone();
    for task in tasks.iter().filter(|task| !is_terminal(task.state())) {
        faults.push(format!("task {} is still {}", task.id, task.state()));
    }
    for entry in world.table.index("open") {
        faults.push(format!("left in the index of open tasks: {}", entry["pk"]["S"]));
    }
    for queue in [QUEUE, DEAD] {
        let left = left(world, queue);
        if left > 0 {
            faults.push(format!("{left} messages are left in {queue}"));
        }
    }
    for promise in &promises {
        faults.extend(kept(installation, scenario, promise, &tasks).await);
    }
    faults.extend(same_names(&promises, &tasks));
    faults.extend(ended(scenario, &promises, &tasks));
    faults.extend(sends(world, scenario));
    faults.extend(gracefully(world, scenario));
    faults.extend(crowd(world, scenario));
    faults.extend(waits(world, scenario, &promises));
    faults.extend(effects(installation, scenario, &tasks));
    faults.extend(turns(world, &promises, &tasks));
    faults.extend(strangers(installation, &promises).await);
    if scenario.prompt {
        faults.extend(went_on(world));
    }
    faults
}

async fn tasks(installation: &Installation) -> Vec<Task> {
    let store = installation.operator.store();
    let promises = installation.promises.lock().unwrap().clone();
    let mut tasks = Vec::new();
    for (id, row) in ends(installation) {
        let tenant: TenantId = row["pk"]["S"].as_str().unwrap().split('#').nth(1).unwrap().parse().unwrap();
        let task: TaskId = id.parse().unwrap();
        let input = store.task_input(&tenant, task).await.unwrap();
        let input = input.map(|input| input.value.to_string()).unwrap_or_default();
        let words = input.split('"').filter_map(marker).map(str::to_owned);
        let journal = store.journal(&tenant, task).await.unwrap();
        let mut markers: BTreeSet<String> = words.collect();
        // What was run while its caller waited has no input any longer.
        markers.extend(
            promises.iter().filter(|promise| promise.task == id).map(|promise| promise.marker.clone()),
        );
        let retry = promises.iter().any(|promise| promise.task == id && promise.retry);
        tasks.push(Task { id, row, markers, retry, journal });
    }
    tasks
}

/// An accepted task ended, as it had to, and says so.
async fn kept(
    installation: &Installation,
    scenario: &Scenario,
    promise: &Promise,
    tasks: &[Task],
) -> Vec<String> {
    let Promise { task: id, tenant, marker, .. } = promise;
    let Some(task) = tasks.iter().find(|task| task.id == *id) else {
        return vec![format!("{marker}: accepted as {id}, of which there is no row")];
    };
    let mut faults = Vec::new();
    let view = installation.ask(tenant, "GET", &format!("/api/v1/task/{id}")).await;
    let status = match task.state() {
        "succeeded" => "SUCCESS",
        "failed" | "cancelled" => "FAILURE",
        _ => "PENDING",
    };
    if scenario.ends == Ends::Gone {
        let gone = (view.status != 404).then(|| format!("{marker}: is still shown as {}", view.body));
        return gone.into_iter().collect();
    }
    if view.status != 200 || view.body["status"] != status {
        faults.push(format!("{marker}: is {}, shown as {} {}", task.state(), view.status, view.body));
    }
    let right = match scenario.ends {
        Ends::Well => task.state() == "succeeded",
        Ends::Failed(kind) => {
            task.state() == "failed" && (kind.is_empty() || view.body["error"]["kind"] == kind)
        }
        Ends::But(_) | Ends::Gone | Ends::Somehow => true,
    };
    if !right {
        faults.push(format!("{marker}: should end {:?}, is {}", scenario.ends, view.body));
    }
    if task.state() == "succeeded" {
        faults.extend(answered(promise, &view.body["result"], installation));
    }
    if promise.callback {
        let delivered = installation.world.provider.delivered();
        let of_task: Vec<_> = delivered.iter().filter(|delivered| delivered.task == *id).collect();
        if of_task.is_empty() || of_task.iter().any(|delivered| delivered.body["status"] != status) {
            faults.push(format!("{marker}: its callbacks are {of_task:?}"));
        }
    }
    faults
}

/// A result holds the answers to the last model calls of its run, and of no other.
fn answered(promise: &Promise, result: &Json, installation: &Installation) -> Option<String> {
    let text = result.to_string();
    let asked = installation.world.provider.asked();
    let last = format!(
        "m{}",
        if let Drawn::Chain(models) | Drawn::Operated(models) = promise.flow { models } else { 1 }
    );
    let wanted: BTreeSet<&str> = asked
        .iter()
        .filter(|asked| asked.model == last && asked.marker.split('.').next() == Some(&promise.marker))
        .map(|asked| asked.marker.as_str())
        .collect();
    let missing = wanted.iter().find(|marker| {
        let mut answers = asked.iter().filter(|asked| asked.model == last && asked.marker == **marker);
        !answers.any(|asked| text.contains(&format!("{}\"", asked.answer)))
    });
    missing.map(|marker| format!("{marker}: its answer is not in {text}"))
}

/// Every task ended as it had to, whether its caller was told of it or not; and every caller was.
fn ended(scenario: &Scenario, promises: &[Promise], tasks: &[Task]) -> Vec<String> {
    let mut faults = Vec::new();
    let badly = tasks.iter().filter(|task| task.state() != "succeeded").count();
    match scenario.ends {
        Ends::Well | Ends::Gone if badly > 0 => faults.push(format!("{badly} tasks did not end well")),
        Ends::But(count) if badly != count => {
            faults.push(format!("{badly} tasks did not end well, not {count}"))
        }
        _ => {}
    }
    let told = promises.iter().filter(|promise| !promise.retry).count();
    if scenario.accepted && told != scenario.posts() {
        faults.push(format!("{told} of {} calls were accepted", scenario.posts()));
    }
    faults
}

/// Messages are not multiplied.
fn sends(world: &World, scenario: &Scenario) -> Vec<String> {
    let Some((most_tried, most_arrived)) = scenario.sends else { return Vec::new() };
    let sent = world.sent.lock().unwrap();
    let many = sent.iter().filter(|(_, (tried, arrived))| *tried > most_tried || *arrived > most_arrived);
    many.map(|(task, (tried, arrived))| {
        format!("{task} was to be sent {tried} times, and arrived {arrived} times")
    })
    .collect()
}

/// What a worker cannot finish it gives back, so that nobody has to wait for its lease to run out.
fn gracefully(world: &World, scenario: &Scenario) -> Option<String> {
    let watch = world.table.watch.lock().unwrap();
    let left = |step: &&Step| {
        let running = step.from.as_ref().is_some_and(|from| from.state == "running");
        running
            && step.to.state == "running"
            && step.from.as_ref().is_some_and(|from| from.attempt < step.to.attempt)
    };
    let found = watch.steps.iter().find(left).filter(|_| scenario.graceful);
    found.map(|step| format!("{} had to take {} over at {:?}", step.by, step.task, step.at))
}

/// While nothing dies, no more of a tenant's tasks run at once than may.
fn crowd(world: &World, scenario: &Scenario) -> Option<String> {
    let most = scenario.setting.tenant_concurrency as usize;
    let mut running = BTreeSet::new();
    let watch = world.table.watch.lock().unwrap();
    for step in watch.steps.iter().filter(|_| most > 0 && scenario.rules.is_empty()) {
        match step.to.state.as_str() {
            "running" => running.insert(&step.task),
            _ => running.remove(&step.task),
        };
        if running.len() > most {
            return Some(format!("{} tasks run at once at {:?}", running.len(), step.at));
        }
    }
    None
}

/// A tenant's tasks do not wait for another's.
fn waits(world: &World, scenario: &Scenario, promises: &[Promise]) -> Vec<String> {
    let Some((tenant, seconds)) = scenario.fair else { return Vec::new() };
    let watch = world.table.watch.lock().unwrap();
    let mut faults = Vec::new();
    for promise in promises.iter().filter(|promise| promise.tenant == tenant) {
        let claimed = watch.steps.iter().find(|step| step.task == promise.task && step.to.attempt == 1);
        let waited = claimed.map(|step| step.at.saturating_sub(promise.at));
        if waited.is_none_or(|waited| waited > Duration::from_secs(seconds)) {
            faults.push(format!("{} waited {waited:?} for a worker", promise.marker));
        }
    }
    faults
}

/// The same name and the same request are the same task, and only one.
fn same_names(promises: &[Promise], tasks: &[Task]) -> Vec<String> {
    let mut named: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for promise in promises {
        if let Some(key) = &promise.key {
            named.entry((promise.tenant, key)).or_default().insert(&promise.task);
            let mine = tasks.iter().filter(|task| !task.retry && task.markers.contains(&promise.marker));
            named.entry((promise.tenant, key)).or_default().extend(mine.map(|task| task.id.as_str()));
        }
    }
    let several = named.into_iter().filter(|(_, tasks)| tasks.len() > 1);
    several.map(|(name, tasks)| format!("{name:?} stands for {tasks:?}")).collect()
}

/// Model calls: performed once after they are recorded, and never with another prompt.
fn effects(installation: &Installation, scenario: &Scenario, tasks: &[Task]) -> Vec<String> {
    let mut faults = Vec::new();
    if scenario.ends == Ends::Gone {
        return faults;
    }
    let (world, runs) = (&installation.world, installation.runs.lock().unwrap());
    let asked = world.provider.asked();
    let recorded = recorded(world, &asked, tasks);
    let mut groups: BTreeMap<(&str, &str), Vec<&Asked>> = BTreeMap::new();
    for asked in &asked {
        groups.entry((&asked.marker, &asked.model)).or_default().push(asked);
    }
    for ((marker, model), group) in groups {
        let mine = || tasks.iter().filter(|task| task.markers.contains(marker));
        let at_once = runs.get(marker).copied().unwrap_or(0);
        let claims: usize = mine().map(Task::claims).sum::<usize>() + at_once;
        // What is run at once is recorded in memory only: after a crash it begins anew.
        let replayed = mine().count() == 1 && at_once < 2 && !(at_once > 0 && claims > 2);
        if replayed && group.iter().any(|asked| asked.prompt != group[0].prompt) {
            let asked: Vec<_> = group.iter().map(|asked| (&asked.by, &asked.prompt)).collect();
            faults.push(format!("{marker} {model} was asked different things: {asked:?}"));
        }
        if group.len() > claims * scenario.tries() {
            faults.push(format!("{marker} {model} was asked {} times in {claims} claims", group.len()));
        }
        if scenario.once && group.len() > 1 {
            faults.push(format!("{marker} {model} was asked {} times", group.len()));
        }
        let first = group.iter().filter_map(|asked| recorded.get(asked.answer.as_str())).min();
        if let Some(again) = group.iter().find(|asked| first.is_some_and(|first| asked.at > *first)) {
            let (at, by) = (again.at, &again.by);
            faults.push(format!(
                "{marker} {model} was recorded at {first:?} and asked again at {at:?} by {by}"
            ));
        }
    }
    faults
}

/// When each answer was recorded.
fn recorded<'a>(world: &World, asked: &'a [Asked], tasks: &[Task]) -> BTreeMap<&'a str, Duration> {
    let watch = world.table.watch.lock().unwrap();
    let mut all = BTreeMap::new();
    for task in tasks {
        for record in task.journal.iter().filter(|record| record.kind == "model") {
            let said = record.response.to_string();
            let answer = asked.iter().find(|asked| said.contains(&format!("{}\"", asked.answer)));
            let at = watch.records.get(&(task.id.clone(), format!("J#{}", record.key)));
            if let (Some(asked), Some(at)) = (answer, at) {
                all.insert(asked.answer.as_str(), *at);
            }
        }
    }
    all
}

/// The exchange of each task that ended well stands in its conversation once, and so do all that a model is shown.
fn turns(world: &World, promises: &[Promise], tasks: &[Task]) -> Vec<String> {
    let rows = world.table.all();
    let inputs: Vec<String> = rows
        .iter()
        .filter(|row| row["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("S#")))
        .filter_map(|row| serde_json::from_str::<Json>(row["body"]["S"].as_str()?).ok())
        .filter_map(|turn| turn["input"].as_str().map(str::to_owned))
        .collect();
    let mut faults = Vec::new();
    for promise in promises.iter().filter(|promise| promise.flow == Drawn::Memory) {
        let ended = tasks.iter().any(|task| task.id == promise.task && task.state() == "succeeded");
        let count = inputs.iter().filter(|input| **input == promise.marker).count();
        if count > 1 || ended && count == 0 {
            faults.push(format!("{} stands in its conversation {count} times", promise.marker));
        }
    }
    for asked in world.provider.asked() {
        let mut lines: Vec<&str> = asked.prompt.lines().filter(|line| line.starts_with("Human: ")).collect();
        let all = lines.len();
        lines.sort_unstable();
        lines.dedup();
        if lines.len() < all {
            faults.push(format!(
                "{} was shown a conversation with a turn twice: {}",
                asked.model, asked.prompt
            ));
        }
    }
    faults
}

/// An unknown id is unknown, and so is another tenant's.
async fn strangers(installation: &Installation, promises: &[Promise]) -> Vec<String> {
    let unknown = ("ann", "01890a5d-ac96-774b-bcce-b302099a8057".to_owned());
    let foreign = promises.first().map(|promise| {
        let other = TENANTS.iter().find(|tenant| **tenant != promise.tenant).unwrap();
        (*other, promise.task.clone())
    });
    let mut faults = Vec::new();
    for (tenant, task) in std::iter::once(unknown).chain(foreign) {
        let answer = installation.ask(tenant, "GET", &format!("/api/v1/task/{task}")).await;
        if answer.status != 404 {
            faults.push(format!("{tenant} sees {task}: {} {}", answer.status, answer.body));
        }
    }
    faults
}

/// After the fault a task was claimed, or had ended, promptly.
fn went_on(world: &World) -> Option<String> {
    let struck = world.plan.lock().unwrap().struck?.duration_since(world.started());
    let watch = world.table.watch.lock().unwrap();
    let before = watch.steps.iter().rev().find(|step| step.at <= struck);
    if before.is_none_or(|step| is_terminal(&step.to.state)) {
        return None;
    }
    let next = watch.steps.iter().find(|step| step.at > struck && step.to.state != "queued")?;
    let waited = next.at - struck;
    (waited > PROMPTLY).then(|| format!("after the fault at {struck:?} nothing went on for {waited:?}"))
}
