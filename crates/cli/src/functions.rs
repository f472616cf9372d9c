//! The functions of Millrace, as the local cloud calls them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use millrace_local::{
    Function, FunctionError, LocalCloud, Process, ProcessConfig, WatchedFunction, from_async,
};
use millrace_outbound::Outbound;
use millrace_runner::Runner;
use millrace_runner::environment::Environment;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::args::Cloud;
use crate::master_key::KeyFile;
use crate::stack::{function_variables, store};

/// The functions' own limits, as the template has them.
const API_TIMEOUT: Duration = Duration::from_secs(120);
pub(crate) const WORKER_TIMEOUT: Duration = Duration::from_secs(15 * 60);
const SWEEPER_TIMEOUT: Duration = Duration::from_secs(55);

/// The functions, in one of the three forms that the local cloud can call.
pub(crate) struct Functions {
    pub api: Arc<dyn Function>,
    pub worker: Arc<dyn Function>,
    pub sweeper: Arc<dyn Function>,
    pub processes: Vec<Arc<Process>>,
}

impl Functions {
    pub async fn new(
        args: &Cloud,
        cloud: &LocalCloud,
        (environment, key): (&Environment, &KeyFile),
    ) -> Result<Self> {
        if let Some(base) = &args.watched {
            let watched = |name| Arc::new(WatchedFunction::new(base, name));
            let (api, worker, sweeper) = (watched("api"), watched("worker"), watched("sweeper"));
            return Ok(Self { api, worker, sweeper, processes: Vec::new() });
        }
        if args.processes {
            let folder = args.functions.clone().map_or_else(own_folder, Ok)?;
            let variables = function_variables(cloud, environment, key);
            let start = |name, timeout| process(&folder, name, &variables, timeout);
            let (api, worker) = (start("api", API_TIMEOUT)?, start("worker", WORKER_TIMEOUT)?);
            let sweeper = start("sweeper", SWEEPER_TIMEOUT)?;
            let processes = vec![api.clone(), worker.clone(), sweeper.clone()];
            return Ok(Self { api, worker, sweeper, processes });
        }
        Ok(Self {
            api: hosted_api(cloud, environment).await?,
            worker: hosted_worker(cloud, environment).await?,
            sweeper: hosted_sweeper(cloud, environment).await?,
            processes: Vec::new(),
        })
    }
}

async fn hosted_api(cloud: &LocalCloud, environment: &Environment) -> Result<Arc<dyn Function>> {
    let app = millrace_api::App::new(runner(cloud, environment).await?, environment.max_body_bytes);
    let router = millrace_api::router(Arc::new(app));
    Ok(Arc::new(from_async(move |event: Bytes| {
        let router = router.clone();
        async move { millrace_api::handle(&router, &event).await.map(Bytes::from).map_err(failed) }
    })))
}

async fn hosted_worker(cloud: &LocalCloud, environment: &Environment) -> Result<Arc<dyn Function>> {
    let runner = runner(cloud, environment).await?;
    Ok(Arc::new(from_async(move |event: Bytes| {
        let runner = runner.clone();
        async move {
            let deadline = Some(Instant::now() + WORKER_TIMEOUT);
            millrace_worker::handle_json(&runner, &event, deadline).await.map(Bytes::from).map_err(failed)
        }
    })))
}

async fn hosted_sweeper(cloud: &LocalCloud, environment: &Environment) -> Result<Arc<dyn Function>> {
    let runner = runner(cloud, environment).await?;
    Ok(Arc::new(from_async(move |event: Bytes| {
        let runner = runner.clone();
        async move {
            let deadline = Some(Instant::now() + SWEEPER_TIMEOUT);
            millrace_sweeper::handle_json(&runner, &event, deadline).await.map(Bytes::from).map_err(failed)
        }
    })))
}

fn failed(error: impl std::fmt::Display) -> FunctionError {
    FunctionError::new("Runtime.HandlerError", error.to_string())
}

/// The folder of this command.
pub(crate) fn own_folder() -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find the folder of this command")?;
    Ok(own.parent().map(Path::to_path_buf).unwrap_or_default())
}

/// The binary of a function.
///
/// # Errors
/// There is none in the folder.
pub(crate) fn program(folder: &Path, name: &str) -> Result<PathBuf> {
    // `cargo lambda build` calls every binary `bootstrap`, in a folder of the function's name.
    let found =
        [folder.join(name).join("bootstrap"), folder.join(name)].into_iter().find(|path| path.is_file());
    let Some(program) = found else {
        bail!(
            "there is no function '{name}' in {}; build it with `cargo build -p millrace-{name}`, \
             or name the folder with --functions",
            folder.display()
        );
    };
    Ok(program)
}

fn process(
    folder: &Path,
    name: &str,
    variables: &[(String, String)],
    timeout: Duration,
) -> Result<Arc<Process>> {
    let program = program(folder, name)?;
    let config =
        ProcessConfig { environment: variables.to_vec(), timeout, ..ProcessConfig::new(name, program) };
    Ok(Arc::new(Process::new(config)))
}

/// Work that an answer leaves behind goes on in this process; recovery takes over what its end cuts off.
async fn runner(cloud: &LocalCloud, environment: &Environment) -> Result<Runner> {
    let outbound = Outbound::new(environment.outbound_config())?;
    let (registry, config) = (millrace_components::registry(), environment.runner_config());
    let store = store(cloud, environment).await;
    let runner = Runner::with_background(store, registry, outbound, config, TaskTracker::new());
    Ok(environment.exporting(runner)?)
}
