//! CPU time of each step, measured: the functions run in a thread of their own, and the system says how long it worked.

use std::thread;

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};

use super::cloud::{Installation, Servers, Setup};

/// What was measured last, in a build as it is deployed.
const STORED: &str = include_str!("measured.json");

/// Where Linux tells how long a thread worked, in nanoseconds.
const WORKED: &str = "/proc/thread-self/schedstat";

/// Calls of each kind, and tasks of a batch.
const CALLS: u32 = 200;
const BATCH: u32 = 10;

/// CPU time of the functions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Measured {
    /// How it was measured, in words.
    pub how: String,
    /// `release`, `debug`, or `none` where it was not measured.
    pub build: String,
    pub cpu_ms: CpuMs,
}

/// Milliseconds of one core.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CpuMs {
    /// A call with `"sync": false`.
    pub submit: f64,
    /// A poll.
    pub poll: f64,
    /// A task in the worker.
    pub task: f64,
    /// A call whose caller waits.
    pub sync: f64,
}

impl Measured {
    /// What is stored.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn stored() -> Result<Self> {
        serde_json::from_str(STORED).context("the stored measurement")
    }

    /// Measures here and now.
    ///
    /// # Errors
    /// The system does not tell the time of a thread, or the local cloud failed.
    pub async fn take() -> Result<Self> {
        // The servers stay in this runtime, so that the thread's time is that of the functions and of their clients.
        let setup = Setup { clock: true, ..Setup::default() };
        let servers = Servers::start(setup).await?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (send, receive) = tokio::sync::oneshot::channel();
        let worker = thread::spawn(move || {
            let measured = runtime.block_on(async {
                let cloud = Installation::over(servers, setup).await?;
                Ok::<_, anyhow::Error>((measure(&cloud).await?, cloud))
            });
            let _ = send.send(measured);
        });
        let measured = receive.await.map_err(|_| anyhow!("the measuring thread failed"))?;
        worker.join().map_err(|_| anyhow!("the measuring thread failed"))?;
        let (cpu_ms, cloud) = measured?;
        cloud.stop().await;
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        let how = format!("{CALLS} of each, the demo's flow, an instant model, batches of {BATCH}");
        Ok(Self { how, build: build.to_owned(), cpu_ms })
    }
}

async fn measure(cloud: &Installation) -> Result<CpuMs> {
    let mut polled = cloud.submit(None).await?;
    cloud.run_batch(1).await?;
    let (mut submit, mut task) = (0.0, 0.0);
    for _ in 0..CALLS / BATCH {
        let before = worked_ms()?;
        for _ in 0..BATCH {
            polled = cloud.submit(None).await?;
        }
        let between = worked_ms()?;
        cloud.run_batch(usize::try_from(BATCH)?).await?;
        submit += between - before;
        task += worked_ms()? - between;
    }
    let before = worked_ms()?;
    for _ in 0..CALLS {
        cloud.poll(&polled, None).await?;
    }
    let between = worked_ms()?;
    for _ in 0..CALLS {
        cloud.run_now().await?;
    }
    let each = |ms: f64| (ms / f64::from(CALLS) * 1e3).round() / 1e3;
    let (poll, sync) = (between - before, worked_ms()? - between);
    Ok(CpuMs { submit: each(submit), poll: each(poll), task: each(task), sync: each(sync) })
}

/// Milliseconds that this thread has worked.
fn worked_ms() -> Result<f64> {
    let text = std::fs::read_to_string(WORKED)
        .with_context(|| format!("only Linux tells the CPU time of a thread, in {WORKED}"))?;
    let nanoseconds = text.split_whitespace().next().and_then(|number| number.parse::<f64>().ok());
    Ok(nanoseconds.context("the CPU time of this thread cannot be read")? / 1e6)
}
