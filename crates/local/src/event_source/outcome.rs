//! What a function's answer says about a batch (`ReportBatchItemFailures`).

use std::collections::HashSet;

use serde_json::Value;

/// The ids, of those in the batch, whose messages are done.
///
/// The rules are those of the Lambda developer guide ("success and failure conditions"): an empty or null answer, and an
/// empty, null or absent `batchItemFailures`, mean that all succeeded. An answer that is not JSON, or an item whose
/// `itemIdentifier` is absent, null, empty or not of this batch, means that all failed: what cannot be understood must not
/// make anything disappear.
pub(super) fn succeeded<'a>(answer: &[u8], ids: &[&'a str]) -> HashSet<&'a str> {
    let all = || ids.iter().copied().collect::<HashSet<_>>();
    if answer.trim_ascii().is_empty() {
        return all();
    }
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
        return HashSet::new();
    };
    let failures = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return all(),
        Some(Value::Array(failures)) => failures,
        Some(_) => return HashSet::new(),
    };
    let mut succeeded = all();
    for failure in failures {
        let id = failure["itemIdentifier"].as_str().unwrap_or_default();
        if !ids.contains(&id) {
            return HashSet::new();
        }
        succeeded.remove(id);
    }
    succeeded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_lambda_takes_them_for() {
        let cases: [(&str, &[&str]); 14] = [
            ("", &["a", "b"]),
            ("null", &["a", "b"]),
            ("{}", &["a", "b"]),
            ("\"done\"", &["a", "b"]),
            (r#"{"batchItemFailures":null}"#, &["a", "b"]),
            (r#"{"batchItemFailures":[]}"#, &["a", "b"]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#, &["b"]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"}]}"#, &[]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"c"}]}"#, &[]),
            (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, &[]),
            (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, &[]),
            (r#"{"batchItemFailures":[{"id":"a"}]}"#, &[]),
            (r#"{"batchItemFailures":"a"}"#, &[]),
            ("{not json", &[]),
        ];
        for (answer, expected) in cases {
            let expected: HashSet<&str> = expected.iter().copied().collect();
            assert_eq!(succeeded(answer.as_bytes(), &["a", "b"]), expected, "{answer}");
        }
    }
}
