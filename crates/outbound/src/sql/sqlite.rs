//! SQLite: a file, opened for one statement.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::TryStreamExt;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow, SqliteValueRef};
use sqlx::{
    Arguments, AssertSqlSafe, Column, ConnectOptions, Decode, Either, Executor, Row, Sqlite, TypeInfo,
    ValueRef,
};

use super::limits::Collector;
use super::{Access, Rows, SqlConfig, SqlError, SqlValue, Statement};

/// Steps of SQLite's machine between two looks at the time: well below a millisecond.
const STEPS: i32 = 10_000;
/// What SQLite may take from the heap, over all open files of the process.
const MAX_HEAP: &str = "134217728";
/// How long a statement waits for a lock.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Stops the statement when it is dropped: at its end, at the time limit, or with the run.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) async fn run(config: &SqlConfig, path: &Path, statement: &Statement) -> Result<Rows, SqlError> {
    // SQLite would open a folder, or wait for a pipe.
    if !path.is_file() {
        return Err(SqlError::File);
    }
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    match attempt(config, path, statement, false).await {
        // A database in WAL mode wants files beside it, which a read-only folder does not take. Without a log
        // the file is all there is.
        Err(SqlError::File) if statement.access == Access::ReadOnly && !Path::new(&log).exists() => {
            attempt(config, path, statement, true).await
        }
        outcome => outcome,
    }
}

async fn attempt(
    config: &SqlConfig,
    path: &Path,
    statement: &Statement,
    immutable: bool,
) -> Result<Rows, SqlError> {
    let stop = Stop(Arc::default());
    let running = async {
        let mut connection = open(path, statement.access, immutable).await.map_err(|_| SqlError::File)?;
        let stopped = Arc::clone(&stop.0);
        let mut handle = connection.lock_handle().await.map_err(|_| SqlError::Interrupted)?;
        handle.set_progress_handler(STEPS, move || !stopped.load(Ordering::Relaxed));
        drop(handle);
        rows(&mut connection, config, statement).await.map_err(|error| match error {
            // Where memory ends, the driver's thread may end with it.
            sqlx::Error::WorkerCrashed => SqlError::TooLarge { limit: config.max_result_bytes },
            error => SqlError::from_run(&error, config),
        })
    };
    let outcome = tokio::time::timeout(config.statement_timeout, running).await;
    outcome.map_err(|_| SqlError::TimedOut { seconds: config.statement_timeout.as_secs_f64() })?
}

async fn open(path: &Path, access: Access, immutable: bool) -> Result<SqliteConnection, sqlx::Error> {
    let read_only = access == Access::ReadOnly;
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(read_only)
        .create_if_missing(false)
        .immutable(immutable)
        .busy_timeout(MAX_WAIT)
        .statement_cache_capacity(0)
        .pragma("query_only", if read_only { "ON" } else { "OFF" })
        // The file may come from anyone: its views and triggers get no functions that reach further.
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma("hard_heap_limit", MAX_HEAP)
        .disable_statement_logging()
        .connect()
        .await
}

async fn rows(
    connection: &mut SqliteConnection,
    config: &SqlConfig,
    statement: &Statement,
) -> Result<Rows, sqlx::Error> {
    let arguments = arguments(&statement.values)?;
    let query = sqlx::query_with(AssertSqlSafe(statement.text.clone()), arguments).persistent(false);
    let mut collector = Collector::new(config);
    let mut results = connection.fetch_many(query);
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

fn arguments(values: &[SqlValue]) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            SqlValue::Null => arguments.add(None::<String>),
            SqlValue::Bool(value) => arguments.add(*value),
            SqlValue::Integer(value) => arguments.add(*value),
            SqlValue::Real(value) => arguments.add(*value),
            SqlValue::Bytes(value) => arguments.add(value.clone()),
            SqlValue::Json(value) => arguments.add(value.to_string()),
            SqlValue::Decimal(text)
            | SqlValue::Text(text)
            | SqlValue::Date(text)
            | SqlValue::Time(text)
            | SqlValue::Timestamp(text) => arguments.add(text.clone()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn values(row: &SqliteRow) -> Result<Vec<SqlValue>, sqlx::Error> {
    (0..row.len()).map(|at| value(row.try_get_raw(at)?).map_err(sqlx::Error::Decode)).collect()
}

/// The value's own type: a column's declaration binds no value in SQLite.
fn value(raw: SqliteValueRef<'_>) -> Result<SqlValue, Box<dyn std::error::Error + Send + Sync>> {
    if raw.is_null() {
        return Ok(SqlValue::Null);
    }
    let name = raw.type_info().name().to_owned();
    Ok(match name.as_str() {
        "INTEGER" | "BOOLEAN" => SqlValue::Integer(<i64 as Decode<Sqlite>>::decode(raw)?),
        "REAL" => SqlValue::Real(<f64 as Decode<Sqlite>>::decode(raw)?),
        "BLOB" => SqlValue::Bytes(<Vec<u8> as Decode<Sqlite>>::decode(raw)?),
        _ => {
            let bytes = <Vec<u8> as Decode<Sqlite>>::decode(raw)?;
            SqlValue::Text(String::from_utf8_lossy(&bytes).into_owned())
        }
    })
}
