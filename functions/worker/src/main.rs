//! The worker function's entry: configuration, clients, run.

use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use millrace_runner::environment::Environment;
use tracing_subscriber::EnvFilter;

/// What a run may take: the function's 15 minutes less what it takes to record the end.
const RUN_TIMEOUT: Duration = Duration::from_secs(14 * 60);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_env()?.for_runs_of(RUN_TIMEOUT);
    tracing_subscriber::fmt().json().with_env_filter(EnvFilter::new(&environment.log)).init();
    let runner = &environment.connect().await?;
    let handler = service_fn(|event: LambdaEvent<_>| async move {
        Ok::<_, Error>(millrace_worker::handle(runner, event.payload).await)
    });
    lambda_runtime::run(handler).await
}
