//! `millrace completions`: a script with which a shell completes the command.

use anyhow::Result;
use clap::CommandFactory;

use crate::args::Args;
use crate::client_args::Completions;
use crate::output;

pub(crate) fn run(args: &Completions) -> Result<()> {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "millrace", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end())
}
