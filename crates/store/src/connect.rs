//! The clients of a deployed function, from the standard AWS variables.

use std::sync::Arc;
use std::time::Duration;

use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_sdk_s3::config::{ProvideCredentials, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use crate::{Host, SharedCredentialsProvider, Store, StoreConfig, rows};

/// What one call of a service may take: three tries within 8 s.
const TRIES: u32 = 3;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const TRY_TIMEOUT: Duration = Duration::from_secs(3);
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// What one call of the bucket may take: an object can have 100 MB. Its body is read within no time of its own,
/// but has to go on coming.
const OBJECT_TRY_TIMEOUT: Duration = Duration::from_secs(30);
const OBJECT_TIMEOUT: Duration = Duration::from_secs(60);

impl Store {
    /// A store over clients with the region, credentials and endpoints that the AWS SDKs find by themselves,
    /// with this bucket, if one is named. Calls no service.
    pub async fn connect(config: StoreConfig, bucket: Option<String>, host: Arc<dyn Host>) -> Self {
        let sdk = sdk_config().await;
        let store =
            Self::new(aws_sdk_dynamodb::Client::new(&sdk), aws_sdk_sqs::Client::new(&sdk), config, host)
                .with_kms(aws_sdk_kms::Client::new(&sdk));
        let store = match bucket {
            Some(bucket) => store.with_bucket(s3(&sdk), bucket),
            None => store,
        };
        match sdk.credentials_provider() {
            Some(credentials) => store.with_credentials(credentials),
            None => store,
        }
    }
}

/// What opening the connection may hold a start up.
const WARM_UP_LIMIT: Duration = Duration::from_secs(1);

impl Store {
    /// Opens the connection to the table before there is an event, by a read of a row that is never there: half a read
    /// unit. Name lookup and TLS handshake then fall into the start of the function, for which Lambda gives a whole CPU,
    /// and not into the first event, which has the share that its memory buys.
    ///
    /// **What fails here fails nothing**: the first call of an event will say it.
    pub async fn warm_up(&self) {
        match tokio::time::timeout(WARM_UP_LIMIT, self.get(rows::nothing(), false)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "no connection before the first event"),
            Err(_) => tracing::debug!("no connection before the first event: too slow"),
        }
    }
}

/// What a process that was started by hand may have forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unconfigured {
    /// Neither a variable nor a profile names a region.
    #[error("no AWS region: set AWS_REGION, or AWS_PROFILE to a profile that has one")]
    Region,
    /// There are no credentials, or they cannot be got.
    #[error(
        "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile that has them"
    )]
    Credentials,
}

impl Store {
    /// Says whether there is a region and are credentials to call AWS with. Does not call the table.
    ///
    /// # Errors
    /// [`Unconfigured`], for the first that is missing.
    pub async fn check_configured(&self) -> Result<(), Unconfigured> {
        if self.0.dynamodb.config().region().is_none() {
            return Err(Unconfigured::Region);
        }
        let credentials = self.credentials().ok_or(Unconfigured::Credentials)?;
        credentials.provide_credentials().await.map(drop).map_err(|_| Unconfigured::Credentials)
    }
}

/// The role or the user that this process is on AWS, as the SDKs find it. Calls no service.
pub async fn own_credentials() -> Option<SharedCredentialsProvider> {
    // With a region of its own, so that nobody is asked for one.
    let region =
        RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new()).or_else("us-east-1");
    defaults().region(region).load().await.credentials_provider()
}

/// The SDKs' HTTP client, but for one step: whenever a client of a service is made, that makes a connector only to throw it
/// away, for which all of the system's certificates are parsed. The connector that is used parses them once for all
/// services, in [`Store::warm_up`] if not before.
#[derive(Debug)]
struct OneConnector(SharedHttpClient);

impl HttpClient for OneConnector {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

fn s3(sdk: &SdkConfig) -> aws_sdk_s3::Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(OBJECT_TRY_TIMEOUT)
        .operation_timeout(OBJECT_TIMEOUT)
        .build();
    let config = aws_sdk_s3::config::Builder::from(sdk)
        .timeout_config(timeouts)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    aws_sdk_s3::Client::from_conf(config.build())
}

async fn sdk_config() -> SdkConfig {
    defaults().load().await
}

fn defaults() -> ConfigLoader {
    let tls = Provider::Rustls(CryptoMode::Ring);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(TRY_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(OneConnector(aws_smithy_http_client::Builder::new().tls_provider(tls).build_https()))
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
        .timeout_config(timeouts)
}
