//! MySQL and MariaDB: statements as prepared ones, values decoded from their binary form.

use futures::TryStreamExt;
use sqlx::mysql::{
    MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode, MySqlValueRef,
};
use sqlx::{
    Arguments, AssertSqlSafe, Column, ConnectOptions, Decode, Either, Executor, MySql, Row, TypeInfo,
    ValueRef,
};

use super::connect::Link;
use super::database::{Server, Tls};
use super::limits::Collector;
use super::{Access, Rows, SqlConfig, SqlError, SqlValue, Statement};

pub(super) struct MySqlSession {
    pub(super) link: Link,
    connection: MySqlConnection,
}

impl MySqlSession {
    pub(super) async fn open(server: &Server, link: Link, config: &SqlConfig) -> Result<Self, SqlError> {
        let options = MySqlConnectOptions::new()
            .host(&server.host)
            .port(server.port)
            .socket(link.socket())
            .username(&server.user)
            .password(&server.password)
            .ssl_mode(ssl_mode(server.tls))
            // The statement means what it means on this server.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .statement_cache_capacity(0)
            .disable_statement_logging();
        let options = match &server.database {
            Some(database) => options.database(database),
            None => options,
        };
        let opened = options.connect().await;
        link.connected();
        let mut connection = opened.map_err(|error| SqlError::from_login(&error, &server.host))?;
        limit_time(&mut connection, config).await.map_err(|error| SqlError::from_run(&error, config))?;
        Ok(Self { link, connection })
    }

    /// The rows, and whether the connection may serve another statement.
    pub(super) async fn run(
        &mut self,
        config: &SqlConfig,
        statement: &Statement,
    ) -> Result<(Rows, bool), sqlx::Error> {
        let begin = match statement.access {
            Access::ReadOnly => "START TRANSACTION READ ONLY",
            Access::ReadWrite => "START TRANSACTION READ WRITE",
        };
        self.connection.execute(sqlx::raw_sql(begin)).await?;
        let outcome = self.rows(config, statement).await;
        // To read the rest only to forget it takes as long as the statement wants.
        if matches!(&outcome, Ok(rows) if rows.truncated && statement.access == Access::ReadOnly) {
            return outcome.map(|rows| (rows, false));
        }
        let end =
            if outcome.is_ok() && statement.access == Access::ReadWrite { "COMMIT" } else { "ROLLBACK" };
        let ended = self.connection.execute(sqlx::raw_sql(end)).await;
        let rows = outcome?;
        ended?;
        Ok((rows, true))
    }

    async fn rows(&mut self, config: &SqlConfig, statement: &Statement) -> Result<Rows, sqlx::Error> {
        let arguments = arguments(&statement.values)?;
        let query = sqlx::query_with(AssertSqlSafe(statement.text.clone()), arguments).persistent(false);
        let mut collector = Collector::new(config);
        let mut results = (&mut self.connection).fetch_many(query);
        while let Some(result) = results.try_next().await? {
            match result {
                Either::Left(done) => collector.affected(done.rows_affected()),
                Either::Right(row) => {
                    collector.columns(row.columns().iter().map(|column| column.name().to_owned()));
                    let is_full = !collector.push(values(&row)?);
                    if is_full && statement.access == Access::ReadOnly {
                        break;
                    }
                }
            }
        }
        Ok(collector.finish())
    }
}

/// The two servers name the limit differently, and MySQL's holds for `SELECT` only.
async fn limit_time(connection: &mut MySqlConnection, config: &SqlConfig) -> Result<(), sqlx::Error> {
    let version = connection.fetch_one(sqlx::raw_sql("SELECT VERSION()")).await?;
    let version = version.try_get_raw(0).and_then(|raw| text(raw).map_err(sqlx::Error::Decode))?;
    let limit = if version.to_ascii_lowercase().contains("mariadb") {
        format!("SET SESSION max_statement_time = {}", config.statement_timeout.as_secs_f64())
    } else {
        format!("SET SESSION max_execution_time = {}", config.statement_timeout.as_millis())
    };
    connection.execute(sqlx::raw_sql(AssertSqlSafe(limit))).await?;
    Ok(())
}

fn ssl_mode(tls: Tls) -> MySqlSslMode {
    match tls {
        Tls::Disable => MySqlSslMode::Disabled,
        Tls::Prefer => MySqlSslMode::Preferred,
        Tls::Require => MySqlSslMode::Required,
        Tls::VerifyCa => MySqlSslMode::VerifyCa,
        Tls::VerifyFull => MySqlSslMode::VerifyIdentity,
    }
}

fn arguments(values: &[SqlValue]) -> Result<MySqlArguments, sqlx::Error> {
    let mut arguments = MySqlArguments::default();
    for value in values {
        match value {
            SqlValue::Null => arguments.add(None::<String>),
            SqlValue::Bool(value) => arguments.add(value),
            SqlValue::Integer(value) => arguments.add(value),
            SqlValue::Real(value) => arguments.add(value),
            SqlValue::Bytes(value) => arguments.add(value),
            SqlValue::Json(value) => arguments.add(value.to_string()),
            SqlValue::Decimal(text)
            | SqlValue::Text(text)
            | SqlValue::Date(text)
            | SqlValue::Time(text)
            | SqlValue::Timestamp(text) => arguments.add(text),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn values(row: &MySqlRow) -> Result<Vec<SqlValue>, sqlx::Error> {
    (0..row.len())
        .map(|at| {
            let raw = row.try_get_raw(at)?;
            if raw.is_null() {
                return Ok(SqlValue::Null);
            }
            value(raw).map_err(sqlx::Error::Decode)
        })
        .collect()
}

type Decoded<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn text(raw: MySqlValueRef<'_>) -> Decoded<String> {
    <&[u8] as Decode<MySql>>::decode(raw).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

fn value(raw: MySqlValueRef<'_>) -> Decoded<SqlValue> {
    let name = raw.type_info().name().to_owned();
    Ok(match name.as_str() {
        "BIGINT UNSIGNED" => {
            let number = <u64 as Decode<MySql>>::decode(raw)?;
            i64::try_from(number).map_or_else(|_| SqlValue::Decimal(number.to_string()), SqlValue::Integer)
        }
        name if name.ends_with("INT") || name == "BOOLEAN" => {
            SqlValue::Integer(<i64 as Decode<MySql>>::decode(raw)?)
        }
        name if name.ends_with("INT UNSIGNED") || name == "YEAR" => {
            SqlValue::Integer(<u64 as Decode<MySql>>::decode(raw)?.cast_signed())
        }
        "BIT" => SqlValue::Bytes(<&[u8] as Decode<MySql>>::decode(raw)?.to_vec()),
        "FLOAT" => SqlValue::Real(<f32 as Decode<MySql>>::decode(raw)?.to_string().parse()?),
        "DOUBLE" => SqlValue::Real(<f64 as Decode<MySql>>::decode(raw)?),
        "DECIMAL" => SqlValue::Decimal(text(raw)?),
        "DATE" | "DATETIME" | "TIMESTAMP" => moment(&name, <&[u8] as Decode<MySql>>::decode(raw)?),
        "TIME" => duration(<&[u8] as Decode<MySql>>::decode(raw)?),
        // pymysql, too, leaves documents as text.
        _ => {
            let bytes = <&[u8] as Decode<MySql>>::decode(raw)?;
            match str::from_utf8(bytes) {
                Ok(text) => SqlValue::Text(text.to_owned()),
                Err(_) => SqlValue::Bytes(bytes.to_vec()),
            }
        }
    })
}

/// Year, month, day, then the time of day, then microseconds: as much as there is.
fn moment(name: &str, bytes: &[u8]) -> SqlValue {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let year = u16::from_le_bytes([byte(0), byte(1)]);
    let date = format!("{year:04}-{:02}-{:02}", byte(2), byte(3));
    if name == "DATE" {
        return SqlValue::Date(date);
    }
    let micros = u32::from_le_bytes([byte(7), byte(8), byte(9), byte(10)]);
    SqlValue::Timestamp(format!("{date} {:02}:{:02}:{:02}{}", byte(4), byte(5), byte(6), fraction(micros)))
}

/// Sign, days, hours, minutes, seconds, microseconds.
fn duration(bytes: &[u8]) -> SqlValue {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let word = |at| u32::from_le_bytes([byte(at), byte(at + 1), byte(at + 2), byte(at + 3)]);
    let sign = if byte(0) == 1 { "-" } else { "" };
    let hours = u64::from(word(1)) * 24 + u64::from(byte(5));
    SqlValue::Time(format!("{sign}{hours:02}:{:02}:{:02}{}", byte(6), byte(7), fraction(word(8))))
}

fn fraction(micros: u32) -> String {
    if micros == 0 { String::new() } else { format!(".{micros:06}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_as_many_bytes_as_they_need() {
        let day = [0xe8, 0x07, 5, 31];
        assert_eq!(moment("DATE", &day), SqlValue::Date("2024-05-31".to_owned()));
        assert_eq!(moment("DATETIME", &day), SqlValue::Timestamp("2024-05-31 00:00:00".to_owned()));
        let moment = moment("DATETIME", &[0xe8, 0x07, 5, 31, 13, 5, 0, 0x90, 0xd0, 3, 0]);
        assert_eq!(moment, SqlValue::Timestamp("2024-05-31 13:05:00.250000".to_owned()));
        assert_eq!(duration(&[1, 1, 0, 0, 0, 2, 3, 4]), SqlValue::Time("-26:03:04".to_owned()));
        assert_eq!(duration(&[]), SqlValue::Time("00:00:00".to_owned()));
    }
}
