//! Tweaks over a conversation.
//!
//! Langflow builds a flow once for a session, with the tweaks of the call that began it, and keeps what it built
//! (contract 1.3). Here every call is built anew, so the tweaks are kept in its place: sealed, since there may be keys
//! among them.

use millrace_store::{FlowId, SessionId, StoreError, TaskId};
use serde_json::{Map, Value as Json, json};

use crate::call::{Call, Job, Session};
use crate::{Runner, RunnerError};

/// Where they stand in the conversation; no component's scope begins so.
const SCOPE: &str = "/tweaks";
/// What is sealed, for the store.
const SEALED: &str = "tweaks of a conversation";
/// Stands for tweaks that were too large to be kept; what is sealed has no blank.
const TOO_LARGE: &str = "too large";

impl Runner {
    /// The tweaks of a call: its own, over those that its conversation began with.
    ///
    /// # Errors
    /// Those of the store; [`RunnerError::TweaksNotKept`] where they were too large to be kept, and the call brings none.
    pub(crate) async fn tweaks_of(&self, job: &Job) -> Result<Map<String, Json>, RunnerError> {
        let own = job.call.tweaks().clone();
        let forgets = matches!(job.call, Call::Process { clear_session: true, .. });
        if job.options.session != Session::GoesOn || forgets {
            return Ok(own);
        }
        let kept = self.store().session_state(&job.tenant, job.flow.id, &job.session, SCOPE).await?;
        match kept.map(|state| state.body) {
            Some(Json::String(text)) if text == TOO_LARGE => match own.is_empty() {
                true => Err(RunnerError::TweaksNotKept),
                false => Ok(own),
            },
            Some(Json::String(sealed)) => {
                let place = (SEALED, &*place_of(job.flow.id, &job.session));
                let first = self.store().open_text(&job.tenant, place, &sealed).await?;
                Ok(over(first, own))
            }
            _ => Ok(own),
        }
    }

    /// Keeps the tweaks of the call that begins a conversation, for those to come. Before it runs: its caller learns of
    /// the conversation from the answer.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn keep_tweaks(
        &self,
        job: &Job,
        session: &SessionId,
        task: TaskId,
    ) -> Result<(), RunnerError> {
        let tweaks = job.call.tweaks();
        if job.options.session != Session::Begins || tweaks.is_empty() {
            return Ok(());
        }
        let (place, writer) = ((&job.tenant, job.flow.id, session), task.to_string());
        let put = |body: Json| {
            let writer = &writer;
            async move { self.store().put_session_state(place, SCOPE, None, writer, &body).await }
        };
        let name = place_of(job.flow.id, session);
        let sealed = self.store().seal_text(&job.tenant, (SEALED, &name), tweaks).await?;
        match put(json!(sealed)).await {
            Err(StoreError::TooLarge { .. }) => put(json!(TOO_LARGE)).await?,
            kept => kept?,
        };
        Ok(())
    }
}

/// What tells the sealed tweaks of one conversation from those of another.
fn place_of(flow: FlowId, session: &SessionId) -> String {
    format!("{flow}/{}", session.as_str())
}

/// Fields of `own` in place of those of the same node in `first`.
pub(crate) fn over(mut first: Map<String, Json>, own: Map<String, Json>) -> Map<String, Json> {
    for (node, fields) in own {
        match (first.get_mut(&node), fields) {
            (Some(Json::Object(known)), Json::Object(fields)) => known.extend(fields),
            (_, fields) => drop(first.insert(node, fields)),
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calls_own_tweaks_lie_over_the_first_ones() {
        let object = |json: Json| json.as_object().cloned().unwrap();
        let first = object(json!({"A": {"x": 1, "y": 2}, "B": {"z": 3}}));
        let own = object(json!({"A": {"y": 4}, "C": {"w": 5}}));
        assert_eq!(
            Json::Object(over(first, own)),
            json!({"A": {"x": 1, "y": 4}, "B": {"z": 3}, "C": {"w": 5}})
        );
    }
}
