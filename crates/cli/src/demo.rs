//! `millrace demo`: a sample flow, uploaded, run and polled, shown as `curl` lines that can be repeated.

use anyhow::{Context, Result, bail};
use millrace_store::TenantId;
use serde_json::{Value as Json, json};

use crate::args::Demo;
use crate::caller::Caller;
use crate::local::{announce, until_stopped};
use crate::output;
use crate::stack::Stack;

/// A flow of our own, as Langflow 0.6 exports one.
pub(crate) const FLOW: &str = include_str!("../flows/guide.json");

pub(crate) async fn run(args: Demo) -> Result<()> {
    let stack = Stack::start(&args.cloud, &[]).await?;
    announce(&stack, &args.cloud);
    let round = round(&stack).await;
    if round.is_ok() && !args.once {
        output::note(format_args!("\nStill serving; the lines above can be repeated."));
        until_stopped().await?;
    }
    for start in stack.start_times() {
        output::note(format_args!(
            "A process polled for its first event {:.1} ms after exec.",
            start.as_secs_f64() * 1e3
        ));
    }
    stack.stop().await;
    round
}

async fn round(stack: &Stack) -> Result<()> {
    let tenant = TenantId::try_from("default")?;
    let key = stack.store().create_key(&tenant, "demo").await?;
    let caller = Caller::new(stack.url(), key.text)?;

    output::note(format_args!("\n# Upload a flow exported from Langflow"));
    let flow: Json = serde_json::from_str(FLOW)?;
    let shown = "@crates/cli/flows/guide.json";
    caller.show("POST", "/api/v1/flows/", Some(shown));
    let flow = caller.post("/api/v1/flows/", &flow).await?;
    let id = flow["id"].as_str().context("the answer has no flow id")?.to_owned();
    output::note(format_args!(
        "{}",
        json!({"id": id, "name": flow["name"], "warnings": flow.get("warnings")})
    ));

    output::note(format_args!("\n# Run it and wait for the answer"));
    let path = format!("/api/v1/process/{id}");
    let body = json!({"inputs": {"text": "What is a millrace?"}});
    caller.show("POST", &path, Some(&body.to_string()));
    let answer = caller.post(&path, &body).await?;
    output::note(format_args!("{answer:#}"));

    output::note(format_args!("\n# Go on in the same session, without waiting"));
    let session = answer["session_id"].clone();
    let body = json!({"inputs": {"text": "And what turns?"}, "session_id": session, "sync": false});
    caller.show("POST", &path, Some(&body.to_string()));
    let accepted = caller.post(&path, &body).await?;
    output::note(format_args!("{accepted:#}"));

    output::note(format_args!("\n# Poll the task"));
    let href = accepted["task"]["href"].as_str().context("the answer has no task")?;
    caller.show("GET", &format!("/{href}"), None);
    let task = caller.poll(&format!("/{href}"), std::time::Duration::from_millis(50)).await?;
    output::note(format_args!("{task:#}"));
    if task["status"] != "SUCCESS" {
        bail!("the task ended with {}", task["status"]);
    }
    Ok(())
}
