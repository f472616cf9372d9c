//! One environment: a child process, its Runtime API, and what it writes.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

use super::process::ProcessConfig;
use super::runtime_api::RuntimeApi;
use crate::FunctionError;

/// What Lambda allows a start, up to the first poll.
const START_LIMIT: Duration = Duration::from_secs(10);
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
    child: Child,
    /// From exec to the first poll.
    pub(super) start: Duration,
}

impl Environment {
    /// Starts the binary and waits for its first poll.
    pub(super) async fn start(config: &ProcessConfig) -> Result<Self, FunctionError> {
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
        tokio::select! {
            biased;
            started = api.started() => started?,
            status = child.wait() => return Err(exited("INIT", status)),
            () = tokio::time::sleep(START_LIMIT) => {
                return Err(FunctionError::new("Sandbox.Timedout", "The function asked for no event within 10 seconds."));
            }
        }
        Ok(Self { api, child, start: exec.elapsed() })
    }

    /// Whether the process still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Runs one event. After a timeout or a crash the environment is dead: see [`Environment::is_alive`].
    pub(super) async fn invoke(&mut self, event: Bytes, timeout: Duration) -> Result<Bytes, FunctionError> {
        let id = Uuid::new_v4().to_string();
        tokio::select! {
            biased;
            outcome = self.api.invoke(&id, event, timeout) => return outcome,
            status = self.child.wait() => return Err(exited(&id, status)),
            () = tokio::time::sleep(timeout) => {}
        }
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "a function that timed out could not be killed");
        }
        let message =
            format!("RequestId: {id} Error: Task timed out after {:.2} seconds", timeout.as_secs_f64());
        Err(FunctionError::new("Sandbox.Timedout", message))
    }

    /// Ends the process and waits for its end.
    pub(super) async fn stop(mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "a function could not be killed");
        }
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

fn exited(id: &str, status: std::io::Result<std::process::ExitStatus>) -> FunctionError {
    let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    FunctionError::new(
        "Runtime.ExitError",
        format!("RequestId: {id} Error: Runtime exited with error: {status}"),
    )
}
