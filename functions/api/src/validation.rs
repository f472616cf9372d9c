//! Fields of a request, read as Langflow's models read them; what does not fit becomes pydantic's errors.
//!
//! All fields are read before anything is refused, so that the caller learns of every fault at once, in the
//! order of the fields.

use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::json::SyntaxError;

mod number;

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    kind: &'static str,
    at: Vec<Value>,
    message: String,
    input: Value,
    context: Option<Value>,
}

impl Fault {
    /// A fault of pydantic's kind `kind` at a place such as `["body", "inputs"]`.
    pub(crate) fn new(kind: &'static str, at: Vec<Value>, message: impl Into<String>, input: Value) -> Self {
        Self { kind, at, message: message.into(), input, context: None }
    }

    /// A rule of ours that does not hold; the message is Python's `ValueError`.
    pub(crate) fn rule(at: Vec<Value>, rule: &str, input: Value) -> Self {
        Self::new("value_error", at, format!("Value error, {rule}"), input).with(json!({"error": {}}))
    }

    /// Text that is no JSON; `at` is where the text stands.
    pub(crate) fn syntax(mut at: Vec<Value>, error: &SyntaxError) -> Self {
        at.push(error.offset.into());
        Self::new("json_invalid", at, "JSON decode error", json!({})).with(json!({"error": error.message}))
    }

    /// A path parameter that should be a UUID, and why it is none.
    pub(crate) fn uuid(at: Vec<Value>, why: &str, input: &str) -> Self {
        let message = format!("Input should be a valid UUID, {why}");
        Self::new("uuid_parsing", at, message, input.into()).with(json!({"error": why}))
    }

    pub(crate) fn with(mut self, context: Value) -> Self {
        self.context = Some(context);
        self
    }

    fn into_json(self) -> Value {
        let mut fault = json!({"type": self.kind, "loc": self.at, "msg": self.message, "input": self.input});
        if let Some(context) = self.context {
            fault["ctx"] = context;
        }
        // The only kind that is not pydantic's own, and so has no page.
        if self.kind != "json_invalid" {
            fault["url"] = format!("https://errors.pydantic.dev/2.7/v/{}", self.kind).into();
        }
        fault
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        vec![fault].into()
    }
}

impl From<Vec<Fault>> for ApiError {
    fn from(faults: Vec<Fault>) -> Self {
        let faults: Vec<_> = faults.into_iter().map(Fault::into_json).collect();
        Self::new(http::StatusCode::UNPROCESSABLE_ENTITY, faults)
    }
}

/// Reads fields one by one and collects what is wrong with them.
pub(crate) struct Fields {
    /// `None` when the body is no object: then every field is missing.
    object: Option<Map<String, Value>>,
    at: Vec<Value>,
    faults: Vec<Fault>,
}

impl Fields {
    /// The fields of a body that may be left out, as FastAPI embeds them.
    pub(crate) fn embedded(body: Option<Value>) -> Self {
        let object = match body {
            None | Some(Value::Null) => Some(Map::new()),
            Some(Value::Object(object)) => Some(object),
            Some(_) => None,
        };
        Self { object, at: vec!["body".into()], faults: Vec::new() }
    }

    /// The parameters of a query, all of them text; of several by one name the first counts.
    pub(crate) fn query(parameters: &[(String, String)]) -> Self {
        let mut object = Map::new();
        for (name, value) in parameters {
            object.entry(name.as_str()).or_insert_with(|| value.as_str().into());
        }
        Self { object: Some(object), at: vec!["query".into()], faults: Vec::new() }
    }

    /// The fields of an object that has to be there.
    pub(crate) fn of(value: Option<Value>, at: Vec<Value>) -> Result<Self, Vec<Fault>> {
        const SHAPE: &str = "Input should be a valid dictionary or object to extract fields from";
        match value {
            Some(Value::Object(object)) => Ok(Self { object: Some(object), at, faults: Vec::new() }),
            None | Some(Value::Null) => Err(vec![Fault::new("missing", at, "Field required", Value::Null)]),
            Some(other) => Err(vec![Fault::new("model_attributes_type", at, SHAPE, other)]),
        }
    }

    /// What was wrong, if anything was.
    pub(crate) fn finish(self) -> Result<(), Vec<Fault>> {
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }

    /// Whether there are fields at all, or a fault for each.
    pub(crate) fn are_there(&self) -> bool {
        self.object.is_some()
    }

    /// Adds a fault that the caller of the readers found.
    pub(crate) fn push(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// The place of a field.
    pub(crate) fn place(&self, name: &str) -> Vec<Value> {
        let mut place = self.at.clone();
        place.push(name.into());
        place
    }

    /// The field's value unless it is absent or null.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        let Some(object) = &mut self.object else {
            let fault = Fault::new("missing", self.place(name), "Field required", Value::Null);
            self.push(fault);
            return None;
        };
        object.remove(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            other => self.refuse(name, "string_type", "Input should be a valid string", other),
        }
    }

    /// Text of up to so many characters.
    pub(crate) fn text_within(&mut self, name: &str, most: usize) -> Option<String> {
        let text = self.text(name)?;
        self.within(name, text, most)
    }

    /// The same of text that has to be there. Read it first: the fault shows the object as it is then.
    pub(crate) fn required_text_within(&mut self, name: &str, most: usize) -> String {
        let text = self.required_text(name);
        self.within(name, text, most).unwrap_or_default()
    }

    fn within(&mut self, name: &str, text: String, most: usize) -> Option<String> {
        if text.chars().count() <= most {
            return Some(text);
        }
        let message = format!("String should have at most {most} characters");
        let fault = Fault::new("string_too_long", self.place(name), message, text.into());
        self.push(fault.with(json!({"max_length": most})));
        None
    }

    /// Text that has to be there. Read it first: the fault shows the object as it is then.
    pub(crate) fn required_text(&mut self, name: &str) -> String {
        let text = match self.object.as_mut().map(|object| object.remove(name)) {
            Some(Some(Value::String(text))) => Some(text),
            Some(Some(other)) => self.refuse(name, "string_type", "Input should be a valid string", other),
            Some(None) => {
                let input = self.object.clone().map_or(Value::Null, Value::Object);
                self.refuse(name, "missing", "Field required", input)
            }
            None => self.refuse(name, "missing", "Field required", Value::Null),
        };
        text.unwrap_or_default()
    }

    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.take(name)?;
        match lax_bool(&value) {
            Lax::Bool(flag) => Some(flag),
            Lax::Unclear => self.refuse(name, "bool_parsing", UNCLEAR_BOOL, value),
            Lax::OtherType => self.refuse(name, "bool_type", "Input should be a valid boolean", value),
        }
    }

    pub(crate) fn object(&mut self, name: &str) -> Option<Map<String, Value>> {
        match self.take(name)? {
            Value::Object(object) => Some(object),
            other => self.refuse(name, "dict_type", DICT, other),
        }
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let value = self.take(name)?;
        let known = words.iter().find(|(word, _)| value.as_str() == Some(word));
        if let Some((_, meaning)) = known {
            return Some(*meaning);
        }
        let expected = listed(words.iter().map(|(word, _)| *word));
        let message = format!("Input should be {expected}");
        let fault =
            Fault::new("literal_error", self.place(name), message, value).with(json!({"expected": expected}));
        self.push(fault);
        None
    }

    fn refuse<T>(&mut self, name: &str, kind: &'static str, message: &str, input: Value) -> Option<T> {
        let fault = Fault::new(kind, self.place(name), message, input);
        self.push(fault);
        None
    }
}

pub(crate) const DICT: &str = "Input should be a valid dictionary";
pub(crate) const UNCLEAR_BOOL: &str = "Input should be a valid boolean, unable to interpret input";

/// What pydantic makes of a value where it wants a boolean.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lax {
    Bool(bool),
    /// Text or a number that is neither.
    Unclear,
    /// Something that never is a boolean.
    OtherType,
}

pub(crate) fn lax_bool(value: &Value) -> Lax {
    match value {
        Value::Bool(flag) => Lax::Bool(*flag),
        Value::String(text) => match text.to_lowercase().as_str() {
            "1" | "true" | "t" | "yes" | "y" | "on" => Lax::Bool(true),
            "0" | "false" | "f" | "no" | "n" | "off" => Lax::Bool(false),
            _ => Lax::Unclear,
        },
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Lax::Bool(false),
            Some(1.0) => Lax::Bool(true),
            Some(float) if float.fract() != 0.0 => Lax::OtherType,
            _ => Lax::Unclear,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => Lax::OtherType,
    }
}

/// `'a', 'b' or 'c'`.
fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = words.map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_read_as_pydantic_reads_them() {
        let yes = [json!(true), json!(1), json!(1.0), json!("YES"), json!("t"), json!("On"), json!("1")];
        let no = [json!(false), json!(0), json!("no"), json!("F"), json!("off"), json!("0"), json!("n")];
        yes.iter().for_each(|value| assert_eq!(lax_bool(value), Lax::Bool(true), "{value}"));
        no.iter().for_each(|value| assert_eq!(lax_bool(value), Lax::Bool(false), "{value}"));
        for (value, expected) in [
            (json!("maybe"), Lax::Unclear),
            (json!(""), Lax::Unclear),
            (json!(2), Lax::Unclear),
            (json!(0.5), Lax::OtherType),
            (json!([]), Lax::OtherType),
            (json!({"a": 1}), Lax::OtherType),
        ] {
            assert_eq!(lax_bool(&value), expected, "{value}");
        }
    }

    #[test]
    fn faults_come_in_the_order_of_the_fields() {
        let mut fields = Fields::embedded(Some(json!({"c": [], "a": 1, "b": "x", "d": "?"})));
        assert_eq!(fields.text("a"), None);
        assert_eq!(fields.object("b"), None);
        assert_eq!(fields.flag("c"), None);
        assert_eq!(fields.word("d", &[("one", 1), ("two", 2), ("three", 3)]), None);
        let faults = fields.finish().unwrap_err();
        let kinds: Vec<_> = faults.iter().map(|fault| fault.kind).collect();
        assert_eq!(kinds, ["string_type", "dict_type", "bool_type", "literal_error"]);
        assert_eq!(faults[3].message, "Input should be 'one', 'two' or 'three'");
        assert_eq!(faults[3].at, [json!("body"), json!("d")]);
    }

    #[test]
    fn absent_and_null_are_the_default() {
        for body in [None, Some(Value::Null), Some(json!({})), Some(json!({"a": null, "b": null}))] {
            let mut fields = Fields::embedded(body);
            assert_eq!((fields.text("a"), fields.flag("b")), (None, None));
            assert!(fields.finish().is_ok());
        }
    }

    #[test]
    fn text_may_have_a_limit_in_characters() {
        let mut fields = Fields::embedded(Some(json!({"a": "üü", "b": "üüü"})));
        assert_eq!(fields.text_within("a", 2).as_deref(), Some("üü"));
        assert_eq!(fields.text_within("b", 2), None);
        let fault = fields.finish().unwrap_err().remove(0);
        assert_eq!((fault.kind, fault.context), ("string_too_long", Some(json!({"max_length": 2}))));
    }

    #[test]
    fn of_a_query_the_first_value_counts() {
        let query = [("a", "1"), ("a", "2"), ("b", "x")].map(|(name, value)| (name.into(), value.into()));
        let mut fields = Fields::query(&query);
        assert_eq!((fields.whole("a", 0..=9), fields.flag("b"), fields.text("c")), (Some(1), None, None));
        let fault = fields.finish().unwrap_err().remove(0);
        assert_eq!(fault.at, [json!("query"), json!("b")]);
    }

    #[test]
    fn a_model_has_to_be_an_object() {
        for (body, kind) in [(None, "missing"), (Some(json!([1])), "model_attributes_type")] {
            assert_eq!(Fields::of(body, vec![]).err().unwrap()[0].kind, kind);
        }
    }

    #[test]
    fn a_missing_field_shows_the_object() {
        let mut fields = Fields::of(Some(json!({"data": 1})), vec!["body".into()]).ok().unwrap();
        assert_eq!(fields.required_text("name"), "");
        let fault = fields.finish().unwrap_err().remove(0).into_json();
        let expected = json!({"type": "missing", "loc": ["body", "name"], "msg": "Field required",
            "input": {"data": 1}, "url": "https://errors.pydantic.dev/2.7/v/missing"});
        assert_eq!(fault, expected);
    }
}
