//! What is asked of each route, with ids and names of the owner.

use serde_json::{Value as Json, json};

use super::tenants::{ENDPOINT, Owner, SESSION};

/// A request.
pub struct Ask {
    pub method: &'static str,
    /// As the route list has it.
    pub route: &'static str,
    /// With what stands for its parameters.
    pub path: String,
    pub body: Body,
    /// The status that another tenant's good key is answered with.
    pub other: u16,
    /// That of the owner, in the order of the rows: what is deleted is deleted last.
    pub owner: u16,
}

/// What a request brings.
#[derive(Debug)]
pub enum Body {
    None,
    Json(Json),
    /// A form with a file: its name and its text.
    File(&'static str, String),
}

fn get(route: &'static str, path: String, other: u16) -> Ask {
    Ask { method: "GET", route, path, body: Body::None, other, owner: 200 }
}

fn post(route: &'static str, path: String, body: Json, statuses: (u16, u16)) -> Ask {
    let (other, owner) = statuses;
    Ask { method: "POST", route, path, body: Body::Json(body), other, owner }
}

fn delete(route: &'static str, path: String) -> Ask {
    Ask { method: "DELETE", route, path, body: Body::None, other: 404, owner: 200 }
}

/// The rows, one for each route.
pub fn rows(owner: &Owner) -> Vec<Ask> {
    let mut rows = runs(owner);
    rows.extend(tasks(owner));
    rows.extend(flows(owner));
    rows.extend(keys(owner));
    rows.extend(variables(owner));
    rows.push(delete("/api/v1/flows/{flow_id}", format!("/api/v1/flows/{}", owner.flow)));
    rows.push(delete("/api/v1/api_key/{key_id}", format!("/api/v1/api_key/{}", owner.key)));
    let variable = delete("/api/v1/variables/{variable_id}", format!("/api/v1/variables/{}", owner.variable));
    rows.push(Ask { owner: 204, ..variable });
    rows
}

fn runs(owner: &Owner) -> Vec<Ask> {
    let flow = &owner.flow;
    let body = || json!({"inputs": {"text": "x"}, "session_id": SESSION});
    let clear = json!({"clear_session": true});
    vec![
        get("/health", "/health".to_owned(), 200),
        get("/api/v1/version", "/api/v1/version".to_owned(), 200),
        get("/openapi.json", "/openapi.json".to_owned(), 200),
        get("/docs", "/docs".to_owned(), 200),
        post("/api/v1/process/{flow_id}", format!("/api/v1/process/{flow}"), body(), (404, 200)),
        post("/api/v1/predict/{flow_id}", format!("/api/v1/predict/{flow}"), body(), (404, 200)),
        post(
            "/api/v1/run/{flow}",
            format!("/api/v1/run/{ENDPOINT}"),
            json!({"input_value": "x"}),
            (404, 200),
        ),
        post(
            "/api/v1/process/preload/{flow_id}",
            format!("/api/v1/process/preload/{flow}?session_id={SESSION}"),
            clear,
            (404, 200),
        ),
        Ask {
            method: "POST",
            route: "/api/v1/upload/{flow_id}",
            path: format!("/api/v1/upload/{flow}"),
            body: Body::File("theirs.txt", "theirs".to_owned()),
            other: 404,
            owner: 201,
        },
    ]
}

fn tasks(owner: &Owner) -> Vec<Ask> {
    let task = |task: &str, end: &str| format!("/api/v1/task/{task}{end}");
    vec![
        get("/api/v1/task/{task_id}", task(&owner.ended, ""), 404),
        get("/api/v1/tasks", format!("/api/v1/tasks?flow_id={}", owner.flow), 200),
        get("/api/v1/usage", "/api/v1/usage".to_owned(), 200),
        post("/api/v1/task/{task_id}/retry", task(&owner.failed, "/retry"), Json::Null, (404, 200)),
        delete("/api/v1/task/{task_id}", task(&owner.queued[0], "")),
        post("/api/v1/task/{task_id}/cancel", task(&owner.queued[1], "/cancel"), Json::Null, (404, 200)),
        get("/api/v1/callback_secret", "/api/v1/callback_secret".to_owned(), 200),
    ]
}

fn flows(owner: &Owner) -> Vec<Ask> {
    // What would be somebody else's place or name is no claim to it.
    let claim = |name: &str| json!({"name": name, "id": owner.flow, "user_id": owner.user, "endpoint_name": null, "data": {"nodes": [], "edges": []}});
    let export = json!({"flows": [claim("uploaded")]}).to_string();
    let batch = json!({"flows": [claim("batch")]});
    vec![
        get("/api/v1/flows/", "/api/v1/flows/".to_owned(), 200),
        get("/api/v1/flows/download/", "/api/v1/flows/download/".to_owned(), 200),
        get("/api/v1/flows/{flow_id}", format!("/api/v1/flows/{}", owner.flow), 404),
        post("/api/v1/flows/", "/api/v1/flows/".to_owned(), claim("created"), (201, 201)),
        post("/api/v1/flows/batch/", "/api/v1/flows/batch/".to_owned(), batch, (201, 201)),
        Ask {
            method: "POST",
            route: "/api/v1/flows/upload/",
            path: "/api/v1/flows/upload/".to_owned(),
            body: Body::File("flows.json", export),
            other: 201,
            owner: 201,
        },
        Ask {
            method: "PATCH",
            route: "/api/v1/flows/{flow_id}",
            path: format!("/api/v1/flows/{}", owner.flow),
            body: Body::Json(json!({"name": "taken over"})),
            other: 404,
            owner: 200,
        },
    ]
}

fn variables(owner: &Owner) -> Vec<Ask> {
    // A name is its tenant's own: the same one is free for another.
    let made = json!({"name": "made", "value": "canary", "type": "Credential"});
    vec![
        get("/api/v1/variables/", "/api/v1/variables/".to_owned(), 200),
        post("/api/v1/variables/", "/api/v1/variables/".to_owned(), made, (201, 201)),
        Ask {
            method: "PATCH",
            route: "/api/v1/variables/{variable_id}",
            path: format!("/api/v1/variables/{}", owner.variable),
            body: Body::Json(json!({"value": "taken over"})),
            other: 404,
            owner: 200,
        },
    ]
}

fn keys(owner: &Owner) -> Vec<Ask> {
    let rotate = format!("/api/v1/api_key/{}/rotate", owner.key);
    let no_grace = json!({"grace_seconds": 0});
    vec![
        get("/api/v1/api_key/", "/api/v1/api_key/".to_owned(), 200),
        post("/api/v1/api_key/", "/api/v1/api_key/".to_owned(), json!({"name": "made"}), (200, 200)),
        post("/api/v1/api_key/{key_id}/rotate", rotate, no_grace, (404, 200)),
    ]
}
