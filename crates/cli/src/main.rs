//! The `millrace` command.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its user")]
#![expect(clippy::disallowed_methods, reason = "it hands its own variables on to the functions")]

mod args;
mod bench;
mod caller;
mod check;
mod cost;
mod demo;
mod functions;
mod key;
mod local;
mod master_key;
mod stack;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use millrace_runner::logs;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

use args::{Args, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let filter = std::env::var("MILLRACE_LOG").ok().filter(|filter| !filter.is_empty());
    match logs::filter(filter.as_deref().unwrap_or("warn")) {
        Ok(filter) => registry().with(layer().with_writer(std::io::stderr).with_filter(filter)).init(),
        Err(error) => {
            eprintln!("Error: {error}");
            return ExitCode::FAILURE;
        }
    }
    match run(args.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The sentence and its causes; a backtrace is no help to who runs a command.
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(demo) => demo::run(demo).await,
        Command::Local(local) => local::run(local).await,
        Command::Bench(bench) => bench::run(bench).await,
        Command::Check(check) => check::run(&check),
        Command::Cost(cost) => cost::run(cost).await,
        Command::Key(key) => key::run(key).await,
    }
}
