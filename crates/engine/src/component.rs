//! A component type: a struct of typed inputs, what it is as data, and a plain async function.

use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;

use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use crate::context::Context;
use crate::error::{ErrorKind, RunError};
use crate::inputs::{self, InputError, Inputs};
use crate::value::Value;

/// A component type. One file holds one, with its table entry.
pub trait Component: DeserializeOwned + Send + 'static {
    /// What it is, as data.
    const SPEC: Spec;

    /// Does its work: in 0.x this builds the object that is wired on, in 1.x it gives the outputs.
    fn run(self, cx: &Context) -> impl Future<Output = Result<Outputs, RunError>> + Send;
}

/// The inputs of other vertices' capabilities, as fields of a component's struct.
pub mod handles {
    use std::sync::Arc;

    /// A language model.
    #[derive(Debug, Clone)]
    pub struct ChatModel(pub Arc<dyn crate::ChatModel>);
    /// A conversation memory.
    #[derive(Debug, Clone)]
    pub struct Memory(pub Arc<dyn crate::Memory>);
    /// A prompt.
    #[derive(Debug, Clone)]
    pub struct Prompt(pub Arc<crate::Prompt>);
    /// A chain.
    #[derive(Debug, Clone)]
    pub struct Chain(pub Arc<dyn crate::Chain>);
    /// An embedding model.
    #[derive(Debug, Clone)]
    pub struct Embedder(pub Arc<dyn crate::Embedder>);
    /// A tool.
    #[derive(Debug, Clone)]
    pub struct Tool(pub Arc<dyn crate::Tool>);
    /// A retriever; a vector store serves as one.
    #[derive(Debug, Clone)]
    pub struct Retriever(pub Arc<dyn crate::Retriever>);
    /// A vector store.
    #[derive(Debug, Clone)]
    pub struct VectorStore(pub Arc<dyn crate::VectorStore>);
    /// What only components know, of one type.
    #[derive(Debug)]
    pub struct Object<T>(pub Arc<T>);
}

/// What a component type is, as data: reference pages and checks are made from it.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Every name the type has had, in both dialects; the first is the name in the reference.
    pub names: &'static [&'static str],
    /// One sentence for the reference.
    pub about: &'static str,
    /// Its inputs.
    pub inputs: &'static [Input],
    /// Its outputs, as 1.x edges name them; 0.x edges read the first.
    pub outputs: &'static [Output],
    /// Its part in a chat run.
    pub kind: Kind,
    /// The services outside that it calls.
    pub reaches: &'static [Reach],
    /// For a component whose field `code` is what it does: whether a Python text is one that it can do without
    /// executing it.
    pub understands: Option<fn(&str) -> bool>,
    /// Examples that are tests.
    pub examples: &'static [Example],
}

impl Spec {
    /// The base for a spec that names only what differs.
    pub const SUPPORTED: Self = Self {
        names: &[],
        about: "",
        inputs: &[],
        outputs: &[],
        kind: Kind::Plain,
        reaches: &[],
        understands: None,
        examples: &[],
    };
}

/// A service outside that a component calls, for whoever wants to know before the flow runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// The service, such as `OpenAI`; or what is called, such as `the address in the field`.
    pub service: &'static str,
    /// Its address where the flow names none; empty if the flow must name one.
    pub address: &'static str,
    /// The field that names another; empty if none does.
    pub field: &'static str,
    /// The same field as the other dialect names it, where the two differ.
    pub other_field: Option<&'static str>,
}

impl Reach {
    /// Also in this field, as the other dialect names it.
    pub const fn or_in(mut self, other_field: &'static str) -> Self {
        self.other_field = Some(other_field);
        self
    }
}

/// A service with an address of its own that a field may replace (empty: none may).
pub const fn reach(service: &'static str, address: &'static str, field: &'static str) -> Reach {
    Reach { service, address, field, other_field: None }
}

/// A component's part in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Neither takes the caller's input nor gives the answer.
    Plain,
    /// Takes `input_value` with `input_type` chat.
    ChatInput,
    /// Takes `input_value` with `input_type` text.
    TextInput,
    /// Gives an answer.
    Output,
    /// A toolkit of 0.x: the flow's last model is handed to its `llm` if nothing else feeds that.
    Toolkit,
}

/// One input field.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    /// The field's name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// What it takes.
    pub kind: FieldKind,
    /// Used where the flow gives no value.
    pub default: Default,
}

/// What an input takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Text; also a message or a document.
    Text,
    /// Text that must not be shown, logged or recorded.
    Secret,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// True or false.
    Flag,
    /// An object or a list.
    Json,
    /// A capability of another vertex, or any value.
    Handle,
    /// All fields that no other input names, by name: variables of a prompt.
    Rest,
}

/// What stands where a flow gives no value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Default {
    /// Nothing: the field is required, unless the struct has an `Option` for it.
    Absent,
    /// This text.
    Text(&'static str),
    /// This number.
    Number(f64),
    /// This whole number.
    Integer(i64),
    /// This truth value.
    Flag(bool),
}

impl Default {
    /// The default as JSON, if there is one.
    pub fn json(self) -> Option<Json> {
        match self {
            Self::Absent => None,
            Self::Text(text) => Some(json!(text)),
            Self::Number(number) => Some(json!(number)),
            Self::Integer(integer) => Some(json!(integer)),
            Self::Flag(flag) => Some(json!(flag)),
        }
    }
}

impl Input {
    const fn new(name: &'static str, about: &'static str, kind: FieldKind) -> Self {
        Self { name, about, kind, default: Default::Absent }
    }

    /// The value where the flow gives none.
    #[must_use]
    pub const fn or(mut self, default: Default) -> Self {
        self.default = default;
        self
    }
}

/// A text input.
pub const fn text(name: &'static str, about: &'static str) -> Input {
    Input::new(name, about, FieldKind::Text)
}

/// A text input that is never shown, logged or recorded.
pub const fn secret(name: &'static str, about: &'static str) -> Input {
    Input::new(name, about, FieldKind::Secret)
}

/// A number input.
pub const fn number(name: &'static str, about: &'static str) -> Input {
    Input::new(name, about, FieldKind::Number)
}

/// A whole-number input.
pub const fn integer(name: &'static str, about: &'static str) -> Input {
    Input::new(name, about, FieldKind::Integer)
}

/// A true-or-false input.
pub const fn flag(name: &'static str, about: &'static str) -> Input {
    Input::new(name, about, FieldKind::Flag)
}

/// An object or list input.
pub const fn json(name: &'static str, about: &'static str) -> Input {
    Input::new(name, about, FieldKind::Json)
}

/// An input that another vertex feeds with a capability or with any value.
pub const fn message(name: &'static str, about: &'static str) -> Input {
    Input::new(name, about, FieldKind::Handle)
}

/// The input that gathers all fields no other input names.
pub const fn rest(name: &'static str, about: &'static str) -> Input {
    Input::new(name, about, FieldKind::Rest)
}

/// One output.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// The name that 1.x edges use.
    pub name: &'static str,
}

/// An output of this name.
pub const fn output(name: &'static str) -> Output {
    Output { name }
}

/// An example that is a test: these inputs give this output, both as JSON. `{"$component": type, "inputs": …}`
/// stands for what another component gives.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// What it shows.
    pub title: &'static str,
    /// Inputs by field, as a JSON object.
    pub inputs: &'static str,
    /// Outputs by name, as a JSON object; only these are asked for.
    pub output: &'static str,
}

/// The outputs of a vertex by name.
#[derive(Debug, Clone)]
pub struct Outputs(BTreeMap<String, Value>);

impl Outputs {
    /// One output.
    pub fn one(name: &str, value: Value) -> Self {
        Self(BTreeMap::from([(name.to_owned(), value)]))
    }

    /// No output yet.
    pub fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// One more output.
    #[must_use]
    pub fn and(mut self, name: &str, value: Value) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// The output of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All outputs, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

type Run = for<'a> fn(Inputs, &'a Context) -> BoxFuture<'a, Result<Outputs, RunError>>;

/// A component type with its types erased: a row of the registry.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What it is.
    pub spec: &'static Spec,
    /// The fields of its struct, for the registry's test.
    pub fields: fn() -> Vec<&'static str>,
    run: Run,
}

impl Entry {
    /// The entry of a component type.
    pub const fn of<C: Component>() -> Self {
        Self { spec: const { &C::SPEC }, fields: struct_fields::<C>, run: erased::<C> }
    }

    /// Runs the component on inputs as the flow gives them: defaults are added, undeclared fields gathered.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] with the field's name when an input does not fit, else what the component says.
    pub fn run<'a>(&self, inputs: Inputs, cx: &'a Context) -> BoxFuture<'a, Result<Outputs, RunError>> {
        (self.run)(complete(self.spec, inputs), cx)
    }
}

fn erased<C: Component>(inputs: Inputs, cx: &Context) -> BoxFuture<'_, Result<Outputs, RunError>> {
    let component = inputs::read::<C>(inputs);
    Box::pin(async move { component.map_err(unfit)?.run(cx).await })
}

fn unfit(error: InputError) -> RunError {
    let message = error.to_string();
    RunError { field: Some(error.field), ..RunError::new(ErrorKind::Flow, message) }
}

/// Leaves out empty values and fields that the type does not know, adds defaults, gathers the rest.
fn complete(spec: &Spec, inputs: Inputs) -> Inputs {
    let known =
        |name: &str| spec.inputs.iter().any(|input| input.name == name && input.kind != FieldKind::Rest);
    let empty = |value: &Value| {
        matches!(value, Value::Json(Json::Null))
            || matches!(value, Value::Json(Json::String(s)) if s.is_empty())
    };
    let (mut named, rest): (Inputs, Inputs) = inputs.into_iter().partition(|(name, _)| known(name));
    named.retain(|(_, value)| !empty(value));
    for input in spec.inputs {
        let absent = !named.iter().any(|(name, _)| name == input.name);
        if let (true, Some(default)) = (absent, input.default.json()) {
            named.push((input.name.to_owned(), Value::Json(default)));
        }
        if input.kind == FieldKind::Rest {
            let pairs =
                rest.iter().map(|(name, value)| Value::List(vec![Value::text(name.as_str()), value.clone()]));
            named.push((input.name.to_owned(), Value::List(pairs.collect())));
        }
    }
    named
}

/// Asks serde's derive for the names of a struct's fields.
fn struct_fields<C: Component>() -> Vec<&'static str> {
    use serde::de::{Deserializer, Error, Visitor, value::Error as Nothing};

    struct Ask<'a>(&'a mut Vec<&'static str>, PhantomData<()>);
    impl<'de> Deserializer<'de> for Ask<'_> {
        type Error = Nothing;
        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Nothing> {
            Err(Nothing::custom("only structs are asked"))
        }
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Nothing> {
            self.0.extend_from_slice(fields);
            Err(Nothing::custom("the names were all that was asked"))
        }
        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }
    let mut fields = Vec::new();
    // The error is how the asking ends; the names are in `fields`.
    let _ = C::deserialize(Ask(&mut fields, PhantomData));
    fields
}
