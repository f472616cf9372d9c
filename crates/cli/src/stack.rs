//! The whole of Millrace on one machine: the local cloud, the functions, and what calls them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use millrace_local::{
    EventSource, EventSourceConfig, Front, FrontConfig, Function, FunctionError, LocalCloud, LocalConfig,
    Process, ProcessConfig, Provider, ProviderConfig, WatchedFunction, from_async,
};
use millrace_outbound::Outbound;
use millrace_runner::Runner;
use millrace_runner::environment::Environment;
use millrace_store::{Store, SystemHost, create_table_if_absent};

use crate::args::{Cloud, LocalKey};

/// What a synchronous run may take here, as behind an HTTP API.
const SYNC_TIMEOUT: Duration = Duration::from_secs(28);
/// What a task may take in the worker, as in a function of 15 minutes.
const TASK_TIMEOUT: Duration = Duration::from_secs(14 * 60);
/// Batches that the worker is given at once.
const WORKERS: usize = 10;

/// Everything that was started.
pub(crate) struct Stack {
    cloud: LocalCloud,
    front: Front,
    source: EventSource,
    provider: Option<Provider>,
    processes: Vec<Arc<Process>>,
    store: Store,
    /// What flows use that name no provider of their own.
    pub provider_url: String,
}

impl Stack {
    /// Starts everything. Afterwards `GET /health` answers.
    pub async fn start(args: &Cloud, keys: &[LocalKey]) -> Result<Self> {
        let config = LocalConfig {
            data: (!args.memory).then(|| args.data.clone()),
            // As on AWS: longer than the function may take, so that a running task is not delivered twice.
            visibility_timeout: TASK_TIMEOUT + Duration::from_secs(60),
            ..LocalConfig::default()
        };
        let table = config.table.clone();
        let cloud = LocalCloud::start(config).await?;
        create_table_if_absent(&cloud.dynamodb_client(), &table).await?;
        let (provider, variables) = provider(args).await?;
        let environment = environment(&cloud, table, variables);
        let provider_url = provider_url(&environment.variables);
        if let Some(file) = &args.write_env {
            write_env_file(file, &function_variables(&cloud, &environment))?;
        }
        let store = store(&cloud, &environment);
        for key in keys {
            store.seed_key(&key.tenant, &key.text, "local").await?;
        }
        let functions = Functions::new(args, &cloud, &environment).await?;
        let front =
            Front::start(FrontConfig { port: args.port, ..FrontConfig::default() }, functions.api).await?;
        let source = EventSourceConfig {
            max_concurrency: WORKERS,
            ..EventSourceConfig::new(cloud.queue_url(), cloud.queue_arn())
        };
        let source = EventSource::start(cloud.sqs_client(), source, functions.worker);
        Ok(Self { cloud, front, source, provider, processes: functions.processes, store, provider_url })
    }

    /// Where the HTTP API is.
    pub fn url(&self) -> String {
        self.front.url()
    }

    /// The store, to make the first key.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether models are played by the stand-in provider.
    pub fn is_stand_in(&self) -> bool {
        self.provider.is_some()
    }

    /// For each process that was started, the time from exec to its first poll of the Runtime API.
    pub fn start_times(&self) -> Vec<Duration> {
        self.processes.iter().flat_map(|process| process.start_times()).collect()
    }

    /// Stops in the order in which work flows: no new requests, no new batches, then what keeps them.
    pub async fn stop(self) {
        self.front.stop().await;
        self.source.stop().await;
        for process in self.processes {
            process.stop().await;
        }
        if let Some(provider) = self.provider {
            provider.stop().await;
        }
        self.cloud.shutdown().await;
    }
}

/// The operator's provider if the environment names one, else the stand-in.
async fn provider(args: &Cloud) -> Result<(Option<Provider>, BTreeMap<String, String>)> {
    let names = ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"];
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut variables: BTreeMap<String, String> =
        names.into_iter().filter_map(|name| Some((name.to_owned(), set(name)?))).collect();
    if !variables.is_empty() {
        return Ok((None, variables));
    }
    let provider =
        Provider::start(ProviderConfig { port: 0, delay: Duration::from_millis(args.provider_delay) })
            .await?;
    variables.insert("OPENAI_API_KEY".to_owned(), "stand-in".to_owned());
    variables.insert("OPENAI_BASE_URL".to_owned(), provider.base_url());
    Ok((Some(provider), variables))
}

fn provider_url(variables: &BTreeMap<String, String>) -> String {
    let named = variables.get("OPENAI_BASE_URL").or_else(|| variables.get("OPENAI_API_BASE"));
    named.cloned().unwrap_or_else(|| "https://api.openai.com/v1".to_owned())
}

fn environment(cloud: &LocalCloud, table: String, variables: BTreeMap<String, String>) -> Environment {
    Environment {
        plain_keys: true,
        allow_loopback: true,
        variables,
        run_timeout: SYNC_TIMEOUT,
        ..Environment::new(table, cloud.queue_url())
    }
}

fn store(cloud: &LocalCloud, environment: &Environment) -> Store {
    let host = Arc::new(SystemHost);
    Store::new(cloud.dynamodb_client(), cloud.sqs_client(), environment.store_config(), host)
}

fn runner(cloud: &LocalCloud, environment: &Environment) -> Result<Runner> {
    let outbound = Outbound::new(environment.outbound_config())?;
    let registry = millrace_components::registry();
    Ok(Runner::new(store(cloud, environment), registry, outbound, environment.runner_config()))
}

/// The two functions, in one of the three forms that the local cloud can call.
struct Functions {
    api: Arc<dyn Function>,
    worker: Arc<dyn Function>,
    processes: Vec<Arc<Process>>,
}

impl Functions {
    async fn new(args: &Cloud, cloud: &LocalCloud, environment: &Environment) -> Result<Self> {
        if let Some(base) = &args.watched {
            let watched = |name| Arc::new(WatchedFunction::new(base, name));
            return Ok(Self { api: watched("api"), worker: watched("worker"), processes: Vec::new() });
        }
        if args.processes {
            let folder = args.functions.clone().map_or_else(own_folder, Ok)?;
            let variables = function_variables(cloud, environment);
            let api = process(&folder, "api", &variables, Duration::from_secs(30))?;
            let worker = process(&folder, "worker", &variables, Duration::from_secs(15 * 60))?;
            return Ok(Self { api: api.clone(), worker: worker.clone(), processes: vec![api, worker] });
        }
        let worker = environment.clone().for_runs_of(TASK_TIMEOUT);
        Ok(Self {
            api: hosted_api(cloud, environment)?,
            worker: hosted_worker(cloud, &worker)?,
            processes: Vec::new(),
        })
    }
}

fn hosted_api(cloud: &LocalCloud, environment: &Environment) -> Result<Arc<dyn Function>> {
    let app = millrace_api::App::new(runner(cloud, environment)?, environment.max_body_bytes);
    let router = millrace_api::router(Arc::new(app));
    Ok(Arc::new(from_async(move |event: Bytes| {
        let router = router.clone();
        async move { millrace_api::handle(&router, &event).await.map(Bytes::from).map_err(failed) }
    })))
}

fn hosted_worker(cloud: &LocalCloud, environment: &Environment) -> Result<Arc<dyn Function>> {
    let runner = runner(cloud, environment)?;
    Ok(Arc::new(from_async(move |event: Bytes| {
        let runner = runner.clone();
        async move { millrace_worker::handle_json(&runner, &event).await.map(Bytes::from).map_err(failed) }
    })))
}

fn failed(error: impl std::fmt::Display) -> FunctionError {
    FunctionError::new("Runtime.HandlerError", error.to_string())
}

fn own_folder() -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find the folder of this command")?;
    Ok(own.parent().map(Path::to_path_buf).unwrap_or_default())
}

fn process(
    folder: &Path,
    name: &str,
    variables: &[(String, String)],
    timeout: Duration,
) -> Result<Arc<Process>> {
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
    let config =
        ProcessConfig { environment: variables.to_vec(), timeout, ..ProcessConfig::new(name, program) };
    Ok(Arc::new(Process::new(config)))
}

/// The variables of a function's binary in this cloud.
fn function_variables(cloud: &LocalCloud, environment: &Environment) -> Vec<(String, String)> {
    let mut variables = cloud.function_env();
    let local = [("MILLRACE_PLAIN_KEYS", "true"), ("MILLRACE_ALLOW_LOOPBACK", "true")];
    variables.extend(local.map(|(name, value)| (name.to_owned(), value.to_owned())));
    variables.extend(environment.variables.clone());
    let provider = provider_url(&environment.variables);
    let provider = provider.strip_suffix("/v1").unwrap_or(&provider).to_owned();
    // Not read by the functions: scripts put it into flows.
    variables.push(("MILLRACE_PROVIDER_URL".to_owned(), provider));
    variables
}

fn write_env_file(file: &Path, variables: &[(String, String)]) -> Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let lines: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    std::fs::write(file, lines.concat()).with_context(|| format!("cannot write {}", file.display()))
}
