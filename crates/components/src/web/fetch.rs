//! One request to any address of the web, and its answer as text.

use std::time::Duration;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use millrace_engine::{Context, ErrorKind, RunError, python_str};
use millrace_outbound::{Outbound, OutboundError, Request, Response};
use serde_json::{Map, Value as Json};

/// Kept of the time that the run has left, so that the answer can be recorded.
const RESERVE: Duration = Duration::from_secs(1);

/// Characters of an answer that a model is shown.
const SHOWN: usize = 50_000;

/// Sends a request once, not recorded, and answers whatever comes back, or why nothing did.
///
/// # Errors
/// [`ErrorKind::Timeout`] when the run has no time left.
pub(crate) async fn send(
    cx: &Context,
    request: Request,
    timeout: Duration,
) -> Result<Result<Response, OutboundError>, RunError> {
    let left = cx.time_left().map_or(timeout, |left| timeout.min(left.saturating_sub(RESERVE)));
    if left.is_zero() {
        let message = "the run has no time left for a request";
        return Err(RunError::new(ErrorKind::Timeout, message).transient(true));
    }
    let outbound: &Outbound = cx.resource()?;
    Ok(outbound.send(request.timeout(timeout).within(left)).await)
}

/// What a field for headers is drawn with, for its owner to replace.
const PLACEHOLDER: &str = "Bearer <token>";

/// Headers as a node gives them, by name. The editor's empty row is none, nor is the drawn placeholder.
pub(crate) fn headers(given: Option<Map<String, Json>>) -> Vec<(String, String)> {
    let given = given.unwrap_or_default().into_iter();
    given
        .filter(|(name, value)| !name.trim().is_empty() && !value.is_null())
        .map(|(name, value)| (name.trim().to_owned(), python_str(&value).trim().to_owned()))
        .filter(|(_, value)| value != PLACEHOLDER)
        .collect()
}

/// The request with these headers. All are taken for secrets: no other origin is told of them.
pub(crate) fn with_headers(request: Request, headers: &[(String, String)]) -> Result<Request, OutboundError> {
    headers.iter().try_fold(request, |request, (name, value)| request.secret_header(name, value))
}

/// The text of an answer.
///
/// # Errors
/// What it is instead, such as `image/png, 512 bytes`.
pub(crate) fn text_of(response: &Response) -> Result<String, String> {
    let kind = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if !is_text(&kind, &response.body) {
        let kind = kind.split(';').next().map(str::trim).filter(|kind| !kind.is_empty());
        return Err(format!("{}, {} bytes", kind.unwrap_or("of no known kind"), response.body.len()));
    }
    let declared = kind.split_once("charset=").map(|(_, label)| label.trim_matches(['"', '\'', ' ']));
    let declared = declared.and_then(|label| label.split(';').next()).map(str::to_owned);
    Ok(decode(&response.body, declared.as_deref()))
}

/// Judges by the declared kind, and by the first bytes where that says nothing.
fn is_text(kind: &str, body: &[u8]) -> bool {
    let textual = ["text/", "json", "xml", "html", "javascript", "urlencoded", "yaml"];
    if textual.iter().any(|part| kind.contains(part)) {
        return true;
    }
    let binary = ["image/", "audio/", "video/", "font/", "application/pdf", "zip"];
    let start = &body[..body.len().min(1024)];
    !binary.iter().any(|part| kind.contains(part)) && !start.starts_with(b"%PDF-") && !start.contains(&0)
}

/// Bytes as text: in the encoding declared with them, else UTF-8 where they are that, else what the page names,
/// else windows-1252. Servers declare that one (as iso-8859-1) without asking, so UTF-8 goes before it.
pub(crate) fn decode(bytes: &[u8], declared: Option<&str>) -> String {
    let named = || {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_ascii_lowercase();
        let (_, label) = start.split_once("charset=")?;
        let label = label.trim_start_matches(['"', '\'']);
        let end = label
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
            .unwrap_or(label.len());
        Encoding::for_label(&label.as_bytes()[..end])
    };
    let encoding = declared
        .and_then(|label| Encoding::for_label(label.as_bytes()))
        .filter(|encoding| *encoding != WINDOWS_1252 || std::str::from_utf8(bytes).is_err())
        .or_else(|| std::str::from_utf8(bytes).ok().map(|_| UTF_8))
        .or_else(named)
        .unwrap_or(WINDOWS_1252);
    // A byte order mark goes before what was declared.
    encoding.decode(bytes).0.into_owned()
}

/// A text as a model is shown it: a cut is stated.
pub(crate) fn shown(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text,
        Some((end, _)) => {
            let all = text.chars().count();
            format!("{}\n[The answer has {all} characters; these are the first {SHOWN}.]", &text[..end])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bytes_are_read_in_the_encoding_they_name() {
        let cases: [(&[u8], Option<&str>, &str); 8] = [
            ("Köln".as_bytes(), None, "Köln"),
            (b"K\xf6ln", Some("iso-8859-1"), "Köln"),
            ("Köln — 漢字".as_bytes(), Some("iso-8859-1"), "Köln — 漢字"),
            ("<meta charset=windows-1252>Köln".as_bytes(), Some("latin1"), "<meta charset=windows-1252>Köln"),
            (b"K\xf6ln \x80", None, "Köln €"),
            (b"<meta charset=\"iso-8859-2\">\xb3", None, "<meta charset=\"iso-8859-2\">ł"),
            (b"\xef\xbb\xbfa", Some("iso-8859-1"), "a"),
            (b"\xff", Some("no-such-thing"), "ÿ"),
        ];
        for (bytes, declared, expected) in cases {
            assert_eq!(decode(bytes, declared), expected);
        }
    }

    #[test]
    fn what_is_no_text_is_known_by_its_kind_or_its_bytes() {
        let cases: [(&str, &[u8], bool); 8] = [
            ("text/html; charset=utf-8", b"", true),
            ("application/vnd.api+json", b"{}", true),
            ("", b"plain", true),
            ("application/octet-stream", b"plain", true),
            ("application/octet-stream", b"PK\x03\x04\x14\x00", false),
            ("", b"%PDF-1.7", false),
            ("image/png", b"plain", false),
            ("image/svg+xml", b"<svg/>", true),
        ];
        for (kind, body, expected) in cases {
            assert_eq!(is_text(kind, body), expected, "{kind}");
        }
    }

    #[test]
    fn what_an_editor_leaves_is_no_header() {
        let given = json!({"": "", "X-A": 1, "X-B": null, " X-C ": "c\n", "Authorization": PLACEHOLDER});
        let expected = [("X-A".to_owned(), "1".to_owned()), ("X-C".to_owned(), "c".to_owned())];
        assert_eq!(headers(given.as_object().cloned()), expected);
    }

    #[test]
    fn a_cut_is_stated() {
        assert_eq!(shown("é".repeat(SHOWN)).chars().count(), SHOWN);
        assert!(
            shown("é".repeat(SHOWN + 1))
                .ends_with("[The answer has 50001 characters; these are the first 50000.]")
        );
    }
}
