//! `millrace cost`: what tasks cost on AWS, from requests that are counted here and now.

mod cloud;
mod count;
mod lines;
mod measure;
mod model;
mod page;
mod prices;
mod print;
mod report;
mod terms;

use std::path::PathBuf;

use anyhow::Result;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, value_parser};
use millrace_store::JournalMode;

use crate::output;
pub(crate) use terms::{Architecture, Front, Polls};

use count::Counts;
use measure::Measured;
use model::Model;
use prices::Prices;
use report::{Report, batch_sizes};
use terms::{Terms, parse_wait};

/// The terms of `millrace cost`.
#[derive(Debug, Args)]
pub(crate) struct Cost {
    /// Seconds that a task waits for its model: 0.001 to 840.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_wait)]
    pub wait: f64,
    /// Tasks that a worker is handed at once: 1 to 10.
    #[arg(long, value_name = "TASKS", default_value_t = 10, value_parser = value_parser!(u32).range(1..=10))]
    pub batch: u32,
    /// How often a caller asks for a task, or `long` for polls that wait.
    #[arg(long, value_name = "TIMES", default_value = "5")]
    pub polls: Polls,
    /// Memory of the functions, MB: 128 to 10240.
    #[arg(long, value_name = "MB", default_value_t = 256, value_parser = value_parser!(u32).range(128..=10_240))]
    pub memory: u32,
    /// What is kept of a task's effects.
    #[arg(long, value_name = "MODE", default_value_t = JournalMode::Effects, value_parser = journal_mode())]
    pub journal: JournalMode,
    /// Where requests arrive.
    #[arg(long, value_enum, default_value_t = Front::HttpApi)]
    pub front: Front,
    /// The instruction set of the functions.
    #[arg(long, value_enum, default_value_t = Architecture::Arm64)]
    pub architecture: Architecture,
    /// Whether a tenant's tasks at once are limited (`TenantConcurrency`).
    #[arg(long, value_name = "true|false", default_value_t = true, action = ArgAction::Set)]
    pub slots: bool,
    /// Calls whose callers wait, in place of queued tasks.
    #[arg(long)]
    pub sync: bool,
    /// Custom metrics to pay for, 0 to 10000; those that the functions write by default.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(0..=10_000))]
    pub metrics: Option<u32>,
    /// A file whose prices replace those that are built in: `{"aws": {"sqs_request": 0.0000005}}`.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print the page docs/cost.md.
    #[arg(long)]
    pub markdown: bool,
    /// Measure the CPU time of each step and print it, as `crates/cli/src/cost/measured.json` has it.
    #[arg(long, conflicts_with_all = ["json", "markdown"])]
    pub measure: bool,
}

impl Cost {
    fn terms(&self) -> Result<Terms> {
        Ok(Terms {
            wait: self.wait,
            batch: self.batch,
            polls: self.polls,
            memory: self.memory,
            journal: self.journal,
            slots: self.slots,
            front: self.front,
            architecture: self.architecture,
            metrics: self.metrics.map(usize::try_from).transpose()?,
            sync: self.sync,
        })
    }
}

fn journal_mode() -> impl TypedValueParser<Value = JournalMode> {
    PossibleValuesParser::new(JournalMode::ALL.map(JournalMode::as_str))
        .try_map(|mode| mode.parse::<JournalMode>())
}

pub(crate) async fn run(args: Cost) -> Result<()> {
    if args.measure {
        return output::line(serde_json::to_string_pretty(&Measured::take().await?)?);
    }
    let (terms, prices) = (args.terms()?, Prices::read(args.prices.as_deref())?);
    terms.check()?;
    if !args.json && !args.markdown {
        output::remark("Counting the requests of tasks in a local cloud …");
    }
    let counts = Counts::take(&batch_sizes(terms.batch)).await?;
    let model = Model { counts, prices, measured: Measured::stored()? };
    let report = Report { model: &model, terms };
    let text = match (args.json, args.markdown) {
        (true, _) => format!("{:#}", report.json()?),
        (_, true) => page::markdown(&report)?,
        _ => page::text(&report)?,
    };
    output::line(text.trim_end())
}
