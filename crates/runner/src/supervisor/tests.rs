use futures::FutureExt;

use super::*;
use crate::Prices;
use crate::usage::{Rates, Spent};
use millrace_store::Counter;

const SECOND: Duration = Duration::from_secs(1);

/// A watch whose prices are the built-in ones.
fn watch(stop_at: Option<Instant>, ends_at: Option<Instant>, limits: RunLimits) -> Arc<Watch> {
    let rates = Arc::new(Rates { prices: Prices::default(), memory_mb: 1024 });
    let meter = Meter::new(Counter::new(), rates, &Arc::default(), Spent::default());
    Watch::new((stop_at, ends_at), None, limits, meter, None)
}

fn effect(kind: &'static str) -> Effect {
    Effect { kind, request: json!({"body": {"model": "gpt-4o"}}) }
}

impl Watched {
    async fn begin(&self, kind: &'static str) -> Result<Admission, RunError> {
        self.admit(&effect(kind), &EffectKey::new("v", 0)).await
    }
}

fn watched(stop_in: Option<u64>) -> Watched {
    let stop_at = stop_in.map(|seconds| Instant::now() + SECOND * u32::try_from(seconds).unwrap());
    Watched(watch(stop_at, None, RunLimits::default()))
}

/// An effect that takes so long, if it is admitted at once.
async fn performs(run: &Watched, kind: &'static str, seconds: u64) -> bool {
    let Some(admission) = run.begin(kind).now_or_never() else { return false };
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    drop(admission.unwrap());
    true
}

#[tokio::test(start_paused = true)]
async fn an_effect_begins_only_if_the_longest_so_far_would_fit() {
    let run = watched(Some(117));
    assert!(performs(&run, "model", 60).await);
    // 57 s are left, and another one may take 60.
    assert!(!performs(&run, "model", 60).await);
    assert_eq!(run.0.drained().await, Stop::Deadline);
    // What takes no time may be all that is left to do.
    assert!(performs(&run, "session.append", 0).await);
}

#[tokio::test(start_paused = true)]
async fn the_first_effect_of_an_attempt_has_all_the_time_that_there_is() {
    let run = watched(Some(117));
    run.0.saw(Duration::from_secs(600));
    assert!(performs(&run, "clock", 0).await);
    assert!(performs(&run, "model", 100).await);
    let late = watched(Some(0));
    assert!(!performs(&late, "model", 1).await);
    assert!(!late.0.is_fruitless(), "it began nothing, so that nothing speaks against another attempt");
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_is_waited_for() {
    let run = watched(None);
    let admission = run.begin("model").await.unwrap();
    run.0.close(Stop::HandOver);
    assert!(run.begin("model").now_or_never().is_none());
    assert!(run.0.is_busy() && run.0.drained().now_or_never().is_none());
    run.0.recorded();
    drop(admission);
    assert_eq!(run.0.drained().await, Stop::HandOver);
    assert!(!run.0.is_fruitless() && !run.0.is_busy());
}

#[tokio::test(start_paused = true)]
async fn a_lost_task_begins_nothing_at_all() {
    let run = watched(None);
    run.0.close(Stop::Lost(Refusal::Unknown));
    for kind in ["model", "session.append", "session.turns", "clock"] {
        assert!(run.begin(kind).now_or_never().is_none(), "{kind}");
    }
    // The first reason stays.
    run.0.close(Stop::Deadline);
    assert_eq!(run.0.drained().await, Stop::Lost(Refusal::Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_waits_for_its_effects_and_begins_none() {
    let run = watched(None);
    let admission = run.begin("model").await.unwrap();
    assert!(run.settle().now_or_never().is_none());
    assert!(run.begin("clock").now_or_never().is_none());
    drop(admission);
    run.settle().await;
}

#[test]
fn progress_names_vertices_once_and_counts_tokens() {
    let run = watched(None);
    run.vertex_started("model");
    run.vertex_done("model");
    run.vertex_started("chain");
    run.vertex_done("chain");
    // The root is built, and then called.
    run.vertex_started("chain");
    run.spent(&effect("model"), Usage { input: 7, output: 3 });
    run.spent(&effect("model"), Usage { input: 1, output: 0 });
    assert_eq!(
        run.0.progress(),
        json!({"vertices_done": 1, "done": ["model"], "running": ["chain"],
            "usage": {"input": 8, "output": 3}})
    );
    let usage = run.0.usage();
    assert_eq!((usage.input, usage.output), (8, 3));
    assert_eq!(usage.models, [("gpt-4o".to_owned(), [8, 3])].into());
    assert_eq!(watched(None).0.usage().models, [].into());
}

#[tokio::test(start_paused = true)]
async fn time_left_is_the_shorter_of_the_invocations_and_the_tasks() {
    let at = |seconds: u32| Some(Instant::now() + SECOND * seconds);
    for (stop, end, left) in
        [(at(5), at(9), Some(5)), (at(9), at(5), Some(5)), (None, at(5), Some(5)), (None, None, None)]
    {
        let run = Watched(watch(stop, end, RunLimits::default()));
        assert_eq!(run.time_left(), left.map(Duration::from_secs));
    }
}

/// A run that may have three effects, of which two were replayed, and ten tokens.
fn limited() -> Watched {
    let run = Watched(watch(None, None, RunLimits { effects: 3, tokens: 10 }));
    run.replayed();
    run.replayed();
    run
}

#[tokio::test(start_paused = true)]
async fn replayed_effects_count_and_the_one_too_many_ends_the_run() {
    let run = limited();
    assert!(performs(&run, "model", 1).await, "the third is at the limit");
    assert!(!performs(&run, "clock", 0).await, "none begins beyond it, however quick");
    let Stop::Limit(limit) = run.0.drained().await else { panic!("another stop") };
    let error = limit.error();
    assert_eq!(error.message, "The run used up its effects: the limit is 3 for one run");
    assert_eq!((error.kind.code(), error.transient), ("limit", false));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_used_more_tokens_than_it_may_calls_nobody_else() {
    let run = limited();
    run.spent(&effect("model"), Usage { input: 6, output: 4 });
    assert!(run.begin("model").now_or_never().is_some(), "ten are at the limit");
    let run = limited();
    run.spent(&effect("model"), Usage { input: 6, output: 5 });
    assert!(run.begin("session.append").now_or_never().is_some(), "what was paid for is still kept");
    let run = limited();
    run.spent(&effect("model"), Usage { input: 6, output: 5 });
    assert!(run.begin("model").now_or_never().is_none());
    let Stop::Limit(limit) = run.0.drained().await else { panic!("another stop") };
    assert_eq!(limit.error().message, "The run used up its tokens: the limit is 10 for one run");
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_at_the_limit_is_finished() {
    let run = limited();
    let admission = run.begin("model").await.unwrap();
    assert!(run.begin("model").now_or_never().is_none());
    assert!(run.0.drained().now_or_never().is_none());
    drop(admission);
    assert!(matches!(run.0.drained().await, Stop::Limit(_)));
}

/// 0.01 $ are 1,000 output tokens of this model.
#[tokio::test(start_paused = true)]
async fn a_run_that_used_up_its_budget_calls_nobody_else() {
    let run = watched(None);
    run.0.allow(Budgets { task: Some(0.01), day: Some((5.0, 1.0)) });
    run.spent(&effect("model"), Usage { input: 0, output: 990 });
    assert!(performs(&run, "model", 0).await, "a little is left");
    run.spent(&effect("model"), Usage { input: 0, output: 10 });
    assert!(performs(&run, "session.append", 0).await, "what was paid for is still kept");
    assert!(!performs(&run, "model", 0).await);
    let Stop::Limit(limit) = run.0.drained().await else { panic!("another stop") };
    let said = "The run used up its budget: by estimate it cost 0.01 US dollars, the limit for this task";
    assert_eq!(limit.error().message, said);
}

#[tokio::test(start_paused = true)]
async fn the_budget_of_the_day_holds_for_what_is_left_of_it() {
    let run = watched(None);
    run.0.allow(Budgets { task: Some(1.0), day: Some((5.0, 0.005)) });
    run.spent(&effect("model"), Usage { input: 0, output: 500 });
    assert!(!performs(&run, "model", 0).await);
    assert_eq!(run.0.drained().await, Stop::Limit(Exceeded::BudgetOfTheDay(5.0)));
    let late = watched(None);
    late.0.allow(Budgets { task: None, day: Some((5.0, -0.1)) });
    assert!(!performs(&late, "model", 0).await, "nothing is left for a first effect");
}

/// Time is money too: 1 GB for 1,000 s is more than a cent.
#[tokio::test(start_paused = true)]
async fn time_counts_for_a_budget() {
    let run = watched(None);
    run.0.allow(Budgets { task: Some(0.01), day: None });
    assert!(performs(&run, "request", 1_000).await);
    assert!(!performs(&run, "request", 0).await);
}

#[tokio::test(start_paused = true)]
async fn a_model_without_a_price_is_not_called_under_a_budget() {
    let unknown = Effect { kind: "model", request: json!({"body": {"model": "of-our-own"}}) };
    let key = EffectKey::new("v", 0);
    let run = watched(None);
    assert!(run.admit(&unknown, &key).now_or_never().is_some(), "without one it is");
    run.0.allow(Budgets { task: Some(1.0), day: None });
    assert!(run.admit(&unknown, &key).now_or_never().is_none());
    let Some(Stop::Limit(limit)) = run.0.state().closed.clone() else { panic!("another stop") };
    let said = "The run has a budget, and the model of-our-own has no price in this installation's table";
    assert_eq!(limit.error().message, said);
}
