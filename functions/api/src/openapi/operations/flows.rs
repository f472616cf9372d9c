//! Flows and their files.

use serde_json::{Value, json};

use super::{FLOW, FLOWS};
use crate::openapi::operation::{Answer, Body, Content, Operation, list_of, named};
use crate::openapi::shared::query;

/// Operations on the flow that an answer shows.
const OF_FLOW: &[(&str, &str, &str)] = &[
    ("read_flow", "flow_id", "$response.body#/id"),
    ("update_flow", "flow_id", "$response.body#/id"),
    ("delete_flow", "flow_id", "$response.body#/id"),
];

pub(super) fn operations() -> Vec<Operation> {
    let one = ["get", "patch", "delete"].map(|method| (method, "/api/v1/flows/{flow_id}"));
    let mut operations = collection();
    operations.extend([
        Operation {
            answers: vec![Answer::json(200, "The flow", named("FlowRead"), flow())],
            refusals: &[404, 422],
            ..Operation::new(one[0], "read_flow", FLOWS, "Read a flow")
        },
        Operation {
            about: "A field that is null or left out stays as it is.",
            body: Some(Body::json("FlowUpdate", json!({"name": "My flow, improved"}))),
            answers: vec![Answer::json(200, "The flow as it is now", named("FlowRead"), flow())],
            refusals: &[404, 409],
            ..Operation::new(one[1], "update_flow", FLOWS, "Change a flow")
        },
        Operation {
            answers: vec![Answer::json(
                200,
                "It is gone",
                said("message"),
                json!({"message": "Flow deleted successfully"}),
            )],
            refusals: &[404, 409, 422],
            ..Operation::new(one[2], "delete_flow", FLOWS, "Delete a flow")
        },
        upload(),
    ]);
    operations
}

fn collection() -> Vec<Operation> {
    let created = |id, path, summary, about, body| Operation {
        about,
        body: Some(body),
        answers: vec![Answer::json(201, "The flows", list_of("FlowRead"), json!([flow()]))],
        refusals: &[409],
        ..Operation::new(("post", path), id, FLOWS, summary)
    };
    let all = json!({"type": "object", "required": ["flows"], "properties": {"flows": list_of("FlowRead")}});
    let data = json!({"nodes": [], "edges": []});
    let draft = json!({"name": "My flow", "endpoint_name": "my-flow", "data": data});
    vec![
        Operation {
            answers: vec![Answer::json(200, "All of them", list_of("FlowRead"), json!([flow()]))],
            ..Operation::new(("get", "/api/v1/flows/"), "list_flows", FLOWS, "Read all flows")
        },
        Operation {
            about: "A flow with a node that does not run is kept with a warning that names it. Other fields, which \
                    exports have many of, are ignored.",
            body: Some(Body::json("FlowCreate", draft.clone())),
            answers: vec![Answer {
                links: OF_FLOW,
                ..Answer::json(201, "The flow", named("FlowRead"), flow())
            }],
            refusals: &[409],
            ..Operation::new(("post", "/api/v1/flows/"), "create_flow", FLOWS, "Keep a flow")
        },
        created(
            "create_flows",
            "/api/v1/flows/batch/",
            "Keep several flows",
            "All of them are checked before one is kept.",
            Body::json("FlowBatch", json!({"flows": [draft]})),
        ),
        created(
            "import_flows",
            "/api/v1/flows/upload/",
            "Keep the flows of a file",
            "An export of Langflow: one flow, or several.",
            Body::form("FlowFile"),
        ),
        Operation {
            answers: vec![Answer::json(200, "All of them", all, json!({"flows": [flow()]}))],
            ..Operation::new(("get", "/api/v1/flows/download/"), "export_flows", FLOWS, "Export all flows")
        },
    ]
}

fn upload() -> Operation {
    let announced = json!({"file_name": "cities.csv", "size": 9_000_000});
    let path = format!("millrace:upload/{FLOW}/{}.csv", "0f".repeat(32));
    let kept = json!({"anyOf": [named("Uploaded"), named("Ticket")]});
    Operation {
        about: "`file_path` is what a file field of a flow holds. A form takes files of up to 4 MiB. With \
                `?presigned=true` a file is announced as JSON, and the answer is a request to send it by: \
                `upload_url` with that method and all of those headers.",
        parameters: vec![query("presigned", "Whether the file is only announced", named("Flag"))],
        body: Some(Body::form("UploadFile").or(Content::json(named("UploadAnnounced"), announced))),
        answers: vec![Answer::json(201, "Where it is", kept, json!({"flowId": FLOW, "file_path": path}))],
        refusals: &[404],
        ..Operation::new(("post", "/api/v1/upload/{flow_id}"), "upload_file", FLOWS, "Keep a file for a flow")
    }
}

/// An object with a sentence.
pub(super) fn said(field: &str) -> Value {
    json!({"type": "object", "required": [field], "properties": {field: {"type": "string"}}})
}

fn flow() -> Value {
    json!({
        "name": "My flow", "description": null, "data": {"nodes": [], "edges": []}, "is_component": false,
        "updated_at": "2026-11-23T09:15:15.293000", "folder": null, "id": FLOW,
        "user_id": "67e55044-10b1-826f-9247-bb680e5fe0c8", "endpoint_name": "my-flow",
    })
}
