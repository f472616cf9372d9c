//! The end of a task, posted to where its caller wants it, signed as Standard Webhooks describe.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use millrace_outbound::{Request, Retry};
use millrace_store::{CallbackSecret, CallbackState, Lease, StoreError, TaskId, TenantId};
use sha2::Sha256;

use crate::Runner;
use crate::call::Stored;
use crate::view::TaskView;

/// What one try may take. It follows the terminal state and never holds it up, but a batch waits for it.
const TRY_TIMEOUT: Duration = Duration::from_secs(10);

impl Runner {
    /// Posts the end of a task that was leased, if it has somewhere to go; what fails is left to the sweeper.
    pub(crate) async fn call_back_once(&self, lease: &Lease) {
        if !lease.callback {
            return;
        }
        if let Err(error) = self.call_back(&lease.tenant, lease.task).await {
            tracing::warn!(task_id = %lease.task, %error, "a callback is left to the sweeper");
        }
    }

    /// Posts the end of a task and notes what came of it.
    ///
    /// # Errors
    /// Those of the store; the callback is then due again.
    pub async fn call_back(&self, tenant: &TenantId, task: TaskId) -> Result<CallbackState, StoreError> {
        let delivered = match self.callback(tenant, task).await? {
            Some(request) => self.deliver(task, request).await,
            // Nowhere to go, which a repetition does not change: as good as delivered.
            None => true,
        };
        self.store().callback_tried(tenant, task, delivered).await
    }

    async fn deliver(&self, task: TaskId, request: Request) -> bool {
        match self.0.outbound.send(request).await {
            Ok(response) if (200..300).contains(&response.status) => true,
            Ok(response) => {
                tracing::info!(task_id = %task, status = response.status, "a callback was not taken");
                false
            }
            Err(error) => {
                tracing::info!(task_id = %task, code = error.code(), "a callback was not delivered");
                false
            }
        }
    }

    /// The signed request; `None` when the task names no place, or is gone.
    async fn callback(&self, tenant: &TenantId, task: TaskId) -> Result<Option<Request>, StoreError> {
        let store = self.store();
        let (Some(input), Some(record)) =
            (store.task_input(tenant, task).await?, store.task(tenant, task).await?)
        else {
            return Ok(None);
        };
        let Some(url) =
            serde_json::from_value::<Stored>(input.value).ok().and_then(|stored| stored.callback_url)
        else {
            return Ok(None);
        };
        let secret = store.callback_secret(tenant).await?;
        let body = serde_json::to_string(&TaskView::from(record)).unwrap_or_default();
        let id = task.to_string();
        let at = store.host().now().as_second().to_string();
        let signature = signature(&secret, &id, &at, &body);
        let request = Request::post(url).body(body).timeout(TRY_TIMEOUT).retry(Retry::never());
        let signed = [
            ("content-type", "application/json"),
            ("webhook-id", &id),
            ("webhook-timestamp", &at),
            ("webhook-signature", &signature),
        ]
        .into_iter()
        .try_fold(request, |request, (name, value)| request.header(name, value));
        // The redirect of a callback would send a signed body to a place that nobody named.
        Ok(signed.ok().map(|request| Request { follow_redirects: false, ..request }))
    }
}

/// `v1,` and the HMAC-SHA256 of `id.timestamp.body`, as the Standard Webhooks specification has it.
fn signature(secret: &CallbackSecret, id: &str, at: &str, body: &str) -> String {
    // A key of any length is one; there is no error to be had here.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.bytes()) else {
        return String::new();
    };
    for part in [id, ".", at, ".", body] {
        mac.update(part.as_bytes());
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}
