//! A folder to start from, and what runs in it.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// The key that the local cloud is started with.
pub const KEY: &str = "a-key-of-mine";
/// The flow of the demo: 0.x, one model call, its input is `text`.
pub const FLOW: &str = include_str!("../../flows/guide.json");
/// How long the local cloud may take to start.
const START: Duration = Duration::from_secs(30);

/// An empty folder, which is also the home of the commands that run in it. Dropped, it goes.
pub struct Home {
    pub folder: PathBuf,
}

/// A local cloud in memory. Dropped, it is killed.
pub struct Local {
    process: Child,
    pub url: String,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// What it printed, where it did what it was asked.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out.trim_end()
    }

    /// The same as JSON, which is all that may stand on standard output.
    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_str(self.ok()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Ended with a code and a sentence that says this, without an answer and without the key.
    #[track_caller]
    pub fn failed(&self, code: i32, says: &str) {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{self:?}");
        assert!(self.err.contains(says), "{says} is not in {self:?}");
        assert!(!self.err.contains(KEY) && !self.err.contains("panicked"), "{self:?}");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Home {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("millrace-home-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self { folder }
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `millrace` with these words, to be run in this folder with no variables but its own.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
        command.args(words).current_dir(&self.folder).env_clear().env("HOME", &self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, words: &[&str]) -> Ended {
        ended(self.command(words).spawn().unwrap())
    }

    /// The same with something on standard input.
    pub fn run_with(&self, words: &[&str], input: &str) -> Ended {
        let mut process = self.command(words).stdin(Stdio::piped()).spawn().unwrap();
        process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        ended(process)
    }

    /// A local cloud whose models take so long to answer.
    pub fn local(&self, provider_ms: u32) -> Local {
        let port = free_port();
        let (port, delay) = (port.to_string(), provider_ms.to_string());
        let mut command =
            self.command(&["local", "--memory", "--port", &port, "--key", KEY, "--provider-delay", &delay]);
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let local = Local { process, url: format!("http://127.0.0.1:{port}") };
        let started = Instant::now();
        while self.run(&["flow", "list", "--quiet", "--url", &local.url, "--key", KEY]).code != Some(0) {
            assert!(started.elapsed() < START, "the local cloud does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        local
    }

    /// A profile of that cloud, which is then in use.
    pub fn profile(&self, local: &Local) {
        self.run_with(&["profile", "set", "mine", "--url", &local.url, "--key-stdin"], &format!("{KEY}\n"))
            .ok();
    }

    /// The flow of the demo, pushed; its id.
    pub fn pushed(&self) -> String {
        self.file("guide.json", FLOW);
        self.run(&["push", "guide.json"]).ok().to_owned()
    }

    pub fn profiles(&self) -> PathBuf {
        self.folder.join(Path::new(".config/millrace/profiles.json"))
    }
}

/// A port that nobody listens at.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn ended(process: Child) -> Ended {
    let done = process.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: done.status.code(), out: text(done.stdout), err: text(done.stderr) }
}
