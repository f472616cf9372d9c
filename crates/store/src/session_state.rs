//! What a conversation keeps beside its turns, one row a scope: a summary, for example.
//!
//! A state is replaced by compare-and-swap on its version. The row remembers its latest writers, each in an
//! attribute of its own, so that a write whose reply was lost is not made again even when others wrote since.

use serde_json::Value;

use crate::Store;
use crate::condition::{Change, Condition};
use crate::error::StoreError;
use crate::ids::{FlowId, SessionId, TenantId};
use crate::item::{Item, Row, epoch_seconds, json, number, text};
use crate::rows::{self, RowKey};
use crate::schema::{EXPIRES, attr};
use crate::sessions::SORT_KEY_LIMIT;
use crate::table::Updated;

/// What the row is called in errors.
const ROW: &str = "conversation state";

/// How many writers a row remembers.
const WRITERS: u64 = 8;

/// A state and its version.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionState {
    /// Counts the writes.
    pub version: u64,
    /// The state itself, opaque to the store.
    pub body: Value,
}

impl Store {
    /// The state of a conversation's scope, strongly consistent.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when the scope is too long, [`StoreError::Corrupt`], and those of the service.
    pub async fn session_state(
        &self,
        tenant: &TenantId,
        flow: FlowId,
        session: &SessionId,
        scope: &str,
    ) -> Result<Option<SessionState>, StoreError> {
        let Some(stored) = self.get(key(tenant, flow, session, scope)?, true).await? else {
            return Ok(None);
        };
        let row = Row::new(ROW, &stored);
        if row.opt_number(EXPIRES).is_some_and(|expires| expires <= self.now().as_second()) {
            return Ok(None);
        }
        Ok(Some(SessionState { version: row.count(attr::VERSION)?, body: row.json(attr::BODY)? }))
    }

    /// Puts a state in place of the one of version `expected`, or where there is none. Whether it stands:
    /// `false` where another writer got there first.
    ///
    /// `writer` names this write; one that was already made under that name counts as done.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], [`StoreError::Invalid`] when the scope is too long, and those of the service.
    pub async fn put_session_state(
        &self,
        (tenant, flow, session): (&TenantId, FlowId, &SessionId),
        scope: &str,
        expected: Option<u64>,
        writer: &str,
        body: &Value,
    ) -> Result<bool, StoreError> {
        let (key, now) = (key(tenant, flow, session, scope)?, self.now());
        let body = json(body);
        Item::new(key.clone())
            .with(attr::BODY, body.clone())
            .with(attr::WRITER, text(writer))
            .within_limit(ROW)?;
        let unchanged = match expected {
            Some(version) => Condition::equals(attr::VERSION, number(version)),
            None => Condition::absent().or(Condition::at_most(EXPIRES, epoch_seconds(now))),
        };
        let version = expected.unwrap_or(0) + 1;
        let change = Change::when(unchanged)
            .set(attr::VERSION, number(version))
            .set(attr::BODY, body)
            .set(&written_by(version), text(writer))
            .set(EXPIRES, epoch_seconds(self.expiry(now)));
        Ok(match self.update(key, change).await? {
            Updated::Applied(_) => true,
            Updated::Refused(Some(stored)) => {
                let row = Row::new(ROW, &stored);
                (0..WRITERS).any(|n| row.opt_text(&written_by(n)) == Some(writer))
            }
            Updated::Refused(None) => false,
        })
    }
}

/// The attribute that names the writer of a version.
fn written_by(version: u64) -> String {
    format!("{}{}", attr::WRITER, version % WRITERS)
}

fn key(tenant: &TenantId, flow: FlowId, session: &SessionId, scope: &str) -> Result<RowKey, StoreError> {
    let sk = rows::state_sort(scope);
    match sk.len() {
        ..=SORT_KEY_LIMIT => Ok(RowKey { pk: rows::session_partition(tenant, flow, session), sk }),
        _ => Err(StoreError::Invalid { what: "the scope of a conversation state is too long" }),
    }
}
