//! The schemas: of answers from their types, of the rest by hand.

use millrace_store::{JournalMode, State};
use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::answer::ProcessResponse;
use crate::routes::api_key::KeyRead;
use crate::routes::flows::FlowRead;
use crate::routes::tasks::TaskRead;
use crate::routes::upload::{Ticket, Uploaded};
use crate::routes::variables::VariableRead;

mod answers;
pub(super) use answers::usage;
mod bodies;

/// Stands for the states of a task where a type has one.
pub(crate) struct TaskState;

/// Stands for what is said of a flow that is kept.
pub(crate) struct Report;

impl ToSchema for TaskState {}

impl PartialSchema for TaskState {
    fn schema() -> RefOr<Schema> {
        let states = Some(State::ALL.map(State::as_str));
        ObjectBuilder::new().schema_type(Type::String).enum_values(states).into()
    }
}

impl ToSchema for Report {}

impl PartialSchema for Report {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().into()
    }
}

/// All of them by name.
pub(super) fn schemas() -> Value {
    let mut all = Map::new();
    derived::<ProcessResponse>(&mut all);
    derived::<FlowRead<()>>(&mut all);
    derived::<TaskRead>(&mut all);
    derived::<KeyRead>(&mut all);
    derived::<VariableRead>(&mut all);
    derived::<Uploaded>(&mut all);
    derived::<Ticket>(&mut all);
    derived::<TaskState>(&mut all);
    // By hand, since they belong to crates that know nothing of HTTP.
    for (name, schema) in answers::all().into_iter().chain(bodies::all()) {
        all.insert(name.to_owned(), schema);
    }
    all.sort_keys();
    all.into()
}

/// A type's schema and those that it refers to.
fn derived<T: ToSchema>(all: &mut Map<String, Value>) {
    let mut referred = Vec::new();
    T::schemas(&mut referred);
    referred.push((T::name().into_owned(), T::schema()));
    for (name, schema) in referred {
        all.insert(name, serde_json::to_value(schema).unwrap());
    }
}

/// The modes of the journal.
fn journal_modes() -> Vec<Value> {
    JournalMode::ALL.map(|mode| Value::from(mode.as_str())).to_vec()
}

/// What the schema allows, or null.
fn or_null(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}
