//! A task, asked for until it has ended.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::client::Client;
use crate::client_args::Target;
use crate::exit::{Exit, Failure, interruptible};
use crate::output::{self, Progress};

/// Seconds that one request waits for the end: at first, and at most. The longer a task takes, the rarer the requests.
const WAITS: (u64, u64) = (1, 5);

/// Asks until the task has ended, and tells `seen` of each answer.
///
/// # Errors
/// The task is still open after `patience`, the user has enough, or those of the client.
pub(crate) async fn follow(
    client: &Client,
    task: &str,
    patience: Option<Duration>,
    mut seen: impl FnMut(&Json) -> Result<()>,
) -> Result<Json> {
    let goes_on = || format!("task {task} goes on; `millrace task tail {task}` waits for its end");
    let asked = async {
        let end = patience.map(|patience| Instant::now() + patience);
        let mut wait = 0;
        loop {
            let answer = client.get(format!("/api/v1/task/{task}?wait={wait}")).await?;
            seen(&answer)?;
            if answer["status"] != "PENDING" {
                return Ok(answer);
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return Err(Failure::new(Exit::StillOpen, goes_on()).into());
            }
            let left =
                end.map_or(u64::MAX, |end| end.saturating_duration_since(Instant::now()).as_secs() + 1);
            wait = (wait + 1).clamp(WAITS.0, WAITS.1).min(left);
        }
    };
    interruptible(asked, goes_on).await
}

/// Waits for the end of a task and prints its result.
pub(crate) async fn wait(
    client: &Client,
    task: &str,
    seconds: Option<u64>,
    (target, mut progress): (&Target, Progress),
) -> Result<()> {
    let seen = |task: &Json| {
        progress.show(format!("Task {} is {}…", task["task_id"].as_str().unwrap_or_default(), state(task)));
        Ok(())
    };
    let ended = follow(client, task, seconds.map(Duration::from_secs), seen).await?;
    drop(progress);
    if target.json {
        output::json(&ended)?;
        return verdict(&ended);
    }
    verdict(&ended)?;
    output::line(shown(&ended["result"]))
}

/// Ends well where the task has.
///
/// # Errors
/// It failed or was cancelled.
pub(crate) fn verdict(task: &Json) -> Result<()> {
    let id = task["task_id"].as_str().unwrap_or_default();
    let sentence = match (task["status"].as_str(), task["state"].as_str()) {
        (Some("SUCCESS"), _) => return Ok(()),
        (_, Some("cancelled")) => format!("task {id} was cancelled"),
        _ => format!("task {id} failed: {}", shown(&task["result"])),
    };
    Err(Failure::new(Exit::TaskFailed, sentence).into())
}

/// Where a task is, in a few words: `running (attempt 2), done: model; under way: chain`.
pub(crate) fn state(task: &Json) -> String {
    let mut told = task["state"].as_str().unwrap_or("unknown").to_owned();
    let attempt = task["attempt"].as_u64().unwrap_or_default();
    if attempt > 1 {
        told += &format!(" (attempt {attempt})");
    }
    let names = |part: &str| {
        let names = task["progress"][part].as_array().into_iter().flatten().filter_map(Json::as_str);
        names.collect::<Vec<_>>().join(", ")
    };
    for (word, part) in [("done", names("done")), ("under way", names("running"))] {
        if !part.is_empty() {
            told += &format!("; {word}: {part}");
        }
    }
    told
}

/// A result as a person wants it: its text where it is nothing else, or else JSON.
pub(crate) fn shown(result: &Json) -> String {
    match text_of(result) {
        Some(text) => text.to_owned(),
        None => format!("{result:#}"),
    }
}

fn text_of(result: &Json) -> Option<&str> {
    if let Some(text) = result.as_str() {
        return Some(text);
    }
    if let Some(outputs) = result["outputs"].as_array() {
        return match outputs.as_slice() {
            [run] => the_message(run),
            _ => None,
        };
    }
    let object = result.as_object()?;
    let mut texts = object.values().map(Json::as_str);
    match (texts.next(), texts.next()) {
        (Some(text), None) => text,
        _ => None,
    }
}

/// The only message of a run of 1.x.
fn the_message(run: &Json) -> Option<&str> {
    match run["outputs"].as_array()?.as_slice() {
        [output] => output["results"]["message"]["text"].as_str(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_alone_is_shown_as_it_is() {
        for (result, expected) in [
            (json!("a\nb"), "a\nb"),
            (json!({"text": "a"}), "a"),
            (json!({"outputs": [{"outputs": [{"results": {"message": {"text": "a"}}}]}]}), "a"),
            (json!({"a": "x", "b": "y"}), "{\n  \"a\": \"x\",\n  \"b\": \"y\"\n}"),
            (json!({"a": 1}), "{\n  \"a\": 1\n}"),
            (json!({"outputs": []}), "{\n  \"outputs\": []\n}"),
            (json!([1]), "[\n  1\n]"),
            (json!(null), "null"),
        ] {
            assert_eq!(shown(&result), expected, "{result}");
        }
    }

    #[test]
    fn a_state_names_what_is_under_way() {
        let task =
            json!({"state": "running", "attempt": 2, "progress": {"done": ["a", "b"], "running": ["c"]}});
        assert_eq!(state(&task), "running (attempt 2); done: a, b; under way: c");
        assert_eq!(state(&json!({"state": "queued", "attempt": 0})), "queued");
    }

    #[test]
    fn only_success_ends_well() {
        let task = |state: &str, status: &str| json!({"task_id": "7", "state": state, "status": status, "result": "why"});
        assert!(verdict(&task("succeeded", "SUCCESS")).is_ok());
        for (state, says) in [("failed", "task 7 failed: why"), ("cancelled", "task 7 was cancelled")] {
            let error = verdict(&task(state, "FAILURE")).unwrap_err();
            assert_eq!((Failure::exit_of(&error), error.to_string().as_str()), (Exit::TaskFailed, says));
        }
    }
}
