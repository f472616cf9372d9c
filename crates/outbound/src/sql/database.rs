//! Which database: a URL as SQLAlchemy writes it, without what would lead past the guard.

use std::fmt;
use std::path::{Path, PathBuf};

use url::{Host, Url};

use super::SqlError;

/// A database that statements can be sent to.
///
/// Neither `Debug` nor `Display` shows the user's password.
#[derive(Clone, PartialEq, Eq)]
pub struct Database {
    dialect: SqlDialect,
    pub(super) place: Place,
}

/// Which SQL a database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlDialect {
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
    /// SQLite.
    Sqlite,
}

impl SqlDialect {
    /// The name that SQLAlchemy gives it: `postgresql`, `mysql`, `sqlite`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::MySql => "mysql",
            Self::Sqlite => "sqlite",
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Place {
    File(PathBuf),
    Server(Server),
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// As TLS and messages name it, without brackets.
    pub(super) host: String,
    /// The host and port as the guard takes them.
    pub(super) url: Url,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) database: Option<String>,
    pub(super) tls: Tls,
    /// Postgres' `-c name=value`.
    pub(super) options: Vec<(String, String)>,
}

/// How far TLS is demanded; the names of libpq.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tls {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

const FILES: &str = "it names a certificate or key file";
const ELSEWHERE: &str = "its parameters name another host or a socket";
const UNKNOWN: &str = "it has a parameter that is not supported";

impl Database {
    /// Reads `postgresql://user:password@host:5432/name`, `postgresql+psycopg2://…`, `mysql+pymysql://…`,
    /// `mariadb://…` or `sqlite:///path`. A driver behind `+` is ignored.
    ///
    /// Parameters: `sslmode` (Postgres) and `ssl_mode` (MySQL) with libpq's words, `options=-c name=value`
    /// (Postgres), `application_name`, `connect_timeout`, `channel_binding`, `charset` (ignored).
    ///
    /// # Errors
    ///
    /// [`SqlError::InvalidUrl`], also for sockets, `host=` overrides, key files and in-memory SQLite.
    pub fn parse(url: &str) -> Result<Self, SqlError> {
        let invalid = |reason| SqlError::InvalidUrl { reason };
        let (scheme, rest) = url.trim().split_once(':').ok_or(invalid("it has no scheme"))?;
        let dialect = match scheme.split('+').next().unwrap_or_default() {
            "postgresql" | "postgres" => SqlDialect::Postgres,
            "mysql" | "mariadb" => SqlDialect::MySql,
            "sqlite" => return sqlite(rest).map(Self::sqlite_file),
            _ => return Err(invalid("its scheme must be postgresql, mysql or sqlite")),
        };
        // A scheme that the URL standard knows, so that addresses are read as addresses.
        let url = Url::parse(&format!("https:{rest}")).map_err(|_| invalid("it is not a URL"))?;
        let server = server(dialect, rest, &url)?;
        Ok(Self { dialect, place: Place::Server(server) })
    }

    /// A SQLite file. The caller decides whether this path may be opened.
    pub fn sqlite_file(path: PathBuf) -> Self {
        Self { dialect: SqlDialect::Sqlite, place: Place::File(path) }
    }

    /// Which SQL it speaks.
    pub fn dialect(&self) -> SqlDialect {
        self.dialect
    }

    /// The path of a SQLite file as its URL has it, `None` for a server.
    pub fn file(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Server(_) => None,
        }
    }

    /// The name of a server's database, where the URL has one.
    pub fn name(&self) -> Option<&str> {
        match &self.place {
            Place::File(_) => None,
            Place::Server(server) => server.database.as_deref(),
        }
    }
}

fn sqlite(rest: &str) -> Result<PathBuf, SqlError> {
    let invalid = |reason| SqlError::InvalidUrl { reason };
    let path = rest.strip_prefix("///").ok_or(invalid("a SQLite URL is sqlite:///path"))?;
    if path.is_empty() || path.contains(":memory:") || path.starts_with("file:") {
        return Err(invalid("an in-memory SQLite database holds nothing; name a file"));
    }
    if path.contains(['?', '\0']) {
        return Err(invalid(UNKNOWN));
    }
    Ok(PathBuf::from(path))
}

fn server(dialect: SqlDialect, rest: &str, url: &Url) -> Result<Server, SqlError> {
    let invalid = |reason| SqlError::InvalidUrl { reason };
    // The standard would read `https:/host` and `https:///host` as a host, too.
    let authority = rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?', '#']).next());
    if authority.is_none_or(|authority| authority.is_empty() || authority.ends_with('@')) {
        return Err(invalid("it has no host"));
    }
    let host = url.host().ok_or(invalid("it has no host"))?;
    let explicit = authority.and_then(explicit_port);
    let port = explicit.unwrap_or(if dialect == SqlDialect::Postgres { 5432 } else { 3306 });
    let name = match &host {
        Host::Ipv6(address) => address.to_string(),
        host => host.to_string(),
    };
    let guarded = Url::parse(&format!("https://{host}:{port}")).map_err(|_| invalid("it is not a URL"))?;
    let database = decoded(url.path().trim_start_matches('/'))?;
    let mut server = Server {
        host: name,
        url: guarded,
        port,
        user: decoded(url.username())?,
        password: decoded(url.password().unwrap_or_default())?,
        database: (!database.is_empty()).then_some(database),
        tls: Tls::Prefer,
        options: Vec::new(),
    };
    if server.user.is_empty() {
        return Err(invalid("it has no user"));
    }
    for (name, value) in url.query_pairs() {
        parameter(dialect, &mut server, &name, &value)?;
    }
    Ok(server)
}

/// The port as written: the standard drops 443, which is https' own.
fn explicit_port(authority: &str) -> Option<u16> {
    let host = authority.rsplit('@').next()?;
    let (_, port) = host.rsplit_once(':').filter(|(_, port)| !port.contains(']'))?;
    port.parse().ok()
}

fn parameter(dialect: SqlDialect, server: &mut Server, name: &str, value: &str) -> Result<(), SqlError> {
    let invalid = |reason| Err(SqlError::InvalidUrl { reason });
    match name.to_ascii_lowercase().as_str() {
        "sslmode" | "ssl_mode" | "ssl-mode" => server.tls = tls(value)?,
        "application_name" | "connect_timeout" | "channel_binding" | "charset" => {}
        "options" if dialect == SqlDialect::Postgres => server.options = options(value)?,
        "host" | "hostaddr" | "port" | "unix_socket" | "socket" | "service" | "passfile" => {
            return invalid(ELSEWHERE);
        }
        name if name.starts_with("ssl") || name.contains("cert") || name.contains("key") => {
            return invalid(FILES);
        }
        _ => return invalid(UNKNOWN),
    }
    Ok(())
}

fn tls(word: &str) -> Result<Tls, SqlError> {
    Ok(match word.to_ascii_lowercase().replace('_', "-").as_str() {
        "disable" | "disabled" => Tls::Disable,
        "allow" | "prefer" | "preferred" => Tls::Prefer,
        "require" | "required" => Tls::Require,
        "verify-ca" => Tls::VerifyCa,
        "verify-full" | "verify-identity" => Tls::VerifyFull,
        _ => return Err(SqlError::InvalidUrl { reason: "its sslmode is none that is known" }),
    })
}

/// `-c search_path=sales -cwork_mem=1MB`.
fn options(text: &str) -> Result<Vec<(String, String)>, SqlError> {
    let invalid = || SqlError::InvalidUrl { reason: "its options are not of the form -c name=value" };
    let spaced = format!(" {text}").replace(" -c", "\n");
    let settings = spaced.split('\n').map(str::trim).filter(|setting| !setting.is_empty());
    settings
        .map(|setting| {
            let (name, value) = setting.split_once('=').ok_or_else(invalid)?;
            let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
            if is_name { Ok((name.to_owned(), value.to_owned())) } else { Err(invalid()) }
        })
        .collect()
}

/// Percent-decoded.
fn decoded(text: &str) -> Result<String, SqlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let digits = (*byte == b'%').then(|| after.get(..2)).flatten();
        let escape = digits.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(escape.unwrap_or(*byte));
        rest = if escape.is_some() { &after[2..] } else { after };
    }
    let reason = "it has a percent escape that is not text";
    String::from_utf8(bytes).map_err(|_| SqlError::InvalidUrl { reason })
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.dialect.name();
        match &self.place {
            Place::File(path) => write!(f, "{scheme}:///{}", path.display()),
            Place::Server(server) => {
                let database = server.database.as_deref().unwrap_or_default();
                write!(f, "{scheme}://{}@{}:{}/{database}", server.user, server.host, server.port)
            }
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({self})")
    }
}
