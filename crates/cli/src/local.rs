//! `millrace local`: serve until told to stop.

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Local;
use crate::output;
use crate::stack::Stack;

pub(crate) async fn run(args: Local) -> Result<()> {
    let stack = Stack::start(&args.cloud, &args.keys).await?;
    announce(&stack, &args.cloud);
    if args.keys.is_empty() {
        output::note(format_args!("No key yet: start with --key KEY to have one."));
    }
    until_stopped().await?;
    output::note(format_args!("Stopping."));
    stack.stop().await;
    Ok(())
}

/// Says where things are.
pub(crate) fn announce(stack: &Stack, cloud: &crate::args::Cloud) {
    output::note(format_args!("Millrace serves Langflow's API on {} (Ctrl-C stops it).", stack.url()));
    match cloud.memory {
        true => output::note(format_args!("Everything is kept in memory and gone when it stops.")),
        false => output::note(format_args!("Table, queue and uploads are kept in {}.", cloud.data.display())),
    }
    if let Some(folder) = &cloud.files {
        output::note(format_args!("Flows may read the files in {}.", folder.display()));
    }
    match stack.is_stand_in() {
        true => output::note(format_args!(
            "Models are played by the stand-in provider; set OPENAI_API_KEY for a real one."
        )),
        false => output::note(format_args!("Flows that name no provider use {}.", stack.provider_url)),
    }
}

/// Waits for Ctrl-C or a request to end.
pub(crate) async fn until_stopped() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        biased;
        stopped = tokio::signal::ctrl_c() => Ok(stopped?),
        _ = terminate.recv() => Ok(()),
    }
}
