//! A request as its handler gets it.

use std::sync::Arc;

use axum::RequestPartsExt;
use axum::extract::{Query, RawPathParams, Request};
use http::HeaderMap;

use crate::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::validation::Fields;

/// What a request brought, read and bounded.
pub(crate) struct Incoming {
    /// The function's state.
    pub(crate) app: Arc<App>,
    /// The body.
    pub(crate) body: Body,
    /// The headers.
    pub(crate) headers: HeaderMap,
    params: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Incoming {
    /// Reads a request. A body that says it is JSON and is not is refused here, before any key is looked at:
    /// that is the order of Langflow's checks (0.6 contract 1.1).
    pub(crate) async fn read(app: Arc<App>, request: Request) -> Result<Self, ApiError> {
        let (mut parts, stream) = request.into_parts();
        let params = match parts.extract::<RawPathParams>().await {
            Ok(params) => params.iter().map(owned).collect(),
            Err(_) => return Err(ApiError::not_found("Not Found")),
        };
        let query = Query::try_from_uri(&parts.uri).map(|Query(query)| query).unwrap_or_default();
        let body = Body::read(stream, &parts.headers, app.max_body_bytes).await?;
        Ok(Self { app, body, headers: parts.headers, params, query })
    }

    /// A parameter of the path; empty where the route has none of this name.
    pub(crate) fn param(&self, name: &str) -> &str {
        find(&self.params, name).unwrap_or_default()
    }

    /// The parameters of the query as fields.
    pub(crate) fn query(&self) -> Fields {
        Fields::query(&self.query)
    }

    /// The key that came along. The header counts; the query is for Langflow's clients that send it there.
    pub(crate) fn api_key(&self) -> Option<String> {
        const NAME: &str = "x-api-key";
        let header =
            self.headers.get(NAME).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let given = |key: &String| !key.is_empty();
        header.filter(given).or_else(|| find(&self.query, NAME).map(str::to_owned).filter(given))
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
