//! A function that is a binary: environments are started as they are needed, up to a limit, and reused.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join_all;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::child::Handle;
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
    /// What a start may take, up to the first poll; Lambda allows 10 seconds.
    pub start_limit: Duration,
    /// What an invocation may take, with what extensions do after its answer; then the environment is killed.
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
            start_limit: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            max_environments: 10,
            on_line: None,
        }
    }
}

/// A binary as a [`Function`]. An environment whose process has died is replaced by the next event.
///
/// Where the binary has registered an extension for `INVOKE`, the invoker has its answer at once, and the environment takes
/// the next event only when that extension has asked for it; an event that comes meanwhile has another environment.
pub struct Process {
    config: ProcessConfig,
    free: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Environment>>>,
    /// Environments that work on after an answer. Dropped with the rest.
    settling: Mutex<JoinSet<()>>,
    processes: Mutex<Vec<Handle>>,
    starts: Mutex<Vec<Duration>>,
}

impl Process {
    /// Starts nothing yet: the first event does.
    pub fn new(config: ProcessConfig) -> Self {
        let free = Arc::new(Semaphore::new(config.max_environments.max(1)));
        Self {
            config,
            free,
            idle: Arc::default(),
            settling: Mutex::default(),
            processes: Mutex::default(),
            starts: Mutex::default(),
        }
    }

    /// For each environment that was started, the time from exec to its first poll.
    pub fn start_times(&self) -> Vec<Duration> {
        lock(&self.starts).clone()
    }

    /// The ids of the processes that run, those that are starting among them.
    pub fn pids(&self) -> Vec<u32> {
        self.living().iter().map(Handle::pid).collect()
    }

    /// Starts an environment before there is an event for it, as provisioned concurrency does.
    ///
    /// # Errors
    /// The binary cannot be started, ends, reports that its start failed, or asks for no event in time.
    pub async fn start(&self) -> Result<(), FunctionError> {
        let environment = self.environment().await?;
        release(&self.idle, environment);
        Ok(())
    }

    /// SIGTERM to the process of every environment, and SIGKILL to what still runs after `limit`; returns when all are gone.
    pub async fn terminate(&self, limit: Duration) {
        let processes = self.living();
        processes.iter().for_each(Handle::terminate);
        let ends = processes.iter().map(|process| async move {
            if tokio::time::timeout(limit, process.exited()).await.is_err() {
                process.kill().await;
            }
        });
        join_all(ends).await;
    }

    /// SIGKILL to the process of every environment, now; returns when all are gone. What they were invoked for ends with
    /// `Runtime.ExitError`, and the next event starts a new environment.
    pub async fn kill(&self) {
        join_all(self.living().iter().map(Handle::kill)).await;
    }

    /// Takes no more events, waits for those that run and for what extensions do after them, and ends all processes.
    pub async fn stop(&self) {
        let all = u32::try_from(self.config.max_environments.max(1)).unwrap_or(u32::MAX);
        let running = self.free.acquire_many(all).await;
        self.free.close();
        let idle = std::mem::take(&mut *lock(&self.idle));
        join_all(idle.into_iter().map(Environment::stop)).await;
        drop(running);
    }

    fn living(&self) -> Vec<Handle> {
        let mut processes = lock(&self.processes);
        processes.retain(Handle::is_alive);
        processes.clone()
    }

    /// The environment that was used last (as Lambda prefers), or a new one.
    async fn environment(&self) -> Result<Environment, FunctionError> {
        while let Some(environment) = { lock(&self.idle).pop() } {
            if environment.is_alive() {
                return Ok(environment);
            }
        }
        let environment = Environment::spawn(&self.config).await?;
        {
            let mut processes = lock(&self.processes);
            processes.retain(Handle::is_alive);
            processes.push(environment.process().clone());
        }
        let start = environment.started(self.config.start_limit).await?;
        tracing::debug!(
            function = self.config.name,
            start_ms = start.as_secs_f64() * 1e3,
            "environment started"
        );
        lock(&self.starts).push(start);
        Ok(environment)
    }
}

#[async_trait]
impl Function for Process {
    async fn invoke(&self, event: Bytes) -> Result<Bytes, FunctionError> {
        check_event(&event)?;
        let stopped = |_| FunctionError::new("Lambda.Stopped", "The function is being stopped.");
        let slot = self.free.clone().acquire_owned().await.map_err(stopped)?;
        let environment = self.environment().await?;
        let begin = Instant::now();
        let outcome = environment.invoke(event, self.config.timeout).await;
        let idle = self.idle.clone();
        if !environment.works_after_answers() || !environment.is_alive() {
            release(&idle, environment);
            return outcome;
        }
        let left = self.config.timeout.saturating_sub(begin.elapsed());
        let mut settling = lock(&self.settling);
        while settling.try_join_next().is_some() {}
        settling.spawn(async move {
            environment.settle(left).await;
            release(&idle, environment);
            drop(slot);
        });
        outcome
    }
}

fn release(idle: &Mutex<Vec<Environment>>, environment: Environment) {
    if environment.is_alive() {
        lock(idle).push(environment);
    }
}

/// A panic while one of these locks was held cannot leave anything half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
