//! The registry as a whole: nothing forgotten, nothing twice, everything documented, every example true.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use millrace_components::{ENTRIES, UNSUPPORTED, VARIABLES, registry};
use millrace_engine::{
    Clock, Context, ErrorKind, FieldKind, File, Files, Inputs, Kind, MemoryJournal, MemorySessions, Nowhere,
    Resources, RunError, Services, Unsupervised, Value, Variable, Variables,
};
use serde_json::{Map, Value as Json, json};

#[test]
fn every_name_stands_once() {
    let mut seen = BTreeSet::new();
    for name in ENTRIES.iter().flat_map(|entry| entry.spec.names) {
        assert!(seen.insert(*name), "{name} is listed twice");
    }
}

/// A name that components look up and the list does not have could never be set.
#[test]
fn every_variable_that_is_looked_up_is_listed() {
    assert!(VARIABLES.is_sorted());
    for text in sources() {
        for (_, rest) in text.match_indices("variable(\"").map(|(at, found)| text.split_at(at + found.len()))
        {
            let name = rest.split('"').next().unwrap();
            assert!(VARIABLES.contains(&name), "{name} is not in variables.rs");
        }
    }
}

#[test]
fn what_is_left_out_is_not_there() {
    assert!(UNSUPPORTED.is_sorted_by_key(|(name, _)| name.to_lowercase()));
    for (name, reason) in UNSUPPORTED {
        assert!(registry().get(name).is_none(), "{name} is supported: {reason}");
    }
}

/// An entry in a file that the list does not name would be a component nobody can use.
#[test]
fn every_file_with_an_entry_is_listed() {
    let entries: usize = sources().iter().map(|text| text.matches("Entry::of::<").count()).sum();
    assert_eq!(entries, ENTRIES.len());
}

/// The texts of all source files, whatever the folder.
fn sources() -> Vec<String> {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut texts = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => texts.push(std::fs::read_to_string(path).unwrap()),
            }
        }
    }
    texts
}

#[test]
fn every_component_is_documented() {
    for entry in ENTRIES.iter() {
        let spec = entry.spec;
        let name = spec.names[0];
        assert!(spec.about.ends_with('.'), "{name}: about is a sentence");
        assert!(!spec.outputs.is_empty(), "{name} has no output");
        assert!(!spec.examples.is_empty(), "{name} has no example");
        for input in spec.inputs {
            assert!(input.about.ends_with('.'), "{name}.{}: about is a sentence", input.name);
        }
    }
}

/// An input that the struct does not read, or a field that the reference does not name, is a fault.
#[test]
fn inputs_and_struct_fields_are_the_same() {
    for entry in ENTRIES.iter() {
        let fields: BTreeSet<_> = (entry.fields)().into_iter().collect();
        let inputs: BTreeSet<_> = entry.spec.inputs.iter().map(|input| input.name).collect();
        assert_eq!(fields, inputs, "{}", entry.spec.names[0]);
    }
}

#[test]
fn secrets_are_marked() {
    for entry in ENTRIES.iter() {
        for input in entry.spec.inputs {
            let named_so =
                ["key", "token", "password", "secret"].iter().any(|word| input.name.ends_with(word));
            let exempt = ["memory_key", "chat_history_key", "input_key", "output_key"].contains(&input.name);
            assert!(
                !named_so || exempt || input.kind == FieldKind::Secret,
                "{}.{}",
                entry.spec.names[0],
                input.name
            );
        }
    }
}

#[test]
fn chat_components_take_and_give() {
    let kinds: BTreeMap<_, _> = ENTRIES.iter().map(|entry| (entry.spec.names[0], entry.spec.kind)).collect();
    assert_eq!(kinds["ChatInput"], Kind::ChatInput);
    assert_eq!(kinds["TextInput"], Kind::TextInput);
    assert_eq!(kinds["ChatOutput"], Kind::Output);
    assert_eq!(kinds["TextOutput"], Kind::Output);
}

#[tokio::test]
async fn every_example_is_true() {
    let mut ran = 0;
    for entry in ENTRIES.iter() {
        for example in entry.spec.examples {
            let title = format!("{}: {}", entry.spec.names[0], example.title);
            let inputs: Map<String, Json> = serde_json::from_str(example.inputs).expect(&title);
            let wanted: Map<String, Json> = serde_json::from_str(example.output).expect(&title);
            let got = outputs(entry.spec.names[0], inputs, wanted.keys().cloned().collect()).await;
            assert_eq!(Json::Object(got), Json::Object(wanted), "{title}");
            ran += 1;
        }
    }
    assert!(ran >= ENTRIES.len());
}

async fn outputs(name: &str, inputs: Map<String, Json>, wanted: Vec<String>) -> Map<String, Json> {
    let names: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let all = run(name, inputs, &names).await;
    wanted
        .iter()
        .map(|name| (name.clone(), shown(all.get(name).unwrap_or_else(|| panic!("no output {name}")))))
        .collect()
}

fn shown(value: &Value) -> Json {
    match value {
        Value::Message(message) => json!(message.text),
        other => other.to_json(),
    }
}

fn run<'a>(
    name: &'a str,
    inputs: Map<String, Json>,
    wanted: &'a [&'a str],
) -> BoxFuture<'a, millrace_engine::Outputs> {
    Box::pin(async move {
        let entry = registry().get(name).unwrap();
        let mut values: Inputs = Vec::new();
        for (field, json) in inputs {
            values.push((field, input(json).await));
        }
        let cx = Context::detached(services(), wanted);
        entry.run(values, &cx).await.unwrap_or_else(|error| panic!("{name}: {error}"))
    })
}

/// `{"$component": type, "inputs": …}` stands for what that component gives.
async fn input(json: Json) -> Value {
    let Some(component) = json.get("$component").and_then(Json::as_str) else { return Value::Json(json) };
    let inputs = json["inputs"].as_object().cloned().unwrap_or_default();
    let output = registry().get(component).unwrap().spec.outputs[0].name;
    run(component, inputs, &[output]).await.get(output).cloned().unwrap()
}

struct Nothing;

#[async_trait]
impl Variables for Nothing {
    async fn get(&self, _: &str) -> Result<Option<Variable>, RunError> {
        Ok(None)
    }
}

/// The files of the examples: those below `tests/files`.
struct Examples;

impl Examples {
    fn path(reference: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(reference)
    }
}

#[async_trait]
impl Files for Examples {
    async fn read(&self, reference: &str, _limit: u64) -> Result<File, RunError> {
        let bytes = std::fs::read(Self::path(reference)).map_err(|e| no_file(reference, &e))?;
        let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(File { name, bytes: bytes.into(), immutable: true })
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, RunError> {
        let entries = std::fs::read_dir(Self::path(folder)).map_err(|e| no_file(folder, &e))?;
        let mut below: Vec<String> = entries
            .map(|entry| format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap()))
            .collect();
        below.sort();
        Ok(below)
    }

    async fn on_disk(&self, reference: &str) -> Result<PathBuf, RunError> {
        Ok(Self::path(reference))
    }
}

fn no_file(reference: &str, error: &std::io::Error) -> RunError {
    RunError::new(ErrorKind::Flow, format!("{reference}: {error}"))
}

impl Clock for Nothing {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

fn services() -> Services {
    Services {
        journal: Arc::new(MemoryJournal::default()),
        sessions: Arc::new(MemorySessions::default()),
        variables: Arc::new(Nothing),
        files: Arc::new(Examples),
        indexes: Arc::new(Nowhere),
        flows: Arc::new(Nowhere),
        clock: Arc::new(Nothing),
        supervisor: Arc::new(Unsupervised),
        resources: Resources::default(),
    }
}
