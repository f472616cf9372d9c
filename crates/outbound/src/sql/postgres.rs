//! PostgreSQL: statements as unnamed prepared ones, values decoded from their binary form.

use std::net::{Ipv4Addr, Ipv6Addr};

use futures::TryStreamExt;
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, ToSpan};
use serde_json::Value;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow, PgSslMode, PgTypeInfo, PgTypeKind};
use sqlx::{Arguments, AssertSqlSafe, Column, ConnectOptions, Either, Executor, Row, TypeInfo, ValueRef};

use super::connect::Link;
use super::database::{Server, Tls};
use super::limits::Collector;
use super::{Access, Rows, SqlConfig, SqlError, SqlValue, Statement};

/// PostgreSQL's code for a prepared statement that is not there.
const NO_SUCH_STATEMENT: &str = "26000";

pub(super) struct PostgresSession {
    pub(super) link: Link,
    connection: PgConnection,
}

impl PostgresSession {
    pub(super) async fn open(server: &Server, link: Link) -> Result<Self, SqlError> {
        // Everything that the driver would take from the environment is set.
        let options = PgConnectOptions::new_without_pgpass()
            .host(&server.host)
            .port(server.port)
            .socket(link.folder())
            .username(&server.user)
            .password(&server.password)
            .database(server.database.as_deref().unwrap_or(&server.user))
            .ssl_mode(ssl_mode(server.tls))
            .application_name("millrace")
            .options(server.options.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            // A pooler in front of the database does not keep named statements.
            .statement_cache_capacity(0)
            .disable_statement_logging();
        let opened = options.connect().await;
        link.connected();
        let connection = opened.map_err(|error| SqlError::from_login(&error, &server.host))?;
        Ok(Self { link, connection })
    }

    /// The rows, and whether the connection may serve another statement.
    ///
    /// A statement that answers types which the driver has to look up first (an enum's, a domain's) is forgotten by the
    /// look-up, since both are unnamed. Then nothing was run, and the second time the types are known.
    pub(super) async fn run(
        &mut self,
        config: &SqlConfig,
        statement: &Statement,
    ) -> Result<(Rows, bool), sqlx::Error> {
        match self.run_once(config, statement).await {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(NO_SUCH_STATEMENT) => {
                self.run_once(config, statement).await
            }
            outcome => outcome,
        }
    }

    async fn run_once(
        &mut self,
        config: &SqlConfig,
        statement: &Statement,
    ) -> Result<(Rows, bool), sqlx::Error> {
        let mode = match statement.access {
            Access::ReadOnly => "READ ONLY",
            Access::ReadWrite => "READ WRITE",
        };
        let limit = config.statement_timeout.as_millis();
        let begin = format!("BEGIN {mode}; SET LOCAL statement_timeout = {limit}");
        self.connection.execute(sqlx::raw_sql(AssertSqlSafe(begin))).await?;
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

fn ssl_mode(tls: Tls) -> PgSslMode {
    match tls {
        Tls::Disable => PgSslMode::Disable,
        Tls::Prefer => PgSslMode::Prefer,
        Tls::Require => PgSslMode::Require,
        Tls::VerifyCa => PgSslMode::VerifyCa,
        Tls::VerifyFull => PgSslMode::VerifyFull,
    }
}

fn arguments(values: &[SqlValue]) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
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

fn values(row: &PgRow) -> Result<Vec<SqlValue>, sqlx::Error> {
    (0..row.len())
        .map(|at| {
            let raw = row.try_get_raw(at)?;
            if raw.is_null() {
                return Ok(SqlValue::Null);
            }
            let bytes = raw.as_bytes().map_err(sqlx::Error::Decode)?;
            Ok(value(&raw.type_info(), bytes))
        })
        .collect()
}

/// A value of any type: what the tables below do not know is text if it reads as text, else bytes.
fn value(info: &PgTypeInfo, bytes: &[u8]) -> SqlValue {
    match info.kind() {
        PgTypeKind::Array(element) => array(element, bytes).map(SqlValue::Json),
        PgTypeKind::Domain(base) => Some(value(base, bytes)),
        _ => simple(&info.name().to_ascii_lowercase(), bytes),
    }
    .unwrap_or_else(|| match str::from_utf8(bytes) {
        Ok(text) => SqlValue::Text(text.to_owned()),
        Err(_) => SqlValue::Bytes(bytes.to_vec()),
    })
}

fn simple(name: &str, bytes: &[u8]) -> Option<SqlValue> {
    Some(match name {
        "bool" => SqlValue::Bool(bytes.first()? != &0),
        "int2" => SqlValue::Integer(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        "int4" => SqlValue::Integer(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        "int8" | "money" => SqlValue::Integer(i64::from_be_bytes(bytes.try_into().ok()?)),
        "oid" | "xid" | "cid" => SqlValue::Integer(u32::from_be_bytes(bytes.try_into().ok()?).into()),
        // The shortest text that is this number, not the nearest double's.
        "float4" => SqlValue::Real(f32::from_be_bytes(bytes.try_into().ok()?).to_string().parse().ok()?),
        "float8" => SqlValue::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
        "numeric" => SqlValue::Decimal(numeric(bytes)?),
        "bytea" => SqlValue::Bytes(bytes.to_vec()),
        "json" => SqlValue::Json(serde_json::from_slice(bytes).ok()?),
        // A version precedes the text.
        "jsonb" => SqlValue::Json(serde_json::from_slice(bytes.get(1..)?).ok()?),
        "uuid" => SqlValue::Text(uuid(bytes)?),
        "date" => date(bytes)?,
        "time" => SqlValue::Time(time(i64::from_be_bytes(bytes.try_into().ok()?))?),
        "timestamp" => timestamp(bytes, "")?,
        "timestamptz" => timestamp(bytes, "+00:00")?,
        "interval" => SqlValue::Text(interval(bytes)?),
        "inet" | "cidr" => SqlValue::Text(network(bytes)?),
        "vector" => SqlValue::Text(vector(bytes)?),
        _ => return None,
    })
}

fn be_i16(bytes: &[u8], at: usize) -> Option<i16> {
    Some(i16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn be_i32(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Digits to base 10,000: count, weight of the first, sign, scale, digits.
fn numeric(bytes: &[u8]) -> Option<String> {
    let (count, weight) = (be_i16(bytes, 0)?, be_i16(bytes, 2)?);
    let (sign, scale) = (be_i16(bytes, 4)?.cast_unsigned(), usize::try_from(be_i16(bytes, 6)?).ok()?);
    match sign {
        0xC000 => return Some("NaN".to_owned()),
        0xD000 => return Some("Infinity".to_owned()),
        0xF000 => return Some("-Infinity".to_owned()),
        _ => {}
    }
    let digit = |place: i16| -> Option<i16> {
        let index = weight.checked_sub(place)?;
        if (0..count).contains(&index) {
            be_i16(bytes, 8 + 2 * usize::try_from(index).ok()?)
        } else {
            Some(0)
        }
    };
    let mut whole = String::new();
    for place in (0..=weight.max(0)).rev() {
        whole.push_str(&format!("{:04}", digit(place)?));
    }
    let mut fraction = String::new();
    for place in 1..=i16::try_from(scale.div_ceil(4)).ok()? {
        fraction.push_str(&format!("{:04}", digit(-place)?));
    }
    let whole = whole.trim_start_matches('0');
    let sign = if sign == 0x4000 { "-" } else { "" };
    let point = if scale > 0 { "." } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(format!("{sign}{whole}{point}{}", fraction.get(..scale)?))
}

fn uuid(bytes: &[u8]) -> Option<String> {
    let number = u128::from_be_bytes(bytes.try_into().ok()?);
    let hex = format!("{number:032x}");
    Some([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

const EPOCH: Date = jiff::civil::date(2000, 1, 1);

fn date(bytes: &[u8]) -> Option<SqlValue> {
    let days = be_i32(bytes, 0)?;
    Some(match days {
        i32::MAX => SqlValue::Text("infinity".to_owned()),
        i32::MIN => SqlValue::Text("-infinity".to_owned()),
        days => SqlValue::Date(EPOCH.checked_add(days.days()).ok()?.to_string()),
    })
}

fn time(micros: i64) -> Option<String> {
    let time = Time::midnight().checked_add(SignedDuration::from_micros(micros)).ok()?;
    Some(clock(time))
}

/// `13:05:00`, with six digits of a fraction if there is one, as Python writes times.
pub(super) fn clock(time: Time) -> String {
    let whole = time.strftime("%H:%M:%S").to_string();
    match time.subsec_nanosecond() / 1000 {
        0 => whole,
        micros => format!("{whole}.{micros:06}"),
    }
}

fn timestamp(bytes: &[u8], zone: &str) -> Option<SqlValue> {
    let micros = i64::from_be_bytes(bytes.try_into().ok()?);
    Some(match micros {
        i64::MAX => SqlValue::Text("infinity".to_owned()),
        i64::MIN => SqlValue::Text("-infinity".to_owned()),
        micros => {
            let epoch = DateTime::from_parts(EPOCH, Time::midnight());
            let moment = epoch.checked_add(SignedDuration::from_micros(micros)).ok()?;
            SqlValue::Timestamp(format!("{} {}{zone}", moment.date(), clock(moment.time())))
        }
    })
}

/// `1 mon 2 days 03:04:05`.
fn interval(bytes: &[u8]) -> Option<String> {
    let micros = i64::from_be_bytes(bytes.get(..8)?.try_into().ok()?);
    let (days, months) = (be_i32(bytes, 8)?, be_i32(bytes, 12)?);
    let mut parts = Vec::new();
    if months != 0 {
        parts.push(format!("{months} mons"));
    }
    if days != 0 {
        parts.push(format!("{days} days"));
    }
    if micros != 0 || parts.is_empty() {
        let sign = if micros < 0 { "-" } else { "" };
        let seconds = micros.unsigned_abs() / 1_000_000;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        parts.push(format!("{sign}{hours:02}:{minutes:02}:{:02}", seconds % 60));
    }
    Some(parts.join(" "))
}

/// Family, prefix length, whether it is a network, byte count, address.
fn network(bytes: &[u8]) -> Option<String> {
    let [_, prefix, _, length, address @ ..] = bytes else { return None };
    let text = match length {
        4 => Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?).to_string(),
        _ => Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?).to_string(),
    };
    let is_host = u16::from(*prefix) == u16::from(*length) * 8;
    Some(if is_host { text } else { format!("{text}/{prefix}") })
}

/// pgvector's literal: `[1,2.5]`.
fn vector(bytes: &[u8]) -> Option<String> {
    let count = usize::try_from(be_i16(bytes, 0)?).ok()?;
    let numbers = (0..count)
        .map(|at| Some(f32::from_be_bytes(bytes.get(4 + 4 * at..8 + 4 * at)?.try_into().ok()?).to_string()));
    Some(format!("[{}]", numbers.collect::<Option<Vec<_>>>()?.join(",")))
}

/// An array of one dimension: dimensions, flags, element type, length, lower bound, elements.
fn array(element: &PgTypeInfo, bytes: &[u8]) -> Option<Value> {
    match be_i32(bytes, 0)? {
        0 => return Some(Value::Array(Vec::new())),
        1 => {}
        _ => return None,
    }
    let mut at = 20;
    let mut items = Vec::new();
    for _ in 0..be_i32(bytes, 12)? {
        let length = be_i32(bytes, at)?;
        at += 4;
        let Ok(length) = usize::try_from(length) else {
            items.push(Value::Null);
            continue;
        };
        items.push(json(value(element, bytes.get(at..at + length)?)));
        at += length;
    }
    Some(Value::Array(items))
}

fn json(value: SqlValue) -> Value {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Bool(value) => value.into(),
        SqlValue::Integer(value) => value.into(),
        SqlValue::Real(value) => value.into(),
        SqlValue::Json(value) => value,
        SqlValue::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
        SqlValue::Decimal(text)
        | SqlValue::Text(text)
        | SqlValue::Date(text)
        | SqlValue::Time(text)
        | SqlValue::Timestamp(text) => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_numbers_keep_every_digit() {
        let wire = |count: i16, weight: i16, sign: u16, scale: i16, digits: &[i16]| {
            let head = [count, weight, sign.cast_signed(), scale];
            head.iter().chain(digits).flat_map(|part| part.to_be_bytes()).collect::<Vec<u8>>()
        };
        let cases = [
            (wire(0, 0, 0, 0, &[]), "0"),
            (wire(0, 0, 0, 2, &[]), "0.00"),
            (wire(1, 0, 0, 0, &[42]), "42"),
            (wire(2, 0, 0x4000, 2, &[12, 3400]), "-12.34"),
            (wire(1, -1, 0, 3, &[50]), "0.005"),
            (wire(1, 1, 0, 0, &[3]), "30000"),
            (wire(3, 1, 0, 4, &[1, 2, 3]), "10002.0003"),
            (wire(0, 0, 0xC000, 0, &[]), "NaN"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(numeric(&bytes).as_deref(), Some(expected));
        }
    }

    #[test]
    fn times_are_written_as_python_writes_them() {
        let day = date(&1_i32.to_be_bytes());
        assert_eq!(day, Some(SqlValue::Date("2000-01-02".to_owned())));
        let moment = timestamp(&(-1_500_000_i64).to_be_bytes(), "+00:00");
        assert_eq!(moment, Some(SqlValue::Timestamp("1999-12-31 23:59:58.500000+00:00".to_owned())));
        assert_eq!(time(3_600_000_000).as_deref(), Some("01:00:00"));
    }
}
