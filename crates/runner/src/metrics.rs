//! Metrics, as lines of the log in CloudWatch's embedded metric format, and the one line that tells how a task ended.
//!
//! Where no namespace is set the line is one like all others. Dimensions are few on purpose: each combination is a metric
//! that is paid for. Ids are properties: they can be searched for and make no metric.

use std::io::Write as _;

use jiff::Timestamp;
use millrace_store::{FlowId, TaskId};
use serde_json::{Value as Json, json};

use crate::ledger::End;
use crate::usage::{TaskUsage, rounded};

/// Names and units; the template's alarms and its dashboard are made of them, and its check compares.
pub const TASK_METRICS: &[(&str, &str)] = &[
    ("FailedTasks", "Count"),
    ("Dwell", "Milliseconds"),
    ("RunTime", "Milliseconds"),
    ("Effects", "Count"),
    ("InputTokens", "Count"),
    ("OutputTokens", "Count"),
    ("Cost", "None"),
    ("Retries", "Count"),
];
/// Counted for each state, and for all.
pub const TASKS: &str = "Tasks";
/// Counted for each function, and for all.
pub const COLD_STARTS: &str = "ColdStarts";

/// The end of a task.
pub(crate) struct Ended<'a> {
    pub task: TaskId,
    pub flow: Option<FlowId>,
    pub request_id: Option<&'a str>,
    pub end: End,
    /// The code of its failure.
    pub code: Option<&'a str>,
    pub created_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Timestamp,
    pub attempt: u64,
    pub usage: &'a TaskUsage,
}

/// Where metrics go.
pub(crate) struct Metrics {
    namespace: Option<String>,
}

impl Metrics {
    pub fn new(namespace: Option<String>) -> Self {
        Self { namespace }
    }

    /// Tells the end of a task, once.
    pub fn task(&self, ended: &Ended<'_>) {
        match &self.namespace {
            Some(namespace) => write(&ended.metrics(namespace)),
            None => ended.log(),
        }
    }

    /// A process has its first event.
    pub fn cold_start(&self, function: &'static str, now: Timestamp) {
        if let Some(namespace) = &self.namespace {
            write(&cold_start(namespace, function, now));
        }
    }
}

/// The lines of metrics that can be written, as they are written: one for each way in which a task ends, then one for
/// each of these functions. The figures in them are those of a task of seconds.
///
/// What `millrace cost` counts bytes and metrics of.
pub fn sample_lines(namespace: &str, functions: &[&str]) -> Vec<Json> {
    let usage =
        TaskUsage { input: 1234, output: 567, effects: 1, cost: 0.000_123_456, ..TaskUsage::default() };
    let at = |seconds: i64| Timestamp::from_second(1_750_000_000 + seconds).unwrap_or_default();
    let end = |end, code| {
        Ended {
            task: TaskId(uuid::Uuid::nil()),
            flow: Some(FlowId(uuid::Uuid::nil())),
            request_id: Some("PB5yEdqVKMwwkOc="),
            end,
            code,
            created_at: Some(at(0)),
            started_at: Some(at(1)),
            ended_at: at(11),
            attempt: 1,
            usage: &usage,
        }
        .metrics(namespace)
    };
    let ends = [end(End::Succeeded, None), end(End::Failed, Some("provider")), end(End::Cancelled, None)]
        .into_iter();
    ends.chain(functions.iter().map(|function| cold_start(namespace, function, at(0)))).collect()
}

fn cold_start(namespace: &str, function: &str, now: Timestamp) -> Json {
    let all = [dimensions(namespace, json!([[], ["Function"]]), &[(COLD_STARTS, "Count")])];
    json!({"_aws": aws(now, &all), "Function": function, COLD_STARTS: 1})
}

impl Ended<'_> {
    fn dwell_ms(&self) -> i64 {
        ms_between(self.created_at, self.started_at)
    }

    fn run_ms(&self) -> i64 {
        ms_between(self.started_at, Some(self.ended_at))
    }

    fn log(&self) {
        let (usage, flow_id) = (self.usage, self.flow.map(|flow| flow.to_string()));
        tracing::info!(
            task_id = %self.task,
            flow_id,
            request_id = self.request_id,
            state = self.end.as_str(),
            code = self.code,
            attempt = self.attempt,
            dwell_ms = self.dwell_ms(),
            run_ms = self.run_ms(),
            effects = usage.effects,
            input_tokens = usage.input,
            output_tokens = usage.output,
            cost_usd = rounded(usage.cost),
            "ended"
        );
    }

    fn metrics(&self, namespace: &str) -> Json {
        let usage = self.usage;
        let all = [
            dimensions(namespace, json!([[]]), TASK_METRICS),
            dimensions(namespace, json!([[], ["State"]]), &[(TASKS, "Count")]),
        ];
        json!({
            "_aws": aws(self.ended_at, &all),
            "State": self.end.as_str(),
            TASKS: 1,
            "FailedTasks": u8::from(self.end == End::Failed),
            "Dwell": self.dwell_ms(),
            "RunTime": self.run_ms(),
            "Effects": usage.effects,
            "InputTokens": usage.input,
            "OutputTokens": usage.output,
            "Cost": rounded(usage.cost),
            "Retries": self.attempt.saturating_sub(1),
            "task_id": self.task.to_string(),
            "flow_id": self.flow.map(|flow| flow.to_string()),
            "request_id": self.request_id,
            "code": self.code,
            "attempt": self.attempt,
        })
    }
}

fn ms_between(from: Option<Timestamp>, to: Option<Timestamp>) -> i64 {
    let (Some(from), Some(to)) = (from, to) else { return 0 };
    i64::try_from(to.duration_since(from).as_millis()).unwrap_or(i64::MAX).max(0)
}

fn aws(at: Timestamp, directives: &[Json]) -> Json {
    json!({"Timestamp": at.as_millisecond(), "CloudWatchMetrics": directives})
}

fn dimensions(namespace: &str, dimensions: Json, metrics: &[(&str, &str)]) -> Json {
    let metrics: Vec<_> = metrics.iter().map(|(name, unit)| json!({"Name": name, "Unit": unit})).collect();
    json!({"Namespace": namespace, "Dimensions": dimensions, "Metrics": metrics})
}

/// In one piece, as the log's own lines. What cannot be written is lost: there is nowhere to say so.
fn write(line: &Json) {
    let _ = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn ended(usage: &TaskUsage, end: End) -> Ended<'_> {
        Ended {
            task: TaskId(uuid::Uuid::from_u128(1)),
            flow: Some(FlowId(uuid::Uuid::from_u128(2))),
            request_id: Some("r-1"),
            end,
            code: (end == End::Failed).then_some("provider"),
            created_at: Some("2026-03-02T10:00:00Z".parse().unwrap()),
            started_at: Some("2026-03-02T10:00:01.5Z".parse().unwrap()),
            ended_at: "2026-03-02T10:00:04Z".parse().unwrap(),
            attempt: 3,
            usage,
        }
    }

    /// What CloudWatch asks of a line: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
    fn assert_is_emf(line: &Json) {
        assert!(line["_aws"]["Timestamp"].is_i64() || line["_aws"]["Timestamp"].is_u64(), "{line}");
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            assert_eq!(directive["Namespace"], "Millrace");
            for dimension in
                directive["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap())
            {
                assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension} has no value: {line}");
            }
            for metric in directive["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric} has no value: {line}");
            }
        }
    }

    #[test]
    fn the_end_of_a_task_is_a_line_of_metrics() {
        let usage = TaskUsage { input: 10, output: 5, effects: 2, cost: 0.25, ..TaskUsage::default() };
        for (end, state, failed) in [(End::Succeeded, "succeeded", 0), (End::Failed, "failed", 1)] {
            let line = ended(&usage, end).metrics("Millrace");
            assert_is_emf(&line);
            assert_eq!(
                (&line["State"], &line["Tasks"], &line["FailedTasks"]),
                (&json!(state), &json!(1), &json!(failed))
            );
            assert_eq!(
                (&line["Dwell"], &line["RunTime"], &line["Retries"]),
                (&json!(1500), &json!(2500), &json!(2))
            );
            let used = (&line["Effects"], &line["InputTokens"], &line["OutputTokens"], &line["Cost"]);
            assert_eq!(used, (&json!(2), &json!(10), &json!(5), &json!(0.25)));
        }
    }

    /// Each combination of names and dimensions is a metric that is paid for.
    #[test]
    fn no_id_is_a_dimension() {
        let usage = TaskUsage::default();
        let line = ended(&usage, End::Cancelled).metrics("Millrace");
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        let sets = directives.iter().flat_map(|directive| directive["Dimensions"].as_array().unwrap());
        let dimensions: BTreeSet<_> =
            sets.flat_map(|set| set.as_array().unwrap()).map(Json::to_string).collect();
        assert_eq!(dimensions, BTreeSet::from([r#""State""#.to_owned()]));
        assert_eq!(line["task_id"], "00000000-0000-0000-0000-000000000001");
    }

    #[test]
    fn a_cold_start_is_counted_for_its_function_and_for_all() {
        let line = cold_start("Millrace", "worker", "2026-03-02T10:00:00Z".parse().unwrap());
        assert_is_emf(&line);
        assert_eq!((&line["Function"], &line["ColdStarts"]), (&json!("worker"), &json!(1)));
    }
}
