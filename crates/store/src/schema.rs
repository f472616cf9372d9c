//! The table: its keys, its two indexes and the names of all attributes.
//!
//! The deployed table is described in the template; a test compares it with the constants here.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TableStatus, TimeToLiveSpecification,
};
use jiff::Timestamp;

use crate::error::{Fault, StoreError};

/// Partition key of the table, a string.
pub const PK: &str = "pk";
/// Sort key of the table, a string.
pub const SK: &str = "sk";
/// Time-to-live attribute, a number: seconds since the epoch.
pub const EXPIRES: &str = "expires";

/// An index of the table: KEYS_ONLY, both keys strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// Its partition key.
    pub pk: &'static str,
    /// Its sort key.
    pub sk: &'static str,
}

/// Tasks that are not settled, by due time, over [`OPEN_SHARDS`] partitions. Only recovery reads it.
///
/// Sparse: its keys are set at submit and left alone by claims and heartbeats; re-sends and delays move the due
/// time. They are removed by the terminal update, or, if somebody is to be called back, when that is settled.
pub const OPEN: Index = Index { name: "open", pk: "open_pk", sk: "open_sk" };

/// The tasks of a tenant by time of creation.
pub const LIST: Index = Index { name: "list", pk: "list_pk", sk: "list_sk" };

/// All indexes.
pub const INDEXES: [Index; 2] = [OPEN, LIST];

/// Partitions of the index of open tasks.
pub const OPEN_SHARDS: u8 = 16;

/// DynamoDB's limit for one item, attribute names included.
pub const ITEM_LIMIT: usize = 400 * 1024;

/// Names of attributes that are no keys.
pub(crate) mod attr {
    pub(crate) const AT: &str = "at";
    pub(crate) const ATTEMPT: &str = "attempt";
    pub(crate) const BODY: &str = "body";
    pub(crate) const CALLBACK: &str = "callback";
    pub(crate) const CLAIM: &str = "claim";
    pub(crate) const COMPONENT: &str = "component";
    pub(crate) const CREATED: &str = "created";
    pub(crate) const DESCRIPTION: &str = "description";
    pub(crate) const DIGEST: &str = "digest";
    pub(crate) const ENDED: &str = "ended";
    pub(crate) const ENDPOINT: &str = "endpoint";
    pub(crate) const ERROR: &str = "error";
    pub(crate) const FLOW: &str = "flow";
    pub(crate) const FOLDER: &str = "folder";
    pub(crate) const HASH: &str = "hash";
    pub(crate) const HELD: &str = "held";
    pub(crate) const HOLDER: &str = "holder";
    pub(crate) const ID: &str = "id";
    pub(crate) const KEY: &str = "key";
    pub(crate) const KIND: &str = "kind";
    pub(crate) const LEASE: &str = "lease";
    pub(crate) const MASKED: &str = "masked";
    pub(crate) const MODE: &str = "mode";
    pub(crate) const MS: &str = "ms";
    pub(crate) const NAME: &str = "name";
    pub(crate) const NEXT: &str = "next";
    pub(crate) const ORIGIN: &str = "origin";
    pub(crate) const PARTS: &str = "parts";
    pub(crate) const PUBLIC: &str = "public";
    pub(crate) const RATE: &str = "rate";
    pub(crate) const REQUESTS: &str = "requests";
    pub(crate) const REQUEST: &str = "request";
    pub(crate) const RESENT: &str = "resent";
    pub(crate) const RESPONSE: &str = "response";
    pub(crate) const RESULT: &str = "result";
    pub(crate) const REVISION: &str = "revision";
    pub(crate) const SCOPES: &str = "scopes";
    pub(crate) const SECRET: &str = "secret";
    pub(crate) const SEALED: &str = "sealed";
    pub(crate) const SECRETS: &str = "secrets";
    pub(crate) const SENDER: &str = "sender";
    pub(crate) const SESSION: &str = "session";
    pub(crate) const SIZE: &str = "size";
    pub(crate) const SPENT: &str = "spent";
    pub(crate) const STARTED: &str = "started";
    pub(crate) const STATE: &str = "state";
    pub(crate) const TASK: &str = "task";
    pub(crate) const TENANT: &str = "tenant";
    pub(crate) const UNTIL: &str = "until";
    pub(crate) const TRACE: &str = "trace";
    pub(crate) const TIMEOUT: &str = "timeout";
    pub(crate) const TRIES: &str = "tries";
    pub(crate) const UPDATED: &str = "updated";
    pub(crate) const USAGE: &str = "usage";
    pub(crate) const USED: &str = "used";
    pub(crate) const USES: &str = "uses";
    pub(crate) const VERSION: &str = "version";
    pub(crate) const WARNINGS: &str = "warnings";
    pub(crate) const WRITER: &str = "writer";
    pub(crate) const YIELDS: &str = "yields";
}

/// A time as text that sorts as the time does: UTC, milliseconds, always 24 characters.
pub fn sortable(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Creates the table with its indexes and time-to-live, if it is not there yet, and waits until it is usable.
///
/// # Errors
/// Those of the service, and [`StoreError::Unavailable`] when the table does not become active within 20 s.
pub async fn create_table_if_absent(client: &Client, table: &str) -> Result<(), StoreError> {
    match create_table(client, table).await {
        Ok(()) => {}
        Err(error) if error.code() == Some("ResourceInUseException") => {
            return wait_until_active(client, table).await;
        }
        Err(error) => return Err(error.into()),
    }
    wait_until_active(client, table).await?;
    let ttl = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name(EXPIRES)
        .build()
        .map_err(bad_definition)?;
    client.update_time_to_live().table_name(table).time_to_live_specification(ttl).send().await?;
    Ok(())
}

async fn create_table(client: &Client, table: &str) -> Result<(), SdkError<CreateTableError>> {
    let build = SdkError::construction_failure;
    let mut request = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for name in [PK, SK].into_iter().chain(INDEXES.iter().flat_map(|index| [index.pk, index.sk])) {
        let definition =
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        request = request.attribute_definitions(definition.build().map_err(build)?);
    }
    for element in key_schema(PK, SK) {
        request = request.key_schema(element.map_err(build)?);
    }
    for index in INDEXES {
        let keys =
            key_schema(index.pk, index.sk).into_iter().collect::<Result<Vec<_>, _>>().map_err(build)?;
        let projection = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
        let index = GlobalSecondaryIndex::builder()
            .index_name(index.name)
            .set_key_schema(Some(keys))
            .projection(projection);
        request = request.global_secondary_indexes(index.build().map_err(build)?);
    }
    request.send().await.map(drop)
}

type Built = Result<KeySchemaElement, aws_sdk_dynamodb::error::BuildError>;

fn key_schema(pk: &str, sk: &str) -> [Built; 2] {
    let element = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    [element(pk, KeyType::Hash), element(sk, KeyType::Range)]
}

async fn wait_until_active(client: &Client, table: &str) -> Result<(), StoreError> {
    for _ in 0..100 {
        let description = client.describe_table().table_name(table).send().await?;
        if description.table().and_then(|t| t.table_status()) == Some(&TableStatus::Active) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err(StoreError::Unavailable(Fault { kind: "service", code: Some("TableNotActive".to_owned()) }))
}

fn bad_definition(_: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Misconfigured(Fault { kind: "request", code: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_text() {
        let at = |millis| sortable(Timestamp::from_millisecond(millis).unwrap());
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(1_700_000_000_005), "2023-11-14T22:13:20.005Z");
        assert!(at(1_699_999_999_999) < at(1_700_000_000_000));
    }
}
