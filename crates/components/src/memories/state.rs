//! What a memory keeps of a session beside its turns, changed by several turns at once.

use futures::future::BoxFuture;
use millrace_engine::{Context, ErrorKind, RunError};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

/// How often a turn tries to add its part, while others get there first.
const TRIES: usize = 16;

/// The state of this scope; the default where there is none yet.
pub(crate) async fn load<S: DeserializeOwned + Default>(cx: &Context, scope: &str) -> Result<S, RunError> {
    Ok(versioned(cx, scope).await?.1)
}

/// Puts in place of the state what `next` makes of it. **Where another turn got there first, `next` is asked
/// again with what stands then**, so turns are folded in one after the other and none is lost.
///
/// # Errors
/// What `next` fails with; [`ErrorKind::Unavailable`], passing, after 16 tries.
pub(crate) async fn fold<'a, S: Serialize + DeserializeOwned + Default + Send>(
    cx: &Context,
    scope: &str,
    mut next: impl FnMut(S) -> BoxFuture<'a, Result<S, RunError>> + Send,
) -> Result<(), RunError> {
    for _ in 0..TRIES {
        let (version, state) = versioned(cx, scope).await?;
        let state = next(state).await?;
        if cx.put_state(scope, version, &json!(state)).await? {
            return Ok(());
        }
    }
    let message = "Too many turns of this session end at the same time; try again";
    Err(RunError::new(ErrorKind::Unavailable, message).transient(true))
}

async fn versioned<S: DeserializeOwned + Default>(
    cx: &Context,
    scope: &str,
) -> Result<(Option<u64>, S), RunError> {
    let Some(kept) = cx.state(scope).await? else { return Ok((None, S::default())) };
    let state = serde_json::from_value(kept.body).map_err(|error| {
        RunError::new(ErrorKind::Internal, "What a memory kept could not be read back").because(error)
    })?;
    Ok((Some(kept.version), state))
}

/// A model that lets others go first, so that turns meet in tests.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Yielding(pub std::sync::Arc<crate::stand_in::Scripted>);

#[cfg(test)]
#[async_trait::async_trait]
impl millrace_engine::ChatModel for Yielding {
    fn name(&self) -> &str {
        "yielding"
    }

    async fn generate(
        &self,
        cx: &Context,
        request: millrace_engine::ChatRequest,
    ) -> Result<millrace_engine::ChatReply, RunError> {
        tokio::task::yield_now().await;
        self.0.generate(cx, request).await
    }
}
