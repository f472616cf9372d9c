//! Notes what a function asks of AWS, as the actions that IAM knows, with the kind of the resource.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use jiff::{SignedDuration, Timestamp};
use millrace_store::{Host, SystemHost};
use serde_json::Value as Json;

/// One observer for each function.
#[derive(Debug, Clone)]
pub struct Observed {
    pub api: Observer,
    pub worker: Observer,
    pub sweeper: Observer,
}

impl Observed {
    /// With a stand-in for KMS at this address.
    pub fn new(kms: &str) -> Self {
        let [api, worker, sweeper] = [(); 3].map(|()| Observer::new(kms));
        Self { api, worker, sweeper }
    }

    /// The actions of each function, by its name in the template.
    pub fn list(&self) -> String {
        let functions = [("Api", &self.api), ("Sweeper", &self.sweeper), ("Worker", &self.worker)];
        let all: BTreeMap<_, _> = functions.map(|(name, observer)| (name, observer.noted())).into();
        serde_json::to_string_pretty(&all).unwrap() + "\n"
    }
}

/// An interceptor for the clients of one function. Clones share what they noted.
#[derive(Debug, Clone)]
pub struct Observer {
    noted: Arc<Mutex<BTreeSet<String>>>,
    /// Hours that the function's clock is ahead.
    ahead: Arc<AtomicI64>,
    /// Where the stand-in for KMS listens.
    kms: String,
}

impl Observer {
    fn new(kms: &str) -> Self {
        Self { noted: Arc::default(), ahead: Arc::default(), kms: kms.to_owned() }
    }

    /// What was noted: `dynamodb:Query index/open`.
    fn noted(&self) -> BTreeSet<String> {
        self.noted.lock().unwrap().clone()
    }

    /// Puts the function's clock ahead of the others'.
    pub fn put_ahead(&self, hours: i64) {
        self.ahead.store(hours, Ordering::Relaxed);
    }

    /// The function's clock.
    pub fn host(&self) -> Arc<dyn Host> {
        Arc::new(Ahead(self.ahead.clone()))
    }

    /// A client of KMS, observed.
    pub fn kms(&self, sdk: &aws_sdk_kms::config::Builder) -> aws_sdk_kms::Client {
        let config = sdk.clone().endpoint_url(&self.kms).interceptor(self.clone());
        aws_sdk_kms::Client::from_conf(config.build())
    }

    fn note(&self, actions: impl IntoIterator<Item = String>) {
        self.noted.lock().unwrap().extend(actions);
    }
}

impl Intercept for Observer {
    fn name(&self) -> &'static str {
        "Observer"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let call = cfg.load::<Metadata>().ok_or("a call without a name")?;
        self.note(actions(call, context.request()));
        Ok(())
    }

    /// An object that is not there is only said to be missing to whoever may list.
    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let service = cfg.load::<Metadata>().map(Metadata::service);
        if service == Some("S3") && context.response().status().as_u16() == 404 {
            self.note(["s3:ListBucket bucket".to_owned()]);
        }
        Ok(())
    }
}

/// The actions that a call needs.
fn actions(call: &Metadata, request: &HttpRequest) -> Vec<String> {
    let body = || -> Json { serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap() };
    match (call.service(), call.name()) {
        ("DynamoDB", "TransactWriteItems") => parts(&body()),
        ("DynamoDB", name) => {
            let place =
                body()["IndexName"].as_str().map_or("table".to_owned(), |name| format!("index/{name}"));
            vec![format!("dynamodb:{name} {place}")]
        }
        ("SQS", name) => {
            let dead = body()["QueueUrl"].as_str().unwrap().ends_with("-dead");
            vec![format!("sqs:{name} {}", if dead { "dead letters" } else { "queue" })]
        }
        ("KMS", name) => vec![format!("kms:{name} key")],
        ("S3", name @ ("GetObject" | "PutObject")) => {
            // A tag needs a right of its own.
            let tag =
                request.headers().contains_key("x-amz-tagging").then_some("s3:PutObjectTagging objects");
            tag.map(str::to_owned).into_iter().chain([format!("s3:{name} objects")]).collect()
        }
        (service, name) => panic!("which action does {name} of {service} need?"),
    }
}

/// A transaction needs the actions of its parts, and none of its own.
fn parts(body: &Json) -> Vec<String> {
    let action = |part: &str| match part {
        "Put" | "Update" | "Delete" => format!("dynamodb:{part}Item table"),
        "ConditionCheck" => "dynamodb:ConditionCheckItem table".to_owned(),
        other => panic!("which action does the part {other} need?"),
    };
    let items = body["TransactItems"].as_array().unwrap().iter();
    items.flat_map(|item| item.as_object().unwrap().keys()).map(|part| action(part)).collect()
}

/// The system's clock, ahead by hours.
struct Ahead(Arc<AtomicI64>);

impl Host for Ahead {
    fn now(&self) -> Timestamp {
        SystemHost.now() + SignedDuration::from_hours(self.0.load(Ordering::Relaxed))
    }

    fn random(&self, buf: &mut [u8]) {
        SystemHost.random(buf);
    }
}
