//! PostgresChatMessageHistory: the messages of memories in a table of Postgres (0.x).
//!
//! Table and JSON are LangChain's (`langchain_community` 0.0.32), so that its programs read what is written
//! here and the other way round.

use std::sync::Arc;

use millrace_engine::{
    Capability, ChatMessage, Component, Context, Default, Effect, Entry, ErrorKind, Example, Object, Outputs,
    Role, RunError, Spec, Usage, Value, output, reach, secret, text,
};
use millrace_outbound::{Database, Rows, Sql, SqlDialect, SqlError, SqlValue, Statement};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::turns::Exchange;

/// Messages read at most, the newest.
const MAX_MESSAGES: u32 = 10_000;

/// What Postgres says where a table is missing.
const NO_TABLE: &str = "42P01";

/// What it says where two create the same table at once, or a name in it.
const EXISTS: &[&str] = &["42P07", "23505", "42710"];

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct PostgresChatMessageHistory {
    connection_string: String,
    session_id: Option<String>,
    table_name: String,
}

impl Component for PostgresChatMessageHistory {
    const SPEC: Spec = Spec {
        names: &["PostgresChatMessageHistory"],
        about: "Keeps the messages of a memory in a table of Postgres, as LangChain does.",
        inputs: &[
            secret("connection_string", "The database: postgresql://user:password@host/name."),
            text("session_id", "Whose messages; those of the run's session if empty."),
            text(
                "table_name",
                "The table, made where it is missing; small letters, digits and underscores. The newest 10,000 \
                 messages are read.",
            )
            .or(Default::Text("message_store")),
        ],
        outputs: &[output("chat_memory")],
        reaches: &[reach("the database in connection_string", "", "connection_string")],
        examples: &[Example {
            title: "the default table",
            inputs: r#"{"connection_string": "postgresql://u:p@db.example.com/chats", "session_id": "s"}"#,
            output: r#"{"chat_memory": {"chat_memory": "message_store"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let database = Database::parse(&self.connection_string).map_err(failed)?;
        if database.dialect() != SqlDialect::Postgres {
            let message = "field 'connection_string': it does not name a Postgres database";
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        let history = PostgresHistory {
            database,
            session: self.session_id.unwrap_or_else(|| cx.session_id().to_owned()),
            table: table(self.table_name)?,
        };
        Ok(Outputs::one("chat_memory", Value::Capability(Capability::Object(Arc::new(history)))))
    }
}

/// A name that needs no quotes, so that LangChain's statements mean the same table.
fn table(name: String) -> Result<String, RunError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let begins = name.starts_with(|c: char| !c.is_ascii_digit());
    if begins && name.len() <= 63 && name.chars().all(fits) {
        return Ok(name);
    }
    let message = "field 'table_name': up to 63 small letters, digits and underscores, no digit first";
    Err(RunError::new(ErrorKind::Flow, message))
}

/// Messages of a session in Postgres.
#[derive(Clone)]
pub(crate) struct PostgresHistory {
    database: Database,
    session: String,
    table: String,
}

/// Without the database's URL, which has a password.
impl std::fmt::Debug for PostgresHistory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresHistory").field("table", &self.table).finish_non_exhaustive()
    }
}

impl Object for PostgresHistory {
    fn kind(&self) -> &'static str {
        "a history of messages"
    }

    fn describe(&self) -> Json {
        json!({"chat_memory": self.table})
    }
}

impl PostgresHistory {
    /// The messages of the newest exchanges (all without `newest`, up to 10,000), oldest first.
    ///
    /// # Errors
    /// What the database fails with; a table that is not there has no messages.
    pub async fn messages(&self, cx: &Context, newest: Option<u32>) -> Result<Vec<ChatMessage>, RunError> {
        let limit = newest.map_or(MAX_MESSAGES, |n| n.saturating_mul(2).min(MAX_MESSAGES));
        let statement = Statement::read(
            format!(
                "SELECT message FROM \"{}\" WHERE session_id = $1 ORDER BY id DESC LIMIT {limit}",
                self.table
            ),
            vec![SqlValue::Text(self.session.clone())],
        );
        let request = json!({"table": self.table, "session": self.session, "limit": limit});
        let sql = cx.resource::<Sql>()?;
        let read = || async {
            match sql.run(&self.database, &statement).await {
                Ok(rows) => Ok((stored(rows), Usage::default())),
                Err(error) if is(&error, &[NO_TABLE]) => Ok((Vec::new(), Usage::default())),
                Err(error) => Err(failed(error)),
            }
        };
        let stored: Vec<Json> = cx.effect(Effect { kind: "sql", request }, read).await?;
        Ok(stored.iter().rev().filter_map(message).collect())
    }

    /// Adds an exchange, once per place of a run: a run that is resumed finds its messages by their id.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn append(&self, cx: &Context, exchange: Exchange) -> Result<(), RunError> {
        let id = cx.uuid();
        let human = written("human", &exchange.input, &id);
        let ai = written("ai", &exchange.output, &format!("{id}-answer"));
        let table = &self.table;
        let insert = Statement::write(
            format!(
                "INSERT INTO \"{table}\" (session_id, message) \
                 SELECT $1, new.message FROM unnest(ARRAY[$2::jsonb, $3::jsonb]) WITH ORDINALITY AS new(message, place) \
                 WHERE NOT EXISTS (SELECT 1 FROM \"{table}\" AS old \
                 WHERE old.session_id = $1 AND old.message->'data'->>'id' = $4) ORDER BY new.place"
            ),
            vec![
                SqlValue::Text(self.session.clone()),
                SqlValue::Text(human.to_string()),
                SqlValue::Text(ai.to_string()),
                SqlValue::Text(id),
            ],
        );
        let request = json!({"table": table, "session": self.session, "messages": [human, ai]});
        let sql = cx.resource::<Sql>()?;
        let write = || async {
            let mut outcome = sql.run(&self.database, &insert).await;
            if outcome.as_ref().is_err_and(|error| is(error, &[NO_TABLE])) {
                self.create(sql).await?;
                outcome = sql.run(&self.database, &insert).await;
            }
            outcome.map(|_| ((), Usage::default())).map_err(failed)
        };
        cx.effect(Effect { kind: "sql", request }, write).await
    }

    async fn create(&self, sql: &Sql) -> Result<(), RunError> {
        let text = format!(
            "CREATE TABLE IF NOT EXISTS \"{}\" (id SERIAL PRIMARY KEY, session_id TEXT NOT NULL, \
             message JSONB NOT NULL)",
            self.table
        );
        match sql.run(&self.database, &Statement::write(text, Vec::new())).await {
            Err(error) if !is(&error, EXISTS) => Err(failed(error)),
            _ => Ok(()),
        }
    }
}

fn is(error: &SqlError, codes: &[&str]) -> bool {
    matches!(error, SqlError::Rejected { code, .. } if codes.contains(&code.as_str()))
}

fn failed(error: SqlError) -> RunError {
    let kind = match &error {
        SqlError::TimedOut { .. } => ErrorKind::Timeout,
        other if other.is_transient() => ErrorKind::Upstream,
        SqlError::Rejected { .. } | SqlError::TooLarge { .. } => ErrorKind::Upstream,
        _ => ErrorKind::Flow,
    };
    let transient = error.is_transient();
    RunError::new(kind, format!("field 'connection_string': {error}")).transient(transient)
}

fn stored(rows: Rows) -> Vec<Json> {
    let first = |row: Vec<SqlValue>| match row.into_iter().next() {
        Some(SqlValue::Json(message)) => Some(message),
        _ => None,
    };
    rows.rows.into_iter().filter_map(first).collect()
}

/// A message as LangChain's `message_to_dict` writes it.
fn written(kind: &str, content: &str, id: &str) -> Json {
    let mut message = json!({"type": kind, "data": {
        "content": content, "additional_kwargs": {}, "response_metadata": {}, "type": kind, "name": null,
        "id": id, "example": false,
    }});
    if kind == "ai" {
        message["data"]["tool_calls"] = json!([]);
        message["data"]["invalid_tool_calls"] = json!([]);
    }
    message
}

/// A message as LangChain reads it; kinds that no history shows are passed over.
fn message(stored: &Json) -> Option<ChatMessage> {
    let role = match stored["type"].as_str()? {
        "human" => Role::User,
        "ai" => Role::Assistant,
        "system" => Role::System,
        _ => return None,
    };
    Some(ChatMessage::new(role, stored["data"]["content"].as_str()?))
}

pub(crate) const ENTRY: Entry = Entry::of::<PostgresChatMessageHistory>();

#[cfg(test)]
mod tests {
    use millrace_outbound::SqlConfig;

    use super::*;
    use crate::stand_in::Stand;

    fn spoken(input: &str, output: &str) -> Exchange {
        Exchange { input: input.to_owned(), output: output.to_owned() }
    }

    #[test]
    fn messages_are_written_as_they_are_read() {
        let cases = [("human", Role::User), ("ai", Role::Assistant), ("system", Role::System)];
        for (kind, role) in cases {
            assert_eq!(message(&written(kind, "hi", "1")), Some(ChatMessage::new(role, "hi")));
        }
        let ours = written("ai", "hi", "1");
        assert_eq!((&ours["type"], &ours["data"]["tool_calls"]), (&json!("ai"), &json!([])));
        assert_eq!(message(&json!({"type": "tool", "data": {"content": "x"}})), None);
    }

    #[test]
    fn a_table_is_a_plain_name() {
        let too_long = "x".repeat(64);
        for name in ["", "1a", "Store", "a b", "a\"; drop table x --", "public.store", too_long.as_str()] {
            assert!(table(name.to_owned()).is_err(), "{name}");
        }
        assert_eq!(table("message_store2".to_owned()).unwrap(), "message_store2");
    }

    #[tokio::test]
    async fn an_exchange_is_kept_once() {
        #[expect(clippy::disallowed_methods, reason = "where there is a server")]
        let Ok(url) = std::env::var("MILLRACE_TEST_POSTGRES") else {
            println!("skipped: MILLRACE_TEST_POSTGRES names no server");
            return;
        };
        let sql = Sql::new(SqlConfig { allow_loopback: true, ..SqlConfig::default() });
        let mut stand = Stand::offline();
        stand.services.resources = stand.services.resources.clone().with(sql.clone());
        let table = format!("mr_history_{}", std::process::id());
        let database = Database::parse(&url).unwrap();
        let history = PostgresHistory { database, session: "a".to_owned(), table: table.clone() };
        let other = PostgresHistory { session: "b".to_owned(), ..history.clone() };
        let cx = stand.cx();
        assert_eq!(history.messages(&cx, None).await.unwrap(), []);
        for n in 0..3 {
            history.append(&cx, spoken(&format!("q{n}"), &format!("a{n}"))).await.unwrap();
        }
        other.append(&cx, spoken("else", "where")).await.unwrap();
        // The same run once more, its journal lost: nothing is added.
        let mut again = Stand::offline();
        again.services.resources = stand.services.resources.clone();
        let cx = again.cx();
        history.messages(&cx, None).await.unwrap();
        history.append(&cx, spoken("q0", "a0")).await.unwrap();
        let all = history.messages(&cx, None).await.unwrap();
        let texts: Vec<_> = all.iter().map(|message| message.content.as_str()).collect();
        assert_eq!(texts, ["q0", "a0", "q1", "a1", "q2", "a2"]);
        let newest = history.messages(&cx, Some(1)).await.unwrap();
        assert_eq!(newest, spoken("q2", "a2").into_messages());
        let drop = Statement::write(format!("DROP TABLE {table}"), Vec::new());
        sql.run(&history.database, &drop).await.unwrap();
    }
}
