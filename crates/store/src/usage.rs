//! What the tasks of a tenant used on a day: a row for each process, which holds the sum of what ran there.
//!
//! A process puts its own sum and nobody else's, so that a put that is repeated after a lost reply counts once and
//! processes never wait for each other. Who wants to know adds the rows of a day up.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::ids::TenantId;
use crate::item::{Item, Row, epoch_seconds, json};
use crate::rows;
use crate::schema::{EXPIRES, attr};
use crate::table::{Range, Sort};

/// For so many days sums can be read.
pub const USAGE_DAYS: i64 = 62;

/// What the tasks of a tenant used on one day in one process.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageShare {
    /// Which process.
    pub process: Uuid,
    /// The sum, opaque to the store.
    pub sum: Value,
}

impl Store {
    /// Puts the sum of one process for a day (UTC) in the place of what it put before.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], and those of the service; the same call may be made again.
    pub async fn put_usage(
        &self,
        tenant: &TenantId,
        day: Date,
        share: &UsageShare,
    ) -> Result<(), StoreError> {
        let item = Item::new(rows::usage(tenant, &day.to_string(), share.process))
            .with(attr::BODY, json(&share.sum))
            .with(EXPIRES, epoch_seconds(expiry(day)));
        self.put(item.within_limit("usage")?).await
    }

    /// The sums of a day (UTC), of all processes.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn usage(&self, tenant: &TenantId, day: Date) -> Result<Vec<UsageShare>, StoreError> {
        let pk = rows::usage_partition(tenant, &day.to_string());
        let items = self.query(Range { pk, sort: Sort::Any, newest: None }).await?;
        let shares = items.iter().map(|item| {
            let row = Row::new("usage", item);
            Ok(UsageShare { process: row.parsed(crate::schema::SK)?, sum: row.json(attr::BODY)? })
        });
        shares.collect()
    }
}

/// The end of the day, and as long after it as sums can be read.
fn expiry(day: Date) -> Timestamp {
    let midnight = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(Timestamp::MAX);
    midnight.checked_add(SignedDuration::from_hours((USAGE_DAYS + 1) * 24)).unwrap_or(Timestamp::MAX)
}
