//! The tables that are printed.

use anyhow::Result;
use millrace_store::JournalMode;
use serde_json::{Value as Json, json};

use super::count::{Batch, Step};
use super::model::{Bill, Model, one_at_a_time};
use super::print::{Table, large, number, usd};
use super::terms::{Architecture, Front, Polls, Terms};

/// What the large table runs over.
const WAITS: [f64; 5] = [1.0, 3.0, 10.0, 30.0, 60.0];
const BATCHES: [u32; 3] = [1, 5, 10];
const POLLS: [Polls; 5] = [Polls::Times(0), Polls::Times(1), Polls::Times(5), Polls::Times(20), Polls::Long];

/// Batches that are counted, besides the one that is asked for.
pub(super) fn batch_sizes(asked: u32) -> Vec<u32> {
    let mut sizes: Vec<u32> = BATCHES.into_iter().chain([asked]).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// A model, asked for these terms and for others like them.
pub(super) struct Report<'a> {
    pub model: &'a Model,
    pub terms: Terms,
}

impl Report<'_> {
    /// Dollars of a million tasks, by part.
    pub fn parts(&self) -> Result<Table> {
        Ok(bill("what a million tasks cost", &self.model.per_million(&self.terms)?))
    }

    /// Dollars of a month, by part.
    pub fn fixed(&self) -> Result<Table> {
        Ok(bill("what a month costs besides", &self.model.fixed(&self.terms)?))
    }

    /// Dollars of a million tasks, over wait, batch and polls.
    pub fn grid(&self) -> Result<Table> {
        let polls = POLLS.map(|polls| match polls {
            Polls::Times(1) => "1 poll".to_owned(),
            Polls::Times(times) => format!("{times} polls"),
            Polls::Long => "1 that waits".to_owned(),
        });
        let mut table = Table::new(["wait, batch".to_owned()].into_iter().chain(polls));
        for wait in WAITS {
            for batch in BATCHES {
                let cost = |polls| {
                    let terms = Terms { wait, batch, polls, sync: false, ..self.terms };
                    Ok(usd(self.model.per_million(&terms)?.total))
                };
                let cells: Vec<String> = POLLS.into_iter().map(cost).collect::<Result<_>>()?;
                table.row([format!("{} s, {batch}", number(wait))].into_iter().chain(cells));
            }
        }
        Ok(table)
    }

    /// Dollars of a million synchronous calls, over wait and front.
    pub fn sync(&self) -> Result<Table> {
        let mut table = Table::new(["wait", "HTTP API", "Function URL"]);
        for wait in WAITS {
            // Behind an HTTP API a long call becomes a queued one.
            let cost = |front| {
                let terms = Terms { wait, front, sync: true, ..self.terms };
                self.model.per_million(&terms).map_or_else(|_| "queued".to_owned(), |bill| usd(bill.total))
            };
            table.row([format!("{} s", number(wait)), cost(Front::HttpApi), cost(Front::FunctionUrl)]);
        }
        Ok(table)
    }

    /// Dollars of a million tasks where one thing is otherwise.
    pub fn variants(&self) -> Result<Table> {
        let base = self.terms;
        let variants = [
            ("as above", base),
            ("journal in memory", Terms { journal: JournalMode::Memory, ..base }),
            ("no journal", Terms { journal: JournalMode::Off, ..base }),
            ("no limit of a tenant's tasks at once", Terms { slots: false, ..base }),
            ("behind a Function URL", Terms { front: Front::FunctionUrl, ..base }),
            ("no limit, Function URL", Terms { slots: false, front: Front::FunctionUrl, ..base }),
            ("no limit, Function URL, 128 MB", low(base)),
            (
                "no limit, Function URL, 128 MB, journal in memory",
                Terms { journal: JournalMode::Memory, ..low(base) },
            ),
            ("128 MB", Terms { memory: 128, ..base }),
            ("512 MB", Terms { memory: 512, ..base }),
            ("x86_64", Terms { architecture: Architecture::X86_64, ..base }),
            ("one task a batch", Terms { batch: 1, ..base }),
            ("two seconds more to wait", Terms { wait: base.wait + 2.0, ..base }),
            ("the caller waits (sync)", Terms { sync: true, ..base }),
        ];
        let mut table = Table::new(["", "$ a million"]);
        for (name, terms) in variants {
            let cost = self.model.per_million(&terms).map(|bill| usd(bill.total));
            table.row([name.to_owned(), cost.unwrap_or_else(|_| "queued".to_owned())]);
        }
        Ok(table)
    }

    /// Against servers that are always on.
    pub fn servers(&self) -> Result<Table> {
        let mut table =
            Table::new(["server", "$ a month", "break-even, tasks a month", "it does one at a time"]);
        for server in &self.model.prices.always_on {
            table.row([
                server.name.clone(),
                usd(server.usd_month),
                large(self.model.break_even(&self.terms, server.usd_month)?),
                large(one_at_a_time(self.terms.wait)),
            ]);
        }
        Ok(table)
    }

    /// What each step asks for.
    pub fn counts(&self) -> Result<Table> {
        let counts = &self.model.counts;
        let mut table = Table::new([
            "step",
            "requests to DynamoDB",
            "write units",
            "read units",
            "requests to SQS",
            "bytes of log",
        ]);
        for (name, step) in self.steps()? {
            table.row([
                name,
                number(step.dynamodb_requests),
                number(step.write_units),
                number(step.read_units),
                number(step.sqs_requests),
                number(step.log_bytes),
            ]);
        }
        table.row(["end of a task, with its metrics", "", "", "", "", &number(counts.metrics_line_bytes)]);
        Ok(table)
    }

    fn steps(&self) -> Result<Vec<(String, Step)>> {
        let counts = &self.model.counts;
        let mut steps = vec![
            ("a call with `\"sync\": false`".to_owned(), counts.submit),
            ("a poll".to_owned(), counts.poll),
            ("the limit of a key, for each request".to_owned(), counts.rate),
        ];
        for (slots, journal) in [
            (true, JournalMode::Effects),
            (false, JournalMode::Effects),
            (true, JournalMode::Memory),
            (true, JournalMode::Off),
        ] {
            let with = if slots { "" } else { ", no limit at once" };
            for tasks in batch_sizes(self.terms.batch) {
                let batch = Batch { journal, slots, tasks };
                steps.push((format!("a batch of {tasks}, journal {journal}{with}"), counts.batch(batch)?));
            }
        }
        steps.extend([
            ("a slot, within a batch".to_owned(), counts.slot()?),
            ("a heartbeat of a task".to_owned(), counts.heartbeat),
            ("the end of a task that had one".to_owned(), counts.hide),
            ("a synchronous call".to_owned(), counts.sync),
            ("the put of a sum of the day".to_owned(), counts.usage_row),
            ("a sweep that finds nothing".to_owned(), counts.sweep),
        ]);
        Ok(steps)
    }

    /// The prices, and where they are from.
    pub fn prices(&self) -> Table {
        let mut table = Table::new(["price", "$", "for a", "source"]);
        for (name, price) in self.model.prices.all() {
            table.row([name.to_owned(), decimal(price.usd), price.per.clone(), price.source.clone()]);
        }
        table
    }

    /// All of it for a script.
    pub fn json(&self) -> Result<Json> {
        let counts = &self.model.counts;
        let steps: serde_json::Map<String, Json> = self
            .steps()?
            .into_iter()
            .map(|(name, step)| Ok((name, serde_json::to_value(step)?)))
            .collect::<Result<_>>()?;
        let servers: Vec<Json> = self
            .model
            .prices
            .always_on
            .iter()
            .map(|server| {
                let break_even = self.model.break_even(&self.terms, server.usd_month)?;
                Ok(json!({"name": server.name, "usd_month": server.usd_month, "break_even_tasks": break_even}))
            })
            .collect::<Result<_>>()?;
        Ok(json!({
            "terms": self.terms,
            "usd_per_million": self.model.per_million(&self.terms)?,
            "usd_per_month": self.model.fixed(&self.terms)?,
            "billed_per_task": self.model.billed(&self.terms)?,
            "always_on": servers,
            "counted": steps,
            "stored_bytes": counts.stored_bytes,
            "metrics": counts.metrics,
            "measured": self.model.measured,
        }))
    }
}

/// The cheapest that nothing of the flow depends on.
pub(super) fn low(terms: Terms) -> Terms {
    Terms { slots: false, front: Front::FunctionUrl, memory: 128, ..terms }
}

fn bill(name: &str, bill: &Bill) -> Table {
    let mut table = Table::new([name, "$"]);
    for part in &bill.parts {
        table.row([part.name.to_owned(), usd(part.usd)]);
    }
    table.row(["sum".to_owned(), usd(bill.total)]);
    table
}

/// All digits that a price has, without an exponent.
fn decimal(price: f64) -> String {
    format!("{price:.10}").trim_end_matches('0').trim_end_matches('.').to_owned()
}
