//! Secrets with a mark in them, planted wherever one can be given, and looked for in all that is left.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::provider::Reply;
use crate::stack::{Answer, KEY, Stack, send};

/// What every planted secret holds.
const MARK: &str = "c4n4ry";

const TYPED: &str = "sk-typed-c4n4ry-in-the-export";
const TWEAK: &str = "sk-tweak-c4n4ry-in-the-call";
const HEADER: &str = "sk-header-c4n4ry-in-the-request";
const VARIABLE: &str = "sk-variable-c4n4ry-of-the-tenant";
const CALLBACK: &str = "callback-c4n4ry-in-the-address";

const SECRETS: [&str; 5] = [TYPED, TWEAK, HEADER, VARIABLE, CALLBACK];

/// What has been looked at, by name.
#[derive(Default)]
struct Outputs(BTreeMap<String, Vec<u8>>);

impl Outputs {
    fn answer(&mut self, name: &str, answer: &Answer) {
        let headers: Vec<String> =
            answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        let text = format!("{}\n{}\n{}", answer.status, headers.join("\n"), answer.body);
        self.0.insert(name.to_owned(), text.into_bytes());
    }

    async fn stored(&mut self, name: &str, stack: &Stack) {
        for (place, bytes) in stack.everything_stored().await {
            self.0.insert(format!("{name}: {place}"), bytes);
        }
    }

    /// Fails for each output that holds a secret in any form.
    fn check(&self) {
        let mut found = Vec::new();
        for (name, bytes) in &self.0 {
            for secret in SECRETS {
                found.extend(forms(secret).iter().filter(|form| holds(bytes, form)).map(|_| (name, secret)));
            }
            // Whatever was cut out of a secret still has its mark.
            if holds(bytes, MARK.as_bytes()) {
                found.push((name, MARK));
            }
        }
        assert!(found.is_empty(), "{found:#?}");
    }
}

/// A secret in the clear, in base64 at each offset, in hex and percent-encoded.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.to_owned()];
    for skipped in 0..3 {
        let part = &secret[skipped..secret.len() - (secret.len() - skipped) % 3];
        forms.extend([STANDARD.encode(part), URL_SAFE_NO_PAD.encode(part)]);
    }
    let bytes = |format: fn(&u8) -> String| secret.as_bytes().iter().map(format).collect::<String>();
    forms.extend([
        bytes(|byte| format!("{byte:02x}")),
        bytes(|byte| format!("{byte:02X}")),
        bytes(|byte| format!("%{byte:02X}")),
        secret.replace('-', "%2D"),
    ]);
    forms.into_iter().map(String::into_bytes).collect()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn with_key(mut flow: Json, key: &str) -> Json {
    for node in flow["nodes"].as_array_mut().unwrap() {
        let field = &mut node["data"]["node"]["template"]["openai_api_key"];
        if field.is_object() {
            field["value"] = json!(key);
        }
    }
    flow
}

fn refused(secret: &str) -> Reply {
    let message = format!("Incorrect API key provided: {secret}, or {}", STANDARD.encode(secret));
    let body = json!({"error": {"message": message, "type": "invalid_request_error", "param": secret}});
    Reply::next(json!({"status": 401, "body": body}))
}

/// The keys with which the provider was called since it was last asked.
fn keys(stack: &Stack) -> Vec<String> {
    stack.provider.seen().into_iter().filter_map(|seen| seen.key).collect()
}

/// Planted in an export, in variables, tweaks, headers and addresses; quoted by the provider in answers and errors.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_left_anywhere() {
    let (stack, mut outputs) = (Stack::start().await, Outputs::default());
    let post = async |path: &str, body: Json| stack.post(path, &body).await;

    let drawn = with_key(stack.drawn("tweaks"), TYPED);
    let created = post("/api/v1/flows/", json!({"name": "typed", "data": drawn})).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let moved = &created.body["moved_credentials"][0];
    assert_eq!(moved["field"], "openai_api_key");
    assert_eq!(moved["variable"], "ChatOpenAI-1.openai_api_key");
    outputs.answer("created", &created);
    let id = created.body["id"].as_str().unwrap().to_owned();
    let process = format!("/api/v1/process/{id}");

    let variable = json!({"name": "MINE", "value": VARIABLE, "type": "Credential"});
    let made = post("/api/v1/variables/", variable).await;
    assert_eq!((made.status, &made.body["value"]), (201, &Json::Null));
    outputs.answer("made", &made);
    for (name, path) in [
        ("flow", format!("/api/v1/flows/{id}")),
        ("flows", "/api/v1/flows/".to_owned()),
        ("download", "/api/v1/flows/download/".to_owned()),
        ("variables", "/api/v1/variables/".to_owned()),
    ] {
        outputs.answer(name, &stack.call(Method::GET, &path, None).await);
    }

    // The typed key is used, whether the caller waits or not, and whatever the provider says of it.
    for sync in [true, false] {
        for (name, reply) in
            [("quoted", Reply::next(json!(format!("your key is {TYPED}")))), ("refused", refused(TYPED))]
        {
            stack.provider.script([reply]);
            let answer = post(&process, json!({"inputs": {"text": "hi"}, "sync": sync})).await;
            outputs.answer(&format!("{name}, sync {sync}"), &answer);
            if let Some(task) = answer.task() {
                let ended = stack.ended(&task).await;
                outputs.0.insert(format!("{name}, task of sync {sync}"), ended.to_string().into_bytes());
            }
            assert_eq!(keys(&stack), [TYPED.to_owned()]);
        }
    }

    // A key in a tweak, and the tenant's variable by name; the address of a callback is nobody's business either.
    let own = json!({"ChatOpenAI-1": {"openai_api_key": TWEAK, "temperature": 0}});
    for (name, reply) in [("quoted", Reply::next(json!(TWEAK))), ("refused", refused(TWEAK))] {
        stack.provider.script([reply]);
        let callback = format!("{}/site/hook?token={CALLBACK}", stack.provider.url());
        let body = json!({"inputs": {"text": "hi"}, "tweaks": own, "sync": false, "callback_url": callback});
        let answer = post(&process, body).await;
        outputs.answer(&format!("tweak {name}"), &answer);
        let task = answer.task().unwrap();
        outputs.0.insert(format!("tweak {name}, task"), stack.ended(&task).await.to_string().into_bytes());
        if name == "refused" {
            let retried = post(&format!("/api/v1/task/{task}/retry"), json!({})).await;
            assert_eq!(retried.status, 409, "{}", retried.body);
            assert!(retried.detail().contains("ChatOpenAI-1.openai_api_key"), "{}", retried.body);
            outputs.answer("retry without", &retried);
            stack.provider.script([Reply::next(json!("ok"))]);
            let retried = post(&format!("/api/v1/task/{task}/retry"), json!({"tweaks": own})).await;
            assert_eq!(retried.status, 200, "{}", retried.body);
            let ended = stack.ended(&retried.task().unwrap()).await;
            assert_eq!(ended["status"], "SUCCESS", "{ended}");
            assert!(keys(&stack).contains(&TWEAK.to_owned()));
        }
    }
    outputs.stored("after all", &stack).await;
    assert_eq!(stack.rows_with("secrets").await, 0, "what has ended keeps no secret");
    outputs.check();
    println!("canary: {} secrets, {} outputs, 0 found", SECRETS.len(), outputs.0.len());
}

/// While a task waits, its secrets wait with it: sealed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_task_holds_its_secrets_sealed() {
    let (stack, mut outputs) = (Stack::without_worker().await, Outputs::default());
    let flow = stack.create_flow(&stack.drawn("tweaks")).await;
    let body = json!({
        "inputs": {"text": "hi"}, "sync": false,
        "tweaks": {"ChatOpenAI-1": {"openai_api_key": TWEAK}},
        "callback_url": format!("{}/site/hook?token={CALLBACK}", stack.provider.url()),
    });
    let request = stack.request(Method::POST, &format!("/api/v1/process/{flow}")).header("x-api-key", KEY);
    let answer = send(request.header("X-LANGFLOW-GLOBAL-VAR-MINE", HEADER).json(&body)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    outputs.answer("queued", &answer);
    outputs.stored("queued", &stack).await;
    for message in stack.messages().await {
        outputs.0.insert(format!("message {message}"), message.to_string().into_bytes());
    }
    outputs.check();
    assert_eq!(stack.rows_with("secrets").await, 2, "the task's row says so, and its input has them");
    let task = answer.task().unwrap();
    stack.call(Method::DELETE, &format!("/api/v1/task/{task}"), None).await;
    assert_eq!(stack.rows_with("secrets").await, 0);
}

/// Which value a name stands for: the request's, else the tenant's; the operator's is never told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_stand_for_the_callers_values_first() {
    let stack = Stack::start().await;
    let mut drawn = with_key(stack.drawn("tweaks"), "MINE");
    for node in drawn["nodes"].as_array_mut().unwrap() {
        let field = &mut node["data"]["node"]["template"]["openai_api_key"];
        if field.is_object() {
            field["load_from_db"] = json!(true);
        }
    }
    let flow = stack.create_flow(&drawn).await;
    let called = async |header: Option<&str>, sync: bool| {
        let request =
            stack.request(Method::POST, &format!("/api/v1/process/{flow}")).header("x-api-key", KEY);
        let request = header
            .iter()
            .fold(request, |request, value| request.header("x-langflow-global-var-mine", *value));
        stack.provider.script([Reply::next(json!("ok"))]);
        let answer = send(request.json(&json!({"inputs": {"text": "hi"}, "sync": sync}))).await;
        if let Some(task) = answer.task().filter(|_| !sync) {
            stack.ended(&task).await;
        }
        keys(&stack).pop()
    };
    for sync in [true, false] {
        assert_eq!(called(Some(HEADER), sync).await, Some(HEADER.to_owned()));
        // The flow brings an address along, so that the operator's key stays where it is.
        assert_eq!(called(None, sync).await, None);
    }
    let variable = json!({"name": "MINE", "value": VARIABLE, "type": "Credential"});
    let made = stack.post("/api/v1/variables/", &variable).await;
    for sync in [true, false] {
        assert_eq!(called(None, sync).await, Some(VARIABLE.to_owned()));
        assert_eq!(called(Some(HEADER), sync).await, Some(HEADER.to_owned()));
    }
    let path = format!("/api/v1/variables/{}", made.body["id"].as_str().unwrap());
    let patched = stack.call(Method::PATCH, &path, Some(&json!({"value": "sk-another-value"}))).await;
    assert_eq!((patched.status, &patched.body["name"]), (200, &json!("MINE")));
    assert_eq!(called(None, true).await.as_deref(), Some("sk-another-value"));
    assert_eq!(stack.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(called(None, true).await, None);
}

/// A key that only runs flows cannot have the tenant's keys sent elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_may_change_a_flow_says_where_its_keys_go() {
    let stack = Stack::start().await;
    let flow = stack.create_flow(&with_key(stack.drawn("tweaks"), TYPED)).await;
    let key = |scopes: Json| json!({"name": "narrow", "scopes": scopes});
    let made = async |scopes| stack.post("/api/v1/api_key/", &key(scopes)).await.body["api_key"].clone();
    let (runs, deploys) = (made(json!(["run"])).await, made(json!(["run", "deploy"])).await);
    let away = json!({"ChatOpenAI-1": {"openai_api_base": stack.provider.base_url()}});
    let with_own =
        json!({"ChatOpenAI-1": {"openai_api_base": stack.provider.base_url(), "openai_api_key": TWEAK}});
    let call = async |key: &Json, tweaks: &Json, header: Option<&str>, sync: bool| {
        let request = stack.request(Method::POST, &format!("/api/v1/process/{flow}"));
        let request = request.header("x-api-key", key.as_str().unwrap());
        let request = header
            .iter()
            .fold(request, |request, value| request.header("x-langflow-global-var-openai_base_url", *value));
        send(request.json(&json!({"inputs": {"text": "hi"}, "tweaks": tweaks, "sync": sync}))).await
    };
    for sync in [true, false] {
        stack.provider.script([]);
        let refused = call(&runs, &away, None, sync).await;
        assert_eq!(refused.status, 403, "{}", refused.body);
        assert!(refused.detail().contains("ChatOpenAI-1.openai_api_base"), "{}", refused.body);
        let refused = call(&runs, &json!({}), Some("https://elsewhere.example"), sync).await;
        assert_eq!(refused.status, 403, "{}", refused.body);
        assert!(keys(&stack).is_empty());
        // The key that it brings could be another than the one that would be sent.
        assert_eq!(call(&runs, &with_own, None, sync).await.status, 403);
        assert_eq!(call(&deploys, &away, None, sync).await.status, 200);
    }
}

/// A flow that refers to the operator's variable by name does not learn it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flow_cannot_read_the_operators_variables() {
    let stack = Stack::start().await;
    let mut drawn = stack.drawn("tweaks");
    for node in drawn["nodes"].as_array_mut().unwrap() {
        if node["id"] == "PromptTemplate-1" {
            node["data"]["node"]["template"]["template"]["value"] = json!("OPENAI_API_KEY");
            node["data"]["node"]["template"]["template"]["load_from_db"] = json!(true);
        }
    }
    let flow = stack.create_flow(&drawn).await;
    let answer = stack.post(&format!("/api/v1/process/{flow}"), &json!({"inputs": {"text": "hi"}})).await;
    assert!(!answer.body.to_string().contains("sk-operator"), "{}", answer.body);
    assert!(stack.provider.seen().iter().all(|seen| !seen.body.to_string().contains("sk-operator")));
}
