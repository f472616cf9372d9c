//! The `millrace` command.
#![expect(clippy::print_stdout, reason = "a command talks to its user")]

mod args;
mod bench;
mod caller;
mod check;
mod demo;
mod local;
mod stack;

use anyhow::Result;
use clap::Parser;
use tracing_subscriber::EnvFilter;

use args::{Args, Command};

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let filter = EnvFilter::try_from_env("MILLRACE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match args.command {
        Command::Demo(demo) => demo::run(demo).await,
        Command::Local(local) => local::run(local).await,
        Command::Bench(bench) => bench::run(bench).await,
        Command::Check(check) => check::run(&check),
    }
}
