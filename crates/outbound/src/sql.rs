//! Databases: one statement at a time, over guarded connections, with rows, bytes and time bounded.
//!
//! A database is named by a URL that a flow brings along, so the same guard as for HTTP decides which host
//! may be reached, and the connection is made to an address that was checked; TLS still sees the name. What
//! would lead past the guard is refused when the URL is parsed: sockets, `host=` overrides, key files.

mod connect;
mod database;
mod error;
mod limits;
mod mysql;
mod postgres;
pub(crate) mod scan;
mod sqlite;
mod statement;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::guard::Guard;
use crate::resolver::{Lookup, system_lookup};
use crate::{HostRule, OutboundConfig};
use database::Place;
use mysql::MySqlSession;
use postgres::PostgresSession;

pub use database::{Database, SqlDialect};
pub use error::SqlError;
pub use statement::{Access, Rows, SqlValue, Statement};

/// Connections at once, over all databases of a process; further statements wait.
const MAX_CONNECTIONS: usize = 8;
/// A connection that rested longer than this is not used again: a frozen function wakes with dead ones.
const MAX_REST: Duration = Duration::from_secs(30);

/// What the operator decides about databases. Read once at start; nothing below reads the environment.
#[derive(Debug, Clone)]
pub struct SqlConfig {
    /// Hosts that may be reached on addresses that are otherwise blocked, as for HTTP.
    pub allow: Vec<HostRule>,
    /// Whether loopback addresses and `localhost` names may be reached.
    pub allow_loopback: bool,
    /// Limit for opening a connection, TLS and login included. Default 10 s.
    pub connect_timeout: Duration,
    /// Limit for one statement, its rows included. Default 30 s.
    pub statement_timeout: Duration,
    /// Rows that one statement may return; what is beyond is cut. Default 10,000.
    pub max_rows: usize,
    /// Bytes that the values of one statement's rows may take; what is beyond is cut. Default 8 MiB.
    pub max_result_bytes: usize,
}

impl Default for SqlConfig {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            allow_loopback: false,
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(30),
            max_rows: 10_000,
            max_result_bytes: 8 * 1024 * 1024,
        }
    }
}

impl From<&OutboundConfig> for SqlConfig {
    /// The same hosts and the same limit for connecting as for HTTP.
    fn from(config: &OutboundConfig) -> Self {
        Self {
            allow: config.allow.clone(),
            allow_loopback: config.allow_loopback,
            connect_timeout: config.connect_timeout,
            ..Self::default()
        }
    }
}

/// The client for databases. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Sql {
    inner: Arc<Inner>,
}

struct Inner {
    config: SqlConfig,
    guard: Guard,
    lookup: Lookup,
    permits: Semaphore,
    resting: Mutex<Vec<Resting>>,
}

/// An open connection that nothing uses.
struct Resting {
    database: Database,
    session: Session,
    since: Instant,
}

enum Session {
    Postgres(PostgresSession),
    MySql(MySqlSession),
}

impl Sql {
    /// Connects to nothing yet.
    pub fn new(config: SqlConfig) -> Self {
        Self::with_lookup(config, system_lookup())
    }

    fn with_lookup(config: SqlConfig, lookup: Lookup) -> Self {
        let guard = Guard { allow: config.allow.clone(), allow_loopback: config.allow_loopback };
        let permits = Semaphore::new(MAX_CONNECTIONS);
        Self { inner: Arc::new(Inner { config, guard, lookup, permits, resting: Mutex::default() }) }
    }

    /// Runs one statement in a transaction of its own and returns its rows.
    ///
    /// A statement that writes is committed before this returns. It is never repeated: whether one whose
    /// connection broke took effect is not known.
    ///
    /// # Errors
    ///
    /// See [`SqlError`]: named for what the caller does next.
    pub async fn run(&self, database: &Database, statement: &Statement) -> Result<Rows, SqlError> {
        scan::check(database.dialect(), statement.access, &statement.text)?;
        let config = &self.inner.config;
        // The semaphore is never closed.
        let _permit = self.inner.permits.acquire().await.map_err(|_| SqlError::Interrupted)?;
        if let Place::File(path) = &database.place {
            return sqlite::run(config, path, statement).await;
        }
        if let Some(session) = self.inner.rested(database) {
            match self.inner.run(database, session, statement).await {
                // The other side may have given up a connection that rested; what reads may be sent again.
                Err(SqlError::Interrupted) if statement.access == Access::ReadOnly => {}
                outcome => return outcome,
            }
        }
        let session = self.inner.open(database).await?;
        self.inner.run(database, session, statement).await
    }
}

impl Inner {
    fn resting(&self) -> MutexGuard<'_, Vec<Resting>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An open connection to `database`, if one is left from before.
    fn rested(&self, database: &Database) -> Option<Session> {
        let mut resting = self.resting();
        resting.retain(|one| one.since.elapsed() < MAX_REST && one.session.is_open());
        let at = resting.iter().position(|one| one.database == *database)?;
        Some(resting.swap_remove(at).session)
    }

    fn rest(&self, database: &Database, session: Session) {
        let mut resting = self.resting();
        if resting.len() >= MAX_CONNECTIONS {
            resting.remove(0);
        }
        resting.push(Resting { database: database.clone(), session, since: Instant::now() });
    }

    async fn run(
        &self,
        database: &Database,
        mut session: Session,
        statement: &Statement,
    ) -> Result<Rows, SqlError> {
        let config = &self.config;
        let limit = config.statement_timeout + Duration::from_secs(1);
        let outcome = tokio::time::timeout(limit, session.run(config, statement)).await;
        let timed_out = || SqlError::TimedOut { seconds: config.statement_timeout.as_secs_f64() };
        let (rows, reusable) = outcome.map_err(|_| timed_out())?.map_err(|error| error.of(config))?;
        if reusable {
            self.rest(database, session);
        }
        Ok(rows)
    }

    async fn open(&self, database: &Database) -> Result<Session, SqlError> {
        let Place::Server(server) = &database.place else {
            return Err(SqlError::InvalidUrl { reason: "it names a file" });
        };
        let opening = async {
            let link = connect::link(&self.guard, &self.lookup, server).await?;
            match database.dialect() {
                SqlDialect::Postgres => Ok(Session::Postgres(PostgresSession::open(server, link).await?)),
                _ => Ok(Session::MySql(MySqlSession::open(server, link, &self.config).await?)),
            }
        };
        let unreachable = || SqlError::Unreachable { host: server.host.clone() };
        tokio::time::timeout(self.config.connect_timeout, opening).await.map_err(|_| unreachable())?
    }
}

impl Session {
    fn is_open(&self) -> bool {
        match self {
            Self::Postgres(session) => session.link.is_open(),
            Self::MySql(session) => session.link.is_open(),
        }
    }

    /// The rows, and whether the connection may serve another statement.
    async fn run(&mut self, config: &SqlConfig, statement: &Statement) -> Result<(Rows, bool), RunFailure> {
        match self {
            Self::Postgres(session) => {
                session.link.expect(config.max_result_bytes);
                let outcome = session.run(config, statement).await;
                outcome.map_err(|cause| RunFailure { cause, too_large: session.link.is_exceeded() })
            }
            Self::MySql(session) => {
                session.link.expect(config.max_result_bytes);
                let outcome = session.run(config, statement).await;
                outcome.map_err(|cause| RunFailure { cause, too_large: session.link.is_exceeded() })
            }
        }
    }
}

/// What a session failed with, and whether its connection was cut for sending too much.
struct RunFailure {
    cause: sqlx::Error,
    too_large: bool,
}

impl RunFailure {
    fn of(self, config: &SqlConfig) -> SqlError {
        if self.too_large {
            return SqlError::TooLarge { limit: config.max_result_bytes };
        }
        SqlError::from_run(&self.cause, config)
    }
}

#[cfg(test)]
mod tests;
