//! A function that is a binary: environments are started as they are needed, up to a limit, and reused.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Semaphore;

use super::environment::{Environment, LogLine};
use crate::function::check_event;
use crate::{Function, FunctionError};

/// Is told a line that a function wrote.
pub type OnLine = Arc<dyn Fn(&LogLine) + Send + Sync>;

/// How to run a function's binary.
#[derive(Clone)]
pub struct ProcessConfig {
    /// The function's name.
    pub name: String,
    /// The binary.
    pub program: PathBuf,
    /// Its arguments; a Lambda function has none.
    pub args: Vec<String>,
    /// Its variables, besides those of the Lambda environment.
    pub environment: Vec<(String, String)>,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, in MB. Nothing enforces it.
    pub memory_mb: u32,
    /// What an invocation may take; then the environment is killed.
    pub timeout: Duration,
    /// Environments at once. A further event waits for one to be free (Lambda would refuse it as throttled).
    pub max_environments: usize,
    /// Told each line that the function writes; without it they go to `tracing`.
    pub on_line: Option<OnLine>,
}

impl ProcessConfig {
    /// 128 MB, 30 seconds, at most ten environments.
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            args: Vec::new(),
            environment: Vec::new(),
            memory_mb: 128,
            timeout: Duration::from_secs(30),
            max_environments: 10,
            on_line: None,
        }
    }
}

/// A binary as a [`Function`]. An environment whose process has died is replaced by the next event.
pub struct Process {
    config: ProcessConfig,
    free: Semaphore,
    idle: Mutex<Vec<Environment>>,
    starts: Mutex<Vec<Duration>>,
}

impl Process {
    /// Starts nothing yet: the first event does.
    pub fn new(config: ProcessConfig) -> Self {
        let free = Semaphore::new(config.max_environments.max(1));
        Self { config, free, idle: Mutex::default(), starts: Mutex::default() }
    }

    /// For each environment that was started, the time from exec to its first poll.
    pub fn start_times(&self) -> Vec<Duration> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes no more events, waits for those that run, and ends all processes.
    pub async fn stop(&self) {
        let all = u32::try_from(self.config.max_environments.max(1)).unwrap_or(u32::MAX);
        let running = self.free.acquire_many(all).await;
        self.free.close();
        let idle = std::mem::take(&mut *self.idle());
        futures::future::join_all(idle.into_iter().map(Environment::stop)).await;
        drop(running);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Environment>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The environment that was used last (as Lambda prefers), or a new one.
    async fn environment(&self) -> Result<Environment, FunctionError> {
        while let Some(mut environment) = { self.idle().pop() } {
            if environment.is_alive() {
                return Ok(environment);
            }
        }
        let environment = Environment::start(&self.config).await?;
        let start_ms = environment.start.as_secs_f64() * 1e3;
        tracing::debug!(function = self.config.name, start_ms, "environment started");
        self.starts.lock().unwrap_or_else(PoisonError::into_inner).push(environment.start);
        Ok(environment)
    }
}

#[async_trait]
impl Function for Process {
    async fn invoke(&self, event: Bytes) -> Result<Bytes, FunctionError> {
        check_event(&event)?;
        let stopped = |_| FunctionError::new("Lambda.Stopped", "The function is being stopped.");
        let _slot = self.free.acquire().await.map_err(stopped)?;
        let mut environment = self.environment().await?;
        let outcome = environment.invoke(event, self.config.timeout).await;
        if environment.is_alive() {
            self.idle().push(environment);
        }
        outcome
    }
}
