//! From counts to dollars: what a task is billed for, and what an installation costs that nobody calls.
//!
//! Units, requests and bytes come from [`Counts`]. Time is modelled: a model is waited for as long as it is told, a round
//! trip to a service takes [`ROUND_TRIP_MS`], and CPU time is stretched as Lambda stretches it.

use std::time::Duration;

use anyhow::Result;
use millrace_runner::heartbeat_period;
use serde::Serialize;

use super::count::{Batch, Counts, Step};
use super::measure::Measured;
use super::prices::Prices;
use super::terms::{Architecture, Front, Polls, Terms};

/// An assumption: a request to DynamoDB or SQS within the region, sent and answered. Milliseconds.
pub(super) const ROUND_TRIP_MS: f64 = 5.0;
/// Memory at which a function has one whole core (AWS Lambda Developer Guide, "Configure Lambda function memory"). MB.
const ONE_CORE_MB: f64 = 1769.0;
/// How long a claim holds. The template's default.
pub(super) const LEASE: Duration = Duration::from_secs(30);
/// How long tasks are kept. The template's default. Days.
pub(super) const RETENTION_DAYS: f64 = 7.0;
/// Between two puts of the api's sum of a day (`crates/runner/src/ledger.rs`). Seconds.
const USAGE_PAUSE_SECONDS: f64 = 5.0;
/// What a poll that waits is told to wait at most. Seconds.
const LONGEST_WAIT_SECONDS: f64 = 20.0;
/// Memory of the sweeper, MB, as the template has it.
const SWEEPER_MB: f64 = 256.0;

/// Hours of a month as AWS's own calculator has it.
const MONTH_HOURS: f64 = 730.0;
/// An event source begins with five pollers, each asking for up to 20 s at a time ("Using Lambda with Amazon SQS").
const POLLERS: f64 = 5.0;
const POLLS_AN_HOUR: f64 = 180.0;
/// The queue and the dead-letter queue.
const QUEUES: f64 = 2.0;

/// What the platform writes into the log of each invocation, as text.
const PLATFORM_LINES: &str = "START RequestId: 7b9d1f52-3c1e-4a57-9d0a-51a4d3f0c2aa Version: $LATEST\n\
    END RequestId: 7b9d1f52-3c1e-4a57-9d0a-51a4d3f0c2aa\n\
    REPORT RequestId: 7b9d1f52-3c1e-4a57-9d0a-51a4d3f0c2aa\tDuration: 10025.12 ms\tBilled Duration: 10026 ms\t\
    Memory Size: 256 MB\tMax Memory Used: 25 MB\t\n";

/// What is deployed: its alarms and dashboards are counted in it.
const TEMPLATE: &str = include_str!("../../../../infra/template.yaml");

const GB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Dollars by what they are for. The sum is that of the parts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Bill {
    pub parts: Vec<Part>,
    pub total: f64,
}

/// A part of a bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Part {
    pub name: &'static str,
    pub usd: f64,
}

impl Bill {
    fn of(parts: Vec<(&'static str, f64)>) -> Self {
        let parts: Vec<Part> = parts.into_iter().map(|(name, usd)| Part { name, usd }).collect();
        Self { total: parts.iter().map(|part| part.usd).sum(), parts }
    }
}

/// What is billed of one task, before it is priced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Billed {
    pub front_requests: f64,
    pub invocations: f64,
    pub api_ms: f64,
    pub worker_ms: f64,
    pub heartbeats: f64,
    /// Requests to SQS by the event source and by the functions.
    pub sqs_requests: f64,
    pub write_units: f64,
    pub read_units: f64,
    pub s3_requests: f64,
    pub log_bytes: f64,
    pub stored_bytes: f64,
}

/// Counts, prices, and what was measured.
pub(super) struct Model {
    pub counts: Counts,
    pub prices: Prices,
    pub measured: Measured,
}

impl Model {
    /// What a million tasks cost, in dollars.
    ///
    /// # Errors
    /// Nothing was counted for these terms, or no call can be answered so late.
    pub fn per_million(&self, terms: &Terms) -> Result<Bill> {
        let billed = self.billed(terms)?;
        let price = |name: &str| self.prices.of(name);
        let gb_second = price(match terms.architecture {
            Architecture::Arm64 => "lambda_gb_second_arm64",
            Architecture::X86_64 => "lambda_gb_second_x86_64",
        })?;
        let front = match terms.front {
            Front::HttpApi => price("http_api_request")?,
            Front::FunctionUrl => 0.0,
        };
        let time = |ms: f64| ms / 1e3 * f64::from(terms.memory) / 1024.0 * gb_second;
        let kept = price("dynamodb_gb_month")? + price("dynamodb_backup_gb_month")?;
        let months = RETENTION_DAYS * 24.0 / MONTH_HOURS;
        let parts = [
            ("HTTP API", billed.front_requests * front),
            ("Lambda, requests", billed.invocations * price("lambda_request")?),
            ("Lambda, time of the api", time(billed.api_ms)),
            ("Lambda, time of the worker", time(billed.worker_ms)),
            ("DynamoDB, writes", billed.write_units * price("dynamodb_write_unit")?),
            ("DynamoDB, reads", billed.read_units * price("dynamodb_read_unit")?),
            ("DynamoDB, storage and backup", billed.stored_bytes / GB * kept * months),
            ("SQS", billed.sqs_requests * (price("sqs_request")? + price("sqs_fair_request")?)),
            ("S3", billed.s3_requests * price("s3_write")?),
            ("CloudWatch, log lines", billed.log_bytes / GB * price("log_gb")?),
        ];
        Ok(Bill::of(parts.map(|(name, usd)| (name, usd * 1e6)).into()))
    }

    /// What one task is billed for.
    ///
    /// # Errors
    /// As [`Model::per_million`].
    pub fn billed(&self, terms: &Terms) -> Result<Billed> {
        match terms.sync {
            true => self.billed_sync(terms),
            false => self.billed_queued(terms),
        }
    }

    fn billed_queued(&self, terms: &Terms) -> Result<Billed> {
        let counts = &self.counts;
        let tasks = f64::from(terms.batch);
        let batch = counts.batch(Batch { journal: terms.journal, slots: terms.slots, tasks: terms.batch })?;
        let (heartbeats, run_ms) = self.run(terms, batch / tasks);
        let mut beat = counts.heartbeat;
        if !terms.slots {
            // One of its writes is the slot's.
            beat.write_units -= 1.0;
            beat.dynamodb_requests -= 1.0;
        }
        let hide = if heartbeats > 0.0 { counts.hide } else { Step::default() };
        let work = batch / tasks + beat * heartbeats + hide;
        let polls = self.polls(terms);
        let api = counts.submit + counts.rate + polls.step;
        let all = api + work;
        let (requests, batches) = (1.0 + polls.requests, 1.0 / tasks);
        Ok(Billed {
            front_requests: requests,
            invocations: requests + batches,
            api_ms: self.api_ms(self.measured.cpu_ms.submit, counts.submit + counts.rate, terms) + polls.ms,
            worker_ms: run_ms / tasks,
            heartbeats,
            // Each batch is received and deleted at once.
            sqs_requests: all.sqs_requests + 2.0 * batches,
            write_units: all.write_units,
            read_units: all.read_units,
            s3_requests: all.s3_requests,
            log_bytes: all.log_bytes
                + counts.metrics_line_bytes
                + (requests + batches) * PLATFORM_LINES.len() as f64,
            stored_bytes: counts.stored_bytes,
        })
    }

    /// The heartbeats of each task, and the billed milliseconds of the batch.
    fn run(&self, terms: &Terms, task: Step) -> (f64, f64) {
        let cpu = stretched(self.measured.cpu_ms.task, terms.memory);
        // Tasks wait side by side; the core they share.
        let own_ms = terms.wait * 1e3 + trips_ms(task) + cpu;
        let batch_ms = own_ms + cpu * (f64::from(terms.batch) - 1.0);
        let heartbeats = (own_ms / (heartbeat_period(LEASE).as_secs_f64() * 1e3)).floor();
        (heartbeats, batch_ms.ceil())
    }

    fn billed_sync(&self, terms: &Terms) -> Result<Billed> {
        terms.check()?;
        let counts = &self.counts;
        // An environment answers one call at a time, so that it puts its sum with every call that takes long enough.
        let puts = (terms.wait / USAGE_PAUSE_SECONDS).min(1.0);
        let call = counts.sync + counts.rate + counts.usage_row * puts;
        Ok(Billed {
            front_requests: 1.0,
            invocations: 1.0,
            api_ms: terms.wait * 1e3 + self.api_ms(self.measured.cpu_ms.sync, call, terms),
            sqs_requests: call.sqs_requests,
            write_units: call.write_units,
            read_units: call.read_units,
            s3_requests: call.s3_requests,
            log_bytes: call.log_bytes + counts.metrics_line_bytes + PLATFORM_LINES.len() as f64,
            // An upper bound: it leaves less than a queued one.
            stored_bytes: counts.stored_bytes,
            ..Billed::default()
        })
    }

    fn api_ms(&self, cpu_ms: f64, step: Step, terms: &Terms) -> f64 {
        (stretched(cpu_ms, terms.memory) + trips_ms(step)).ceil()
    }

    fn polls(&self, terms: &Terms) -> Polled {
        let one = self.counts.poll + self.counts.rate;
        let one_ms = self.api_ms(self.measured.cpu_ms.poll, one, terms);
        match terms.polls {
            Polls::Times(times) => {
                let requests = f64::from(times);
                Polled { requests, step: one * requests, ms: one_ms * requests }
            }
            Polls::Long => {
                let requests = (terms.wait / LONGEST_WAIT_SECONDS).ceil().max(1.0);
                let looks = looks(terms.wait / requests);
                let more = Step { log_bytes: 0.0, ..self.counts.poll } * (looks - 1.0);
                Polled { requests, step: (one + more) * requests, ms: terms.wait * 1e3 + one_ms * requests }
            }
        }
    }

    /// What an installation costs a month that nobody calls, in dollars.
    ///
    /// # Errors
    /// A price is missing.
    pub fn fixed(&self, terms: &Terms) -> Result<Bill> {
        let price = |name: &str| self.prices.of(name);
        let gb_second = price("lambda_gb_second_arm64")?;
        let (sweep, sweeps) = (self.counts.sweep, MONTH_HOURS * 60.0);
        let sweep_ms = (trips_ms(sweep) + stretched(self.measured.cpu_ms.poll, 256)).ceil();
        let sweeper = price("lambda_request")?
            + sweep_ms / 1e3 * SWEEPER_MB / 1024.0 * gb_second
            + sweep.read_units * price("dynamodb_read_unit")?
            + (sweep.log_bytes + PLATFORM_LINES.len() as f64) / GB * price("log_gb")?;
        let of_template = |kind: &str| TEMPLATE.lines().filter(|line| line.trim() == kind).count() as f64;
        let metrics = terms.metrics.unwrap_or(self.counts.metrics);
        Ok(Bill::of(vec![
            ("KMS key", price("kms_key_month")?),
            ("metrics", metrics as f64 * price("metric_month")?),
            ("alarms", of_template("Type: AWS::CloudWatch::Alarm") * price("alarm_month")?),
            ("dashboards", of_template("Type: AWS::CloudWatch::Dashboard") * price("dashboard_month")?),
            (
                "polling of two idle queues",
                QUEUES * POLLERS * POLLS_AN_HOUR * MONTH_HOURS * price("sqs_request")?,
            ),
            ("sweeper, every minute", sweeper * sweeps),
        ]))
    }

    /// Tasks a month from which on a server of this price is cheaper, if it could do them.
    ///
    /// # Errors
    /// As [`Model::per_million`].
    pub fn break_even(&self, terms: &Terms, usd_month: f64) -> Result<f64> {
        let (task, fixed) = (self.per_million(terms)?.total / 1e6, self.fixed(terms)?.total);
        Ok(((usd_month - fixed) / task).max(0.0))
    }
}

/// What the polls of a task come to.
struct Polled {
    requests: f64,
    step: Step,
    ms: f64,
}

/// Tasks a month that a server does one at a time.
pub(super) fn one_at_a_time(wait: f64) -> f64 {
    MONTH_HOURS * 3600.0 / wait
}

/// A function has a share of a core, by its memory. More memory than that of one core helps no single thread.
fn stretched(cpu_ms: f64, memory_mb: u32) -> f64 {
    cpu_ms * (ONE_CORE_MB / f64::from(memory_mb)).max(1.0)
}

/// As if no two requests of a step were under way at once: more than it takes.
fn trips_ms(step: Step) -> f64 {
    (step.dynamodb_requests + step.sqs_requests + step.s3_requests) * ROUND_TRIP_MS
}

/// How often a poll looks that waits so many seconds: as `functions/api/src/routes/task.rs` does, at once, after 0.1 s,
/// then after half as long again, up to a second.
pub(super) fn looks(seconds: f64) -> f64 {
    let (mut looks, mut at, mut pause) = (1.0, 0.0, 0.1);
    while at < seconds {
        at += pause;
        pause = f64::min(pause * 1.5, 1.0);
        looks += 1.0;
    }
    looks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_is_the_sum_of_its_parts() {
        let bill = Bill::of(vec![("a", 1.5), ("b", 2.25)]);
        assert_eq!(bill.total, 3.75);
    }

    #[test]
    fn a_poll_that_waits_looks_less_and_less_often() {
        // 0, 100, 250, 475, 812.5, 1000 ms.
        assert_eq!(looks(0.0), 1.0);
        assert_eq!(looks(0.05), 2.0);
        assert_eq!(looks(1.0), 6.0);
    }

    #[test]
    fn less_memory_stretches_cpu_time_and_more_than_a_core_does_not_shrink_it() {
        assert_eq!(stretched(1.0, 1769), 1.0);
        assert_eq!(stretched(1.0, 3008), 1.0);
        assert!((stretched(1.0, 256) - 6.91).abs() < 0.01);
    }
}
