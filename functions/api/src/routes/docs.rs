//! The API's description, for programs and for people. Open to all.

use axum::response::Response;
use http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};

use crate::error::ApiError;
use crate::request::Incoming;
use crate::respond;

/// Made of the table of operations by a test.
pub(crate) const DOCUMENT: &str = include_str!("../../openapi.json");

/// Shows the document. **It takes nothing from another host**, so that it works offline and no other host can
/// put a script into it.
const PAGE: &str = include_str!("docs/page.html");

/// What the page may do: its own script and style, by their hashes, and the document from where it came itself.
const POLICY: &str = "default-src 'none'; connect-src 'self'; \
    script-src 'sha256-M19268zOSUBHvtMmn4A+Q2iTf2cVvIbcrpMfYtDnSdk='; \
    style-src 'sha256-yGax2XDlOEHulmxoMnOYtWdQd7q5WNrmxNn9cn4B9q4='; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /openapi.json`
pub(crate) async fn document(_: Incoming) -> Result<Response, ApiError> {
    Ok(with(respond::text("application/json", DOCUMENT), X_CONTENT_TYPE_OPTIONS, "nosniff"))
}

/// `GET /docs`
pub(crate) async fn page(_: Incoming) -> Result<Response, ApiError> {
    let page = with(respond::text("text/html; charset=utf-8", PAGE), X_CONTENT_TYPE_OPTIONS, "nosniff");
    Ok(with(page, CONTENT_SECURITY_POLICY, POLICY))
}

fn with(mut response: Response, name: HeaderName, value: &'static str) -> Response {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use sha2::{Digest, Sha256};

    use super::*;

    fn element(name: &str) -> &'static str {
        let (_, rest) = PAGE.split_once(&format!("<{name}>")).unwrap();
        rest.split_once(&format!("</{name}>")).unwrap().0
    }

    /// What a browser compares: the text between the tags, to the byte.
    #[test]
    fn the_policy_names_the_page_s_own_script_and_style() {
        for (name, directive) in [("script", "script-src"), ("style", "style-src")] {
            let hash = BASE64_STANDARD.encode(Sha256::digest(element(name)));
            let allowed = format!("{directive} 'sha256-{hash}'");
            assert!(POLICY.contains(&allowed), "the {name} has changed: {allowed}");
            assert_eq!(PAGE.matches(&format!("<{name}")).count(), 1);
        }
        assert!(!POLICY.contains("unsafe"));
    }

    #[test]
    fn the_page_takes_nothing_from_elsewhere() {
        for outside in ["http:", "https:", "src=", "@import", " style=", "innerHTML", "eval("] {
            assert!(!PAGE.contains(outside), "{outside}");
        }
    }
}
