//! The header `Idempotency-Key`: a request that is sent again is the task that it was the first time.
//!
//! The request is its route, what it is about, and its body as JSON, whatever the order of the fields: a client
//! that builds its body anew sends the same request.

use std::fmt::Display;

use http::{HeaderMap, StatusCode};
use millrace_runner::Idempotency;
use millrace_store::IdempotencyKey;
use serde_json::Value;

use crate::call_variables;
use crate::digest::sha256;
use crate::error::ApiError;

const HEADER: &str = "idempotency-key";

/// A caller's name for a request, and the request's body with the variables that came with it.
pub(crate) struct Name {
    key: IdempotencyKey,
    body: String,
}

impl Name {
    /// The request's name, if it has one.
    pub(crate) fn read(headers: &HeaderMap, body: Option<&Value>) -> Result<Option<Self>, ApiError> {
        let mut values = headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(refused("The header Idempotency-Key came more than once"));
        }
        let key = String::from_utf8_lossy(value.as_bytes()).parse().map_err(|_| {
            refused("The header Idempotency-Key has to be 1 to 255 visible ASCII characters long")
        })?;
        let mut body = body.cloned().unwrap_or_default();
        body.sort_all_objects();
        let mut variables: Vec<_> =
            headers.iter().filter(|(name, _)| name.as_str().starts_with(call_variables::PREFIX)).collect();
        variables.sort_by_key(|(name, _)| name.as_str());
        let variables = variables.into_iter().map(|(name, value)| format!("\n{name}: {value:?}"));
        Ok(Some(Self { key, body: variables.fold(body.to_string(), |body, variable| body + &variable) }))
    }

    /// The name of a call of `route` about `subject`.
    pub(crate) fn of(self, route: &str, subject: impl Display) -> Idempotency {
        let request_hash = sha256(&[route, "\n", &subject.to_string(), "\n", &self.body]);
        Idempotency { key: self.key, request_hash }
    }
}

fn refused(why: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, why)
}

#[cfg(test)]
mod tests {
    use http::header::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let named = |text: &&str| (HeaderName::from_static(HEADER), HeaderValue::from_str(text).unwrap());
        values.iter().map(named).collect()
    }

    fn hash(body: Value, route: &str, subject: &str) -> String {
        let name = Name::read(&headers(&["k"]), Some(&body)).ok().flatten().unwrap();
        name.of(route, subject).request_hash
    }

    #[test]
    fn a_name_is_one_header_of_bounded_length() {
        let longest = "k".repeat(255);
        for good in ["k", "8e03978e-40d5-43e8-bc93-6894a57f9324", "a,b", longest.as_str()] {
            let name = Name::read(&headers(&[good]), None).ok().flatten().unwrap();
            assert_eq!(name.of("run", 1).key.as_str(), good);
        }
        assert!(Name::read(&headers(&[]), None).is_ok_and(|name| name.is_none()));
        let long = "k".repeat(10_000);
        for bad in [vec![""], vec![" "], vec!["a b"], vec!["ä"], vec![long.as_str()], vec!["k", "k"]] {
            let error = Name::read(&headers(&bad), None).err().unwrap();
            let (status, detail) = error.parts();
            assert_eq!(status, 400, "{bad:?}");
            assert!(detail.as_str().unwrap().contains("The header Idempotency-Key"), "{detail}");
        }
    }

    #[test]
    fn a_request_is_its_route_its_subject_and_its_body() {
        let body = json!({"a": {"x": 1, "y": [2]}, "b": "z"});
        let first = hash(body.clone(), "process", "flow");
        assert_eq!(first, hash(json!({"b": "z", "a": {"y": [2], "x": 1}}), "process", "flow"));
        assert_eq!(first.len(), 64);
        for other in [
            hash(body.clone(), "run", "flow"),
            hash(body.clone(), "process", "flow2"),
            hash(json!({"a": {"x": 1, "y": [2]}, "b": "Z"}), "process", "flow"),
            hash(json!({"a": {"x": 1, "y": [2]}}), "process", "flow"),
            hash(json!(null), "process", "flow"),
        ] {
            assert_ne!(first, other);
        }
    }
}
