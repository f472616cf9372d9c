//! Variables that a request gives to its run alone, by headers (1.13 contract 1.1).

use http::HeaderMap;
use millrace_runner::CallVariables;
use millrace_store::Secret;
use serde_json::Value;

use crate::validation::Fault;

/// What the names of the headers begin with, in small letters; the rest is the variable's name.
pub(crate) const PREFIX: &str = "x-langflow-global-var-";

/// The longest name of a variable, in characters.
pub(crate) const NAME_LIMIT: usize = 256;
/// The longest value of a variable, in bytes.
pub(crate) const VALUE_LIMIT: usize = 65_536;
/// How many a request may bring.
const MOST: usize = 64;

/// Reads them. Headers have no case: the names are made capitals, as in Langflow.
///
/// # Errors
/// A fault that names the header; its value is not repeated.
pub(crate) fn read(headers: &HeaderMap) -> Result<CallVariables, Vec<Fault>> {
    let (mut variables, mut faults) = (CallVariables::new(), Vec::new());
    for (header, value) in headers {
        let Some(name) = header.as_str().strip_prefix(PREFIX).map(str::to_ascii_uppercase) else { continue };
        let refuse =
            |rule: String| Fault::rule(vec!["header".into(), header.as_str().into()], &rule, Value::Null);
        match std::str::from_utf8(value.as_bytes()) {
            _ if name.is_empty() || name.len() > NAME_LIMIT => {
                faults.push(refuse(format!("A variable's name has 1 to {NAME_LIMIT} characters")));
            }
            Ok(text) if text.len() <= VALUE_LIMIT => {
                variables.insert(name, Secret::from(text.to_owned()));
            }
            Ok(_) => faults.push(refuse(format!("A variable's value has at most {VALUE_LIMIT} bytes"))),
            Err(_) => faults.push(refuse("A variable's value is text in UTF-8".to_owned())),
        }
    }
    if variables.len() > MOST {
        let rule = format!("At most {MOST} variables may come with a request");
        faults.push(Fault::rule(vec!["header".into(), format!("{PREFIX}*").into()], &rule, Value::Null));
    }
    if faults.is_empty() { Ok(variables) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn of(headers: &[(&str, &str)]) -> Result<CallVariables, Vec<Fault>> {
        let owned = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap())
        };
        read(&headers.iter().map(owned).collect())
    }

    #[test]
    fn names_are_capitals_and_other_headers_are_none() {
        let variables = of(&[("X-LANGFLOW-GLOBAL-VAR-Api_key", "v"), ("x-api-key", "k")]).ok().unwrap();
        assert_eq!(variables.len(), 1);
        assert_eq!(variables["API_KEY"].expose(), "v");
    }

    #[test]
    fn limits_hold_to_the_letter() {
        let value = "v".repeat(VALUE_LIMIT);
        assert!(of(&[("x-langflow-global-var-a", &value)]).is_ok());
        assert!(of(&[("x-langflow-global-var-a", &(value + "v"))]).is_err());
        let name = |length| format!("{PREFIX}{}", "a".repeat(length));
        assert!(of(&[(&name(NAME_LIMIT), "v")]).is_ok());
        assert!(of(&[(&name(NAME_LIMIT + 1), "v")]).is_err());
        assert!(of(&[(PREFIX, "v")]).is_err());
        let many = |count: usize| {
            let names: Vec<_> = (0..count).map(|number| format!("{PREFIX}{number}")).collect();
            of(&names.iter().map(|name| (name.as_str(), "v")).collect::<Vec<_>>())
        };
        assert!(many(MOST).is_ok() && many(MOST + 1).is_err());
    }
}
