//! The command line.

use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand, value_parser};
use millrace_store::{Scope, TenantId};
use uuid::Uuid;

use crate::client_args::{Completions, Flow, Profile, Push, Run, Task, Usage};
use crate::cost::Cost;
use crate::exit;

/// Flows drawn in Langflow, run on AWS Lambda.
#[derive(Debug, Parser)]
#[command(version, about, after_help = exit::TABLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the local cloud, run a sample flow in it, and keep serving.
    Demo(Demo),
    /// Start the local cloud and serve.
    Local(Local),
    /// Measure how fast tasks pass through a local cloud in memory, with an instant provider.
    Bench(Bench),
    /// Say what of an exported flow will not run, or not as drawn.
    Check(Check),
    /// Say what tasks cost on AWS, from requests counted in a local cloud.
    Cost(Cost),
    /// Make, list, rotate and revoke API keys in the table of a deployed stack.
    Key(Key),
    /// Upload an exported flow. The same export again updates the same flow.
    #[command(after_help = exit::TABLE)]
    Push(Push),
    /// Run a flow and print its result.
    #[command(after_help = exit::TABLE)]
    Run(Run),
    /// Show, list, cancel, retry and follow tasks.
    #[command(after_help = exit::TABLE)]
    Task(Task),
    /// List, print and delete flows.
    #[command(after_help = exit::TABLE)]
    Flow(Flow),
    /// What your tasks used, by the day.
    #[command(after_help = exit::TABLE)]
    Usage(Usage),
    /// Keep addresses and keys of installations, so that they are typed once.
    Profile(Profile),
    /// Print a script with which your shell completes this command.
    Completions(Completions),
}

#[derive(Debug, Group)]
pub(crate) struct Demo {
    /// End after the first round.
    #[arg(long)]
    pub once: bool,
    #[command(flatten)]
    pub cloud: Cloud,
}

#[derive(Debug, Group)]
pub(crate) struct Local {
    /// Accept KEY as an API key of TENANT (`default` if none is named). May be repeated.
    #[arg(long = "key", value_name = "KEY[=TENANT]", value_parser = parse_key)]
    pub keys: Vec<LocalKey>,
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `demo` and `local` have in common.
#[derive(Debug, Clone, Group)]
pub(crate) struct Cloud {
    /// Port of the HTTP API; 0 lets the system choose.
    #[arg(long, default_value_t = 7860)]
    pub port: u16,
    /// Keep nothing: everything is gone when it stops.
    #[arg(long, conflicts_with = "data")]
    pub memory: bool,
    /// Folder that keeps table, queue and uploads.
    #[arg(long, value_name = "DIR", default_value = ".millrace")]
    pub data: PathBuf,
    /// Folder whose files flows may read by their paths.
    #[arg(long, value_name = "DIR")]
    pub files: Option<PathBuf>,
    /// Run the functions as the binaries they are deployed as, each under a Lambda Runtime API.
    #[arg(long)]
    pub processes: bool,
    /// Folder of the binaries `api`, `worker` and `sweeper`; that of this command by default.
    #[arg(long, value_name = "DIR", requires = "processes")]
    pub functions: Option<PathBuf>,
    /// Call the functions that `cargo lambda watch` serves at this address instead.
    #[arg(long, value_name = "URL", conflicts_with = "processes")]
    pub watched: Option<String>,
    /// Write the variables with which a function reaches this cloud to a file.
    #[arg(long, value_name = "FILE")]
    pub write_env: Option<PathBuf>,
    /// Seconds between two sweeps, which move on what got stuck; a minute when deployed.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = parse_seconds)]
    pub sweep_seconds: f64,
    /// Milliseconds that the stand-in provider takes to answer.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub provider_delay: u64,
}

#[derive(Debug, Group)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Bench {
    #[command(subcommand)]
    pub what: Option<Benchmark>,
    /// Tasks one after the other, for the time from submit to SUCCESS.
    #[arg(long, default_value_t = 200)]
    pub sequential: usize,
    /// Tasks at once, for tasks per second.
    #[arg(long, default_value_t = 5000)]
    pub tasks: usize,
    /// Clients that submit and poll at once.
    #[arg(long, default_value_t = 32)]
    pub clients: usize,
    /// What is kept of each task's effects: effects, memory or off.
    #[arg(long, value_name = "MODE", value_parser = ["effects", "memory", "off"])]
    pub journal: Option<String>,
    /// Milliseconds that the provider takes to answer.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub provider_delay: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Benchmark {
    /// Measure the functions' binaries themselves: start, first answer, memory, size, instructions.
    Functions(BenchFunctions),
}

#[derive(Debug, Group)]
pub(crate) struct BenchFunctions {
    /// Folder of the binaries, as `cargo lambda build` or `cargo build` leaves it; `target/lambda` if there is one,
    /// else that of this command.
    #[arg(long, value_name = "DIR")]
    pub functions: Option<PathBuf>,
    /// How often each function is started.
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u32).range(1..=1_000))]
    pub runs: u32,
    /// Further events that each of them answers, once it is warm.
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u32).range(1..=1_000))]
    pub warm: u32,
    /// Count no instructions, which takes the longest.
    #[arg(long)]
    pub no_instructions: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Group)]
pub(crate) struct Check {
    /// The export, a JSON file.
    pub file: PathBuf,
    /// Refuse unknown code under a known type.
    #[arg(long)]
    pub strict: bool,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Group)]
pub(crate) struct Key {
    #[command(subcommand)]
    pub action: KeyAction,
    /// The tenant whose keys they are.
    #[arg(long, global = true)]
    pub tenant: Option<TenantId>,
    /// The table; that of the variable MILLRACE_TABLE by default.
    #[arg(long, global = true, value_name = "NAME")]
    pub table: Option<String>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyAction {
    /// Make a key. It is printed alone on standard output, this once.
    Create(KeyCreate),
    /// List the keys of a tenant.
    List,
    /// Delete a key. It stops working within a minute.
    Revoke {
        /// Its id, as the list shows it.
        id: Uuid,
    },
    /// Make a key in the place of another, which goes on for a while.
    Rotate {
        /// Its id, as the list shows it.
        id: Uuid,
        /// Seconds that the old key goes on.
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = value_parser!(u64).range(..=604_800))]
        grace_seconds: u64,
    },
}

#[derive(Debug, Group)]
pub(crate) struct KeyCreate {
    /// What its owner calls it.
    #[arg(long, default_value = "cli")]
    pub name: String,
    /// What it may do: run, read, deploy, admin. Everything by default.
    #[arg(long, value_delimiter = ',')]
    pub scopes: Vec<Scope>,
    /// Days until it ends. It has no end by default.
    #[arg(long, value_name = "DAYS", value_parser = value_parser!(u32).range(1..=3_650))]
    pub expires_days: Option<u32>,
    /// Requests a minute that are served of it, 0 for no limit; as the installation says by default.
    #[arg(long, value_name = "REQUESTS", value_parser = value_parser!(u32).range(..=1_000_000))]
    pub requests_per_minute: Option<u32>,
    /// Keep the key in a profile, for the commands that call the installation.
    #[arg(long, value_name = "NAME", requires = "url")]
    pub save_profile: Option<String>,
    /// Address of the installation, for the profile.
    #[arg(long, requires = "save_profile")]
    pub url: Option<String>,
}

/// A key that the local cloud accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalKey {
    pub text: String,
    pub tenant: TenantId,
}

fn parse_key(text: &str) -> Result<LocalKey, String> {
    let (key, tenant) = text.rsplit_once('=').unwrap_or((text, "default"));
    if key.is_empty() {
        return Err("the key is empty".to_owned());
    }
    let tenant = TenantId::try_from(tenant).map_err(|error| error.to_string())?;
    Ok(LocalKey { text: key.to_owned(), tenant })
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match (0.001..=86_400.0).contains(&seconds) {
        true => Ok(seconds),
        false => Err("not between 0.001 and 86400".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_tenant() {
        let key = parse_key("k1=team").unwrap();
        assert_eq!((key.text.as_str(), key.tenant.as_str()), ("k1", "team"));
        assert_eq!(parse_key("k1").unwrap().tenant.as_str(), "default");
        assert!(parse_key("=team").is_err());
        assert!(parse_key("k=Not A Tenant").is_err());
    }

    #[test]
    fn a_time_between_sweeps_is_one_that_a_clock_can_keep() {
        for (text, seconds) in [("60", 60.0), ("0.5", 0.5), ("86400", 86_400.0)] {
            assert_eq!(parse_seconds(text), Ok(seconds));
        }
        for text in ["", "soon", "0", "-1", "NaN", "inf", "1e300"] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }
}
