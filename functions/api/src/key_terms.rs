//! On what terms a key is to be made: fields that Langflow does not have.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use millrace_store::{KeyTerms, Scope, Scopes};
use serde_json::{Value, json};

use crate::validation::{Fault, Fields};

/// The longest life that can be asked for in seconds: ten years of 365 days.
const LONGEST_LIFE: u64 = 10 * 365 * 24 * 60 * 60;

/// The highest rate that a key can have.
const HIGHEST_RATE: u64 = 1_000_000;

/// The key that makes another.
pub(crate) struct Caller<'a> {
    /// Its own terms.
    pub(crate) terms: &'a KeyTerms,
    /// The requests a minute that are served of it; 0 is no limit.
    pub(crate) limit: u32,
}

/// Reads them. What is left out is as the maker has it, but for the end: a key has none unless it is told.
///
/// **No key is given a higher rate than its maker has.** Its scopes are compared elsewhere, since what is amiss
/// with them is no fault of form.
pub(crate) fn read(fields: &mut Fields, maker: &Caller<'_>, now: Timestamp) -> KeyTerms {
    let highest = match maker.limit {
        0 => HIGHEST_RATE,
        limit => HIGHEST_RATE.min(limit.into()),
    };
    let scopes = scopes(fields).unwrap_or(maker.terms.scopes);
    let expires_at = end(fields, now);
    let rate = fields.whole("requests_per_minute", 1..=highest).and_then(|rate| u32::try_from(rate).ok());
    KeyTerms { scopes, expires_at, requests_per_minute: rate.or(maker.terms.requests_per_minute) }
}

fn scopes(fields: &mut Fields) -> Option<Scopes> {
    let place = fields.place("scopes");
    let given = match fields.take("scopes")? {
        Value::Array(given) => given,
        other => {
            fields.push(Fault::new("list_type", place, "Input should be a valid list", other));
            return None;
        }
    };
    if given.is_empty() {
        const EMPTY: &str = "List should have at least 1 item after validation, not 0";
        let context = json!({"field_type": "List", "min_length": 1, "actual_length": 0});
        fields.push(Fault::new("too_short", place, EMPTY, json!([])).with(context));
        return None;
    }
    let mut scopes = Vec::new();
    for (index, word) in given.into_iter().enumerate() {
        match word.as_str().and_then(|word| word.parse::<Scope>().ok()) {
            Some(scope) => scopes.push(scope),
            None => {
                let mut place = place.clone();
                place.push(index.into());
                fields.push(unknown(place, word));
            }
        }
    }
    Some(scopes.into_iter().collect())
}

fn unknown(place: Vec<Value>, word: Value) -> Fault {
    const EXPECTED: &str = "'run', 'read', 'deploy' or 'admin'";
    Fault::new("literal_error", place, format!("Input should be {EXPECTED}"), word)
        .with(json!({"expected": EXPECTED}))
}

/// When the key is over, as a time or as a life.
fn end(fields: &mut Fields, now: Timestamp) -> Option<Timestamp> {
    let at = time(fields, now);
    let life = fields.whole("expires_in_seconds", 1..=LONGEST_LIFE).map(Duration::from_secs);
    if let (Some(_), Some(life)) = (at, life) {
        let rule = "expires_at and expires_in_seconds exclude each other";
        fields.push(Fault::rule(fields.place("expires_in_seconds"), rule, life.as_secs().into()));
    }
    let after = |life| now.checked_add(SignedDuration::try_from(life).ok()?).ok();
    at.or_else(|| life.and_then(after))
}

fn time(fields: &mut Fields, now: Timestamp) -> Option<Timestamp> {
    const FORM: &str =
        "Input should be a valid datetime, as RFC 3339 has it with an offset: 2030-01-31T12:00:00Z";
    let text = fields.text("expires_at")?;
    let fault = match text.parse::<Timestamp>() {
        Ok(time) if time > now => return Some(time),
        Ok(_) => Fault::new(
            "datetime_future",
            fields.place("expires_at"),
            "Input should be in the future",
            text.into(),
        ),
        Err(_) => Fault::new("datetime_parsing", fields.place("expires_at"), FORM, text.into()),
    };
    fields.push(fault);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ApiError;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn terms(body: Value, maker: &KeyTerms, limit: u32) -> Result<KeyTerms, Value> {
        let mut fields = Fields::embedded(Some(body));
        let terms = read(&mut fields, &Caller { terms: maker, limit }, now());
        fields.finish().map(|()| terms).map_err(|faults| ApiError::from(faults).parts().1.clone())
    }

    #[test]
    fn what_is_left_out_is_the_maker_s_but_for_the_end() {
        let scopes: Scopes = [Scope::Admin].into_iter().collect();
        let maker = KeyTerms { scopes, expires_at: Some(now()), requests_per_minute: Some(9) };
        for body in [
            json!({}),
            json!({"scopes": null, "expires_at": null, "expires_in_seconds": null, "requests_per_minute": null}),
        ] {
            let read = terms(body, &maker, 9).unwrap();
            assert_eq!(read, KeyTerms { expires_at: None, ..maker.clone() });
        }
    }

    #[test]
    fn a_key_may_have_scopes_an_end_and_a_rate() {
        let maker = KeyTerms::default();
        let body = json!({"scopes": ["read", "run", "run"], "expires_at": "2026-01-01T02:00:00+01:00",
            "requests_per_minute": 600});
        let read = terms(body, &maker, 600).unwrap();
        assert_eq!(read.scopes, [Scope::Run, Scope::Read].into_iter().collect());
        assert_eq!(read.expires_at.unwrap().duration_since(now()).as_secs(), 3_600);
        assert_eq!(read.requests_per_minute, Some(600));
        let read = terms(json!({"expires_in_seconds": 60}), &maker, 0).unwrap();
        assert_eq!(read.expires_at.unwrap().duration_since(now()).as_secs(), 60);
        assert_eq!(
            terms(json!({"requests_per_minute": 1_000_000}), &maker, 0).unwrap().requests_per_minute,
            Some(1_000_000)
        );
    }

    /// Bodies with the kind of their fault, its place and what its sentence has to say.
    #[test]
    fn what_does_not_fit_is_named() {
        let field = |name: &str| json!(["body", name]);
        for (body, kind, place, says) in [
            (json!({"scopes": "run"}), "list_type", field("scopes"), "valid list"),
            (json!({"scopes": []}), "too_short", field("scopes"), "at least 1"),
            (
                json!({"scopes": ["run", "fly"]}),
                "literal_error",
                json!(["body", "scopes", 1]),
                "'deploy' or 'admin'",
            ),
            (json!({"scopes": [1]}), "literal_error", json!(["body", "scopes", 0]), "'run'"),
            (json!({"expires_at": 5}), "string_type", field("expires_at"), "valid string"),
            (json!({"expires_at": "soon"}), "datetime_parsing", field("expires_at"), "RFC 3339"),
            (json!({"expires_at": "2030-01-01T00:00:00"}), "datetime_parsing", field("expires_at"), "offset"),
            (json!({"expires_at": "2026-01-01T00:00:00Z"}), "datetime_future", field("expires_at"), "future"),
            (
                json!({"expires_in_seconds": 0}),
                "greater_than_equal",
                field("expires_in_seconds"),
                "equal to 1",
            ),
            (
                json!({"expires_in_seconds": 315_360_001}),
                "less_than_equal",
                field("expires_in_seconds"),
                "315360000",
            ),
            (
                json!({"expires_at": "2027-01-01T00:00:00Z", "expires_in_seconds": 5}),
                "value_error",
                field("expires_in_seconds"),
                "exclude",
            ),
            (
                json!({"requests_per_minute": 0}),
                "greater_than_equal",
                field("requests_per_minute"),
                "equal to 1",
            ),
            (
                json!({"requests_per_minute": 601}),
                "less_than_equal",
                field("requests_per_minute"),
                "equal to 600",
            ),
            (json!({"requests_per_minute": "many"}), "int_parsing", field("requests_per_minute"), "integer"),
        ] {
            let faults = terms(body.clone(), &KeyTerms::default(), 600).err().unwrap();
            assert_eq!((&faults[0]["type"], &faults[0]["loc"]), (&json!(kind), &place), "{body}");
            assert!(faults[0]["msg"].as_str().unwrap().contains(says), "{faults}");
            assert_eq!(faults.as_array().unwrap().len(), 1, "{faults}");
        }
        let highest =
            terms(json!({"requests_per_minute": 1_000_001}), &KeyTerms::default(), 0).err().unwrap();
        assert_eq!(highest[0]["ctx"]["le"], 1_000_000);
    }
}
