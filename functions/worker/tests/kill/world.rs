//! A local cloud with a real worker process, whose every call passes its killer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use millrace_local::{
    EventSource, EventSourceConfig, FaultProxy, Function, FunctionError, LocalCloud, LocalConfig, Process,
    ProcessConfig, Schedule, from_async,
};
use millrace_outbound::{Outbound, OutboundConfig};
use millrace_runner::{Call, Job, Options, Runner, RunnerConfig};
use millrace_store::{
    FlowDraft, FlowRecord, SessionId, Store, StoreConfig, SystemHost, TenantId, create_table_if_absent,
};

use crate::audit::{Counts, Submitted, audit};
use crate::form::Form;
use crate::killer::{Killer, Plan};
use crate::provider::Provider;

/// How often is swept.
const SWEEP: Duration = Duration::from_millis(500);
/// How long a message stays hidden whose worker was killed before its first heartbeat.
const VISIBILITY: Duration = Duration::from_secs(2);
/// Between two looks at the tasks.
const LOOK: Duration = Duration::from_millis(100);

/// How a world is set up.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Whole seconds that a claim holds without a heartbeat.
    pub lease: u64,
    /// How many crashes a task survives.
    pub max_failures: u64,
    /// Worker processes at once.
    pub environments: usize,
    /// How long the model thinks.
    pub delay: Duration,
}

/// Everything that runs.
pub struct World {
    pub killer: Arc<Killer>,
    provider: Provider,
    runner: Runner,
    tenant: TenantId,
    cloud: LocalCloud,
    worker: Arc<Process>,
    sources: [EventSource; 2],
    sweeps: Schedule,
    proxies: [FaultProxy; 2],
    /// The last that the worker wrote.
    lines: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub async fn start(setup: Setup, plan: impl Plan) -> Self {
        let config = LocalConfig { visibility_timeout: VISIBILITY, ..LocalConfig::default() };
        let cloud = LocalCloud::start(config.clone()).await.unwrap();
        create_table_if_absent(&cloud.dynamodb_client(), &config.table).await.unwrap();
        let killer = Killer::new(plan);
        let proxies = [proxy(cloud.dynamodb_url(), &killer).await, proxy(cloud.sqs_url(), &killer).await];
        let watched = killer.clone();
        let provider = Provider::start(setup.delay, move |phase| watched.model(phase)).await;
        let lines = Arc::default();
        let worker = Arc::new(Process::new(ProcessConfig {
            environment: variables(&cloud, &proxies, &provider, setup).into_iter().collect(),
            max_environments: setup.environments,
            timeout: Duration::from_secs(60),
            on_line: Some(keep(&lines)),
            ..ProcessConfig::new("worker", env!("CARGO_BIN_EXE_worker"))
        }));
        killer.aim(worker.clone());
        let runner = runner(&cloud, setup);
        let queue = aws_sdk_sqs::config::Builder::from(&cloud.sdk_config()).endpoint_url(proxies[1].url());
        let tasks = EventSourceConfig {
            max_concurrency: setup.environments,
            ..EventSourceConfig::new(cloud.queue_url(), cloud.queue_arn())
        };
        let tasks = EventSource::start(aws_sdk_sqs::Client::from_conf(queue.build()), tasks, worker.clone());
        let dead = EventSourceConfig::new(cloud.dead_letter_url(), cloud.dead_letter_arn());
        let dead = EventSource::start(cloud.sqs_client(), dead, sweeper(&runner));
        let sweeps = Schedule::start(SWEEP, sweeper(&runner));
        let tenant = "acme".parse().unwrap();
        Self {
            killer,
            provider,
            runner,
            tenant,
            cloud,
            worker,
            sources: [tasks, dead],
            sweeps,
            proxies,
            lines,
        }
    }

    /// Stores a flow.
    pub async fn flow(&self, form: Form) -> FlowRecord {
        let draft = FlowDraft { name: format!("{form:?}"), data: Some(form.data()), ..FlowDraft::default() };
        self.runner.store().create_flow(&self.tenant, draft, Vec::new()).await.unwrap()
    }

    /// Accepts a task.
    pub async fn submit(&self, flow: &FlowRecord, form: Form, name: &str, padding: usize) -> Submitted {
        let inputs = form.inputs(name, padding);
        let call = Call::Process {
            inputs: serde_json::from_value(inputs).unwrap(),
            tweaks: serde_json::Map::new(),
            clear_session: false,
        };
        let job = Job {
            tenant: self.tenant.clone(),
            flow: flow.clone(),
            session: SessionId::try_from(name).unwrap(),
            call,
            options: Options::default(),
        };
        let task = self.runner.submit(&job).await.unwrap().task;
        Submitted { name: name.to_owned(), form, padding, flow: flow.id, task }
    }

    /// Waits until all tasks have ended and no message is left.
    pub async fn settled(&self, tasks: &[Submitted], within: Duration) {
        let began = Instant::now();
        let mut open: Vec<&Submitted> = tasks.iter().collect();
        while !open.is_empty() || self.messages() > 0 {
            if began.elapsed() > within {
                panic!("after {within:?}: {}", self.left(&open).await);
            }
            tokio::time::sleep(LOOK).await;
            let mut still = Vec::new();
            for task in open {
                let record = self.runner.store().task(&self.tenant, task.task).await.unwrap().unwrap();
                if !record.state.is_terminal() {
                    still.push(task);
                }
            }
            open = still;
        }
    }

    async fn left(&self, open: &[&Submitted]) -> String {
        let mut left =
            vec![format!("{} messages, {} tasks that have not ended:", self.messages(), open.len())];
        for task in open.iter().take(20) {
            let record = self.runner.store().task(&self.tenant, task.task).await.unwrap();
            left.push(format!("{} {:?}: {record:?}", task.name, task.form));
        }
        left.push("The worker's last words:".to_owned());
        left.extend(self.lines.lock().unwrap().iter().rev().take(20).rev().cloned());
        left.join("\n")
    }

    fn messages(&self) -> usize {
        let name = LocalConfig::default().queue;
        self.cloud.sqs().with(|account, _| Ok(account.queue(&name)?.messages().count())).unwrap()
    }

    /// Checks all that has to be true of these tasks.
    pub async fn audit(&self, tasks: &[Submitted]) -> Counts {
        audit(self.runner.store(), &self.tenant, tasks, &self.provider.calls()).await
    }

    /// How many times a task was claimed.
    pub async fn claims(&self, task: &Submitted) -> u64 {
        self.runner.store().task(&self.tenant, task.task).await.unwrap().unwrap().attempt
    }

    /// Ends everything.
    pub async fn stop(self) {
        for source in self.sources {
            source.stop().await;
        }
        self.sweeps.stop().await;
        self.worker.stop().await;
        for proxy in self.proxies {
            proxy.stop().await;
        }
        self.cloud.shutdown().await;
    }
}

async fn proxy(upstream: String, killer: &Arc<Killer>) -> FaultProxy {
    let killer = killer.clone();
    FaultProxy::start(upstream, move |call| killer.call(call)).await.unwrap()
}

/// What the worker is told: as any function of this cloud, but over the proxies.
fn variables(
    cloud: &LocalCloud,
    [table, queue]: &[FaultProxy; 2],
    provider: &Provider,
    setup: Setup,
) -> BTreeMap<String, String> {
    let mut variables: BTreeMap<_, _> = cloud.function_env().into_iter().collect();
    let own = [
        ("AWS_ENDPOINT_URL_DYNAMODB", table.url()),
        ("AWS_ENDPOINT_URL_SQS", queue.url()),
        ("MILLRACE_LEASE_SECONDS", setup.lease.to_string()),
        ("MILLRACE_MAX_FAILURES", setup.max_failures.to_string()),
        ("MILLRACE_ALLOW_LOOPBACK", "true".to_owned()),
        // Called by nobody: these tasks have no secrets.
        ("MILLRACE_KMS_KEY_ID", "alias/millrace".to_owned()),
        ("MILLRACE_LOG", "warn".to_owned()),
        ("OPENAI_API_KEY", "sk-operator".to_owned()),
        ("OPENAI_BASE_URL", provider.base_url().to_owned()),
    ];
    variables.extend(own.map(|(name, value)| (name.to_owned(), value)));
    variables
}

fn keep(lines: &Arc<Mutex<Vec<String>>>) -> millrace_local::OnLine {
    let lines = lines.clone();
    Arc::new(move |line| lines.lock().unwrap().push(line.text.clone()))
}

/// What accepts tasks here, and recovers them.
fn runner(cloud: &LocalCloud, setup: Setup) -> Runner {
    let config = StoreConfig {
        lease: Duration::from_secs(setup.lease),
        master_key: millrace_store::MasterKey::local([7; 32]),
        max_failures: setup.max_failures,
        ..StoreConfig::new(LocalConfig::default().table, cloud.queue_url())
    };
    let host = Arc::new(SystemHost);
    let store = Store::new(cloud.dynamodb_client(), cloud.sqs_client(), config, host);
    let outbound = Outbound::new(OutboundConfig::default()).unwrap();
    Runner::new(store, millrace_components::registry(), outbound, RunnerConfig::default())
}

fn sweeper(runner: &Runner) -> Arc<dyn Function> {
    let runner = runner.clone();
    Arc::new(from_async(move |event: Bytes| {
        let runner = runner.clone();
        async move {
            let swept = millrace_sweeper::handle_json(&runner, &event, None).await;
            swept.map(Bytes::from).map_err(|error| FunctionError::new("Sweeper", error.to_string()))
        }
    }))
}
