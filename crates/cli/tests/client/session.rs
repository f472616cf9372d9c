//! What a person does on a good day.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value as Json, json};

use crate::home::{FLOW, Home, KEY, ended, free_port};

#[test]
fn a_flow_is_pushed_and_run_and_its_tasks_are_shown() {
    let home = Home::new();
    let local = home.local(0);
    home.profile(&local);
    let mode = std::fs::metadata(home.profiles()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others may read the key");
    let shown = home.run(&["profile", "list"]);
    assert!(shown.ok().starts_with("* mine") && !shown.out.contains(KEY), "{shown:?}");

    home.file("guide.json", FLOW);
    let pushed = home.run(&["push", "guide.json"]);
    let flow = pushed.ok().to_owned();
    assert!(flow.parse::<uuid::Uuid>().is_ok(), "the id alone: {pushed:?}");
    assert!(pushed.err.contains("is new") && pushed.err.contains("it runs"), "{pushed:?}");
    let again = home.run(&["push", "guide.json", "--json"]).json();
    assert_eq!(
        (&again["id"], &again["created"]),
        (&json!(flow), &json!(false)),
        "the same export is the same flow"
    );
    let name = again["name"].as_str().unwrap().to_owned();
    assert!(home.run(&["flow", "list"]).ok().contains(&flow));

    let run = home.run(&["run", &name, "--input", "mills", "--input-name", "text"]);
    assert!(run.ok().contains("I am the stand-in model") && run.err.contains("Session "), "{run:?}");
    let told = home.run(&["run", &flow, "--inputs", r#"{"text": "mills"}"#, "--json"]).json();
    assert_eq!(told["status"], "SUCCESS");
    assert_eq!(told["result"]["text"].as_str(), Some(run.ok()), "{told}");
    let piped = home.run_with(&["run", &name, "--input", "-", "--input-name", "text", "--quiet"], "mills\n");
    assert_eq!((piped.ok(), piped.err.as_str()), (run.ok(), ""));

    let task = home.run(&["run", &flow, "--inputs", r#"{"text": "mills"}"#, "--detach"]).ok().to_owned();
    let tail = home.run(&["task", "tail", &task]);
    assert!(tail.ok().ends_with(run.ok()) && tail.ok().contains("succeeded"), "{tail:?}");
    let got = home.run(&["task", "get", &task, "--json"]).json();
    assert_eq!((&got["task_id"], &got["state"]), (&json!(task), &json!("succeeded")));
    assert!(home.run(&["task", "get", &task]).ok().contains("USD by estimate"));
    let listed =
        home.run(&["task", "list", "--state", "succeeded", "--json", "--all", "--limit", "1"]).json();
    assert_eq!(listed["tasks"].as_array().unwrap().len(), 4, "{listed}");
    let used = home.run(&["usage", "--json"]).json();
    assert_eq!(used["days"][0]["tasks"]["succeeded"], json!(4), "{used}");
    assert!(home.run(&["usage"]).ok().contains("USD by estimate"));

    let exported = home.run(&["flow", "get", &flow]);
    assert_eq!(exported.json()["name"], json!(name));
    home.run(&["flow", "delete", &flow]).ok();
    home.run(&["run", &flow, "--inputs", "{}"]).failed(5, "");
}

#[test]
fn a_task_that_takes_its_time_is_followed_cancelled_and_tried_again() {
    let home = Home::new();
    let local = home.local(3_000);
    home.profile(&local);
    let flow = home.pushed();
    let queue = ["run", &flow, "--inputs", r#"{"text": "mills"}"#, "--detach"];

    let waited = home.run(&["run", &flow, "--inputs", r#"{"text": "x"}"#, "--wait"]);
    assert!(!waited.ok().is_empty(), "{waited:?}");

    let task = home.run(&queue).ok().to_owned();
    home.run(&["task", "cancel", &task]).ok();
    let tail = home.run(&["task", "tail", &task]);
    assert_eq!(tail.code, Some(6), "{tail:?}");
    assert!(tail.err.contains("was cancelled"), "{tail:?}");
    assert!(home.run(&["task", "list", "--state", "cancelled"]).ok().contains(&task));
    // Only what has failed is tried again.
    home.run(&["task", "retry", &task]).failed(1, "409");

    let tweaks = json!({node(FLOW, "ChatOpenAI"): {"openai_api_base": "http://127.0.0.1:9/v1"}}).to_string();
    let failed = home.run(&["run", &flow, "--inputs", r#"{"text": "x"}"#, "--tweaks", &tweaks, "--json"]);
    assert_eq!(failed.code, Some(6), "{failed:?}");
    let told: Json = serde_json::from_str(&failed.out).unwrap();
    assert_eq!(told["status"], "FAILURE", "{told}");
}

/// The id of the node of a type.
fn node(export: &str, kind: &str) -> String {
    let export: Json = serde_json::from_str(export).unwrap();
    let nodes = export["data"]["nodes"].as_array().unwrap();
    nodes.iter().find(|node| node["data"]["type"] == kind).unwrap()["id"].as_str().unwrap().to_owned()
}

/// `millrace task list | head -1`: whoever reads has gone, and that is no failure.
#[test]
fn a_pipe_that_closes_ends_it_quietly() {
    let home = Home::new();
    let local = home.local(0);
    home.profile(&local);
    let flow = home.pushed();
    for _ in 0..3 {
        home.run(&["run", &flow, "--inputs", r#"{"text": "x"}"#]).ok();
    }
    let mut process = home.command(&["task", "list", "--all", "--limit", "1"]).spawn().unwrap();
    let mut first = String::new();
    let mut out = BufReader::new(process.stdout.take().unwrap());
    out.read_line(&mut first).unwrap();
    drop(out);
    let ended = ended(process);
    assert!(first.contains(&flow), "{first}");
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

/// `millrace local | head -1`: it goes on to serve.
#[test]
fn a_local_cloud_serves_whether_anybody_reads_or_not() {
    let home = Home::new();
    let port = free_port().to_string();
    let words = ["local", "--memory", "--port", &port, "--key", KEY];
    let mut process = home.command(&words).spawn().unwrap();
    let mut first = String::new();
    let mut out = BufReader::new(process.stdout.take().unwrap());
    out.read_line(&mut first).unwrap();
    drop(out);
    let url = format!("http://127.0.0.1:{port}");
    assert!(first.contains(&url), "{first}");
    let listed = home.run(&["flow", "list", "--url", &url, "--key", KEY]);
    process.kill().unwrap();
    let ended = ended(process);
    assert!(!ended.err.contains("panicked"), "{ended:?}");
    listed.ok();
}

#[test]
fn every_shell_gets_its_script() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.run(&["completions", shell]);
        assert!(script.ok().contains("millrace") && script.ok().contains("push"), "{shell}");
    }
    home.run(&["completions", "cmd"]).failed(2, "invalid value");
}

#[test]
fn profiles_are_kept_used_and_forgotten() {
    let home = Home::new();
    for (name, url) in [("one", "http://127.0.0.1:1"), ("two", "https://api.example.com/")] {
        home.run_with(&["profile", "set", name, "--url", url, "--key-stdin"], "sk-12345678\n").ok();
    }
    let list = |expected: &str| assert!(home.run(&["profile", "list"]).ok().contains(expected), "{expected}");
    list("* one");
    home.run(&["profile", "use", "two"]).ok();
    list("* two");
    let shown = home.run(&["profile", "show", "--json"]).json();
    assert_eq!((&shown["name"], &shown["url"]), (&json!("two"), &json!("https://api.example.com")));
    assert!(!shown.to_string().contains("sk-12345678"), "{shown}");
    home.run(&["profile", "remove", "two"]).ok();
    home.run(&["profile", "show"]).failed(5, "no profile is in use");
    home.run(&["profile", "show", "two"]).failed(5, "two");
}
