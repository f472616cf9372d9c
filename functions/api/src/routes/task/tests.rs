//! Polls: their words, and how they wait.

use std::cell::{Cell, RefCell};

use millrace_store::{State, TaskError};
use serde_json::{Value, json};

use super::*;

fn record(state: State) -> TaskRecord {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    TaskRecord {
        id,
        state,
        flow: "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap(),
        flow_version: "v".into(),
        session: "s".into(),
        created_at: Timestamp::from_second(1_700_000_000).unwrap(),
        started_at: None,
        ended_at: None,
        deadline: None,
        timeout: None,
        origin: id,
        attempt: 1,
        failures: 0,
        progress: None,
        usage: None,
        callback: None,
        result: None,
        error: None,
    }
}

fn view(record: TaskRecord) -> Value {
    serde_json::to_value(TaskView::from(record)).unwrap()
}

#[test]
fn states_have_langflow_s_words() {
    let error = TaskError { kind: "upstream".into(), message: "Error: no".into(), retryable: true };
    for (task, status, result, state) in [
        (record(State::Queued), "PENDING", json!(null), "queued"),
        (record(State::Running), "PENDING", json!(null), "running"),
        (
            TaskRecord { result: Some(json!({"text": "hi"})), ..record(State::Succeeded) },
            "SUCCESS",
            json!({"text": "hi"}),
            "succeeded",
        ),
        (
            TaskRecord { result: Some(json!(null)), ..record(State::Succeeded) },
            "SUCCESS",
            json!(null),
            "succeeded",
        ),
        (
            TaskRecord { error: Some(error.clone()), ..record(State::Failed) },
            "FAILURE",
            json!("Error: no"),
            "failed",
        ),
        (record(State::Cancelled), "FAILURE", json!("cancelled"), "cancelled"),
    ] {
        let task = view(task);
        assert_eq!(
            (&task["status"], &task["result"], &task["state"]),
            (&json!(status), &result, &json!(state))
        );
    }
    let failed = view(TaskRecord { error: Some(error), ..record(State::Failed) });
    assert_eq!(failed["error"], json!({"kind": "upstream", "message": "Error: no", "retryable": true}));
    assert_eq!(failed["created_at"], "2023-11-14T22:13:20Z");
    assert_eq!(failed.as_object().unwrap().keys().next().unwrap(), "status");
}

#[test]
fn what_a_task_does_not_have_is_left_out() {
    let plain = view(record(State::Running));
    for name in ["progress", "usage", "origin", "callback"] {
        assert!(plain.get(name).is_none(), "{name}");
    }
    let first = "01890a5d-ac96-774b-bcce-b302099a8058";
    let full = view(TaskRecord {
        origin: first.parse().unwrap(),
        progress: Some(json!({"done": 3})),
        failures: 2,
        ..record(State::Running)
    });
    assert_eq!((&full["origin"], &full["progress"]["done"]), (&json!(first), &json!(3)));
    assert_eq!(full["failures"], 2);
}

/// The times of the looks, in milliseconds; from the time `ends` on the task has ended.
async fn looks(wait: &str, ends: u128) -> (State, Vec<u128>) {
    let query = [("wait".to_owned(), wait.to_owned())];
    let wait = super::wait(Fields::query(&query)).ok().unwrap();
    let (began, looks) = (Instant::now(), RefCell::new(Vec::new()));
    let look = || {
        let at = began.elapsed().as_millis();
        looks.borrow_mut().push(at);
        async move { Ok(record(if at < ends { State::Running } else { State::Succeeded })) }
    };
    let task = look_until(wait, look).await.ok().unwrap();
    (task.state, looks.into_inner())
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_waits_looks_less_and_less_often() {
    let never = u128::MAX;
    assert_eq!(looks("0", never).await, (State::Running, vec![0]));
    assert_eq!(looks("0.05", never).await, (State::Running, vec![0, 50]));
    // The clock of a timer has whole milliseconds.
    let (state, times) = looks("5", never).await;
    assert_eq!((state, times.first(), times.last()), (State::Running, Some(&0), Some(&5_000)));
    let pauses: Vec<u128> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((100..=101).contains(&pauses[0]), "{pauses:?}");
    assert!(pauses[..7].is_sorted() && pauses.iter().all(|pause| *pause <= 1_001), "{pauses:?}");
    assert_eq!(looks("20", 0).await, (State::Succeeded, vec![0]));
    let (state, times) = looks("20", 400).await;
    assert_eq!((state, times.len()), (State::Succeeded, 4), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_not_waited_for() {
    let looks = Cell::new(0);
    let look = || {
        looks.set(looks.get() + 1);
        async { Err(unknown()) }
    };
    let error = look_until(Duration::from_secs(20), look).await.unwrap_err();
    assert_eq!((error.parts().0, looks.get()), (404, 1));
}

#[test]
fn a_wait_has_a_limit() {
    let read = |text: &str| wait(Fields::query(&[("wait".to_owned(), text.to_owned())])).ok();
    assert_eq!(read("20"), Some(Duration::from_secs(20)));
    assert_eq!(read("0.5"), Some(Duration::from_millis(500)));
    for bad in ["20.5", "-1", "NaN", "", "soon"] {
        assert_eq!(read(bad), None, "{bad}");
    }
    assert_eq!(wait(Fields::query(&[])).ok(), Some(Duration::ZERO));
}

#[test]
fn an_older_task_is_asked_for_less_often() {
    let created = Timestamp::from_second(1_700_000_000).unwrap();
    for (age, seconds) in [(-5, 1), (0, 1), (9, 1), (10, 2), (59, 2), (60, 5), (86_400, 5)] {
        let now = Timestamp::from_second(1_700_000_000 + age).unwrap();
        assert_eq!(pause_between_polls(created, now), seconds, "{age}");
    }
}
