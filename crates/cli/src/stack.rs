//! The whole of Millrace on one machine: the local cloud, the functions, and what calls them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use millrace_local::{
    EventSource, EventSourceConfig, Front, FrontConfig, LocalCloud, LocalConfig, Process, Provider,
    ProviderConfig, Schedule,
};
use millrace_runner::environment::Environment;
use millrace_store::{Store, SystemHost, create_table_if_absent, own_credentials};

use crate::args::{Cloud, LocalKey};
use crate::functions::{Functions, WORKER_TIMEOUT};
use crate::master_key::KeyFile;

/// Batches that the worker is given at once.
const WORKERS: usize = 10;

/// Everything that was started.
pub(crate) struct Stack {
    _key: KeyFile,
    cloud: LocalCloud,
    front: Front,
    source: EventSource,
    dead_letters: EventSource,
    sweeps: Schedule,
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
            visibility_timeout: WORKER_TIMEOUT + Duration::from_secs(60),
            ..LocalConfig::default()
        };
        let table = config.table.clone();
        let cloud = LocalCloud::start(config).await?;
        create_table_if_absent(&cloud.dynamodb_client(), &table).await?;
        let (provider, variables) = provider(args).await?;
        let key = KeyFile::of((!args.memory).then_some(args.data.as_path()))?;
        let environment = environment((&cloud, &table, &key), args.files.as_deref(), variables)?;
        let provider_url = provider_url(&environment.variables);
        if let Some(file) = &args.write_env {
            write_env_file(file, &function_variables(&cloud, &environment, &key))?;
        }
        let store = store(&cloud, &environment).await;
        for key in keys {
            store.seed_key(&key.tenant, &key.text, "local").await?;
        }
        let functions = Functions::new(args, &cloud, (&environment, &key)).await?;
        let front =
            Front::start(FrontConfig { port: args.port, ..FrontConfig::default() }, functions.api).await?;
        let source = EventSourceConfig {
            max_concurrency: WORKERS,
            ..EventSourceConfig::new(cloud.queue_url(), cloud.queue_arn())
        };
        let source = EventSource::start(cloud.sqs_client(), source, functions.worker);
        let dead_letters = EventSourceConfig::new(cloud.dead_letter_url(), cloud.dead_letter_arn());
        let dead_letters = EventSource::start(cloud.sqs_client(), dead_letters, functions.sweeper.clone());
        let sweeps = Schedule::start(Duration::from_secs_f64(args.sweep_seconds), functions.sweeper);
        let processes = functions.processes;
        Ok(Self {
            _key: key,
            cloud,
            front,
            source,
            dead_letters,
            sweeps,
            provider,
            processes,
            store,
            provider_url,
        })
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
        self.dead_letters.stop().await;
        self.sweeps.stop().await;
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
pub(crate) async fn provider(args: &Cloud) -> Result<(Option<Provider>, BTreeMap<String, String>)> {
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
    // A key is taken out of whatever a run answers, so that this is no word that the stand-in says.
    variables.insert("OPENAI_API_KEY".to_owned(), "sk-local-stand-in".to_owned());
    variables.insert("OPENAI_BASE_URL".to_owned(), provider.base_url());
    Ok((Some(provider), variables))
}

fn provider_url(variables: &BTreeMap<String, String>) -> String {
    let named = variables.get("OPENAI_BASE_URL").or_else(|| variables.get("OPENAI_API_BASE"));
    named.cloned().unwrap_or_else(|| "https://api.openai.com/v1".to_owned())
}

/// As the process's own variables say, but for what the local cloud decides.
pub(crate) fn environment(
    (cloud, table, key): (&LocalCloud, &str, &KeyFile),
    files: Option<&Path>,
    provider: BTreeMap<String, String>,
) -> Result<Environment> {
    let files = files.map(|folder| {
        folder.canonicalize().with_context(|| format!("cannot read the folder {}", folder.display()))
    });
    let files = files.transpose()?;
    let read = Environment::read(|name| match name {
        "MILLRACE_TABLE" => Some(table.to_owned()),
        "MILLRACE_QUEUE_URL" => Some(cloud.queue_url()),
        "MILLRACE_BUCKET" => Some(cloud.bucket().to_owned()),
        "MILLRACE_KMS_KEY_ID" => None,
        "MILLRACE_KEY_FILE" => Some(key.path()),
        // Measurements and scripts poll as fast as they can, unless a limit is what is tried.
        "MILLRACE_REQUESTS_PER_MINUTE" => {
            std::env::var(name).ok().filter(|limit| !limit.is_empty()).or_else(|| Some("0".to_owned()))
        }
        // What an AWS function has is nothing that a machine of one's own is measured by.
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" => None,
        name => std::env::var(name).ok(),
    })?;
    let files_root = files.or(read.files_root);
    let variables = read.variables.into_iter().chain(provider).collect();
    Ok(Environment { plain_keys: true, allow_loopback: true, variables, files_root, ..read })
}

/// A store over this cloud. The role of its process is the real one, which flows may call models of AWS with.
pub(crate) async fn store(cloud: &LocalCloud, environment: &Environment) -> Store {
    let host = Arc::new(SystemHost);
    let store = Store::new(cloud.dynamodb_client(), cloud.sqs_client(), environment.store_config(), host)
        .with_bucket(cloud.s3_client(), cloud.bucket());
    match own_credentials().await {
        Some(credentials) => store.with_credentials(credentials),
        None => store,
    }
}

/// The variables of a function's binary in this cloud.
pub(crate) fn function_variables(
    cloud: &LocalCloud,
    environment: &Environment,
    key: &KeyFile,
) -> Vec<(String, String)> {
    let mut variables = cloud.function_env();
    let own = std::env::vars().filter(|(name, _)| name.starts_with("MILLRACE_"));
    let decided = [
        "MILLRACE_TABLE",
        "MILLRACE_QUEUE_URL",
        "MILLRACE_BUCKET",
        "MILLRACE_FILES_ROOT",
        "MILLRACE_KMS_KEY_ID",
        "MILLRACE_KEY_FILE",
        "MILLRACE_REQUESTS_PER_MINUTE",
        // The client's own.
        "MILLRACE_URL",
        "MILLRACE_API_KEY",
        "MILLRACE_PROFILE",
        "MILLRACE_CONFIG",
    ];
    variables.extend(own.filter(|(name, _)| !decided.contains(&name.as_str())));
    let files = environment.files_root.iter();
    variables.extend(files.map(|root| ("MILLRACE_FILES_ROOT".to_owned(), root.display().to_string())));
    let limit = environment.requests_per_minute.to_string();
    variables.push(("MILLRACE_REQUESTS_PER_MINUTE".to_owned(), limit));
    let local = [("MILLRACE_PLAIN_KEYS", "true"), ("MILLRACE_ALLOW_LOOPBACK", "true")];
    variables.extend(local.map(|(name, value)| (name.to_owned(), value.to_owned())));
    variables.push(("MILLRACE_KEY_FILE".to_owned(), key.path()));
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
