//! Metadata that a document must have.

use millrace_engine::{ErrorKind, RunError};
use serde_json::{Map, Value as Json};

/// Equalities, all of which have to hold. Other operators of Chroma's (`$gt`, `$in`, …) are refused by name:
/// each store has its own, and a filter that is not applied would show what it was to hide.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Filter(Vec<(String, Json)>);

impl Filter {
    /// The filter of a search: `{"field": value}` or `{"field": {"$eq": value}}`.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] for any other operator.
    pub fn of(filter: &Map<String, Json>) -> Result<Self, RunError> {
        filter.iter().map(|(field, value)| equality(field, value)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields and what they must be.
    pub fn equalities(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(field, value)| (field.as_str(), value))
    }

    /// Whether metadata has it all.
    pub fn passes(&self, metadata: &Map<String, Json>) -> bool {
        self.0.iter().all(|(field, wanted)| metadata.get(field).is_some_and(|found| same(found, wanted)))
    }
}

fn equality(field: &str, value: &Json) -> Result<(String, Json), RunError> {
    let plain = match value {
        Json::Object(operators) => match operators.get("$eq") {
            Some(value) if operators.len() == 1 && !field.starts_with('$') => value,
            _ => return Err(refused(field)),
        },
        _ if field.starts_with('$') => return Err(refused(field)),
        plain => plain,
    };
    match plain {
        Json::String(_) | Json::Number(_) | Json::Bool(_) => Ok((field.to_owned(), plain.clone())),
        _ => Err(refused(field)),
    }
}

fn refused(field: &str) -> RunError {
    let message = format!(
        "the filter of '{field}' is more than an equality; a filter names fields and the text, number or truth \
         value that each must have"
    );
    RunError::new(ErrorKind::Flow, message)
}

/// `1` and `1.0` are one number.
fn same(a: &Json, b: &Json) -> bool {
    a == b || matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(json: Json) -> Map<String, Json> {
        json.as_object().cloned().unwrap()
    }

    #[test]
    fn equalities_all_have_to_hold() {
        let metadata = map(json!({"source": "a.pdf", "page": 1, "ok": true}));
        let cases = [
            (json!({}), true),
            (json!({"source": "a.pdf"}), true),
            (json!({"source": {"$eq": "a.pdf"}, "page": 1.0}), true),
            (json!({"source": "a.pdf", "page": 2}), false),
            (json!({"missing": 1}), false),
        ];
        for (filter, passes) in cases {
            assert_eq!(Filter::of(&map(filter.clone())).unwrap().passes(&metadata), passes, "{filter}");
        }
    }

    #[test]
    fn what_is_not_applied_is_refused() {
        for filter in
            [json!({"page": {"$gt": 1}}), json!({"$or": [{"a": 1}]}), json!({"a": null}), json!({"a": [1]})]
        {
            assert_eq!(Filter::of(&map(filter.clone())).unwrap_err().kind, ErrorKind::Flow, "{filter}");
        }
    }
}
