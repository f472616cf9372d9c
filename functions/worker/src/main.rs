//! The worker function's entry: configuration, clients, run.

use std::time::{Duration, SystemTime};

use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use millrace_runner::environment::Environment;
use millrace_runner::logs;
use tokio::time::Instant;

/// What giving tasks back may take once the environment is told to end; Lambda kills it after 500 ms.
const LAST_WORDS: Duration = Duration::from_millis(400);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_env()?;
    logs::init(&environment.log)?;
    let runner = environment.connect().await?;
    runner.store().warm_up().await;
    let stopping = runner.clone();
    lambda_runtime::spawn_graceful_shutdown_handler(move || async move {
        stopping.shut_down();
        tokio::join!(tokio::time::sleep(LAST_WORDS), stopping.finish_invocation(false));
    })
    .await;
    let runner = &runner;
    let handler = service_fn(|event: LambdaEvent<_>| async move {
        let deadline = deadline(&event.context, SystemTime::now());
        Ok::<_, Error>(millrace_worker::handle(runner, event.payload, deadline).await)
    });
    lambda_runtime::run(handler).await
}

/// When the invocation ends. `cargo lambda watch` names a time shortly after 1970, which is none.
fn deadline(context: &Context, now: SystemTime) -> Option<Instant> {
    let left = context.deadline().duration_since(now).ok()?;
    Some(Instant::now() + left)
}
