//! What of a task's input is sealed, and what of it goes with the task's end.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use super::submit::INPUT_ROW;
use super::{NewTask, TaskInput};
use crate::Store;
use crate::condition::{Change, Condition};
use crate::error::StoreError;
use crate::ids::{TaskId, TenantId};
use crate::item::{Item, Row, json};
use crate::rows::{self, INPUT, META};
use crate::schema::attr;
use crate::seal::Place;
use crate::table::{Updated, Write};

/// The place of what is erased at the end.
const SECRETS: &str = "task secrets";

/// How many bytes of secrets a task may bring, sealed.
const SECRETS_LIMIT: usize = 128 * 1024;

impl Store {
    /// The item of a task's input with its secrets, and the input itself as an attribute.
    pub(super) async fn sealed_input(
        &self,
        task: &NewTask,
        item: Item,
    ) -> Result<(Item, AttributeValue), StoreError> {
        let name = task.id.to_string();
        let place = |kind| Place { tenant: &task.tenant, kind, name: &name, version: 0 };
        let item = match task.has_secrets() {
            false => item,
            true => {
                let sealed = self.seal(place(SECRETS), &task.secrets).await?;
                if sealed.len() > SECRETS_LIMIT {
                    let (what, size) = ("what the call keeps secret", sealed.len());
                    return Err(StoreError::TooLarge { what, size, limit: SECRETS_LIMIT });
                }
                item.with(attr::SECRETS, AttributeValue::B(sealed.into()))
            }
        };
        if !task.sealed {
            return Ok((item, json(&task.input)));
        }
        let sealed = self.seal(place(INPUT_ROW), &task.input).await?;
        Ok((item.with(attr::SEALED, AttributeValue::Bool(true)), AttributeValue::B(sealed.into())))
    }

    pub(super) async fn opened_input(
        &self,
        tenant: &TenantId,
        id: TaskId,
        row: Row<'_>,
    ) -> Result<TaskInput, StoreError> {
        let name = id.to_string();
        let place = |kind| Place { tenant, kind, name: &name, version: 0 };
        let value = match row.flag(attr::SEALED) {
            true => self.open(place(INPUT_ROW), &self.whole_bytes(row, attr::BODY).await?).await?,
            false => self.whole(row, attr::BODY).await?,
        };
        let secrets = match row.has(attr::SECRETS) {
            true => self.open(place(SECRETS), row.bytes(attr::SECRETS)?).await?,
            false => Value::Null,
        };
        Ok(TaskInput { value, secrets })
    }

    /// Ends a task's row, and with it its secrets, in one transaction: **no ended task has any**. The row of an
    /// end that was applied so is not answered.
    pub(crate) async fn end_row(
        &self,
        tenant: &TenantId,
        task: TaskId,
        change: Change,
        has_secrets: bool,
    ) -> Result<Updated, StoreError> {
        let meta = rows::task(tenant, task, META);
        if !has_secrets {
            return self.update(meta, change).await;
        }
        let change = change.remove(attr::SECRETS);
        let erased = Change::when(Condition::present()).remove(attr::SECRETS);
        let writes = vec![
            Write::Update(meta.clone(), change.clone()),
            Write::Update(rows::task(tenant, task, INPUT), erased),
        ];
        match self.transact(writes).await? {
            None => Ok(Updated::Applied(Default::default())),
            // The input is gone, and its secrets with it.
            Some(1) => self.update(meta, change).await,
            Some(_) => Ok(Updated::Refused(self.get(meta, true).await?)),
        }
    }
}
