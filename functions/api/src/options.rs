//! How a call is to be run: fields that Langflow does not have, the same for every route that runs a flow.

use std::ops::RangeInclusive;
use std::time::Duration;

use millrace_runner::Options;
use millrace_store::JournalMode;

use crate::validation::Fields;

/// The longest address that a callback may have, in characters.
const CALLBACK_URL: usize = 2_048;

/// US dollars that a call may be allowed to cost.
pub(crate) const BUDGET: RangeInclusive<f64> = 0.000_001..=1_000_000.0;

/// Reads them; `longest` is the longest timeout that a call may ask for.
pub(crate) fn read(fields: &mut Fields, longest: Duration) -> Options {
    // A body without fields has a fault for each of Langflow's own, as there.
    if !fields.are_there() {
        return Options::default();
    }
    let modes = JournalMode::ALL.map(|mode| (mode.as_str(), mode));
    Options {
        journal: fields.word("journal", &modes),
        timeout: fields.whole("timeout", 1..=longest.as_secs()).map(Duration::from_secs),
        callback_url: fields.text_within("callback_url", CALLBACK_URL),
        budget: fields.number("budget", BUDGET),
        ..Options::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error::ApiError;

    const DAY: Duration = Duration::from_secs(86_400);

    fn options(body: Value) -> Result<Options, Value> {
        let mut fields = Fields::embedded(Some(body));
        let options = read(&mut fields, DAY);
        fields.finish().map(|()| options).map_err(|faults| ApiError::from(faults).parts().1.clone())
    }

    #[test]
    fn a_call_may_say_how_it_is_run() {
        let body = json!({"journal": "memory", "timeout": 90, "callback_url": "https://example.com/x"});
        let read = options(body).unwrap();
        assert_eq!((read.journal, read.timeout), (Some(JournalMode::Memory), Some(Duration::from_secs(90))));
        assert_eq!(read.callback_url.as_deref(), Some("https://example.com/x"));
        for body in [json!({}), json!({"journal": null, "timeout": null, "callback_url": null})] {
            let read = options(body).unwrap();
            assert!(read.journal.is_none() && read.timeout.is_none() && read.callback_url.is_none());
        }
    }

    /// Bodies with the kind of their fault and what its sentence has to say.
    #[test]
    fn what_does_not_fit_is_named() {
        for (body, kind, field, says) in [
            (json!({"journal": "all"}), "literal_error", "journal", "'effects', 'memory' or 'off'"),
            (json!({"journal": 1}), "literal_error", "journal", "'effects', 'memory' or 'off'"),
            (json!({"timeout": 0}), "greater_than_equal", "timeout", "greater than or equal to 1"),
            (json!({"timeout": 86_401}), "less_than_equal", "timeout", "less than or equal to 86400"),
            (json!({"timeout": "soon"}), "int_parsing", "timeout", "valid integer"),
            (json!({"callback_url": 1}), "string_type", "callback_url", "valid string"),
            (
                json!({"callback_url": "u".repeat(2_049)}),
                "string_too_long",
                "callback_url",
                "2048 characters",
            ),
        ] {
            let faults = options(body.clone()).err().unwrap();
            let fault = &faults[0];
            assert_eq!((&fault["type"], &fault["loc"]), (&json!(kind), &json!(["body", field])), "{body}");
            assert!(fault["msg"].as_str().unwrap().contains(says), "{fault}");
        }
        assert!(options(json!({"callback_url": "ü".repeat(2_048)})).is_ok());
    }
}
