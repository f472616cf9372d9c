//! The API function as Lambda starts it.

use std::sync::Arc;
use std::time::Duration;

use lambda_http::Error;
use millrace_api::{AfterAnswer, App, router};
use millrace_runner::environment::Environment;
use millrace_runner::{Runner, logs};
use tokio::signal::unix::{SignalKind, signal};

/// What an answer may take besides the run or the task that it waits for.
const BESIDES: Duration = Duration::from_secs(5);
/// The longest that a poll waits.
const POLL: Duration = Duration::from_secs(20);

/// Told to end, which an environment with an extension is, it puts what it has added up; Lambda leaves it 500 ms.
async fn last_words(runner: Runner) {
    let Ok(mut told) = signal(SignalKind::terminate()) else { return };
    told.recv().await;
    runner.finish_invocation(false).await;
    std::process::exit(0);
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_env()?;
    logs::init(&environment.log)?;
    match AfterAnswer::register(environment.sync_timeout.max(POLL) + BESIDES).await {
        Ok(after) => {
            let runner = environment.connect_with(after.work()).await?;
            runner.store().warm_up().await;
            tokio::spawn(last_words(runner.clone()));
            let app = Arc::new(App::new(runner, environment.max_body_bytes));
            lambda_http::run(after.watching(router(app))).await
        }
        // It says what the Runtime API said, which is nothing that a line may hold.
        Err(_) => {
            tracing::warn!("no work is possible after an answer");
            let runner = environment.connect().await?;
            runner.store().warm_up().await;
            lambda_http::run(router(Arc::new(App::new(runner, environment.max_body_bytes)))).await
        }
    }
}
