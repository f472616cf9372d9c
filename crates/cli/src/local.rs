//! `millrace local`: serve until told to stop.

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Local;
use crate::stack::Stack;

pub(crate) async fn run(args: Local) -> Result<()> {
    let stack = Stack::start(&args.cloud, &args.keys).await?;
    announce(&stack, &args.cloud);
    if args.keys.is_empty() {
        println!("No key yet: start with --key KEY to have one.");
    }
    until_stopped().await?;
    println!("Stopping.");
    stack.stop().await;
    Ok(())
}

/// Says where things are.
pub(crate) fn announce(stack: &Stack, cloud: &crate::args::Cloud) {
    println!("Millrace serves Langflow's API on {} (Ctrl-C stops it).", stack.url());
    match cloud.memory {
        true => println!("Everything is kept in memory and gone when it stops."),
        false => println!("Table, queue and uploads are kept in {}.", cloud.data.display()),
    }
    if let Some(folder) = &cloud.files {
        println!("Flows may read the files in {}.", folder.display());
    }
    match stack.is_stand_in() {
        true => println!("Models are played by the stand-in provider; set OPENAI_API_KEY for a real one."),
        false => println!("Flows that name no provider use {}.", stack.provider_url),
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
