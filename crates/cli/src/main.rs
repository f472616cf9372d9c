//! The `millrace` command.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its user")]
#![expect(clippy::disallowed_methods, reason = "it hands its own variables on to the functions")]

mod args;
mod bench;
mod caller;
mod check;
mod client;
mod client_args;
mod completions;
mod cost;
mod demo;
mod exit;
mod flow;
mod follow;
mod functions;
mod json_argument;
mod key;
mod local;
mod master_key;
mod output;
mod profile;
mod push;
mod run;
mod stack;
mod task;
mod usage;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use millrace_runner::logs;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

use args::{Args, Command};
use exit::{Exit, Failure};

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let filter = std::env::var("MILLRACE_LOG").ok().filter(|filter| !filter.is_empty());
    match logs::filter(filter.as_deref().unwrap_or("warn")) {
        Ok(filter) => registry().with(layer().with_writer(std::io::stderr).with_filter(filter)).init(),
        Err(error) => {
            output::remark(format_args!("Error: {error}"));
            return ExitCode::FAILURE;
        }
    }
    let Err(error) = run(args.command).await else { return ExitCode::SUCCESS };
    let exit = Failure::exit_of(&error);
    if exit != Exit::PipeClosed {
        // The sentence and its causes; a backtrace is no help to who runs a command.
        output::remark(format_args!("Error: {error:#}"));
    }
    ExitCode::from(exit as u8)
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(demo) => demo::run(demo).await,
        Command::Local(local) => local::run(local).await,
        Command::Bench(bench) => bench::run(bench).await,
        Command::Check(check) => check::run(&check),
        Command::Cost(cost) => cost::run(cost).await,
        Command::Key(key) => key::run(key).await,
        Command::Push(push) => push::run(push).await,
        Command::Run(call) => run::run(call).await,
        Command::Task(task) => task::run(task).await,
        Command::Flow(flow) => flow::run(flow).await,
        Command::Usage(usage) => usage::run(usage).await,
        Command::Profile(profile) => profile::run(&profile),
        Command::Completions(shell) => completions::run(&shell),
    }
}
