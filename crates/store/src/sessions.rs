//! Conversations: the turns that memories of both dialects read and write.
//!
//! A conversation belongs to a tenant and a flow; within it, a scope (which memory of the flow) keeps its
//! turns apart from the others'.

use serde_json::Value;

use crate::Store;
use crate::error::StoreError;
use crate::ids::{FlowId, SessionId, TenantId};
use crate::item::{Item, Row, epoch_seconds, json};
use crate::rows::{self, RowKey};
use crate::schema::{EXPIRES, SK, attr};
use crate::table::{Range, Sort};

/// DynamoDB's limit for a sort key, in bytes.
pub(crate) const SORT_KEY_LIMIT: usize = 1024;

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Names the turn within its session and scope; turns are in the order of their keys.
    ///
    /// Made of the task's id and a counter, a turn that is written again after a crash stands there once.
    pub key: String,
    /// The turn itself, opaque to the store.
    pub body: Value,
}

impl Store {
    /// Appends a turn. One that already stands under this key is left as it is.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when scope and key are too long together, [`StoreError::TooLarge`], and
    /// those of the service.
    pub async fn append_turn(
        &self,
        tenant: &TenantId,
        flow: FlowId,
        session: &SessionId,
        scope: &str,
        turn: &Turn,
    ) -> Result<(), StoreError> {
        let sk = rows::scope_prefix(scope) + &turn.key;
        if turn.key.is_empty() || sk.len() > SORT_KEY_LIMIT {
            return Err(StoreError::Invalid {
                what: "a turn's key is empty, or too long together with its scope",
            });
        }
        let key = RowKey { pk: rows::session_partition(tenant, flow, session), sk };
        let item = Item::new(key)
            .with(attr::BODY, json(&turn.body))
            .with(EXPIRES, epoch_seconds(self.expiry(self.now())));
        self.put_if_absent(item.within_limit("conversation turn")?).await?;
        Ok(())
    }

    /// The turns of a scope, oldest first: all of them, or the `newest`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service.
    pub async fn turns(
        &self,
        tenant: &TenantId,
        flow: FlowId,
        session: &SessionId,
        scope: &str,
        newest: Option<u32>,
    ) -> Result<Vec<Turn>, StoreError> {
        let prefix = rows::scope_prefix(scope);
        let range = Range {
            pk: rows::session_partition(tenant, flow, session),
            sort: Sort::Prefix(prefix.clone()),
            newest,
        };
        let now = self.now().as_second();
        let rows = self.query(range).await?;
        rows.iter()
            .map(|attributes| Row::new("conversation turn", attributes))
            .filter(|row| row.opt_number(EXPIRES).is_none_or(|expires| expires > now))
            .map(|row| {
                let key = row.text(SK)?.strip_prefix(&prefix).ok_or_else(|| row.corrupt())?;
                Ok(Turn { key: key.to_owned(), body: row.json(attr::BODY)? })
            })
            .collect()
    }

    /// Forgets a conversation: all turns and states of all scopes.
    ///
    /// # Errors
    /// Those of the service; some turns may then be left, and a second call goes on.
    pub async fn clear_session(
        &self,
        tenant: &TenantId,
        flow: FlowId,
        session: &SessionId,
    ) -> Result<(), StoreError> {
        self.delete_partition(rows::session_partition(tenant, flow, session)).await
    }
}
