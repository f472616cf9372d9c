//! Queues that survive a stop: an account in SQLite, each mutation written through in one transaction.
//!
//! A message in flight keeps the deadline of its visibility timeout and its receive count, so that it comes back when it
//! would have, and receipt handles from before the stop stay good.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::message::Place;
use super::{Account, Change, Message, Queue, QueueAttributes};

/// Write-ahead logging without a sync for each commit: what was acknowledged survives the end of the process, though
/// not always that of the computer.
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS queue (
        name TEXT PRIMARY KEY, attributes TEXT NOT NULL, created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS message (
        id TEXT PRIMARY KEY, queue TEXT NOT NULL, sequence INTEGER NOT NULL, body TEXT NOT NULL,
        attributes TEXT NOT NULL, message_group TEXT, trace_header TEXT, dead_letter_source TEXT,
        sent_at INTEGER NOT NULL, receive_count INTEGER NOT NULL, first_received_at INTEGER, received_at INTEGER,
        visible_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS message_of_queue ON message (queue, sequence);
";

/// Where an account is kept.
#[derive(Debug)]
pub struct SqsStore {
    connection: Connection,
}

impl SqsStore {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn open(path: &Path) -> Result<Self, rusqlite::Error> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection })
    }

    /// The account as it was kept; `seed` is for the ids of new messages and must differ from start to start.
    pub(super) fn load(&self, seed: u64) -> Result<Account, rusqlite::Error> {
        let mut account = Account::new(seed);
        let mut queues =
            self.connection.prepare("SELECT name, attributes, created_at, modified_at FROM queue")?;
        for queue in queues.query_map([], read_queue)? {
            let (name, queue) = queue?;
            account.restore_queue(name, queue);
        }
        let mut messages = self.connection.prepare("SELECT * FROM message ORDER BY sequence")?;
        for message in messages.query_map([], read_message)? {
            let (queue, sequence, message) = message?;
            account.restore_message(&queue, sequence, message);
        }
        Ok(account)
    }

    /// Writes changes that the account has just gone through.
    pub(super) fn write(&mut self, account: &Account, changes: &[Change]) -> Result<(), rusqlite::Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let transaction = self.connection.transaction()?;
        for change in changes {
            write_one(&transaction, account, change)?;
        }
        transaction.commit()
    }
}

/// **A change whose subject is no longer in the account is skipped: a later change of the same list removes it.**
fn write_one(connection: &Connection, account: &Account, change: &Change) -> Result<(), rusqlite::Error> {
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    };
    let message = |queue: &str, sequence| account.queue(queue).ok().and_then(|q| q.message(sequence));
    match change {
        Change::QueueSet(name) => {
            let Ok(queue) = account.queue(name) else {
                return Ok(());
            };
            let sql = "INSERT OR REPLACE INTO queue VALUES (?, ?, ?, ?)";
            run(sql, params![name, json(&queue.attributes.to_map()), queue.created_at, queue.modified_at])
        }
        Change::QueueDeleted(name) => {
            run("DELETE FROM message WHERE queue = ?", params![name])?;
            run("DELETE FROM queue WHERE name = ?", params![name])
        }
        Change::MessageAdded(queue, sequence) => {
            let Some(m) = message(queue, *sequence) else {
                return Ok(());
            };
            let sql = "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
            let (id, attributes) = (m.id.to_string(), json(&*m.attributes));
            run(
                sql,
                params![
                    id,
                    queue,
                    sequence,
                    m.body,
                    attributes,
                    m.group,
                    m.trace_header,
                    m.dead_letter_source,
                    m.sent_at,
                    m.receive_count,
                    m.first_received_at,
                    m.received_at,
                    m.visible_at()
                ],
            )
        }
        Change::MessageTouched(queue, sequence) => {
            let Some(m) = message(queue, *sequence) else {
                return Ok(());
            };
            let sql = "UPDATE message SET receive_count = ?, first_received_at = ?, received_at = ?, visible_at = ? \
                       WHERE id = ?";
            let id = m.id.to_string();
            run(sql, params![m.receive_count, m.first_received_at, m.received_at, m.visible_at(), id])
        }
        Change::MessageRemoved(id) => run("DELETE FROM message WHERE id = ?", params![id.to_string()]),
    }
}

fn read_queue(row: &Row<'_>) -> Result<(String, Queue), rusqlite::Error> {
    let stored: BTreeMap<String, String> = from_json(row, "attributes")?;
    let mut attributes = QueueAttributes::default();
    attributes.apply(&stored).map_err(|e| corrupt(row, "attributes", e))?;
    let mut queue = Queue::new(attributes, row.get("created_at")?);
    queue.modified_at = row.get("modified_at")?;
    Ok((row.get("name")?, queue))
}

fn read_message(row: &Row<'_>) -> Result<(String, u64, Message), rusqlite::Error> {
    let id: String = row.get("id")?;
    let group: Option<String> = row.get("message_group")?;
    let message = Message {
        id: Uuid::parse_str(&id).map_err(|e| corrupt(row, "id", e))?,
        body: Arc::from(row.get::<_, String>("body")?),
        attributes: Arc::new(from_json(row, "attributes")?),
        group: group.map(Arc::from),
        trace_header: row.get("trace_header")?,
        sent_at: row.get("sent_at")?,
        receive_count: row.get("receive_count")?,
        first_received_at: row.get("first_received_at")?,
        received_at: row.get("received_at")?,
        dead_letter_source: row.get("dead_letter_source")?,
        place: match row.get("visible_at")? {
            0 => Place::Ready,
            until => Place::Hidden(until),
        },
    };
    Ok((row.get("queue")?, row.get("sequence")?, message))
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn from_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, rusqlite::Error> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(|e| corrupt(row, column, e))
}

fn corrupt(
    row: &Row<'_>,
    column: &str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or_default();
    rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, Box::new(error))
}
