//! The command line of what calls an installation over HTTP.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand, ValueEnum, value_parser};
use clap_complete::Shell;
use jiff::civil::Date;
use uuid::Uuid;

use crate::json_argument::JsonArgument;

/// Which installation is called, and how its answers are shown.
#[derive(Debug, Clone, Default, Group)]
#[command(next_help_heading = "Installation")]
pub(crate) struct Target {
    /// Address of the installation, instead of a profile's.
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// API key. Other users of this machine can see it there: a profile or MILLRACE_API_KEY is better.
    #[arg(long, global = true, value_name = "KEY")]
    pub key: Option<String>,
    /// Profile that has address and key.
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Print JSON and nothing else on standard output.
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress and no remarks on standard error, only errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// `millrace push`
#[derive(Debug, Group)]
pub(crate) struct Push {
    /// The export, a JSON file; `-` for standard input.
    pub file: PathBuf,
    /// Name it so.
    #[arg(long)]
    pub name: Option<String>,
    /// Update this flow, by id, endpoint name or name. By default that with the export's id, endpoint name or name.
    #[arg(long, visible_alias = "id", value_name = "FLOW", conflicts_with = "new")]
    pub flow: Option<String>,
    /// Make a new flow, whatever there is.
    #[arg(long)]
    pub new: bool,
    /// Upload nothing that will not run.
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub target: Target,
}

/// `millrace run`
#[derive(Debug, Group)]
pub(crate) struct Run {
    /// The flow: its id, endpoint name or name.
    pub flow: String,
    /// Text for the flow's input; `-` reads it from standard input.
    #[arg(long, short, value_name = "TEXT", conflicts_with = "inputs")]
    pub input: Option<String>,
    /// What the flow calls its input; `input_value` (1.x) or `input` (0.x) by default.
    #[arg(long, value_name = "NAME", requires = "input")]
    pub input_name: Option<String>,
    /// All inputs as JSON, an object or a list of objects: itself, `@FILE`, or `-` for standard input.
    #[arg(long, value_name = "JSON")]
    pub inputs: Option<JsonArgument>,
    /// The conversation to go on with.
    #[arg(long, value_name = "ID")]
    pub session: Option<String>,
    /// Changes to fields of nodes, a JSON object: itself, `@FILE`, or `-` for standard input.
    #[arg(long, value_name = "JSON")]
    pub tweaks: Option<JsonArgument>,
    /// Wait for the end and print the result, which is the default.
    #[arg(long, conflicts_with = "detach")]
    pub wait: bool,
    /// Queue it and print the task's id.
    #[arg(long)]
    pub detach: bool,
    /// Seconds to wait for the end at most; the task goes on then.
    #[arg(long, value_name = "SECONDS", conflicts_with = "detach", value_parser = value_parser!(u64).range(1..=86_400))]
    pub wait_seconds: Option<u64>,
    /// Seconds that the task may take.
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// US dollars, by estimate, that the task may cost.
    #[arg(long, value_name = "DOLLARS")]
    pub budget: Option<f64>,
    /// What is kept of its effects.
    #[arg(long, value_name = "MODE", value_parser = ["effects", "memory", "off"])]
    pub journal: Option<String>,
    /// Where its end is posted.
    #[arg(long, value_name = "URL")]
    pub callback_url: Option<String>,
    /// Name of the request: sent twice with the same name it is done once. One of its own by default.
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    #[command(flatten)]
    pub target: Target,
}

/// `millrace task`
#[derive(Debug, Group)]
pub(crate) struct Task {
    #[command(subcommand)]
    pub action: TaskAction,
    #[command(flatten)]
    pub target: Target,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TaskAction {
    /// Show a task. Ends with 0 also where the task has failed.
    Get {
        /// Its id.
        id: Uuid,
    },
    /// List tasks, newest first.
    List(TaskList),
    /// Stop a task before its next effect.
    Cancel {
        /// Its id.
        id: Uuid,
    },
    /// Run a failed task again as a new one. What it has recorded is not done again.
    Retry {
        /// Its id.
        id: Uuid,
        /// Tweaks that hold secrets, which were erased when it ended: JSON, `@FILE`, or `-` for standard input.
        #[arg(long, value_name = "JSON")]
        tweaks: Option<JsonArgument>,
        /// Wait for the end of the new task and print the result.
        #[arg(long)]
        wait: bool,
    },
    /// Show each state of a task until its end, then the result.
    Tail {
        /// Its id.
        id: Uuid,
    },
}

/// `millrace task list`
#[derive(Debug, Group)]
pub(crate) struct TaskList {
    /// Only those of this flow: id, endpoint name or name.
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
    /// Only those in this state.
    #[arg(long)]
    pub state: Option<TaskState>,
    /// How many in one page, 1 to 100.
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u16).range(1..=100))]
    pub limit: u16,
    /// Go on where another page ended.
    #[arg(long)]
    pub cursor: Option<String>,
    /// All pages to the end.
    #[arg(long)]
    pub all: bool,
}

/// Where a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskState {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// `millrace flow`
#[derive(Debug, Group)]
pub(crate) struct Flow {
    #[command(subcommand)]
    pub action: FlowAction,
    #[command(flatten)]
    pub target: Target,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FlowAction {
    /// List the flows.
    List,
    /// Print a flow as JSON, as an export has it.
    Get {
        /// Id, endpoint name or name.
        flow: String,
    },
    /// Delete a flow.
    Delete {
        /// Id, endpoint name or name.
        flow: String,
    },
}

/// `millrace usage`
#[derive(Debug, Group)]
pub(crate) struct Usage {
    /// First day (UTC), as 2026-01-31; today by default.
    #[arg(long, value_name = "DAY")]
    pub from: Option<Date>,
    /// Last day; today by default.
    #[arg(long, value_name = "DAY")]
    pub to: Option<Date>,
    #[command(flatten)]
    pub target: Target,
}

/// `millrace profile`
#[derive(Debug, Group)]
pub(crate) struct Profile {
    #[command(subcommand)]
    pub action: ProfileAction,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileAction {
    /// Make a profile or change one. The first becomes the one in use.
    Set(ProfileSet),
    /// List the profiles.
    List,
    /// Show a profile, its key but for the beginning; the one in use by default.
    Show {
        /// Its name.
        name: Option<String>,
    },
    /// Use a profile wherever none is named.
    Use {
        /// Its name.
        name: String,
    },
    /// Forget a profile. Its key goes on to work.
    Remove {
        /// Its name.
        name: String,
    },
}

/// `millrace profile set`
#[derive(Debug, Group)]
pub(crate) struct ProfileSet {
    /// Its name: letters, digits, hyphens and underscores.
    pub name: String,
    /// Address of the installation; of a new profile http://127.0.0.1:7860 by default.
    #[arg(long)]
    pub url: Option<String>,
    /// Read the key from the first line of standard input. Without it the key is asked for at the terminal.
    #[arg(long, conflicts_with = "key")]
    pub key_stdin: bool,
    /// The key itself. It stays in your shell's history, and other users of this machine can see it.
    #[arg(long)]
    pub key: Option<String>,
}

/// `millrace completions`
#[derive(Debug, Group)]
pub(crate) struct Completions {
    /// The shell.
    pub shell: Shell,
}
