//! The inputs of a component, read into its struct.
//!
//! One lax reader for all components, with Langflow's rules (contract 2.4): numbers and booleans may be
//! written as text, a text may come as a message or a document, an empty text is no value, a single value
//! serves where a list is wanted, an object may come as a list of one-key objects or as JSON text.

mod capabilities;

use std::cell::RefCell;
use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Map, Value as Json};

use crate::python_literal;
use crate::value::Value;

/// The inputs of one vertex by field name, in field order.
pub type Inputs = Vec<(String, Value)>;

/// A field that does not fit its component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field '{field}': {message}")]
pub struct InputError {
    /// The field; empty if the fault is in no single one.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl de::Error for InputError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { field: String::new(), message: message.to_string() }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { field: field.to_owned(), message: "is required; fill it in or connect it".to_owned() }
    }
}

/// Reads inputs into a component's struct.
pub(crate) fn read<T: DeserializeOwned>(inputs: Inputs) -> Result<T, InputError> {
    T::deserialize(Reader(inputs))
}

struct Reader(Inputs);

impl<'de> Deserializer<'de> for Reader {
    type Error = InputError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        visitor.visit_map(Fields { rest: self.0.into_iter(), value: None })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Fields {
    rest: std::vec::IntoIter<(String, Value)>,
    value: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = InputError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, InputError> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        let key = seed.deserialize(name.as_str().into_deserializer())?;
        self.value = Some((name, value));
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, InputError> {
        let (name, value) =
            self.value.take().ok_or_else(|| de::Error::custom("value read before its key"))?;
        seed.deserialize(Lax(value)).map_err(|error| InputError { field: name, message: error.message })
    }
}

/// A value, read with the lax rules above.
struct Lax(Value);

const HANDLE: &str = "$millrace::value";

thread_local! {
    /// Carries a value across serde, whose data model knows no objects. Filled and emptied within one
    /// call of `deserialize_newtype_struct`, so no two values ever meet here.
    static SLOT: RefCell<Option<Value>> = const { RefCell::new(None) };
}

impl Lax {
    fn json(self) -> Json {
        match self.0 {
            Value::Json(json) => json,
            other => other.to_json(),
        }
    }

    fn mismatch<T>(&self, wanted: &str) -> Result<T, InputError> {
        Err(de::Error::custom(format!("expected {wanted}, found {}", self.0.kind())))
    }

    fn number(&self) -> Option<f64> {
        match &self.0 {
            Value::Json(Json::Number(number)) => number.as_f64(),
            Value::Json(Json::Bool(flag)) => Some(f64::from(u8::from(*flag))),
            other => other.as_text()?.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        }
    }

    fn object(self) -> Result<Map<String, Json>, InputError> {
        match self.0 {
            Value::Json(Json::Object(map)) | Value::Data(map) => Ok(map),
            Value::Json(Json::Null) => Ok(Map::new()),
            Value::Json(Json::Array(list)) => merge(list),
            Value::Json(Json::String(text)) => {
                match serde_json::from_str(&text).ok().or_else(|| python_literal::read(&text)) {
                    Some(Json::Object(map)) => Ok(map),
                    _ => Err(de::Error::custom("expected an object, found text that is no JSON object")),
                }
            }
            other => Lax(other).mismatch("an object"),
        }
    }
}

/// Langflow's editor writes a `dict` field as a list of one-key objects.
fn merge(list: Vec<Json>) -> Result<Map<String, Json>, InputError> {
    let mut all = Map::new();
    for item in list {
        match item {
            Json::Object(map) => all.extend(map),
            _ => return Err(de::Error::custom("expected an object, found a list")),
        }
    }
    Ok(all)
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
            match self.number() {
                // Whole numbers up to 2^53 are exact in an f64.
                Some(number) if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 => {
                    visitor.visit_i64(number as i64)
                }
                Some(_) => Err(de::Error::custom("expected a whole number")),
                None => self.mismatch("a whole number"),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Lax {
    type Error = InputError;

    integers!(deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
              deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        self.json().deserialize_any(visitor).map_err(de::Error::custom)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        let text = self.0.as_text().unwrap_or_default().to_ascii_lowercase();
        match text.as_str() {
            "true" | "1" | "yes" | "on" => visitor.visit_bool(true),
            "false" | "0" | "no" | "off" => visitor.visit_bool(false),
            _ => self.mismatch("true or false"),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        match self.number() {
            Some(number) => visitor.visit_f64(number),
            None => self.mismatch("a number"),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        match self.0.as_text() {
            Some(text) => visitor.visit_string(text),
            None => self.mismatch("text"),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        match &self.0 {
            Value::Json(Json::Null) => visitor.visit_none(),
            Value::Json(Json::String(text)) if text.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, InputError> {
        if name == HANDLE {
            SLOT.with_borrow_mut(|slot| *slot = Some(self.0));
            return visitor.visit_unit();
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        let items: Vec<Value> = match self.0 {
            Value::List(items) => items,
            Value::Json(Json::Array(items)) => items.into_iter().map(Value::Json).collect(),
            Value::Json(Json::Null) => Vec::new(),
            Value::Json(Json::String(text)) if text.is_empty() => Vec::new(),
            Value::Table(table) => table.rows.into_iter().map(Value::Data).collect(),
            single => vec![single],
        };
        visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Lax)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, InputError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InputError> {
        let fields = self.object()?.into_iter().map(|(name, value)| (name, Lax(Value::Json(value))));
        visitor.visit_map(MapDeserializer::new(fields))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, InputError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, InputError> {
        match self.0.as_text() {
            Some(text) => visitor.visit_enum(text.into_deserializer()),
            None => self.mismatch("text"),
        }
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple_struct identifier ignored_any
    }
}

impl IntoDeserializer<'_, InputError> for Lax {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A value as it is: data or capability. For fields whose meaning depends on what is connected.
#[derive(Debug, Clone)]
pub struct LazyValue(pub Value);

impl<'de> Deserialize<'de> for LazyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Taker;
        impl Visitor<'_> for Taker {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a value that an edge carries")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
                SLOT.with_borrow_mut(Option::take).ok_or_else(|| E::custom("not an input of a component"))
            }
        }
        deserializer.deserialize_newtype_struct(HANDLE, Taker).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Sample {
        temperature: f64,
        max_tokens: Option<u32>,
        streaming: bool,
        name: String,
        stop: Vec<String>,
        kwargs: Map<String, Json>,
    }

    fn inputs(json: Json) -> Inputs {
        json.as_object().unwrap().iter().map(|(k, v)| (k.clone(), Value::Json(v.clone()))).collect()
    }

    #[test]
    fn text_serves_for_numbers_booleans_and_objects() {
        let read: Sample = read(inputs(json!({
            "temperature": "0.5", "max_tokens": "", "streaming": "true", "name": 42, "stop": "one",
            "kwargs": "{\"a\": 1}",
        })))
        .unwrap();
        assert_eq!(read.temperature, 0.5);
        assert_eq!(read.max_tokens, None);
        assert!(read.streaming);
        assert_eq!(read.name, "42");
        assert_eq!(read.stop, ["one"]);
        assert_eq!(read.kwargs["a"], 1);
    }

    #[test]
    fn a_list_of_one_key_objects_is_an_object() {
        #[derive(Deserialize)]
        struct One {
            kwargs: Map<String, Json>,
        }
        let read: One = read(inputs(json!({"kwargs": [{"a": 1}, {"b": 2}]}))).unwrap();
        assert_eq!(Json::Object(read.kwargs), json!({"a": 1, "b": 2}));
    }

    #[test]
    fn errors_name_the_field_and_what_was_found() {
        #[derive(Debug, Deserialize)]
        struct One {
            #[expect(dead_code, reason = "only its error is looked at")]
            temperature: f64,
        }
        let error = read::<One>(inputs(json!({"temperature": "hot"}))).unwrap_err();
        assert_eq!(error.to_string(), "field 'temperature': expected a number, found text");
        let error = read::<One>(inputs(json!({}))).unwrap_err();
        assert_eq!(error.to_string(), "field 'temperature': is required; fill it in or connect it");
    }

    #[test]
    fn a_value_keeps_what_it_is() {
        #[derive(Deserialize)]
        struct One {
            input: LazyValue,
            texts: Vec<LazyValue>,
        }
        let message = Value::Message(Box::new(crate::value::Message::of("hi")));
        let list = Value::List(vec![message.clone(), message.clone()]);
        let read: One = read(vec![("input".into(), message), ("texts".into(), list)]).unwrap();
        assert!(matches!(read.input.0, Value::Message(_)));
        assert_eq!(read.texts.len(), 2);
    }
}
