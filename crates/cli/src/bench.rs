//! `millrace bench`: how fast tasks pass through the local cloud; and, by `functions`, what a start of each function takes.

mod functions;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use millrace_store::TenantId;
use serde_json::{Value as Json, json};

use crate::args::{Bench, Benchmark, Cloud};
use crate::caller::Caller;
use crate::demo::FLOW;
use crate::stack::Stack;

/// Between polls of many clients: polls are work too, and what is asked is how fast tasks pass.
const POLL_UNDER_LOAD_MS: u64 = 25;

pub(crate) async fn run(args: Bench) -> Result<()> {
    match args.what {
        Some(Benchmark::Functions(functions)) => functions::run(&functions).await,
        None => tasks(args).await,
    }
}

async fn tasks(args: Bench) -> Result<()> {
    let cloud = Cloud {
        port: 0,
        memory: true,
        files: None,
        data: PathBuf::new(),
        processes: false,
        functions: None,
        watched: None,
        write_env: None,
        sweep_seconds: 60.0,
        provider_delay: args.provider_delay,
    };
    let stack = Stack::start(&cloud, &[]).await?;
    let key = stack.store().create_key(&TenantId::try_from("default")?, "bench").await?;
    let caller = Caller::new(stack.url(), key.text)?;
    let flow = caller.post("/api/v1/flows/", &serde_json::from_str(FLOW)?).await?;
    let path = format!("/api/v1/process/{}", flow["id"].as_str().context("the answer has no flow id")?);

    let calls = Calls { caller, path, journal: args.journal };
    let submit = [calls.round(false, args.sequential, 1).await?];
    report("submit to SUCCESS, one client", &submit);
    let sync = [calls.round(true, args.sequential, 1).await?];
    report("synchronous, one client", &sync);
    for (name, sync) in [("submit to SUCCESS", false), ("synchronous", true)] {
        let each = args.tasks.div_ceil(args.clients.max(1));
        let clients = (0..args.clients).map(|_| {
            let calls = calls.clone();
            tokio::spawn(async move { calls.round(sync, each, POLL_UNDER_LOAD_MS).await })
        });
        let clients: Vec<_> = clients.collect();
        let mut rounds = Vec::new();
        for client in clients {
            rounds.push(client.await??);
        }
        report(&format!("{name}, {} clients", args.clients), &rounds);
    }
    stack.stop().await;
    Ok(())
}

/// What one client saw.
struct Round {
    start: Instant,
    end: Instant,
    times: Vec<Duration>,
}

/// Calls of one flow.
#[derive(Clone)]
struct Calls {
    caller: Caller,
    path: String,
    journal: Option<String>,
}

impl Calls {
    async fn round(&self, sync: bool, tasks: usize, pause_ms: u64) -> Result<Round> {
        let start = Instant::now();
        let mut times = Vec::with_capacity(tasks);
        for n in 0..tasks {
            let before = Instant::now();
            let body =
                json!({"inputs": {"text": format!("number {n}")}, "sync": sync, "journal": self.journal});
            let answer = self.caller.post(&self.path, &body).await?;
            if !sync {
                let href = answer["task"]["href"].as_str().context("the answer has no task")?;
                let pause = Duration::from_millis(pause_ms);
                let task: Json = self.caller.poll(&format!("/{href}"), pause).await?;
                if task["status"] != "SUCCESS" {
                    bail!("a task ended with {}: {}", task["status"], task["result"]);
                }
            }
            times.push(before.elapsed());
        }
        Ok(Round { start, end: Instant::now(), times })
    }
}

fn report(name: &str, rounds: &[Round]) {
    let mut times: Vec<Duration> = rounds.iter().flat_map(|round| round.times.clone()).collect();
    times.sort();
    let start = rounds.iter().map(|round| round.start).min();
    let end = rounds.iter().map(|round| round.end).max();
    let (Some(start), Some(end), false) = (start, end, times.is_empty()) else { return };
    let ms = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let rate = times.len() as f64 / (end - start).as_secs_f64();
    println!(
        "{name}: {} tasks, {rate:.0} tasks/s, p50 {:.2} ms, p99 {:.2} ms",
        times.len(),
        ms(0.5),
        ms(0.99)
    );
}
