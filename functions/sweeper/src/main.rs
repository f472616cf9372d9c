//! The sweeper function's entry: configuration, clients, run.

use std::time::{Duration, SystemTime};

use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use millrace_runner::environment::Environment;
use millrace_runner::logs;
use tokio::time::Instant;

/// A sweep begins nothing more when so little of its invocation is left.
const RESERVE: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_env()?;
    logs::init(&environment.log)?;
    let runner = &environment.connect_without_components().await?;
    let handler = service_fn(|event: LambdaEvent<_>| async move {
        let deadline = deadline(&event.context, SystemTime::now());
        millrace_sweeper::handle(runner, event.payload, deadline).await.map_err(Error::from)
    });
    lambda_runtime::run(handler).await
}

/// When the last page is to be begun. `cargo lambda watch` names a time shortly after 1970, which is none.
fn deadline(context: &Context, now: SystemTime) -> Option<Instant> {
    let left = context.deadline().duration_since(now).ok()?;
    Some(Instant::now() + left.saturating_sub(RESERVE))
}
