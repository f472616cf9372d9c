//! A task after its call was accepted: polled (0.6 contract 1.2, but for its key), cancelled, retried.
//!
//! An id that is unknown, another tenant's or none at all is 404, never PENDING.

use std::time::Duration;

use axum::response::Response;
use jiff::Timestamp;
use millrace_runner::{Again, TaskView};
use millrace_store::{Principal, TaskId, TaskRecord, TenantId};
use tokio::time::Instant;

use crate::answer;
use crate::call_variables;
use crate::error::ApiError;
use crate::idempotency::Name;
use crate::options::BUDGET;
use crate::request::Incoming;
use crate::respond;
use crate::validation::{Fault, Fields};

/// How long a poll may wait at most, in seconds: a gateway's 30 less what the last look may take.
const LONGEST_WAIT: f64 = 20.0;

/// The pause after the first look; each one after it is half as long again, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// `GET /api/v1/task/{task_id}?wait=`
///
/// `wait` is how many seconds the caller would rather wait for the end than ask again.
pub(crate) async fn poll(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let wait = wait(incoming.query())?;
    let id = task_id(&incoming)?;
    let task = look_until(wait, || find(&incoming, &caller.tenant, id)).await?;
    let now = incoming.app.runner.store().host().now();
    let again = (!task.state.is_terminal()).then(|| pause_between_polls(task.created_at, now));
    let response = answer(task);
    Ok(match again {
        Some(seconds) => respond::again_in(response, seconds),
        None => response,
    })
}

/// `DELETE /api/v1/task/{task_id}` and `POST /api/v1/task/{task_id}/cancel`
pub(crate) async fn cancel(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let id = task_id(&incoming)?;
    incoming.app.runner.cancel(&caller.tenant, id).await?;
    Ok(answer(find(&incoming, &caller.tenant, id).await?))
}

/// `POST /api/v1/task/{task_id}/retry`
///
/// Secrets of the first call were erased with its end: they come again, as headers and as `tweaks`.
pub(crate) async fn retry(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let id = task_id(&incoming)?;
    let name = Name::read(&incoming.headers, None)?.map(|name| name.of("retry", id));
    let variables = call_variables::read(&incoming.headers)?;
    let mut fields = Fields::embedded(incoming.body.into_value());
    let tweaks = fields.object("tweaks").unwrap_or_default();
    let budget = fields.number("budget", BUDGET);
    fields.finish()?;
    let again = Again { tweaks, variables, budget };
    let made_by = (incoming.id.clone(), incoming.trace.clone());
    let task = incoming.app.runner.retry(&caller.tenant, id, name, &again, made_by).await?;
    Ok(answer::queued(&task, Some(id)))
}

fn task_id(incoming: &Incoming) -> Result<TaskId, ApiError> {
    incoming.param("task_id").parse().map_err(|_| unknown())
}

async fn find(incoming: &Incoming, tenant: &TenantId, id: TaskId) -> Result<TaskRecord, ApiError> {
    incoming.app.runner.store().task(tenant, id).await?.ok_or_else(unknown)
}

fn unknown() -> ApiError {
    ApiError::not_found("Task not found")
}

fn answer(task: TaskRecord) -> Response {
    let id = task.id;
    respond::of_task(respond::ok(&TaskView::from(task)), id)
}

/// The query's `wait`.
fn wait(mut query: Fields) -> Result<Duration, Vec<Fault>> {
    let seconds = query.number("wait", 0.0..=LONGEST_WAIT);
    query.finish()?;
    Ok(seconds.map_or(Duration::ZERO, Duration::from_secs_f64))
}

/// Looks again and again until the task has ended or the time is over. What is not there is not waited for.
async fn look_until<F>(wait: Duration, look: impl Fn() -> F) -> Result<TaskRecord, ApiError>
where
    F: Future<Output = Result<TaskRecord, ApiError>>,
{
    let end = Instant::now() + wait;
    let mut pause = FIRST_PAUSE;
    loop {
        let task = look().await?;
        let left = end.saturating_duration_since(Instant::now());
        if task.state.is_terminal() || left.is_zero() {
            return Ok(task);
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 3 / 2).min(LAST_PAUSE);
    }
}

/// How many seconds a client is asked to leave between two polls: a task that took long takes longer.
fn pause_between_polls(created: Timestamp, now: Timestamp) -> u64 {
    match now.duration_since(created).as_secs() {
        ..10 => 1,
        10..60 => 2,
        60.. => 5,
    }
}

#[cfg(test)]
mod tests;
