//! The W3C trace context of the effect that is being performed.

tokio::task_local! {
    static TRACEPARENT: String;
}

/// The value of the header `traceparent` for a request that an effect makes; `None` outside of effects, and where nobody
/// traces the run. It is no part of what identifies an effect.
pub fn traceparent() -> Option<String> {
    TRACEPARENT.try_with(Clone::clone).ok()
}

/// Performs an effect under this trace context.
pub(crate) async fn traced<F: Future>(traceparent: Option<String>, performed: F) -> F::Output {
    match traceparent {
        Some(traceparent) => TRACEPARENT.scope(traceparent, performed).await,
        None => performed.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_effect_sees_its_own_context_and_nobody_else_does() {
        let seen = |context: Option<&str>| traced(context.map(str::to_owned), async { traceparent() });
        assert_eq!(seen(Some("a")).await.as_deref(), Some("a"));
        assert_eq!(seen(None).await, None);
        assert_eq!(traceparent(), None);
    }
}
