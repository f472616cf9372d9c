//! Effect keys and the journal: the same run has the same records in any timing, and replays them.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Context, EffectKey, ErrorKind, Journal, MemoryJournal, Plan, ProcessInputs, ProcessOutput, Record,
    RunError, Usage, process,
};
use serde_json::{Value as Json, json};

use crate::stand::{Outside, edge, flow, journaled, node, object, plan, services};

/// Three vertices at once, one of them behind another, into a chain.
fn wide() -> Arc<Plan> {
    let nodes = [
        node("a", "Say", json!({"text": "A", "calls": 3})),
        node("b", "Say", json!({"text": "B", "calls": 1, "parts": {"show": true, "list": true}})),
        node("c", "Say", json!({"text": "C", "calls": 2})),
        node("root", "Ask", json!({"parts": {"show": true, "list": true}})),
    ];
    let edges = [
        edge("a", "b", "parts"),
        edge("c", "root", "parts"),
        edge("b", "root", "parts"),
        edge("a", "root", "parts"),
    ];
    plan(&flow(&nodes, &edges)).unwrap()
}

fn three() -> ProcessInputs {
    ProcessInputs::Many(["x", "y", "z"].map(|q| object(json!({"q": q}))).to_vec())
}

async fn run(
    outside: &Outside,
    journal: Arc<dyn Journal>,
    inputs: ProcessInputs,
) -> Result<ProcessOutput, RunError> {
    process(&journaled(&wide(), outside, journal), inputs).await
}

#[tokio::test(start_paused = true)]
async fn keys_and_records_are_the_same_in_any_timing() {
    let mut first: Option<(Json, Vec<(String, Record)>)> = None;
    let mut orders = std::collections::HashSet::new();
    for seed in 0..50 {
        let journal = Arc::new(Ordered::default());
        let output = run(&Outside::seeded(seed), journal.clone(), three()).await.unwrap();
        orders.insert(journal.order());
        let seen = (output.result, journal.inner.records());
        match &first {
            None => first = Some(seen),
            Some(first) => assert_eq!(first, &seen, "seed {seed}"),
        }
    }
    assert!(orders.len() > 10, "the seeds were to shuffle what happens when: {} orders", orders.len());
    let (result, records) = first.unwrap();
    let keys: Vec<&str> = records.iter().map(|(key, _)| key.as_str()).collect();
    let wanted = [
        "build/a#0000",
        "build/a#0001",
        "build/a#0002",
        "build/b#0000",
        "build/c#0000",
        "build/c#0001",
        "call/00000#0000",
        "call/00000#0001",
        "call/00001#0000",
        "call/00001#0001",
        "call/00002#0000",
        "call/00002#0001",
    ];
    assert_eq!(keys, wanted);
    let texts: Vec<&str> =
        result.as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap()).collect();
    // In edge order, whatever ran first; inputs are merged into the entries of a list.
    assert!(
        texts[0].starts_with("C <c 0> <c 1>,B A <a 0> <a 1> <a 2> <b 0>,A <a 0> <a 1> <a 2> | none"),
        "{texts:?}"
    );
    assert_eq!(result[1]["q"], "y");
    assert!(texts[2].ends_with("<second <first z>>"));
}

#[tokio::test(start_paused = true)]
async fn a_replay_performs_nothing_and_answers_the_same() {
    let journal = Arc::new(MemoryJournal::default());
    let outside = Outside::seeded(1);
    let first = run(&outside, journal.clone(), three()).await.unwrap();
    assert_eq!(outside.performed(), 12);
    let again = Outside::seeded(2);
    let second = run(&again, journal.clone(), three()).await.unwrap();
    assert_eq!(again.performed(), 0);
    assert_eq!(first.result, second.result);
    assert_eq!((first.usage.input, first.usage.output), (36, 24));
    assert_eq!(first.usage, second.usage, "what was recorded was paid, and is counted again");
}

/// A run that was cut off anywhere goes on where it stood: nothing recorded is performed again.
#[tokio::test(start_paused = true)]
async fn a_run_cut_off_after_any_record_goes_on_there() {
    let whole = run(&Outside::default(), Arc::new(MemoryJournal::default()), three()).await.unwrap();
    for kept in 0..12 {
        let journal = Arc::new(Full { kept, inner: MemoryJournal::default() });
        let outside = Outside::seeded(kept as u64);
        let error = run(&outside, journal.clone(), three()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
        let resumed = Arc::new(MemoryJournal::default());
        for (key, record) in journal.inner.records() {
            resumed.record(&key_of(&key).await, record).await.unwrap();
        }
        assert_eq!(resumed.records().len(), kept);
        let outside = Outside::seeded(99);
        let output = run(&outside, resumed, three()).await.unwrap();
        assert_eq!(outside.performed(), 12 - kept);
        assert_eq!(output.result, whole.result);
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_request_is_an_error_that_says_so() {
    let journal = Arc::new(MemoryJournal::default());
    let one = |q: &str| ProcessInputs::One(object(json!({"q": q})));
    run(&Outside::default(), journal.clone(), one("x")).await.unwrap();
    let outside = Outside::default();
    let error = run(&outside, journal, one("changed")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Version);
    assert!(error.message.contains("changed while this task was running"), "{error}");
    assert_eq!(error.internal.as_deref(), Some("record at call/00000"));
    assert_eq!(outside.performed(), 0, "a wrong resume must not cost anything");
}

#[tokio::test(start_paused = true)]
async fn whoever_loses_the_race_for_a_record_adopts_the_stored_one() {
    let outside = Outside::default();
    let journal = Arc::new(Overtaken::default());
    let output = run(&outside, journal.clone(), ProcessInputs::One(object(json!({"q": "x"})))).await.unwrap();
    assert_eq!(outside.performed(), 8, "the records of the other attempt came too late to save the calls");
    let text = output.result["text"].as_str().unwrap();
    assert!(text.ends_with("the other attempt's word"), "{text}");
    assert!(!text.contains('<'), "an answer of this attempt's own shows: {text}");
    assert_eq!(output.usage.input, 8 * 100, "what is counted is what stands");
}

#[tokio::test(start_paused = true)]
async fn a_failed_effect_leaves_no_record() {
    let data =
        flow(&[node("x", "Break", json!({})), node("root", "Say", json!({}))], &[edge("x", "root", "text")]);
    let journal = Arc::new(MemoryJournal::default());
    let outside = Outside::default();
    let run = journaled(&plan(&data).unwrap(), &outside, journal.clone());
    process(&run, ProcessInputs::One(object(json!({})))).await.unwrap_err();
    assert_eq!(outside.performed(), 1);
    assert_eq!(journal.records(), []);
}

/// The key of a text, taken from a journal that is asked for it: keys are made by the engine alone.
async fn key_of(text: &str) -> EffectKey {
    let asked = Arc::new(Asked::default());
    // Any run asks for all its keys before it performs.
    let _ = run(&Outside::default(), asked.clone(), three()).await;
    let all = asked.0.lock().unwrap();
    all.iter().find(|key| key.as_str() == text).unwrap_or_else(|| panic!("no key {text}")).clone()
}

/// Remembers the keys it was asked for.
#[derive(Default)]
struct Asked(std::sync::Mutex<Vec<EffectKey>>);

#[async_trait]
impl Journal for Asked {
    async fn recorded(&self, key: &EffectKey) -> Result<Option<Record>, RunError> {
        self.0.lock().unwrap().push(key.clone());
        Ok(None)
    }

    async fn record(&self, _: &EffectKey, record: Record) -> Result<Record, RunError> {
        Ok(record)
    }
}

/// Remembers the order in which records came.
#[derive(Default)]
struct Ordered {
    inner: MemoryJournal,
    order: std::sync::Mutex<Vec<String>>,
}

impl Ordered {
    fn order(&self) -> Vec<String> {
        self.order.lock().unwrap().clone()
    }
}

#[async_trait]
impl Journal for Ordered {
    async fn recorded(&self, key: &EffectKey) -> Result<Option<Record>, RunError> {
        self.inner.recorded(key).await
    }

    async fn record(&self, key: &EffectKey, record: Record) -> Result<Record, RunError> {
        self.order.lock().unwrap().push(key.as_str().to_owned());
        self.inner.record(key, record).await
    }
}

/// Takes so many records, then fails.
struct Full {
    kept: usize,
    inner: MemoryJournal,
}

#[async_trait]
impl Journal for Full {
    async fn recorded(&self, key: &EffectKey) -> Result<Option<Record>, RunError> {
        self.inner.recorded(key).await
    }

    async fn record(&self, key: &EffectKey, record: Record) -> Result<Record, RunError> {
        if self.inner.records().len() >= self.kept {
            return Err(RunError::new(ErrorKind::Unavailable, "the journal is gone").transient(true));
        }
        self.inner.record(key, record).await
    }
}

/// Another attempt is always just ahead: its record stands when this one wants to write.
#[derive(Default)]
struct Overtaken(MemoryJournal);

#[async_trait]
impl Journal for Overtaken {
    async fn recorded(&self, key: &EffectKey) -> Result<Option<Record>, RunError> {
        self.0.recorded(key).await
    }

    async fn record(&self, key: &EffectKey, record: Record) -> Result<Record, RunError> {
        let usage = Usage { input: 100, output: 0 };
        let theirs = Record { response: json!("the other attempt's word"), usage, ..record.clone() };
        self.0.record(key, theirs).await?;
        self.0.record(key, record).await
    }
}

#[tokio::test]
async fn turns_of_one_run_keep_their_order_and_none_replaces_another() {
    let cx = Context::detached(services(&Outside::default()), &[]);
    let (first, second) = (cx.scope("z-first"), cx.scope("a-second"));
    // Two at one place, as a chain that an agent calls twice; then two whose places sort against their times.
    cx.append_turn("history", "", json!("one")).await.unwrap();
    cx.append_turn("history", "", json!("two")).await.unwrap();
    first.append_turn("messages", "2026-01-01 00:00:01", json!("question")).await.unwrap();
    second.append_turn("messages", "2026-01-01 00:00:02", json!("answer")).await.unwrap();
    assert_eq!(cx.turns("history", None).await.unwrap(), [json!("one"), json!("two")]);
    assert_eq!(cx.turns("messages", None).await.unwrap(), [json!("question"), json!("answer")]);
}
