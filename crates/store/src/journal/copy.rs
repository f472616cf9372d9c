//! A task that goes on where another ended.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::ROW;
use crate::Store;
use crate::error::StoreError;
use crate::ids::{TaskId, TenantId};
use crate::item::{Row, epoch_seconds, number, text};
use crate::parts::Beside;
use crate::rows::{self, JOURNAL};
use crate::schema::{EXPIRES, PK, attr};
use crate::size::Attributes;
use crate::table::{Range, Sort};

/// Records that are copied at once.
const CONCURRENCY: usize = 16;

impl Store {
    /// Copies the journal of a task to another of the same tenant, and says how many records there are.
    ///
    /// A record that already stands there is left as it is, so that the same call may be made again. The
    /// copies are marked as made by no attempt of the new task.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when something of a record is missing, and those of the service; some records
    /// may then be copied.
    pub async fn copy_journal(
        &self,
        tenant: &TenantId,
        from: TaskId,
        to: TaskId,
    ) -> Result<usize, StoreError> {
        let range = Range {
            pk: rows::task_partition(tenant, from),
            sort: Sort::Prefix(JOURNAL.to_owned()),
            newest: None,
        };
        let records = self.query(range).await?;
        let count = records.len();
        let partition = rows::task_partition(tenant, to);
        stream::iter(records)
            .map(|record| self.copy_record(record, &partition))
            .buffered(CONCURRENCY)
            .try_collect::<()>()
            .await?;
        Ok(count)
    }

    async fn copy_record(&self, record: Attributes, partition: &str) -> Result<(), StoreError> {
        let beside = match self.beside(Row::new(ROW, &record)).await? {
            Beside::Parts(parts) => {
                Beside::Parts(parts.into_iter().map(|part| self.moved(part, partition)).collect())
            }
            // The same object, put again: it is kept from now on.
            other => other,
        };
        self.put_beside(beside).await?;
        let mut copy = self.moved(record, partition);
        copy.insert(attr::ATTEMPT.to_owned(), number(0));
        self.put_if_absent(copy).await?;
        Ok(())
    }

    /// The row in another partition, kept from now on.
    fn moved(&self, mut row: Attributes, partition: &str) -> Attributes {
        row.insert(PK.to_owned(), text(partition));
        row.insert(EXPIRES.to_owned(), epoch_seconds(self.expiry(self.now())));
        row
    }
}
