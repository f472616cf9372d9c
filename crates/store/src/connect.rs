//! The clients of a deployed function, from the standard AWS variables.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::{Host, Store, StoreConfig};

/// What one call of a service may take: three tries within 8 s.
const TRIES: u32 = 3;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const TRY_TIMEOUT: Duration = Duration::from_secs(3);
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

impl Store {
    /// A store over clients with the region, credentials and endpoints that the AWS SDKs find by themselves.
    /// Calls no service.
    pub async fn connect(config: StoreConfig, host: Arc<dyn Host>) -> Self {
        let sdk = sdk_config().await;
        Self::new(aws_sdk_dynamodb::Client::new(&sdk), aws_sdk_sqs::Client::new(&sdk), config, host)
    }
}

async fn sdk_config() -> SdkConfig {
    let tls = Provider::Rustls(CryptoMode::Ring);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(TRY_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().tls_provider(tls).build_https())
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
        .timeout_config(timeouts)
        .load()
        .await
}
