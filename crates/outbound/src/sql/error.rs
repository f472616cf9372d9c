//! Why a statement has no rows, named for what the caller does next.

use super::SqlConfig;

/// Why a statement did not run, or not to its end.
///
/// The sentences may be shown to whoever ran the flow: they name the host, never a password, a statement or
/// a value. What the database itself says may quote the statement, so it is a field of its own.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SqlError {
    /// The URL does not name a database that can be reached from here.
    #[error("the database's URL is not valid: {reason}")]
    InvalidUrl {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The address guard refused; nothing was sent to this host. Never worth a retry.
    #[error("connections to {host} are not allowed: {reason}")]
    Blocked {
        /// The host of the URL.
        host: String,
        /// The rule that refused it.
        reason: &'static str,
    },
    /// The name does not resolve, or no connection came about in time.
    #[error("the database at {host} could not be reached")]
    Unreachable {
        /// The host of the URL.
        host: String,
    },
    /// The server answered, but did not let us in: user, password, database name or TLS.
    #[error("the database at {host} refused the login ({code})")]
    Login {
        /// The host of the URL.
        host: String,
        /// The server's code, `tls` where TLS did not come about.
        code: String,
    },
    /// The file is missing, or is no SQLite database.
    #[error("the SQLite file could not be opened")]
    File,
    /// The statement is none that may be run here. Nothing was sent.
    #[error("the statement is not allowed: {reason}")]
    Forbidden {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The statement writes, where only reading is allowed.
    #[error("the statement writes, and this connection only reads")]
    NotReadOnly,
    /// The database does not accept the statement: its syntax, a name, a constraint.
    #[error("the database refused the statement ({code})")]
    Rejected {
        /// SQLSTATE, or the database's own code.
        code: String,
        /// The database's words, for whoever wrote the statement; they may quote it.
        message: String,
    },
    /// Locks, a serialization failure, too many connections: the same statement may succeed later.
    #[error("the database is busy ({code})")]
    Busy {
        /// SQLSTATE, or the database's own code.
        code: String,
    },
    /// The statement took longer than [`SqlConfig::statement_timeout`] and was stopped.
    #[error("the statement did not end within {seconds} s")]
    TimedOut {
        /// The limit.
        seconds: f64,
    },
    /// One value alone is beyond what a result may take.
    #[error("the statement's result is too large: more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The connection broke; whether a write took effect is not known.
    #[error("the connection to the database broke off")]
    Interrupted,
}

impl SqlError {
    /// Whether the same statement may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Busy { .. } | Self::TimedOut { .. } | Self::Interrupted
        )
    }

    /// What opening a session failed with.
    pub(super) fn from_login(cause: &sqlx::Error, host: &str) -> Self {
        let host = host.to_owned();
        match cause {
            sqlx::Error::Database(refusal) => {
                let code = refusal.code().unwrap_or_default().into_owned();
                if is_busy(&code) { Self::Busy { code } } else { Self::Login { host, code } }
            }
            sqlx::Error::Tls(_) | sqlx::Error::Configuration(_) => {
                Self::Login { host, code: "tls".to_owned() }
            }
            // A handshake that fails is an input error to the driver.
            sqlx::Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
                Self::Login { host, code: "tls".to_owned() }
            }
            _ => Self::Unreachable { host },
        }
    }

    /// What running a statement failed with.
    pub(super) fn from_run(cause: &sqlx::Error, config: &SqlConfig) -> Self {
        let sqlx::Error::Database(refusal) = cause else {
            return Self::other(cause);
        };
        let code = refusal.code().unwrap_or_default().into_owned();
        let number = refusal
            .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
            .map_or_else(String::new, |error| error.number().to_string());
        let is = |codes: &[&str]| codes.contains(&code.as_str()) || codes.contains(&number.as_str());
        if is(TIMED_OUT) {
            return Self::TimedOut { seconds: config.statement_timeout.as_secs_f64() };
        }
        if is(READ_ONLY) {
            return Self::NotReadOnly;
        }
        if is(NO_MEMORY) {
            return Self::TooLarge { limit: config.max_result_bytes };
        }
        if is_busy(&code) || is_busy(&number) {
            return Self::Busy { code };
        }
        if is(NO_DATABASE) {
            return Self::File;
        }
        Self::Rejected { code, message: refusal.message().to_owned() }
    }

    fn other(cause: &sqlx::Error) -> Self {
        match cause {
            sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Self::Interrupted,
            // What the driver cannot encode or decode: parameter counts above all.
            other => Self::Rejected { code: "driver".to_owned(), message: other.to_string() },
        }
    }
}

// SQLSTATE of Postgres, numbers of MySQL and MariaDB, result codes of SQLite.
const TIMED_OUT: &[&str] = &["57014", "3024", "1969", "9"];
const READ_ONLY: &[&str] = &["25006", "1792", "8", "264", "520", "776", "1032", "1288", "1544"];
const NO_MEMORY: &[&str] = &["7", "18"];
const NO_DATABASE: &[&str] = &["11", "14", "26"];
const BUSY: &[&str] =
    &["40001", "40P01", "55P03", "57P03", "53300", "1205", "1213", "1040", "1226", "5", "6", "261", "517"];

fn is_busy(code: &str) -> bool {
    BUSY.contains(&code)
}
