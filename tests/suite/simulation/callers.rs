//! Callers: what they do, and what they believe afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use millrace_store::FlowPatch;
use serde_json::{Value as Json, json};
use tokio::time::sleep;

use super::installation::{Answer, Installation, Promise};
use super::provider::CALLBACK;
use super::scenario::{Act, Caller, Post};
use super::world::QUEUE;

/// The word in the inputs of every call that has a name.
const NAMED: &str = "t900";

/// Numbers the calls of one run.
#[derive(Default)]
pub struct Counter(AtomicUsize);

impl Counter {
    fn next(&self) -> String {
        format!("t{}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Somebody at work.
pub struct Working {
    installation: Arc<Installation>,
    counter: Arc<Counter>,
    tenant: &'static str,
    last: Option<String>,
}

impl Working {
    /// Starts all copies of a caller.
    pub fn start(
        installation: &Arc<Installation>,
        counter: &Arc<Counter>,
        caller: &Caller,
    ) -> Vec<tokio::task::JoinHandle<()>> {
        let start = |_| {
            let (installation, counter) = (installation.clone(), counter.clone());
            let working = Self { installation, counter, tenant: caller.tenant, last: None };
            tokio::spawn(working.work(caller.acts.clone()))
        };
        (0..caller.copies).map(start).collect()
    }

    async fn work(mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Post(post) => self.post(post).await,
                Act::Wait(least, most) => {
                    let millis = self.installation.world.draw(|dice| dice.u64(least..=most));
                    sleep(Duration::from_millis(millis)).await;
                }
                Act::Await => self.wait_for_end().await,
                Act::Poll => drop(self.poll().await),
                Act::Differ(post) => self.differ(post).await,
                Act::Cancel => self.cancel().await,
                Act::Retry => self.retry().await,
                Act::Message(text) => self.send(text).await,
                Act::Deploy => self.deploy(),
                Act::Redraw(flow, other) => {
                    self.redraw(self.installation.flow(self.tenant, flow), other).await
                }
                Act::Stop => self.installation.worker.stop_all().await,
            }
        }
    }

    /// Sends a call until it is answered by more than a failure. Without a name of the caller's, each try is a
    /// call of its own.
    async fn post(&mut self, post: Post) {
        let mut marker = self.counter.next();
        for tried in 0..post.tries {
            if tried > 0 {
                sleep(Duration::from_secs(2)).await;
            }
            if tried > 0 && post.key.is_none() {
                marker = self.counter.next();
            }
            // Whoever gives a name to a call says the same each time.
            let said = post.key.map_or(marker.clone(), |_| NAMED.to_owned());
            let answer = self.send_call(post, &said).await;
            if answer.status == 503 && !answer.body.is_null() && answer.retry_after.is_none() {
                self.installation.complain("a 503 without Retry-After".to_owned());
            }
            // In progress elsewhere: the same again will be told.
            let again =
                answer.status >= 500 && answer.task.is_none() || answer.status == 409 && post.tries > 1;
            if !again {
                return self.believe(post, &said, &answer);
            }
        }
    }

    async fn send_call(&self, post: Post, marker: &str) -> Answer {
        // What is kept in memory only begins anew after a crash.
        if post.sync && post.journal != Some("effects") || post.journal == Some("memory") {
            *self.installation.runs.lock().unwrap().entry(marker.to_owned()).or_default() += 1;
        }
        let flow = self.installation.flow(self.tenant, post.flow);
        let mut body = json!({"inputs": post.flow.inputs(marker), "sync": post.sync});
        let optional = [
            ("session_id", post.session.map(|session| json!(session))),
            ("callback_url", post.callback.then(|| json!(CALLBACK))),
            ("journal", post.journal.map(|mode| json!(mode))),
            ("timeout", post.timeout.map(|seconds| json!(seconds))),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                body[name] = value;
            }
        }
        let headers: Vec<_> = post.key.map(|key| ("idempotency-key", key)).into_iter().collect();
        let path = format!("/api/v1/process/{flow}");
        self.installation.request(self.tenant, "POST", &path, &headers, Some(&body)).await
    }

    /// A task that is named in an answer is a promise.
    fn believe(&mut self, post: Post, marker: &str, answer: &Answer) {
        let Some(task) = answer.task.clone() else {
            self.installation.complain(format!("{marker}: {} {}", answer.status, answer.body));
            return;
        };
        self.last = Some(task.clone());
        let promise = Promise {
            task,
            tenant: self.tenant,
            marker: marker.to_owned(),
            flow: post.flow,
            key: post.key.map(str::to_owned),
            callback: post.callback,
            at: self.installation.world.at(),
            retry: false,
        };
        self.installation.promises.lock().unwrap().push(promise);
    }

    /// Another request under the same name is refused, and runs nothing.
    async fn differ(&self, post: Post) {
        for _ in 0..post.tries {
            let answer = self.send_call(post, "t901").await;
            if answer.status < 500 {
                if answer.status != 409 {
                    self.installation.complain(format!("another request was answered {}", answer.status));
                }
                return;
            }
            sleep(Duration::from_secs(2)).await;
        }
    }

    /// The last task as the API shows it now; nothing where the API fails.
    async fn poll(&self) -> Option<Json> {
        let task = self.last.as_ref()?;
        let path = format!("/api/v1/task/{task}");
        let answer = self.installation.request(self.tenant, "GET", &path, &[], None).await;
        match answer.status {
            200 => Some(answer.body),
            500.. => None,
            status => {
                self.installation.complain(format!("a poll of {task} was answered {status}"));
                None
            }
        }
    }

    async fn wait_for_end(&self) {
        for _ in 0..2_000 {
            match self.poll().await {
                Some(view) if view["status"] != "PENDING" => return,
                _ => sleep(Duration::from_secs(5)).await,
            }
        }
        self.installation.complain(format!("{:?} did not end while it was waited for", self.last));
    }

    async fn cancel(&self) {
        let Some(task) = &self.last else { return };
        let path = format!("/api/v1/task/{task}");
        let answer = self.installation.request(self.tenant, "DELETE", &path, &[], None).await;
        if ![200, 202, 204, 409].contains(&answer.status) && answer.status < 500 {
            self.installation
                .complain(format!("a cancellation was answered {}: {}", answer.status, answer.body));
        }
    }

    async fn retry(&mut self) {
        let Some(task) = self.last.clone() else { return };
        let path = format!("/api/v1/task/{task}/retry");
        let name = [("idempotency-key", "a-retry")];
        let mut answer = self.installation.request(self.tenant, "POST", &path, &name, None).await;
        for _ in 0..5 {
            if answer.status < 500 {
                break;
            }
            sleep(Duration::from_secs(2)).await;
            answer = self.installation.request(self.tenant, "POST", &path, &name, None).await;
        }
        let Some(new) = answer.task.clone().filter(|_| answer.status < 300) else {
            self.installation.complain(format!("a retry was answered {}: {}", answer.status, answer.body));
            return;
        };
        let mut promises = self.installation.promises.lock().unwrap();
        let mut promise = promises.iter().find(|promise| promise.task == task).unwrap().clone();
        promise.task = new.clone();
        (promise.key, promise.retry) = (None, true);
        promises.push(promise);
        self.last = Some(new);
    }

    fn deploy(&self) {
        self.installation.world.version.fetch_add(1, Ordering::Relaxed);
        self.installation.world.say("operator", "deploys a new version", "");
        self.installation.worker.redeploy();
    }

    async fn send(&self, text: &str) {
        let world = &self.installation.world;
        let request = json!({"QueueUrl": world.queue_url(QUEUE), "MessageBody": text});
        world.queue.call("AmazonSQS.SendMessage", request.to_string().as_bytes()).await;
    }

    async fn redraw(&self, flow: millrace_store::FlowId, other: super::flows::Drawn) {
        let store = self.installation.operator.store();
        let patch = FlowPatch { data: Some(other.data()), ..FlowPatch::default() };
        store.update_flow(&self.tenant.parse().unwrap(), flow, patch).await.unwrap();
    }
}

/// Where each task of a run ended, by its id, as its row says it.
pub fn ends(installation: &Installation) -> BTreeMap<String, Json> {
    let rows = installation.world.table.all();
    let metas = rows.into_iter().filter(|row| row["sk"]["S"] == "META");
    metas.filter_map(|row| Some((super::call::task_of(row["pk"]["S"].as_str()?)?.to_owned(), row))).collect()
}
