//! One environment: a child process, its Runtime API, and what it writes.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use uuid::Uuid;

use super::child::{Handle, Running};
use super::process::ProcessConfig;
use super::runtime_api::RuntimeApi;
use crate::FunctionError;

/// How long a process has after SIGTERM: what Lambda gives a runtime that has internal extensions.
const TERMINATION_LIMIT: Duration = Duration::from_millis(500);
/// What Lambda gives external extensions to shut down.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);
/// All that a function inherits from this process: without them some systems start no program.
const INHERITED: [&str; 6] = ["PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "SystemRoot"];

/// Where a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line that a function wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The function's name.
    pub function: Arc<str>,
    /// Where it was written.
    pub stream: LogStream,
    /// The text, without its line end.
    pub text: String,
}

pub(super) struct Environment {
    api: RuntimeApi,
    process: Running,
    exec: Instant,
}

impl Environment {
    /// Starts the binary.
    pub(super) async fn spawn(config: &ProcessConfig) -> Result<Self, FunctionError> {
        let entry = |error: &dyn std::fmt::Display| {
            let message = format!("{} did not start: {error}", config.program.display());
            FunctionError::new("Runtime.InvalidEntrypoint", message)
        };
        let api = RuntimeApi::start(&config.name).await.map_err(|error| entry(&error))?;
        let exec = Instant::now();
        let mut child = command(config, &api.address()).spawn().map_err(|error| entry(&error))?;
        let name: Arc<str> = Arc::from(config.name.as_str());
        if let Some(out) = child.stdout.take() {
            forward(out, LogStream::Stdout, name.clone(), config);
        }
        if let Some(err) = child.stderr.take() {
            forward(err, LogStream::Stderr, name, config);
        }
        Ok(Self { api, process: Running::new(child), exec })
    }

    /// Waits for the first poll of the runtime and its extensions, and says how long after exec it came.
    pub(super) async fn started(&self, limit: Duration) -> Result<Duration, FunctionError> {
        tokio::select! {
            biased;
            started = self.api.started() => started?,
            status = self.process.handle().exited() => return Err(exited("INIT", &status)),
            () = tokio::time::sleep(limit) => {
                let message = format!("The function asked for no event within {} seconds.", limit.as_secs_f64());
                return Err(FunctionError::new("Sandbox.Timedout", message));
            }
        }
        Ok(self.exec.elapsed())
    }

    /// The process, to look at or to end.
    pub(super) fn process(&self) -> &Handle {
        self.process.handle()
    }

    /// Whether it can take events.
    pub(super) fn is_alive(&self) -> bool {
        self.process().is_alive() && !self.api.has_failed()
    }

    /// Whether [`Environment::settle`] has to be awaited between two events.
    pub(super) fn works_after_answers(&self) -> bool {
        self.api.works_after_answers()
    }

    /// Runs one event. After a timeout or a crash the environment is dead: see [`Environment::is_alive`].
    pub(super) async fn invoke(&self, event: Bytes, timeout: Duration) -> Result<Bytes, FunctionError> {
        let id = Uuid::new_v4().to_string();
        tokio::select! {
            biased;
            outcome = self.api.invoke(&id, event, timeout) => return outcome,
            status = self.process().exited() => return Err(exited(&id, &status)),
            () = tokio::time::sleep(timeout) => {}
        }
        self.process().kill().await;
        let message =
            format!("RequestId: {id} Error: Task timed out after {:.2} seconds", timeout.as_secs_f64());
        Err(FunctionError::new("Sandbox.Timedout", message))
    }

    /// Waits until the extensions have done what they do after an answer. `left` is what remains of the event's time;
    /// then the process is killed, as Lambda does.
    pub(super) async fn settle(&self, left: Duration) {
        let problem = tokio::select! {
            biased;
            freed = self.api.free() => freed.err(),
            status = self.process().exited() => Some(exited("after its answer", &status)),
            () = tokio::time::sleep(left) => {
                self.process().kill().await;
                Some(FunctionError::new("Sandbox.Timedout", "An extension went on after the answer for too long."))
            }
        };
        if let Some(error) = problem {
            tracing::warn!(%error, "an environment ended before its extensions had finished");
        }
    }

    /// Ends the process and waits for its end: with notice where there are extensions, as Lambda does, at once otherwise.
    pub(super) async fn stop(self) {
        if self.api.has_extensions() {
            self.api.shut_down("spindown", SHUTDOWN_LIMIT);
            self.process().terminate();
            let _ = tokio::time::timeout(TERMINATION_LIMIT, self.process().exited()).await;
        }
        self.process().kill().await;
        self.api.stop().await;
    }
}

/// The binary with the variables of the Lambda environment and the function's own, and next to nothing else.
fn command(config: &ProcessConfig, runtime_api: &str) -> Command {
    let mut command = Command::new(&config.program);
    command.args(&config.args).env_clear().kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in INHERITED {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("TZ", ":UTC")
        .env("_HANDLER", "bootstrap")
        .env("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023")
        .env("AWS_LAMBDA_FUNCTION_NAME", &config.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", config.memory_mb.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", config.name))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/[$LATEST]{}", Uuid::new_v4().simple()))
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .envs(config.environment.iter().map(|(name, value)| (name, value)));
    command
}

/// Hands on each line until the stream ends, which it does with the process.
fn forward(
    stream: impl AsyncRead + Unpin + Send + 'static,
    of: LogStream,
    function: Arc<str>,
    config: &ProcessConfig,
) {
    let on_line = config.on_line.clone();
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(text)) = lines.next_line().await {
            let line = LogLine { function: function.clone(), stream: of, text };
            match &on_line {
                Some(on_line) => on_line(&line),
                None => tracing::info!(function = &*line.function, "{}", line.text),
            }
        }
    });
}

fn exited(id: &str, status: &str) -> FunctionError {
    FunctionError::new(
        "Runtime.ExitError",
        format!("RequestId: {id} Error: Runtime exited with error: {status}"),
    )
}
