//! A client of the API, for the commands that call it.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use millrace_outbound::{Outbound, OutboundConfig, Request};
use serde_json::Value as Json;

use crate::output;

/// How long a task is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// An address and a key.
#[derive(Clone)]
pub(crate) struct Caller {
    base: String,
    key: String,
    http: Outbound,
}

impl Caller {
    /// A client of this address.
    pub fn new(base: String, key: String) -> Result<Self> {
        let http = Outbound::new(OutboundConfig { allow_loopback: true, ..OutboundConfig::default() })?;
        Ok(Self { base, key, http })
    }

    /// Prints a request as a line that can be repeated.
    pub fn show(&self, method: &str, path: &str, data: Option<&str>) {
        let data = data
            .map(|data| format!(" -H 'content-type: application/json' -d '{}'", data.replace('\'', "'\\''")));
        output::note(format_args!(
            "curl -s -X {method} {}{path} -H 'x-api-key: {}'{}",
            self.base,
            self.key,
            data.unwrap_or_default()
        ));
    }

    /// Sends JSON and reads JSON.
    pub async fn post(&self, path: &str, body: &Json) -> Result<Json> {
        self.send(Request::post(format!("{}{path}", self.base)).json(body)?).await
    }

    /// Reads a task until it has ended.
    pub async fn poll(&self, path: &str, pause: Duration) -> Result<Json> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let task = self.send(Request::get(format!("{}{path}", self.base))).await?;
            if task["status"] != "PENDING" {
                return Ok(task);
            }
            tokio::time::sleep(pause).await;
        }
        bail!("the task did not end within {} s", PATIENCE.as_secs())
    }

    async fn send(&self, request: Request) -> Result<Json> {
        let response = self.http.send(request.secret_header("x-api-key", &self.key)?).await?;
        if !response.is_success() {
            bail!("answered {}: {}", response.status, response.text());
        }
        Ok(response.json()?)
    }
}
