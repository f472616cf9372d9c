//! The OpenAPI document: the table of operations, made into `functions/api/openapi.json`.
//!
//! What is deployed is that file, as text. It is made and compared by the tests alone, so that the function
//! carries neither the generator nor the time that it takes. `UPDATE=1 cargo test -p millrace-api openapi`
//! writes it anew.
//!
//! Schemas of answers come from the types that are answered, where there are such types; those of bodies are
//! written down, since a handler reads its fields one by one. `.ci/run contract` holds all of it against a
//! running API.

mod operation;
mod operations;
mod schemas;
mod shared;
mod tests;

use serde_json::{Map, Value, json};

pub(crate) use schemas::{Report, TaskState};

/// What the document says of the API as a whole.
const ABOUT: &str = "Flows drawn in Langflow, run by Langflow's own HTTP API.

A key stands in the header `x-api-key`, or in the query by the same name; the header's counts. Errors are \
`{\"detail\": …}`: a sentence, or a list of what does not fit. A path whose final slash is missing or too much is \
307 to the right one, a path that is not listed 404, and a method that a path does not have 405.";

/// The whole document.
fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Millrace",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "tags": operations::TAGS.map(|(name, about)| json!({"name": name, "description": about})),
        "security": [{"header": []}, {"query": []}],
        "paths": paths(),
        "components": {
            "securitySchemes": {
                "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "query": {"type": "apiKey", "in": "query", "name": "x-api-key"},
            },
            "parameters": shared::parameters(),
            "headers": shared::headers(),
            "responses": shared::responses(),
            "schemas": schemas::schemas(),
        },
    })
}

fn paths() -> Value {
    let mut paths = Map::new();
    for operation in operations::operations() {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = operation.to_json();
    }
    paths.into()
}
