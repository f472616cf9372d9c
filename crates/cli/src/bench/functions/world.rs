//! What the functions talk to, and the events that they are given.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use millrace_local::{Function, LocalCloud, LocalConfig, Process, ProcessConfig, Provider, ProviderConfig};
use millrace_store::{TenantId, create_table_if_absent};
use serde_json::Value as Json;

use crate::functions::program;
use crate::master_key::KeyFile;
use crate::stack::{environment, function_variables, store};

const CREATE: &str = include_str!("../../../../../events/api-flows-create.json");
const CALL: &str = include_str!("../../../../../events/api-process-sync.json");
const SUBMIT: &str = include_str!("../../../../../events/api-process-async.json");
const MESSAGE: &str = include_str!("../../../../../events/sqs-single.json");
const SCHEDULE: &str = include_str!("../../../../../events/sweeper-schedule.json");

/// What stands in them: see `events/README.md`.
const KEY: &str = "local-key";
const FLOW: &str = "7b9d1f52-3c1e-4a57-9d0a-51a4d3f0c2aa";
const TASK: &str = "0192f0c4-7c1e-7a57-9d0a-51a4d3f0c2bb";
const PROVIDER: &str = "http://127.0.0.1:7861";

/// What the template gives each function by default.
const MEMORY_MB: u32 = 256;

/// A function that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Api,
    Worker,
    Sweeper,
}

impl Subject {
    pub(super) const ALL: [Self; 3] = [Self::Api, Self::Worker, Self::Sweeper];

    /// The name of its binary.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Sweeper => "sweeper",
        }
    }

    /// What it is given.
    pub(super) fn event(self) -> &'static str {
        match self {
            Self::Api => "a synchronous run of a prompt and a model",
            Self::Worker => "a queued run of the same",
            Self::Sweeper => "a schedule, with nothing stuck",
        }
    }
}

/// A local cloud in memory, an instant provider, a flow, and an api that queues tasks for the worker.
pub(super) struct World {
    variables: Vec<(String, String)>,
    flow: String,
    submitter: Process,
    cloud: LocalCloud,
    provider: Option<Provider>,
    _key: KeyFile,
}

impl World {
    pub(super) async fn start(folder: &Path) -> Result<Self> {
        let cloud = LocalCloud::start(LocalConfig::default()).await?;
        let table = LocalConfig::default().table;
        create_table_if_absent(&cloud.dynamodb_client(), &table).await?;
        let provider = Provider::start(ProviderConfig { port: 0, delay: Duration::ZERO }).await?;
        let base = provider.base_url();
        let names = [("OPENAI_API_KEY", "stand-in"), ("OPENAI_BASE_URL", &base)];
        let named = names.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let key = KeyFile::of(None)?;
        let environment = environment((&cloud, &table, &key), None, named.into())?;
        store(&cloud, &environment).await.seed_key(&TenantId::try_from("default")?, KEY, "bench").await?;
        let variables = function_variables(&cloud, &environment, &key);
        let submitter = Process::new(config(Subject::Api, &program(folder, "api")?, &variables));
        let create = CREATE.replace(PROVIDER, base.strip_suffix("/v1").unwrap_or(&base));
        let flow = answered(&submitter, create).await?;
        let flow = flow["id"].as_str().context("the answer has no flow id")?.to_owned();
        Ok(Self { variables, flow, submitter, cloud, provider: Some(provider), _key: key })
    }

    /// The next event of a function: to the worker a task that has not run yet.
    pub(super) async fn event(&self, subject: Subject) -> Result<Bytes> {
        Ok(match subject {
            Subject::Api => CALL.replace(FLOW, &self.flow),
            Subject::Worker => {
                let submitted = answered(&self.submitter, SUBMIT.replace(FLOW, &self.flow)).await?;
                let task = submitted["task"]["id"].as_str().context("the answer has no task")?;
                MESSAGE.replace(TASK, task)
            }
            Subject::Sweeper => SCHEDULE.to_owned(),
        }
        .into())
    }

    /// Fails where an answer is not what the event is for.
    pub(super) fn check(subject: Subject, answer: &[u8]) -> Result<()> {
        let answer: Json = serde_json::from_slice(answer).context("the answer is no JSON")?;
        let good = match subject {
            Subject::Api => answer["statusCode"] == 200,
            Subject::Worker => answer["batchItemFailures"] == Json::Array(Vec::new()),
            Subject::Sweeper => answer["failed"] == 0,
        };
        match good {
            true => Ok(()),
            false => bail!("the {} answered {answer}", subject.name()),
        }
    }

    /// How the binary of a function is run here.
    pub(super) fn config(&self, subject: Subject, binary: &Path) -> ProcessConfig {
        config(subject, binary, &self.variables)
    }

    pub(super) async fn stop(self) {
        self.submitter.stop().await;
        if let Some(provider) = self.provider {
            provider.stop().await;
        }
        self.cloud.shutdown().await;
    }
}

fn config(subject: Subject, binary: &Path, variables: &[(String, String)]) -> ProcessConfig {
    ProcessConfig {
        environment: variables.to_vec(),
        memory_mb: MEMORY_MB,
        timeout: Duration::from_secs(120),
        max_environments: 1,
        ..ProcessConfig::new(subject.name(), binary)
    }
}

/// The body of the api's answer.
async fn answered(api: &Process, event: String) -> Result<Json> {
    let answer: Json = serde_json::from_slice(&api.invoke(event.into()).await?)?;
    let body = answer["body"].as_str().unwrap_or_default();
    match answer["statusCode"].as_u64() {
        Some(200..300) => serde_json::from_str(body).context("the answer is no JSON"),
        status => bail!("the api answered {status:?}: {body}"),
    }
}
