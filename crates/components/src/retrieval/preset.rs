//! `search_kwargs`: how a store is searched where nobody says otherwise.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{Context, Document, ErrorKind, Found, RunError, Search, SearchKind, VectorStore};
use serde_json::{Map, Value as Json};

use super::collection::MAX_FOUND;

/// A store with `search_kwargs`: they stand in for the default search. A search that asks for anything else
/// than the four nearest is made as it is asked.
///
/// # Errors
/// [`ErrorKind::Flow`] when one of them is not understood.
pub(crate) fn with_search_kwargs(
    store: Arc<dyn VectorStore>,
    kwargs: &Map<String, Json>,
) -> Result<Arc<dyn VectorStore>, RunError> {
    // What Langflow's editor shows in an empty field of this kind.
    if kwargs.is_empty() || kwargs.get("yourkey").is_some_and(|value| value == "value") {
        return Ok(store);
    }
    Ok(Arc::new(Preset { store, search: preset(kwargs)? }))
}

#[derive(Debug)]
struct Preset {
    store: Arc<dyn VectorStore>,
    search: Search,
}

fn preset(kwargs: &Map<String, Json>) -> Result<Search, RunError> {
    let fault = |what: String| RunError::new(ErrorKind::Flow, format!("search_kwargs.{what}"));
    let mut search = Search::nearest("");
    let (mut fetch_k, mut lambda) = (None, None);
    for (name, value) in kwargs {
        let whole = || {
            let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
            let number = number.filter(|n| (1..=MAX_FOUND as u64).contains(n));
            number
                .map(|n| n as usize)
                .ok_or_else(|| fault(format!("{name} must be a whole number from 1 to {MAX_FOUND}")))
        };
        match name.as_str() {
            "k" => search.k = whole()?,
            "fetch_k" => fetch_k = Some(whole()?),
            "lambda_mult" => lambda = value.as_f64().map(|lambda| lambda.clamp(0.0, 1.0) as f32),
            "filter" => search.filter = value.as_object().cloned().unwrap_or_default(),
            other => {
                return Err(fault(format!("{other} is not known; k, filter, fetch_k and lambda_mult are")));
            }
        }
    }
    if fetch_k.is_some() || lambda.is_some() {
        let fetch_k = fetch_k.unwrap_or(20).max(search.k);
        search.kind = SearchKind::Mmr { fetch_k, lambda: lambda.unwrap_or(0.5) };
    }
    Ok(search)
}

#[async_trait]
impl VectorStore for Preset {
    async fn search(&self, cx: &Context, search: &Search) -> Result<Vec<Found>, RunError> {
        if *search != Search::nearest(search.query.as_str()) {
            return self.store.search(cx, search).await;
        }
        let preset = Search { query: search.query.clone(), ..self.search.clone() };
        self.store.search(cx, &preset).await
    }

    async fn add(&self, cx: &Context, documents: &[Document]) -> Result<(), RunError> {
        self.store.add(cx, documents).await
    }
}
