//! Secrets that a run has used, kept out of what is left of it.
//!
//! A provider may quote the key it was called with, in an error above all. What a run answers, fails with and
//! records is searched for the secrets that it was given.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use millrace_engine::RunError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::secrets::{is_secret_header, is_secret_name, password_of};

/// Shorter texts are no secrets that could be told from anything else.
const SHORTEST: usize = 6;

/// What encoders of addresses write as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What stands in their place.
const SHOWN: &str = "********";

/// The secrets of one run, in the forms in which they might be quoted.
#[derive(Default)]
pub(crate) struct Redactor(Mutex<Vec<Zeroizing<String>>>);

impl Redactor {
    /// From now on this is not shown, nor what is secret within it: of JSON its texts, of headers what follows the scheme,
    /// of an address its password.
    pub fn hide(&self, secret: &str) {
        let secret = secret.trim();
        if let Ok(within @ (Json::Object(_) | Json::Array(_))) = serde_json::from_str(secret) {
            self.hide_within(&within);
        }
        let credential =
            ["Bearer ", "Basic ", "Token "].iter().find_map(|scheme| secret.strip_prefix(scheme));
        for part in credential.into_iter().chain(password_of(secret)).chain([secret]) {
            self.hide_forms(part);
        }
    }

    fn hide_within(&self, value: &Json) {
        match value {
            Json::String(text) => self.hide(text),
            Json::Array(items) => items.iter().for_each(|item| self.hide_within(item)),
            Json::Object(fields) => fields.iter().for_each(|(name, field)| {
                let told = is_secret_header(name)
                    || is_secret_name(name)
                    || name.ends_with("key")
                    || name == "value";
                if told || !field.is_string() {
                    self.hide_within(field);
                }
            }),
            _ => {}
        }
    }

    fn hide_forms(&self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        let mut hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let forms = [
            secret.to_owned(),
            utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
            utf8_percent_encode(secret, UNRESERVED).to_string(),
            STANDARD.encode(secret),
            URL_SAFE_NO_PAD.encode(secret),
        ];
        for form in forms {
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

    /// A value without them. The names of fields stay: they are how it is read.
    pub fn json(&self, value: Json) -> Json {
        match value {
            Json::String(text) => Json::String(self.text(text)),
            Json::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Json::Object(fields) => {
                fields.into_iter().map(|(name, field)| (name, self.json(field))).collect()
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
    fn what_is_secret_within_a_secret_is_taken_out_too() {
        let redactor = Redactor::default();
        redactor.hide(
            r#"{"Authorization": "Bearer token-1", "Accept": "text/plain", "private_key": "private-2"}"#,
        );
        redactor.hide(r#"[{"key": "Cookie", "value": "cookie-3"}]"#);
        redactor.hide("postgresql+psycopg2://ann:pass-4/word@db.example/shop");
        redactor.hide("sk-a/b-c");
        let text =
            redactor.text("token-1 text/plain private-2 cookie-3 sk-a%2Fb-c sk%2Da%2Fb%2Dc".to_owned());
        assert_eq!(text, "******** text/plain ******** ******** ******** ********");
    }

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
        assert_eq!(redactor.json(value), json!({"se/cret+key": ["x ********", 1, null]}));
        let error = RunError::new(ErrorKind::Upstream, "401: se/cret+key").because("se/cret+key");
        let error = redactor.error(error);
        assert_eq!((error.message.as_str(), error.internal.as_deref()), ("401: ********", Some("********")));
    }
}
