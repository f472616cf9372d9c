//! Included by a test of each function: cargo builds the binary of a function for tests of its own package.

use std::collections::BTreeMap;
use std::process::Command;

/// What a function cannot start without.
const REQUIRED: [(&str, &str); 3] = [
    ("MILLRACE_TABLE", "tasks"),
    ("MILLRACE_QUEUE_URL", "http://127.0.0.1:9/queue"),
    ("MILLRACE_KMS_KEY_ID", "alias/millrace"),
];

/// What it is started with instead, and what it says. The value itself may be a secret in the wrong place.
const WRONG: &[(&str, &str, &str)] = &[
    ("MILLRACE_TABLE", "", "MILLRACE_TABLE is not set"),
    ("MILLRACE_QUEUE_URL", "", "MILLRACE_QUEUE_URL is not set"),
    ("MILLRACE_KMS_KEY_ID", "", "MILLRACE_KMS_KEY_ID is not set"),
    ("MILLRACE_LEASE_SECONDS", "sk-secret", "MILLRACE_LEASE_SECONDS is not a whole number"),
    ("MILLRACE_STRICT_CODE", "sk-secret", "MILLRACE_STRICT_CODE is not true or false"),
    ("MILLRACE_TASK_BUDGET", "sk-secret", "MILLRACE_TASK_BUDGET is not a number of US dollars from 0 on"),
    ("MILLRACE_PRICES", "sk-secret", "MILLRACE_PRICES is not a price table such as"),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "sk-secret",
        "OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https address",
    ),
    ("MILLRACE_LOG", "sk=secret=", "MILLRACE_LOG is not a filter such as"),
    ("PGSSLKEY", "sk-secret", "PGSSLKEY is set, and would reach the databases of flows; unset it"),
];

/// Started with a variable that is missing or wrong, it ends at once and names the variable.
pub fn ends_and_names_the_variable(binary: &str) {
    for (name, value, says) in WRONG {
        let mut variables = BTreeMap::from(REQUIRED);
        variables.insert(name, value);
        // Nobody listens there: a function that does start ends without these words.
        let mut function = Command::new(binary);
        function.env_clear().envs(variables).env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9");
        let ended = function.output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&ended.stderr), String::from_utf8_lossy(&ended.stdout));
        assert!(!ended.status.success(), "{name}={value}: {said}");
        assert!(said.contains(says), "{name}={value}: {said}");
        assert!(value.is_empty() || !said.contains(value), "{said}");
    }
}
