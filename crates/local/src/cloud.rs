//! The local cloud as a whole: what is started, where it is reached, and with which variables and clients.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::tls;
use serde_json::json;
use uuid::Uuid;

use crate::folder::DataFolder;
use crate::listen::{Serving, bind};
use crate::s3::ObjectFolder;
use crate::sqs::{Account, ErrorCode, Sqs, SqsError, SqsStore};
use crate::{LocalError, REGION, dynamodb, s3};

/// The key that every local client signs with. Nothing checks it.
const ACCESS_KEY_ID: &str = "local";
const SECRET_ACCESS_KEY: &str = "local";

/// What to start, and where.
#[derive(Debug, Clone)]
pub struct LocalConfig {
    /// Where tables, queues and objects are kept; in memory where it is `None`.
    pub data: Option<PathBuf>,
    /// The port of DynamoDB; 0 lets the system choose.
    pub dynamodb_port: u16,
    /// The port of SQS; 0 lets the system choose.
    pub sqs_port: u16,
    /// The port of S3; 0 lets the system choose.
    pub s3_port: u16,
    /// The name of the bucket. It is created.
    pub bucket: String,
    /// The name of the table, for [`LocalCloud::function_env`]. The caller creates it.
    pub table: String,
    /// The name of the task queue.
    pub queue: String,
    /// The name of its dead-letter queue.
    pub dead_letter_queue: String,
    /// How long a received task stays hidden; whole seconds.
    pub visibility_timeout: Duration,
    /// After how many receives a message is a dead letter.
    pub max_receive_count: u32,
}

impl Default for LocalConfig {
    fn default() -> Self {
        Self {
            data: None,
            dynamodb_port: 0,
            sqs_port: 0,
            s3_port: 0,
            bucket: "millrace".to_owned(),
            table: "millrace".to_owned(),
            queue: "millrace-tasks".to_owned(),
            dead_letter_queue: "millrace-tasks-dead".to_owned(),
            visibility_timeout: Duration::from_secs(30),
            max_receive_count: 5,
        }
    }
}

/// DynamoDB, SQS and S3, running on loopback ports.
pub struct LocalCloud {
    config: LocalConfig,
    dynamodb: Serving,
    sqs_server: Serving,
    s3: Serving,
    sqs: Sqs,
    http: SharedHttpClient,
    /// Dropped behind the server of it.
    _objects: ObjectFolder,
    /// Dropped last, when nothing writes any more.
    _folder: Option<DataFolder>,
}

impl LocalCloud {
    /// Starts the services and creates queues and bucket. With a data folder, what was there before is there again.
    ///
    /// # Errors
    /// A port is taken, the folder is in use or unreadable, or a queue's configuration is invalid.
    pub async fn start(config: LocalConfig) -> Result<Self, LocalError> {
        let dynamodb_listener = bind(config.dynamodb_port, "DynamoDB").await?;
        let sqs_listener = bind(config.sqs_port, "SQS").await?;
        let s3_listener = bind(config.s3_port, "S3").await?;
        let folder = config.data.as_deref().map(DataFolder::open).transpose()?;
        let table_file = folder.as_ref().map(|folder| folder.file("dynamodb.sqlite"));
        let base = format!("http://{}", crate::listen::address(&sqs_listener)?);
        let seed = Uuid::new_v4().as_u64_pair().0;
        let sqs = match &folder {
            Some(folder) => Sqs::stored(SqsStore::open(&folder.file("sqs.sqlite"))?, seed, base)?,
            None => Sqs::in_memory(seed, base),
        };
        create_queues(&sqs, &config)?;
        let dynamodb = dynamodb::serve(dynamodb_listener, table_file.as_deref())?;
        let sqs_server = Serving::start(sqs_listener, crate::sqs::router(sqs.clone()))?;
        let objects = ObjectFolder::open(folder.as_ref().map(|folder| folder.file("s3")), &config.bucket)?;
        let s3_routes = s3::router(objects.path(), ACCESS_KEY_ID, SECRET_ACCESS_KEY)?;
        let s3 = Serving::start(s3_listener, s3_routes)?;
        let http = http_client();
        Ok(Self { config, dynamodb, sqs_server, s3, sqs, http, _objects: objects, _folder: folder })
    }

    /// Where DynamoDB listens.
    pub fn dynamodb_url(&self) -> String {
        self.dynamodb.url()
    }

    /// Where SQS listens.
    pub fn sqs_url(&self) -> String {
        self.sqs_server.url()
    }

    /// Where S3 listens.
    pub fn s3_url(&self) -> String {
        self.s3.url()
    }

    /// The name of the bucket.
    pub fn bucket(&self) -> &str {
        &self.config.bucket
    }

    /// The URL of the task queue.
    pub fn queue_url(&self) -> String {
        self.sqs.queue_url(&self.config.queue)
    }

    /// The ARN of the task queue.
    pub fn queue_arn(&self) -> String {
        Account::arn(&self.config.queue)
    }

    /// The URL of the dead-letter queue.
    pub fn dead_letter_url(&self) -> String {
        self.sqs.queue_url(&self.config.dead_letter_queue)
    }

    /// The ARN of the dead-letter queue.
    pub fn dead_letter_arn(&self) -> String {
        Account::arn(&self.config.dead_letter_queue)
    }

    /// The queues themselves, to look into or to call without HTTP.
    pub fn sqs(&self) -> &Sqs {
        &self.sqs
    }

    /// Configuration for SDK clients: region, credentials, HTTP client, retries; without an endpoint, since each service
    /// has its own.
    pub fn sdk_config(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials()))
            .http_client(self.http.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .build()
    }

    /// A client of the local DynamoDB.
    pub fn dynamodb_client(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::config::Builder::from(&self.sdk_config());
        aws_sdk_dynamodb::Client::from_conf(config.endpoint_url(self.dynamodb_url()).build())
    }

    /// A client of the local SQS.
    pub fn sqs_client(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::config::Builder::from(&self.sdk_config());
        aws_sdk_sqs::Client::from_conf(config.endpoint_url(self.sqs_url()).build())
    }

    /// A client of the local S3, which adds no checksums of its own.
    pub fn s3_client(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk_config())
            .endpoint_url(self.s3_url())
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// The variables with which a function's binary reaches this cloud.
    pub fn function_env(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb_url()),
            ("AWS_ENDPOINT_URL_SQS", self.sqs_url()),
            ("AWS_ENDPOINT_URL_S3", self.s3_url()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("MILLRACE_BUCKET", self.config.bucket.clone()),
            ("MILLRACE_QUEUE_URL", self.queue_url()),
            ("MILLRACE_TABLE", self.config.table.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Stops everything: long polls end, requests that are being answered finish, then the folder is free again.
    pub async fn shutdown(self) {
        self.sqs.stop();
        let ((), (), ()) = tokio::join!(self.sqs_server.stop(), self.dynamodb.stop(), self.s3.stop());
    }
}

/// Creates the queues, or brings those that were kept to the present configuration.
fn create_queues(sqs: &Sqs, config: &LocalConfig) -> Result<(), SqsError> {
    let redrive = json!({
        "deadLetterTargetArn": Account::arn(&config.dead_letter_queue),
        "maxReceiveCount": config.max_receive_count,
    });
    let of = |pairs: &[(&str, String)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    };
    // Dead letters are kept for 14 days, as the template does.
    let dead = of(&[("MessageRetentionPeriod", "1209600".to_owned())]);
    let tasks = of(&[
        ("VisibilityTimeout", config.visibility_timeout.as_secs().to_string()),
        ("RedrivePolicy", redrive.to_string()),
    ]);
    for (name, attributes) in [(&config.dead_letter_queue, dead), (&config.queue, tasks)] {
        sqs.with(|account, now| match account.create_queue(name, &attributes, now) {
            Err(SqsError { code: ErrorCode::QueueNameExists, .. }) => {
                account.set_attributes(name, &attributes, now)
            }
            other => other,
        })?;
    }
    Ok(())
}

fn credentials() -> Credentials {
    Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "local")
}

/// Trusts no certificate: everything local is plain HTTP, and reading the system's would take time.
fn http_client() -> SharedHttpClient {
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let builder = aws_smithy_http_client::Builder::new().tls_provider(provider);
    let context = tls::TlsContext::builder().with_trust_store(tls::TrustStore::empty()).build();
    match context {
        Ok(context) => builder.tls_context(context).build_https(),
        Err(_) => builder.build_https(),
    }
}
