//! Variables: values that flows refer to by name.

use serde_json::{Value, json};

use super::{VARIABLE, VARIABLES};
use crate::openapi::operation::{Answer, Body, Operation, list_of, named};

const BY_ID: &str = "/api/v1/variables/{variable_id}";

pub(super) fn operations() -> Vec<Operation> {
    let new = json!({"name": "OPENAI_API_KEY", "value": "sk-…", "type": "Credential", "default_fields": []});
    let gone = Answer { content: Vec::new(), ..Answer::json(204, "It is gone", Value::Null, Value::Null) };
    vec![
        Operation {
            about: "The value of a credential is never answered.",
            answers: vec![Answer::json(200, "All of them", list_of("VariableRead"), json!([variable()]))],
            ..Operation::new(("get", "/api/v1/variables/"), "list_variables", VARIABLES, "List variables")
        },
        Operation {
            about: "Sealed before it is kept. A name that is taken is 400, and so is an empty name or value.",
            body: Some(Body::json("VariableCreate", new)),
            answers: vec![Answer {
                links: &[
                    ("update_variable", "variable_id", "$response.body#/id"),
                    ("delete_variable", "variable_id", "$response.body#/id"),
                ],
                ..Answer::json(201, "The variable", named("VariableRead"), variable())
            }],
            refusals: &[409],
            ..Operation::new(("post", "/api/v1/variables/"), "create_variable", VARIABLES, "Make a variable")
        },
        Operation {
            about: "What is null or left out stays.",
            body: Some(Body::json("VariableUpdate", json!({"value": "sk-…"}))),
            answers: vec![Answer::json(200, "The variable", named("VariableRead"), variable())],
            refusals: &[404, 409],
            ..Operation::new(("patch", BY_ID), "update_variable", VARIABLES, "Change a variable")
        },
        Operation {
            answers: vec![gone],
            refusals: &[404, 409],
            ..Operation::new(("delete", BY_ID), "delete_variable", VARIABLES, "Delete a variable")
        },
    ]
}

fn variable() -> Value {
    json!({"id": VARIABLE, "name": "OPENAI_API_KEY", "type": "Credential", "value": null, "default_fields": []})
}
