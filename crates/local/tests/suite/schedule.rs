//! The schedule, under a clock that stands still while anything runs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use millrace_local::{FunctionError, Schedule, from_async};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn it_keeps_its_rate_and_overlaps_nothing() {
    // What each invocation takes, in seconds; the third one fails.
    const TAKES: [u64; 5] = [0, 150, 60, 59, 0];
    let begin = Instant::now();
    let begun = Arc::new(Mutex::new(Vec::new()));
    let (noted, (tell, mut told)) = (begun.clone(), mpsc::unbounded_channel());
    let function = from_async(move |_| {
        let n = {
            let mut begun = noted.lock().unwrap();
            begun.push(begin.elapsed().as_secs());
            begun.len()
        };
        let tell = tell.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(TAKES[n - 1])).await;
            tell.send(n).unwrap();
            if n == 3 { Err(FunctionError::new("Oh", "no")) } else { Ok(Bytes::new()) }
        }
    });
    let schedule = Schedule::start(MINUTE, Arc::new(function));
    while told.recv().await != Some(TAKES.len()) {}
    schedule.stop().await;
    // The second takes the time of two more, the third ends just when the one after it would begin.
    assert_eq!(*begun.lock().unwrap(), [60, 120, 300, 420, 480]);
}

#[tokio::test(start_paused = true)]
async fn the_event_is_the_one_of_eventbridge() {
    let (events, mut received) = mpsc::unbounded_channel();
    let function = from_async(move |event: Bytes| {
        events.send(event).unwrap();
        async { Ok(Bytes::new()) }
    });
    let schedule = Schedule::start(MINUTE, Arc::new(function));
    let (first, second) = (received.recv().await.unwrap(), received.recv().await.unwrap());
    schedule.stop().await;
    let [mut event, second] = [first, second].map(|event| serde_json::from_slice::<Value>(&event).unwrap());
    assert_ne!(event["id"], second["id"]);
    let time = event["time"].as_str().unwrap();
    assert!(time.len() == "2000-01-01T00:00:00Z".len() && time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    for varying in ["id", "time"] {
        event.as_object_mut().unwrap().remove(varying);
    }
    let expected = json!({
        "version": "0", "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "000000000000", "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:000000000000:rule/millrace-schedule"], "detail": {},
    });
    assert_eq!(event, expected);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_the_invocation_that_runs_and_begins_no_other() {
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (started.clone(), go.clone());
    let ended = Arc::new(Mutex::new(0));
    let count = ended.clone();
    let function = from_async(move |_| {
        let (tell, wait, count) = (tell.clone(), wait.clone(), count.clone());
        async move {
            tell.notify_one();
            wait.notified().await;
            *count.lock().unwrap() += 1;
            Ok(Bytes::new())
        }
    });
    let schedule = Schedule::start(MINUTE, Arc::new(function));
    started.notified().await;
    let stop = tokio::spawn(schedule.stop());
    tokio::time::sleep(10 * MINUTE).await;
    assert!(!stop.is_finished() && *ended.lock().unwrap() == 0);
    go.notify_one();
    stop.await.unwrap();
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(*ended.lock().unwrap(), 1);
}
