//! Every payload in `events/`, through the functions, in the order and with the answers of the list that the step
//! `watch` of the gate uses too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use millrace_store::TenantId;
use serde_json::Value as Json;

use crate::stack::Stack;

/// What stands in the payloads, and what it is called in the list.
const PLACEHOLDERS: [(&str, &str); 4] = [
    ("flow", "7b9d1f52-3c1e-4a57-9d0a-51a4d3f0c2aa"),
    ("task", "0192f0c4-7c1e-7a57-9d0a-51a4d3f0c2bb"),
    ("key", "5e0c1a3b-2f4d-4b6e-8a9c-7d1e2f3a4b5c"),
    ("variable", "6f1d2b4c-3e5f-4c7a-9b8d-8e2f3a4b5c6d"),
];
/// The provider's address in the payloads.
const PROVIDER: &str = "http://127.0.0.1:7861";

/// A line of the list.
struct Step {
    name: String,
    /// The API's status, or how many of the worker's messages fail.
    expected: u64,
    /// `status:PENDING`: what the answer holds.
    holds: Vec<(String, String)>,
    /// `flow=id`: what later payloads take from the answer.
    takes: Vec<(String, String)>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_payload_gets_its_answer() {
    let used = play(&Stack::without_worker().await).await;
    assert_eq!(used, files(), "a payload without an expectation, or the other way round");
}

/// Every payload of the list through its function, and their names.
pub async fn play(stack: &Stack) -> BTreeSet<String> {
    let steps = steps();
    let mut known: BTreeMap<String, String> =
        PLACEHOLDERS.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned())).collect();
    for step in &steps {
        let event = payload(step, &known, stack);
        if step.name.starts_with("sqs-") {
            let answer = millrace_worker::handle_json(&stack.worker, event.as_bytes(), None).await.unwrap();
            let answer: Json = serde_json::from_slice(&answer).unwrap();
            let failed = answer["batchItemFailures"].as_array().unwrap();
            assert_eq!(failed.len() as u64, step.expected, "{}: {answer}", step.name);
            assert_known_messages(&event, failed);
            continue;
        }
        if step.name.starts_with("sweeper-") {
            let answer = millrace_sweeper::handle_json(&stack.sweeper, event.as_bytes(), None).await.unwrap();
            let answer: Json = serde_json::from_slice(&answer).unwrap();
            let failures = answer["batchItemFailures"].as_array().map(|failed| failed.len() as u64);
            assert_eq!(
                failures.or(answer["failed"].as_u64()),
                Some(step.expected),
                "{}: {answer}",
                step.name
            );
            continue;
        }
        let answer = millrace_api::handle(&stack.router, event.as_bytes()).await.unwrap();
        let answer: Json = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["statusCode"], step.expected, "{}: {answer}", step.name);
        let body: Json =
            serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default();
        for (path, value) in &step.holds {
            assert_eq!(at(&body, path), value.as_str(), "{}: {body}", step.name);
        }
        for (name, path) in &step.takes {
            known.insert(name.clone(), at(&body, path).as_str().unwrap().to_owned());
        }
    }
    steps.into_iter().map(|step| step.name).collect()
}

/// A poison message fails alone, whatever stands beside it, and comes again until it is a dead letter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_batch_is_refused_as_a_whole() {
    let stack = Stack::without_worker().await;
    for event in ["", "{", "[]", r#"{"Records": 5}"#] {
        assert!(
            millrace_worker::handle_json(&stack.runner, event.as_bytes(), None).await.is_err(),
            "{event}"
        );
        assert!(millrace_api::handle(&stack.router, event.as_bytes()).await.is_err(), "{event}");
    }
    let tenant: TenantId = "default".parse().unwrap();
    assert!(stack.runner.store().flows(&tenant).await.unwrap().is_empty());
}

/// Each route of the API stands in a payload at least, and each event source in those that its function has to tell apart.
#[test]
fn every_route_and_every_source_has_a_payload() {
    let payloads: BTreeMap<String, Json> = files()
        .into_iter()
        .map(|name| {
            let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    let requests: Vec<(&str, &str)> = payloads
        .values()
        .filter_map(|event| {
            Some((event["requestContext"]["http"]["method"].as_str()?, event["rawPath"].as_str()?))
        })
        .collect();
    let missing: Vec<String> = millrace_api::route_list()
        .iter()
        .filter(|route| {
            !requests.iter().any(|(method, path)| *method == route.method && is_at(path, route.path))
        })
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert!(missing.is_empty(), "events/ has no payload for {missing:?}");

    let host = |end: &str| {
        let ends = |event: &Json| {
            event["requestContext"]["domainName"].as_str().is_some_and(|name| name.contains(end))
        };
        payloads.values().any(ends)
    };
    assert!(host(".execute-api.") && host(".lambda-url."), "API Gateway and a Function URL");
    let records = |event: &Json| event["Records"].as_array().cloned().unwrap_or_default();
    let batch = |holds: &dyn Fn(&[Json]) -> bool| payloads.values().any(|event| holds(&records(event)));
    let is_task = |record: &Json| serde_json::from_str::<Json>(record["body"].as_str().unwrap()).is_ok();
    assert!(batch(&|records| records.len() == 1 && is_task(&records[0])), "one message");
    assert!(batch(&|records| records.len() == 10 && records.iter().all(is_task)), "a full batch");
    assert!(batch(&|records| records.iter().any(|record| !is_task(record))), "a poison message");
    let source = |record: &Json| !record["attributes"]["DeadLetterQueueSourceArn"].is_null();
    assert!(batch(&|records| records.iter().any(source)), "a dead letter");
    assert!(payloads.values().any(|event| event["source"] == "aws.events"), "a schedule");
}

/// Whether a path is one of a route: its parameters are one segment each.
fn is_at(path: &str, route: &str) -> bool {
    let (path, route): (Vec<_>, Vec<_>) = (path.split('/').collect(), route.split('/').collect());
    path.len() == route.len()
        && path.iter().zip(&route).all(|(part, of)| part == of || of.starts_with('{') && !part.is_empty())
}

/// The table of `events/README.md` has a row for each payload, with the line that sends it.
#[test]
fn every_payload_has_its_line() {
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let is_row = |line: &&str| {
        line.starts_with("| `") && line.split(" | ").next().is_some_and(|cell| cell.ends_with(".json`"))
    };
    let rows: BTreeSet<&str> = readme.lines().filter(is_row).collect();
    for name in files() {
        let function = match name.split('-').next() {
            Some("sqs") => "worker",
            Some("sweeper") => "sweeper",
            _ => "api",
        };
        let line = format!("`cargo lambda invoke {function} -A 127.0.0.1 --data-file events/{name}.json` |");
        let row = rows.iter().find(|row| row.starts_with(&format!("| `{name}.json` |")));
        assert!(
            row.is_some_and(|row| row.ends_with(&line)),
            "events/README.md has no row that ends with {line}"
        );
    }
    assert_eq!(rows.len(), files().len(), "events/README.md has a row of a payload that is not there");
}

/// The messages named as failed are messages of the batch.
fn assert_known_messages(event: &str, failed: &[Json]) {
    let event: Json = serde_json::from_str(event).unwrap();
    let ids: Vec<&Json> =
        event["Records"].as_array().unwrap().iter().map(|record| &record["messageId"]).collect();
    assert!(failed.iter().all(|failure| ids.contains(&&failure["itemIdentifier"])), "{failed:?}");
}

fn steps() -> Vec<Step> {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/watch-events.txt");
    let text = std::fs::read_to_string(list).unwrap();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(step).collect()
}

fn step(line: &str) -> Step {
    let mut words = line.split_whitespace();
    let (name, expected) = (words.next().unwrap().to_owned(), words.next().unwrap().parse().unwrap());
    let mut step = Step { name, expected, holds: Vec::new(), takes: Vec::new() };
    for word in words {
        let pair =
            |separator| word.split_once(separator).map(|(a, b): (&str, &str)| (a.to_owned(), b.to_owned()));
        match (pair('='), pair(':')) {
            (Some(take), _) => step.takes.push(take),
            (None, Some(hold)) => step.holds.push(hold),
            _ => panic!("not understood: {line}"),
        }
    }
    step
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")
}

fn files() -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let json = entries.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    json.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

fn payload(step: &Step, known: &BTreeMap<String, String>, stack: &Stack) -> String {
    let text = std::fs::read_to_string(folder().join(format!("{}.json", step.name))).unwrap();
    let text = text.replace(PROVIDER, &stack.provider.url());
    PLACEHOLDERS.iter().fold(text, |text, (name, id)| text.replace(id, &known[*name]))
}

fn at<'a>(body: &'a Json, path: &str) -> &'a Json {
    path.split('.').fold(body, |value, name| &value[name])
}
