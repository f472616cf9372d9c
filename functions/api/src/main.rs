//! The API function as Lambda starts it.

use std::sync::Arc;

use lambda_http::Error;
use millrace_api::{App, router};
use millrace_runner::environment::Environment;
use tracing_subscriber::EnvFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::from_env()?;
    let filter = EnvFilter::try_new(&environment.log)?;
    tracing_subscriber::fmt().json().with_env_filter(filter).with_current_span(false).init();
    let runner = environment.connect().await?;
    lambda_http::run(router(Arc::new(App::new(runner, environment.max_body_bytes)))).await
}
