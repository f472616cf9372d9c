//! Secrets that a run has used, kept out of what is left of it.
//!
//! A provider may quote the key it was called with, in an error above all. What a run answers, fails with and
//! records is searched for the secrets that it was given.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_engine::RunError;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;
use zeroize::Zeroizing;

/// Shorter texts are no secrets that could be told from anything else.
const SHORTEST: usize = 6;

/// What stands in their place.
const SHOWN: &str = "********";

/// The secrets of one run, in the forms in which they might be quoted.
#[derive(Default)]
pub(crate) struct Redactor(Mutex<Vec<Zeroizing<String>>>);

impl Redactor {
    /// From now on this is not shown.
    pub fn hide(&self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < SHORTEST {
            return;
        }
        let mut hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
        for form in [secret.to_owned(), encoded, STANDARD.encode(secret)] {
            if !hidden.iter().any(|known| **known == form) {
                hidden.push(form.into());
            }
        }
        // The longest first, so that none is cut by another that is a part of it.
        hidden.sort_by_key(|known| std::cmp::Reverse(known.len()));
    }

    /// A text without them.
    pub fn text(&self, text: String) -> String {
        let hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hidden.iter().fold(text, |text, secret| match text.contains(secret.as_str()) {
            true => text.replace(secret.as_str(), SHOWN),
            false => text,
        })
    }

    /// A value without them.
    pub fn json(&self, value: Json) -> Json {
        match value {
            Json::String(text) => Json::String(self.text(text)),
            Json::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Json::Object(fields) => {
                fields.into_iter().map(|(name, field)| (self.text(name), self.json(field))).collect()
            }
            other => other,
        }
    }

    /// An error without them, in both of its sentences.
    pub fn error(&self, mut error: RunError) -> RunError {
        error.message = self.text(error.message);
        error.internal = error.internal.map(|internal| self.text(internal));
        error
    }
}

#[cfg(test)]
mod tests {
    use millrace_engine::ErrorKind;
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_taken_out_in_every_form() {
        let redactor = Redactor::default();
        redactor.hide("se/cret+key");
        redactor.hide("se/cret+key-2");
        redactor.hide("abc");
        let base64 = STANDARD.encode("se/cret+key");
        let text = redactor.text(format!("a se/cret+key-2 b se%2Fcret%2Bkey c {base64} abc"));
        assert_eq!(text, "a ******** b ******** c ******** abc");
        let value = json!({"se/cret+key": ["x se/cret+key", 1, null]});
        assert_eq!(redactor.json(value), json!({"********": ["x ********", 1, null]}));
        let error = RunError::new(ErrorKind::Upstream, "401: se/cret+key").because("se/cret+key");
        let error = redactor.error(error);
        assert_eq!((error.message.as_str(), error.internal.as_deref()), ("401: ********", Some("********")));
    }
}
