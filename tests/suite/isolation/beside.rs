//! What stands beside the routes: two tenants that use the same names and each other's ids.

use reqwest::Method;
use serde_json::{Value as Json, json};

use super::tenants::{Owner, SESSION, run, text};
use crate::provider::Reply;
use crate::stack::{Answer, Stack, form, send};

/// A stack with a second tenant.
struct Two {
    stack: Stack,
    /// The key of the tenant `other`; that of the stack is of `default`.
    theirs: String,
}

impl Two {
    async fn start() -> Self {
        let stack = Stack::start().await;
        let other = "other".parse().unwrap();
        let theirs = stack.runner.store().create_key(&other, "theirs").await.unwrap().text;
        Self { stack, theirs }
    }

    fn keys(&self) -> [&str; 2] {
        [&self.stack.key, &self.theirs]
    }

    async fn post(&self, key: &str, path: &str, body: &Json) -> Answer {
        self.stack.call_as(key, Method::POST, path, Some(body)).await
    }

    async fn create(&self, key: &str, name: &str, data: &Json) -> String {
        let made = self.post(key, "/api/v1/flows/", &json!({"name": name, "data": data})).await;
        assert_eq!(made.status, 201, "{}", made.body);
        text(&made.body["id"])
    }

    async fn process(&self, key: &str, flow: &str, body: &Json) -> Answer {
        self.post(key, &format!("/api/v1/process/{flow}"), body).await
    }

    /// Stores a file for a flow and gives its reference.
    async fn upload(&self, key: &str, flow: &str, content: &str) -> String {
        let request = self.stack.request(Method::POST, &format!("/api/v1/upload/{flow}"));
        let answer = send(form(request, "notes.txt", content.as_bytes()).header("x-api-key", key)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        text(&answer.body["file_path"])
    }

    /// A flow that searches a file in a vector store.
    async fn searching(&self, key: &str, reference: &str) -> String {
        let drawn =
            self.stack.drawn("vector_store_is_root").to_string().replace("{file:notes.txt}", reference);
        self.create(key, "searches", &drawn.parse().unwrap()).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_session_id_is_a_conversation_for_each_tenant() {
    let two = Two::start().await;
    let mut flows = Vec::new();
    for key in two.keys() {
        flows.push(two.create(key, "chat", &two.stack.drawn("buffer_memory")).await);
    }
    let prompt = async |key: &str, flow: &str, said: &str| {
        two.stack.provider.script([Reply::next(json!(format!("heard {said}")))]);
        let body = json!({"inputs": {"text": said}, "session_id": "shared"});
        assert_eq!(two.process(key, flow, &body).await.status, 200);
        two.stack.provider.seen()[0].body["messages"][0]["content"].as_str().unwrap().to_owned()
    };
    let [ours, theirs] = two.keys();
    prompt(ours, &flows[0], "canary").await;
    assert!(!prompt(theirs, &flows[1], "theirs").await.contains("canary"));
    // The other forgets its own conversation, and not ours.
    let forget = format!("/api/v1/process/preload/{}?session_id=shared", flows[1]);
    assert_eq!(two.post(theirs, &forget, &json!({"clear_session": true})).await.status, 200);
    let history = prompt(ours, &flows[0], "again").await;
    assert!(history.contains("heard canary") && !history.contains("theirs"), "{history}");
    // Named by its id, another tenant's flow is none, and so is its conversation.
    let body = json!({"inputs": {"text": "x"}, "session_id": "shared"});
    assert_eq!(two.process(theirs, &flows[0], &body).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reference_to_another_s_file_is_a_file_that_is_not_there() {
    let two = Two::start().await;
    let [ours, theirs] = two.keys();
    let flow = two.create(ours, "keeps", &two.stack.drawn("chat_prompt")).await;
    let reference = two.upload(ours, &flow, "The canary sings.").await;
    let query = json!({"inputs": {"query": "canary", "k": 1}});
    let found = two.process(ours, &two.searching(ours, &reference).await, &query).await;
    assert_eq!(found.body["result"][0]["page_content"], "The canary sings.", "{}", found.body);

    let digest = reference.rsplit('/').next().unwrap();
    let unknown = reference.replace(digest, &format!("{}.txt", "0".repeat(64)));
    let mut answers = Vec::new();
    for reference in [&reference, &unknown] {
        let answer = two.process(theirs, &two.searching(theirs, reference).await, &query).await;
        assert!(answer.status >= 400, "{}", answer.body);
        answers.push((answer.status, answer.detail().replace(reference.as_str(), "…")));
    }
    assert_eq!(answers[0], answers[1], "nobody learns whether another has a file");
}

/// Chroma's collections have names, and these two are the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_is_a_tenant_s_own() {
    let two = Two::start().await;
    for (key, content) in two.keys().into_iter().zip(["The canary sings.", "The mill turns."]) {
        let flow = two.create(key, "keeps", &two.stack.drawn("chat_prompt")).await;
        let reference = two.upload(key, &flow, content).await;
        let flow = two.searching(key, &reference).await;
        for _ in 0..2 {
            let found =
                two.process(key, &flow, &json!({"inputs": {"query": "The canary sings.", "k": 9}})).await;
            let found = found.body["result"].as_array().unwrap().clone();
            assert_eq!((found.len(), &found[0]["page_content"]), (1, &json!(content)), "{found:?}");
        }
    }
    let objects = two.stack.objects().await;
    let of = |tenant: &str| objects.iter().filter(|key| key.starts_with(tenant)).count();
    assert_eq!(of("default/") + of("other/"), objects.len(), "{objects:?}");
    assert_eq!(of("default/"), of("other/"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_leads_through_one_s_own_tasks() {
    let two = Two::start().await;
    let [ours, theirs] = two.keys();
    for key in two.keys() {
        let flow = two.create(key, "chat", &two.stack.drawn("chat_prompt")).await;
        for _ in 0..3 {
            assert_eq!(two.process(key, &flow, &json!({"inputs": {"text": "x"}})).await.status, 200);
        }
    }
    let list = async |key: &str, query: &str| {
        two.stack.call_as(key, Method::GET, &format!("/api/v1/tasks?limit=1{query}"), None).await
    };
    let own: Vec<Json> = {
        let all = two.stack.call_as(theirs, Method::GET, "/api/v1/tasks", None).await.body;
        all["tasks"].as_array().unwrap().clone()
    };
    let page = list(ours, "").await.body;
    let mut cursor = text(&page["cursor"]);
    // Ours came first, so that a cursor that led on among ours would find some.
    for _ in 0..5 {
        let answer = list(theirs, &format!("&cursor={cursor}")).await;
        assert!(matches!(answer.status, 200 | 422), "{}", answer.body);
        let tasks = answer.body["tasks"].as_array().cloned().unwrap_or_default();
        assert!(tasks.iter().all(|task| own.contains(task)), "{tasks:?}");
        let Some(next) = answer.body["cursor"].as_str() else { break };
        cursor = next.to_owned();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_is_a_tenant_s_own() {
    let two = Two::start().await;
    let [ours, theirs] = two.keys();
    let mut flows = Vec::new();
    for key in two.keys() {
        flows.push(two.create(key, "chat", &two.stack.drawn("chat_prompt")).await);
    }
    let call = async |key: &str, flow: &str| {
        let request = two.stack.request(Method::POST, &format!("/api/v1/process/{flow}"));
        let request = request.header("x-api-key", key).header("idempotency-key", "order-1");
        send(request.json(&json!({"inputs": {"text": "x"}}))).await
    };
    let first = call(ours, &flows[0]).await;
    let second = call(theirs, &flows[1]).await;
    assert_eq!((first.status, second.status), (200, 200), "{}", second.body);
    assert_ne!(first.task(), second.task());
    assert_eq!(call(ours, &flows[0]).await.task(), first.task());
    let foreign = call(theirs, &flows[0]).await;
    assert!(matches!(foreign.status, 404 | 409) && foreign.task().is_none(), "{}", foreign.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_names_another_s_task_touches_nothing() {
    let owner = Owner::settled().await;
    let before = owner.belongings().await;
    assert!(before.len() > 20);
    for task in [&owner.ended, &owner.failed, &owner.queued[0]] {
        assert!(run(&owner.stack, owner.other.as_str(), task).await, "there is no such task of the other");
    }
    let after = owner.belongings().await;
    assert!(after == before, "{}", before.difference(&after));
    // Nor is there a conversation of the other in the owner's flow.
    let store = owner.stack.runner.store();
    let (flow, session) = (owner.flow.parse().unwrap(), SESSION.try_into().unwrap());
    assert!(store.flow(&owner.other, flow).await.unwrap().is_none());
    store.clear_session(&owner.other, flow, &session).await.unwrap();
    assert!(owner.belongings().await == before);
}

/// A flow that runs another, named by id, by name or by endpoint name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flow_runs_flows_of_its_own_tenant() {
    let two = Two::start().await;
    let [ours, theirs] = two.keys();
    let drawn = two.stack.drawn("chat_prompt");
    let body = json!({"name": "canary flow", "endpoint_name": "canary-endpoint", "data": drawn});
    let called = text(&two.post(ours, "/api/v1/flows/", &body).await.body["id"]);
    for name in [called.as_str(), "canary flow", "canary-endpoint"] {
        let calling = calling(name);
        two.stack.provider.script([Reply::next(json!("the canary sings"))]);
        let flow = two.create(ours, "calls", &calling).await;
        let own = two.process(ours, &flow, &json!({"inputs": {}})).await;
        assert!(own.body["result"].to_string().contains("the canary sings"), "{name}: {}", own.body);
        two.stack.provider.script([]);
        let flow = two.create(theirs, "calls", &calling).await;
        let foreign = two.process(theirs, &flow, &json!({"inputs": {}})).await;
        assert!(foreign.detail().contains(&format!("There is no flow {name}")), "{}", foreign.body);
        assert!(two.stack.provider.seen().is_empty());
    }
}

/// A flow of one node that runs another flow.
fn calling(flow: &str) -> Json {
    let field = |name: &str, value: &str| json!({"type": "str", "required": false, "list": false, "show": true, "name": name, "value": value});
    let template = json!({"_type": "CustomComponent", "flow_name": field("flow_name", flow), "inputs": field("inputs", "hello")});
    let node = json!({"template": template, "base_classes": ["Document"], "description": "", "display_name": "Flow Runner"});
    let data = json!({"type": "FlowRunner", "id": "FlowRunner-1", "node": node});
    let node =
        json!({"id": "FlowRunner-1", "type": "genericNode", "position": {"x": 0, "y": 0}, "data": data});
    json!({"nodes": [node], "edges": [], "viewport": {"x": 0, "y": 0, "zoom": 1}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_are_signed_with_a_secret_of_the_tenant_s_own() {
    let two = Two::start().await;
    let mut secrets = Vec::new();
    for key in two.keys() {
        for _ in 0..2 {
            let answer = two.stack.call_as(key, Method::GET, "/api/v1/callback_secret", None).await;
            secrets.push(text(&answer.body["secret"]));
        }
    }
    assert!(secrets[0] == secrets[1] && secrets[2] == secrets[3] && secrets[0] != secrets[2]);
}
