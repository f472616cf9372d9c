//! `millrace key` against the local cloud, as an operator uses it against a deployed stack: the table and the
//! endpoints come from variables.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millrace_outbound::{Outbound, OutboundConfig, Request};
use serde_json::Value as Json;

/// How long the local cloud may take to start.
const START: Duration = Duration::from_secs(30);

/// A local cloud in memory. Dropped, it is killed, and its folder goes.
struct Cloud {
    process: Child,
    folder: PathBuf,
    base: String,
    variables: Vec<(String, String)>,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// How a command ended.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    fn json(&self) -> Json {
        assert_eq!(self.code, Some(0), "{}", self.err);
        serde_json::from_str(&self.out).unwrap()
    }
}

impl Cloud {
    async fn start() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = std::env::temp_dir().join(format!("millrace-key-{}-{port}", std::process::id()));
        let file = folder.join("env");
        let process = Command::new(env!("CARGO_BIN_EXE_millrace"))
            .args(["local", "--memory", "--port", &port.to_string(), "--write-env"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let base = format!("http://127.0.0.1:{port}");
        let mut cloud = Self { process, folder, base, variables: Vec::new() };
        let started = Instant::now();
        while cloud.status("/health", "").await != Some(200) {
            assert!(started.elapsed() < START, "the local cloud does not start");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        cloud.variables = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        cloud
    }

    /// The status that a path is answered with, if it is.
    async fn status(&self, path: &str, key: &str) -> Option<u16> {
        let http =
            Outbound::new(OutboundConfig { allow_loopback: true, ..OutboundConfig::default() }).unwrap();
        let request = Request::get(format!("{}{path}", self.base)).secret_header("x-api-key", key).unwrap();
        http.send(request).await.ok().map(|response| response.status)
    }

    /// `millrace key` with these words, and the variables of this cloud but for those left out.
    fn key(&self, words: &[&str], without: &[&str]) -> Ended {
        let kept = self.variables.iter().filter(|(name, _)| !without.contains(&name.as_str()));
        let done = Command::new(env!("CARGO_BIN_EXE_millrace"))
            .env_clear()
            .envs(kept.cloned())
            // Nobody but the variables is asked who this is.
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("HOME", &self.folder)
            .arg("key")
            .args(words)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: done.status.code(), out: text(done.stdout), err: text(done.stderr) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_key_of_a_stack_is_made_used_rotated_and_revoked() {
    let cloud = Cloud::start().await;
    let made = cloud.key(&["create", "--tenant", "acme"], &[]);
    assert_eq!(made.code, Some(0), "{}", made.err);
    let first = made.out.strip_suffix('\n').unwrap();
    assert!(first.starts_with("sk-") && first.len() == 69, "the key alone: {:?}", made.out);
    assert!(made.err.contains("of tenant acme, run, read, deploy, admin") && !made.err.contains(first));
    assert_eq!(cloud.status("/api/v1/api_key/", first).await, Some(200));

    let scoped = ["create", "--json", "--tenant", "acme", "--name", "runner", "--scopes", "run,read"];
    let limits = ["--expires-days", "30", "--requests-per-minute", "5"];
    let runner = cloud.key(&[scoped.as_slice(), &limits].concat(), &[]).json();
    assert_eq!(
        (&runner["name"], &runner["scopes"]),
        (&Json::from("runner"), &serde_json::json!(["run", "read"]))
    );
    let key = runner["key"].as_str().unwrap();
    assert_eq!(cloud.status("/api/v1/flows/", key).await, Some(200));
    assert_eq!(cloud.status("/api/v1/api_key/", key).await, Some(403));

    let id = runner["id"].as_str().unwrap();
    let rotated =
        cloud.key(&["rotate", id, "--tenant", "acme", "--grace-seconds", "600", "--json"], &[]).json();
    assert_eq!((&rotated["rotated"], &rotated["scopes"]), (&runner["id"], &runner["scopes"]));
    assert_eq!(cloud.status("/api/v1/flows/", rotated["key"].as_str().unwrap()).await, Some(200));
    assert_eq!(cloud.status("/api/v1/flows/", key).await, Some(200), "for ten minutes");
    let again = cloud.key(&["rotate", id, "--tenant", "acme"], &[]);
    assert!(again.code == Some(1) && again.err.contains("has been rotated"), "{}", again.err);

    let id = rotated["id"].as_str().unwrap();
    assert_eq!(cloud.key(&["list", "--tenant", "acme", "--json"], &[]).json().as_array().unwrap().len(), 3);
    assert_eq!(cloud.key(&["revoke", id, "--tenant", "other"], &[]).code, Some(1));
    assert_eq!(cloud.key(&["revoke", id, "--tenant", "acme"], &[]).code, Some(0));
    let listed = cloud.key(&["list", "--tenant", "acme"], &[]);
    assert!(listed.out.lines().count() == 2 && !listed.out.contains(id) && !listed.out.contains(first));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_said_and_ends_with_1() {
    let cloud = Cloud::start().await;
    let secrets = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let regions = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    for (words, without, says) in [
        (&["create", "--tenant", "acme"][..], secrets.as_slice(), "no AWS credentials"),
        (&["create", "--tenant", "acme"], &regions, "no AWS region"),
        (&["create", "--tenant", "acme"], &["MILLRACE_TABLE"], "--table"),
        (&["create", "--tenant", "acme", "--table", "nowhere"], &[], "no table 'nowhere'"),
        (&["list", "--tenant", "acme", "--table", "nowhere"], &[], "no table 'nowhere'"),
        (&["list"], &[], "--tenant"),
        (&["revoke", "5e0c1a3b-2f4d-4b6e-8a9c-7d1e2f3a4b5c", "--tenant", "acme"], &[], "has no key"),
        (&["rotate", "5e0c1a3b-2f4d-4b6e-8a9c-7d1e2f3a4b5c", "--tenant", "acme"], &[], "has no key"),
    ] {
        let ended = cloud.key(words, without);
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{words:?}: {}", ended.err);
        assert!(ended.err.contains(says), "{words:?}: {}", ended.err);
    }
    for words in [
        &["create", "--tenant", "Acme"][..],
        &["create", "--tenant", "acme", "--scopes", "fly"],
        &["create", "--tenant", "acme", "--expires-days", "0"],
        &["rotate", "5e0c1a3b-2f4d-4b6e-8a9c-7d1e2f3a4b5c", "--tenant", "acme", "--grace-seconds", "604801"],
    ] {
        assert_eq!(cloud.key(words, &[]).code, Some(2), "{words:?}");
    }
}
