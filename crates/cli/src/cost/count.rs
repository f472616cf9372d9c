//! What each step of a task asks of AWS, counted: requests, capacity units, bytes of the log.

use std::collections::HashMap;
use std::ops::{Add, Div, Mul, Sub};
use std::time::Duration;

use anyhow::{Result, bail};
use millrace_runner::metrics;
use millrace_store::JournalMode;
use millrace_store::metering::Usage;
use serde::Serialize;
use serde_json::Value as Json;

use super::cloud::{Asked, Installation, Setup};

/// Tasks of a tenant at once and requests of a key in a minute: the template's defaults.
const TENANT_CONCURRENCY: u32 = 100;
const REQUESTS_PER_MINUTE: u32 = 1200;

/// Polls over which the counting of a key's requests is spread: twice the 25 that are added at once.
const POLLS: u32 = 50;

/// A lease, and a model that answers in the middle between the first heartbeat and the second.
const SHORT_LEASE: Duration = Duration::from_secs(3);
const SLOW_MODEL: Duration = Duration::from_millis(1800);

/// How often a heartbeat is counted before that is given up: on a busy machine one may be cut off.
const TRIES: usize = 3;

/// What a step asks for. A share of a step asks for a share of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Step {
    pub dynamodb_requests: f64,
    pub write_units: f64,
    pub read_units: f64,
    pub sqs_requests: f64,
    pub s3_requests: f64,
    pub log_bytes: f64,
}

impl Step {
    fn of(asked: &Asked) -> Self {
        let mut step = Self {
            write_units: asked.usage.write_units as f64,
            read_units: asked.usage.read_units,
            log_bytes: asked.log_bytes as f64,
            ..Self::default()
        };
        for (name, count) in &asked.usage.calls {
            let of_service = match name.as_str() {
                "SendMessage" | "ChangeMessageVisibility" => &mut step.sqs_requests,
                "GetObject" | "PutObject" | "HeadObject" => &mut step.s3_requests,
                _ => &mut step.dynamodb_requests,
            };
            *of_service += *count as f64;
        }
        step
    }

    fn each(self, change: impl Fn(f64) -> f64) -> Self {
        Self {
            dynamodb_requests: change(self.dynamodb_requests),
            write_units: change(self.write_units),
            read_units: change(self.read_units),
            sqs_requests: change(self.sqs_requests),
            s3_requests: change(self.s3_requests),
            log_bytes: change(self.log_bytes),
        }
    }

    fn is_whole(self) -> bool {
        [self.dynamodb_requests, self.write_units, self.sqs_requests].iter().all(|count| count.fract() == 0.0)
    }
}

impl Add for Step {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            dynamodb_requests: self.dynamodb_requests + other.dynamodb_requests,
            write_units: self.write_units + other.write_units,
            read_units: self.read_units + other.read_units,
            sqs_requests: self.sqs_requests + other.sqs_requests,
            s3_requests: self.s3_requests + other.s3_requests,
            log_bytes: self.log_bytes + other.log_bytes,
        }
    }
}

impl Sub for Step {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + other * -1.0
    }
}

impl Mul<f64> for Step {
    type Output = Self;

    fn mul(self, times: f64) -> Self {
        self.each(|count| count * times)
    }
}

impl Div<f64> for Step {
    type Output = Self;

    fn div(self, by: f64) -> Self {
        self.each(|count| count / by)
    }
}

/// A batch as the worker is handed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Batch {
    pub journal: JournalMode,
    /// Whether a tenant's tasks at once are limited.
    pub slots: bool,
    pub tasks: u32,
}

/// All that was counted.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    /// A call with `"sync": false`.
    pub submit: Step,
    /// A poll that finds the task at work, or ended.
    pub poll: Step,
    /// A call whose caller waits, without the put of a sum of the day.
    pub sync: Step,
    /// What the limit of a key adds to each request, on average.
    pub rate: Step,
    /// The put of a process's sum of the day.
    pub usage_row: Step,
    /// A heartbeat of a task that has a slot.
    pub heartbeat: Step,
    /// What hides a message that had a heartbeat, until it is deleted with its batch.
    pub hide: Step,
    /// A sweep that finds nothing.
    pub sweep: Step,
    /// What the worker asks for, by the batch.
    pub batches: HashMap<Batch, Step>,
    /// Bytes of the table that a queued task leaves behind, as they are billed.
    pub stored_bytes: f64,
    /// Bytes of the line that tells the end of a task and its metrics.
    pub metrics_line_bytes: f64,
    /// Metrics that come of such lines, each combination of dimensions one of them.
    pub metrics: usize,
}

impl Counts {
    /// Counts every step; batches of these sizes.
    ///
    /// # Errors
    /// Something of the local cloud failed, or what was counted is no sense.
    pub async fn take(batch_sizes: &[u32]) -> Result<Self> {
        let mut batches = HashMap::new();
        let free = Installation::start(Setup::default()).await?;
        count_batches(&free, false, batch_sizes, &mut batches).await?;
        let single = Singles::count(&free).await?;
        free.stop().await;

        let limited = Setup {
            tenant_concurrency: TENANT_CONCURRENCY,
            requests_per_minute: REQUESTS_PER_MINUTE,
            ..Setup::default()
        };
        let limited = Installation::start(limited).await?;
        let rate = count_rate(&limited, single.poll).await?;
        count_batches(&limited, true, batch_sizes, &mut batches).await?;
        limited.stop().await;

        let (heartbeat, hide) = count_heartbeat().await?;
        let lines = metrics::sample_lines("Millrace", &["api", "worker", "sweeper"]);
        let Singles { submit, poll, sync, usage_row, sweep, stored_bytes } = single;
        Ok(Self {
            submit,
            poll,
            sync,
            rate,
            usage_row,
            heartbeat,
            hide,
            sweep,
            batches,
            stored_bytes,
            metrics_line_bytes: lines.first().map_or(0, |line| line.to_string().len() + 1) as f64,
            metrics: distinct_metrics(&lines),
        })
    }

    /// What the slot of a task adds: taken before it runs, and given back.
    ///
    /// # Errors
    /// Batches of one were not counted.
    pub fn slot(&self) -> Result<Step> {
        let of = |slots| self.batch(Batch { journal: JournalMode::Effects, slots, tasks: 1 });
        Ok(of(true)? - of(false)?)
    }

    /// What the worker asks for one batch.
    ///
    /// # Errors
    /// Such batches were not counted.
    pub fn batch(&self, batch: Batch) -> Result<Step> {
        match self.batches.get(&batch) {
            Some(step) => Ok(*step),
            None => bail!("batches of {} were not counted", batch.tasks),
        }
    }
}

/// What is counted without limits.
struct Singles {
    submit: Step,
    poll: Step,
    sync: Step,
    usage_row: Step,
    sweep: Step,
    stored_bytes: f64,
}

impl Singles {
    async fn count(cloud: &Installation) -> Result<Self> {
        let before = cloud.stored_bytes();
        let task = cloud.submit(None).await?;
        let submit = step(cloud);
        cloud.run_batch(1).await?;
        // The sum of the day was there before. To hundreds, since digits of measured times stand in rows.
        let stored_bytes = cloud.stored_bytes().saturating_sub(before).next_multiple_of(100) as f64;
        step(cloud);
        cloud.poll(&task, None).await?;
        let poll = step(cloud);
        // The first sum is put with its call, the next ones not before some seconds.
        cloud.run_now().await?;
        cloud.forget().await;
        cloud.run_now().await?;
        let sync = step(cloud);
        cloud.put_usage_of_api().await;
        let usage_row = step(cloud);
        cloud.sweep().await?;
        Ok(Self { submit, poll, sync, usage_row, sweep: step(cloud), stored_bytes })
    }
}

fn step(cloud: &Installation) -> Step {
    Step::of(&cloud.asked())
}

async fn count_batches(
    cloud: &Installation,
    slots: bool,
    sizes: &[u32],
    batches: &mut HashMap<Batch, Step>,
) -> Result<()> {
    for journal in JournalMode::ALL {
        for &tasks in sizes {
            for _ in 0..tasks {
                cloud.submit(Some(journal.as_str())).await?;
            }
            cloud.forget().await;
            cloud.run_batch(usize::try_from(tasks)?).await?;
            batches.insert(Batch { journal, slots, tasks }, step(cloud));
        }
    }
    Ok(())
}

/// Requests are counted in memory and added to the table by the share; what that costs is spread over all.
async fn count_rate(cloud: &Installation, single: Step) -> Result<Step> {
    let task = cloud.submit(None).await?;
    cloud.run_batch(1).await?;
    cloud.forget().await;
    for _ in 0..POLLS {
        cloud.poll(&task, None).await?;
    }
    let added = step(cloud) / f64::from(POLLS) - single;
    // The lines of the log are the same.
    Ok(Step { log_bytes: 0.0, ..added })
}

/// A heartbeat, and what comes at the end of a task that had one: a task whose model is slow, less one whose is not.
async fn count_heartbeat() -> Result<(Step, Step)> {
    let setup = Setup { tenant_concurrency: TENANT_CONCURRENCY, lease: SHORT_LEASE, ..Setup::default() };
    let quick = one_task(setup).await?.0;
    for _ in 0..TRIES {
        let (slow, usage) = one_task(Setup { model: SLOW_MODEL, ..setup }).await?;
        let beats = usage.calls_of("ChangeMessageVisibility").saturating_sub(1);
        let hide = Step { sqs_requests: 1.0, ..Step::default() };
        let beat = Step { log_bytes: 0.0, ..slow - quick - hide } / beats as f64;
        if beats > 0 && beat.is_whole() {
            return Ok((beat, hide));
        }
    }
    bail!("this machine is too busy: heartbeats were cut off, {TRIES} times")
}

async fn one_task(setup: Setup) -> Result<(Step, Usage)> {
    let cloud = Installation::start(setup).await?;
    cloud.submit(None).await?;
    cloud.forget().await;
    cloud.run_batch(1).await?;
    let asked = cloud.asked();
    cloud.stop().await;
    Ok((Step::of(&asked), asked.usage))
}

/// Metrics that CloudWatch makes of these lines: it bills each name with each combination of dimensions.
fn distinct_metrics(lines: &[Json]) -> usize {
    let mut found = std::collections::BTreeSet::new();
    for line in lines {
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten() {
            let sets = directive["Dimensions"].as_array().into_iter().flatten();
            for (set, metric) in sets.flat_map(|set| {
                directive["Metrics"].as_array().into_iter().flatten().map(move |metric| (set, metric))
            }) {
                let names = set.as_array().into_iter().flatten().filter_map(Json::as_str);
                let values: Vec<String> = names.map(|name| format!("{name}={}", line[name])).collect();
                found.insert((metric["Name"].to_string(), values));
            }
        }
    }
    found.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_metric_is_a_name_with_its_dimensions() {
        let line = |state: &str| {
            json!({"State": state, "_aws": {"CloudWatchMetrics": [
                {"Dimensions": [[], ["State"]], "Metrics": [{"Name": "Tasks"}]},
                {"Dimensions": [[]], "Metrics": [{"Name": "Dwell"}, {"Name": "Cost"}]},
            ]}})
        };
        assert_eq!(distinct_metrics(&[line("failed")]), 4);
        assert_eq!(distinct_metrics(&[line("failed"), line("failed"), line("succeeded")]), 5);
    }
}
