//! A request as its handler gets it.

use std::sync::Arc;

use axum::RequestPartsExt;
use axum::extract::{Query, RawPathParams, Request};
use http::{HeaderMap, StatusCode, Uri};

use crate::App;
use crate::body::Body;
use crate::error::ApiError;
use crate::limits;
use crate::trace::{self, Traceparent};
use crate::validation::Fields;

/// What a request brought, read and bounded.
pub(crate) struct Incoming {
    /// The function's state.
    pub(crate) app: Arc<App>,
    /// The body.
    pub(crate) body: Body,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The id of the request, as the platform gave it.
    pub(crate) id: Option<String>,
    /// The W3C trace context for what comes of the request, if somebody traces it.
    pub(crate) trace: Option<String>,
    params: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Incoming {
    /// Reads a request. A body that says it is JSON and is not is refused here, before any key is looked at:
    /// that is the order of Langflow's checks (0.6 contract 1.1).
    pub(crate) async fn read(app: Arc<App>, request: Request) -> Result<Self, ApiError> {
        let id = trace::request_id(&request);
        let trace = request.extensions().get::<Traceparent>().map(|Traceparent(header)| header.clone());
        let (mut parts, stream) = request.into_parts();
        bounded(&parts.uri, &parts.headers)?;
        let params = match parts.extract::<RawPathParams>().await {
            Ok(params) => params.iter().map(owned).collect(),
            Err(_) => return Err(ApiError::not_found("Not Found")),
        };
        let query = Query::try_from_uri(&parts.uri).map(|Query(query)| query).unwrap_or_default();
        let body = Body::read(stream, &parts.headers, app.max_body_bytes).await?;
        Ok(Self { app, body, headers: parts.headers, id, trace, params, query })
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

/// Refuses what no client sends, before any of it is looked at.
fn bounded(uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    let address = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
    if address > limits::URI {
        let detail = format!("Path and query have {address} bytes; the limit is {}", limits::URI);
        return Err(ApiError::new(StatusCode::URI_TOO_LONG, detail));
    }
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > limits::HEADERS {
        let detail = format!("The headers have {size} bytes; the limit is {}", limits::HEADERS);
        return Err(ApiError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail));
    }
    Ok(())
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn address_and_headers_are_bounded() {
        let uri = |length: usize| format!("/a?{}", "q".repeat(length - 3)).parse::<Uri>().unwrap();
        let headers = |length: usize| {
            let value = HeaderValue::try_from("v".repeat(length - 3)).unwrap();
            HeaderMap::from_iter([(http::HeaderName::from_static("x-a"), value)])
        };
        assert!(bounded(&uri(8_192), &headers(65_536)).is_ok());
        let error = bounded(&uri(8_193), &headers(4)).unwrap_err();
        assert_eq!(error.parts(), (414, &json!("Path and query have 8193 bytes; the limit is 8192")));
        let error = bounded(&uri(4), &headers(65_537)).unwrap_err();
        assert_eq!(error.parts(), (431, &json!("The headers have 65537 bytes; the limit is 65536")));
    }
}
