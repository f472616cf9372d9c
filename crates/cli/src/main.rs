//! The `millrace` command.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its user")]

mod args;
mod bench;
mod caller;
mod check;
mod demo;
mod functions;
mod key;
mod local;
mod master_key;
mod stack;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use tracing_subscriber::EnvFilter;

use args::{Args, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_env("MILLRACE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
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
        Command::Key(key) => key::run(key).await,
    }
}
