//! JsonSpec: a JSON or YAML file that tools look into, a step at a time (0.x).

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use millrace_engine::{
    Capability, Component, Context, Entry, ErrorKind, Example, Object, Outputs, RunError, Spec, Value,
    integer, output, python_repr, python_str, text,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::json_path::{self, Step};

/// Bytes of a file.
const MAX_FILE: u64 = 16 * 1024 * 1024;
/// Brackets of a YAML file that are open at once; the library takes 128 levels.
const MAX_OPEN: usize = 500;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct JsonSpecNode {
    path: String,
    max_value_length: u32,
}

/// Bytes and what they mean.
type Parsed = (Arc<[u8]>, Arc<Json>);

/// The file, and how much of a value is shown at once.
pub(crate) struct JsonSpec {
    path: String,
    max_value_length: usize,
    /// What the file's bytes mean, so that they are read once.
    parsed: Mutex<Option<Parsed>>,
}

impl fmt::Debug for JsonSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonSpec").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Object for JsonSpec {
    fn kind(&self) -> &'static str {
        "a JSON file"
    }

    fn describe(&self) -> Json {
        json!({"json_spec": {"path": self.path, "max_value_length": self.max_value_length}})
    }
}

impl JsonSpec {
    /// The keys of the object at a path, as Python lists them, or why there are none.
    pub async fn keys(&self, cx: &Context, path: &str) -> Result<String, RunError> {
        let document = self.document(cx).await?;
        Ok(at(&document, path).and_then(|value| keys(&value, path)).unwrap_or_else(|error| error))
    }

    /// The value at a path, as Python writes it, or why there is none. A long one is cut with `...`; of a long
    /// object only the keys can be had.
    pub async fn value(&self, cx: &Context, path: &str) -> Result<String, RunError> {
        let document = self.document(cx).await?;
        Ok(at(&document, path).map(|value| self.shown(&value)).unwrap_or_else(|error| error))
    }

    fn shown(&self, value: &Json) -> String {
        let shown = python_str(value);
        match shown.char_indices().nth(self.max_value_length) {
            None => shown,
            Some(_) if value.is_object() => {
                "Value is a large dictionary, list its keys and look at one of them".to_owned()
            }
            Some((end, _)) => format!("{}...", &shown[..end]),
        }
    }

    async fn document(&self, cx: &Context) -> Result<Arc<Json>, RunError> {
        let bytes = cx.file(&self.path, MAX_FILE).await?.bytes;
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, document)) = parsed.as_ref().filter(|(known, _)| *known == bytes) {
            return Ok(document.clone());
        }
        let document = Arc::new(read(&self.path, &bytes)?);
        *parsed = Some((bytes, document.clone()));
        Ok(document)
    }
}

/// The most brackets that are open at once. The YAML library looks through all of them at each of its words.
fn open_brackets(bytes: &[u8]) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in bytes {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

fn read(path: &str, bytes: &[u8]) -> Result<Json, RunError> {
    let lower = path.to_ascii_lowercase();
    let is_yaml = lower.ends_with(".yaml") || lower.ends_with(".yml");
    let invalid = |kind, why: String| {
        let error = RunError::new(ErrorKind::Flow, format!("path: the file is not valid {kind}: {why}"));
        RunError { field: Some("path".to_owned()), ..error }
    };
    if is_yaml {
        if open_brackets(bytes) > MAX_OPEN {
            return Err(invalid("YAML", format!("more than {MAX_OPEN} brackets are open at once")));
        }
        let place = |error: &serde_norway::Error| {
            error.location().map_or("at its end".to_owned(), |at| format!("at line {}", at.line()))
        };
        return serde_norway::from_slice(bytes).map_err(|error| invalid("YAML", place(&error)));
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(text)
        .map_err(|error| invalid("JSON", format!("at line {} column {}", error.line(), error.column())))
}

/// What a path leads to, and its keys, in one go.
pub(super) fn look_up(name: &str, bytes: &[u8], path: &str) -> Result<String, String> {
    let document = read(name, bytes).map_err(|error| error.to_string())?;
    let found = at(&document, path)?;
    Ok(keys(&found, path).unwrap_or_else(|_| python_str(&found)))
}

/// The value at a path, or Python's error for it.
fn at<'a>(document: &'a Json, path: &str) -> Result<Cow<'a, Json>, String> {
    json_path::steps(path).iter().try_fold(Cow::Borrowed(document), |value, step| match value {
        Cow::Borrowed(value) => below(value, step),
        Cow::Owned(value) => below(&value, step).map(|below| Cow::Owned(below.into_owned())),
    })
}

fn below<'a>(value: &'a Json, step: &Step) -> Result<Cow<'a, Json>, String> {
    match (value, step) {
        (Json::Object(map), Step::Key(key)) => {
            let missing = || format!("KeyError({})", python_repr(&key.as_str().into()));
            map.get(key).map(Cow::Borrowed).ok_or_else(missing)
        }
        (Json::Object(map), Step::Index(index)) => {
            let missing = || format!("KeyError({index})");
            map.get(&index.to_string()).map(Cow::Borrowed).ok_or_else(missing)
        }
        (Json::Array(list), Step::Index(index)) => {
            let found = place(*index, list.len()).and_then(|at| list.get(at));
            found.map(Cow::Borrowed).ok_or_else(|| "IndexError('list index out of range')".to_owned())
        }
        (Json::String(text), Step::Index(index)) => {
            let found = place(*index, text.chars().count()).and_then(|at| text.chars().nth(at));
            let character = found.map(|character| Cow::Owned(Json::String(character.to_string())));
            character.ok_or_else(|| "IndexError('string index out of range')".to_owned())
        }
        (Json::Array(_), Step::Key(_)) => {
            Err("TypeError('list indices must be integers or slices, not str')".to_owned())
        }
        (Json::String(_), Step::Key(_)) => Err("TypeError('string indices must be integers')".to_owned()),
        (other, _) => Err(format!("TypeError(\"'{}' object is not subscriptable\")", python_type(other))),
    }
}

/// Where an index stands in so many: a negative one counts from the end.
fn place(index: i64, length: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

fn keys(value: &Json, path: &str) -> Result<String, String> {
    let Json::Object(map) = value else {
        let sentence = format!("Value at path `{path}` is not a dict, get the value directly.");
        return Err(format!("ValueError({})", python_repr(&sentence.into())));
    };
    Ok(python_str(&Json::Array(map.keys().map(|key| Json::String(key.clone())).collect())))
}

fn python_type(value: &Json) -> &'static str {
    match value {
        Json::Null => "NoneType",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float",
        Json::Number(_) => "int",
        Json::String(_) => "str",
        Json::Array(_) => "list",
        Json::Object(_) => "dict",
    }
}

impl Component for JsonSpecNode {
    const SPEC: Spec = Spec {
        names: &["JsonSpec"],
        about: "A JSON or YAML file (16 MiB at most) for tools that look into it. It is read when a tool does.",
        inputs: &[
            text("path", "The file: .json, .yaml or .yml."),
            integer("max_value_length", "Characters of a value that a tool shows at once.")
                .or(millrace_engine::Default::Integer(200)),
        ],
        outputs: &[output("spec")],
        examples: &[Example {
            title: "a value is shown up to 200 characters",
            inputs: r#"{"path": "flow/petstore.json"}"#,
            output: r#"{"spec": {"json_spec": {"path": "flow/petstore.json", "max_value_length": 200}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let max_value_length = self.max_value_length as usize;
        let spec = JsonSpec { path: self.path, max_value_length, parsed: Mutex::default() };
        Ok(Outputs::one("spec", Value::Capability(Capability::Object(Arc::new(spec)))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<JsonSpecNode>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::Stand;

    const FILE: &[u8] = br#"{"openapi": "3.0", "info": {"title": "Pet API", "tags": ["a", {"b": 1}]},
        "long": "abcdefghijklmnopqrstuvwxyz", "wide": {"aaaaaaaaaa": 1, "bbbbbbbbbb": 2}, "none": null}"#;

    fn spec(path: &str) -> JsonSpec {
        JsonSpec { path: path.to_owned(), max_value_length: 20, parsed: Mutex::default() }
    }

    #[tokio::test]
    async fn paths_are_looked_up_as_python_would() {
        let cx = Stand::offline().files(&[("a.json", FILE)]).cx();
        let keys = [
            ("data", "['openapi', 'info', 'long', 'wide', 'none']"),
            (r#"data["info"]"#, "['title', 'tags']"),
            (r#"data["info"]["tags"][1]"#, "['b']"),
            (
                r#"data["none"]"#,
                "ValueError('Value at path `data[\"none\"]` is not a dict, get the value directly.')",
            ),
            (r#"data["nope"]"#, "KeyError('nope')"),
        ];
        let spec = spec("a.json");
        for (path, expected) in keys {
            assert_eq!(spec.keys(&cx, path).await.unwrap(), expected, "{path}");
        }
        let values = [
            (r#"data["info"]["title"]"#, "Pet API"),
            (r#"data["info"]["tags"][-1]"#, "{'b': 1}"),
            (r#"data["info"]["tags"][2]"#, "IndexError('list index out of range')"),
            (r#"data["info"]["tags"]["a"]"#, "TypeError('list indices must be integers or slices, not str')"),
            (r#"data["none"]"#, "None"),
            (r#"data["none"][0]"#, "TypeError(\"'NoneType' object is not subscriptable\")"),
            (r#"data["long"]"#, "abcdefghijklmnopqrst..."),
            (r#"data["wide"]"#, "Value is a large dictionary, list its keys and look at one of them"),
            ("data[0]", "KeyError(0)"),
            (r#"data["info"]["title"][1]"#, "e"),
            (r#"data["info"]["title"][-1][0][0]"#, "I"),
            (r#"data["info"]["title"][7]"#, "IndexError('string index out of range')"),
            (r#"data["info"]["title"][-8]"#, "IndexError('string index out of range')"),
            (r#"data["info"]["title"]["x"]"#, "TypeError('string indices must be integers')"),
        ];
        for (path, expected) in values {
            assert_eq!(spec.value(&cx, path).await.unwrap(), expected, "{path}");
        }
    }

    #[tokio::test]
    async fn yaml_is_read_and_a_broken_file_named() {
        let files: &[(&str, &[u8])] = &[("a.yaml", b"info:\n  title: Pet API\n"), ("b.json", b"{\"a\": }")];
        let cx = Stand::offline().files(files).cx();
        assert_eq!(spec("a.yaml").value(&cx, "data['info']['title']").await.unwrap(), "Pet API");
        let deep = "[a, ".repeat(1_000_000);
        let cx = Stand::offline().files(&[("c.yml", deep.as_bytes())]).cx();
        let error = spec("c.yml").keys(&cx, "data").await.unwrap_err();
        assert_eq!(
            error.message,
            "path: the file is not valid YAML: more than 500 brackets are open at once"
        );
        let cx = Stand::offline().files(files).cx();
        let error = spec("b.json").keys(&cx, "data").await.unwrap_err();
        assert_eq!(error.to_string(), "path: the file is not valid JSON: at line 1 column 7");
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Flow, Some("path")));
    }
}
