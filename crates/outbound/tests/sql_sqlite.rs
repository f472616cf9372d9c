//! SQLite for real: what reads, what writes, what never ends.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;
use std::time::Duration;

use millrace_outbound::{Database, Rows, Sql, SqlConfig, SqlError, SqlValue, Statement};

/// A database of its own, removed with its folder.
struct Scratch(PathBuf);

impl Scratch {
    async fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("sql-sqlite-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.db"), b"").unwrap();
        let scratch = Self(folder);
        let sql = Sql::new(SqlConfig::default());
        for statement in [
            "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, height REAL, photo BLOB)",
            "INSERT INTO people VALUES (1, 'Ada', 1.65, x'00ff'), (2, 'Alan', NULL, NULL)",
        ] {
            sql.run(&scratch.database(), &Statement::write(statement, vec![])).await.unwrap();
        }
        scratch
    }

    fn database(&self) -> Database {
        Database::sqlite_file(self.0.join("a.db"))
    }

    async fn read(&self, config: SqlConfig, text: &str) -> Result<Rows, SqlError> {
        Sql::new(config).run(&self.database(), &Statement::read(text, vec![])).await
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn values_keep_their_types() {
    let scratch = Scratch::new("types").await;
    let text = "SELECT name, id, height, photo FROM people WHERE id >= ? ORDER BY id";
    let statement = Statement::read(text, vec![SqlValue::Integer(1)]);
    let rows = Sql::new(SqlConfig::default()).run(&scratch.database(), &statement).await.unwrap();
    let ada = vec![
        SqlValue::Text("Ada".to_owned()),
        SqlValue::Integer(1),
        SqlValue::Real(1.65),
        SqlValue::Bytes(vec![0, 255]),
    ];
    let alan = vec![SqlValue::Text("Alan".to_owned()), SqlValue::Integer(2), SqlValue::Null, SqlValue::Null];
    assert_eq!(rows.columns, ["name", "id", "height", "photo"]);
    assert_eq!(rows.rows, [ada, alan]);
    assert!(!rows.truncated);
}

#[tokio::test]
async fn reading_never_writes() {
    let scratch = Scratch::new("writes").await;
    let before = std::fs::read(scratch.0.join("a.db")).unwrap();
    for text in [
        "DELETE FROM people",
        "WITH a AS (SELECT 1) DELETE FROM people",
        "WITH a AS (SELECT 1) INSERT INTO people SELECT 9, 'x', 1, NULL FROM a",
    ] {
        assert_eq!(scratch.read(SqlConfig::default(), text).await, Err(SqlError::NotReadOnly), "{text}");
    }
    for text in ["PRAGMA query_only = 0", "ATTACH 'b.db' AS b", "SELECT 1; DELETE FROM people"] {
        let refusal = scratch.read(SqlConfig::default(), text).await;
        assert!(matches!(refusal, Err(SqlError::Forbidden { .. })), "{text}: {refusal:?}");
    }
    let loading = scratch.read(SqlConfig::default(), "SELECT load_extension('x')").await;
    assert!(matches!(loading, Err(SqlError::Rejected { .. })), "{loading:?}");
    assert_eq!(std::fs::read(scratch.0.join("a.db")).unwrap(), before);
}

#[tokio::test]
async fn a_write_says_how_many_rows_it_touched() {
    let scratch = Scratch::new("affected").await;
    let statement = Statement::write("UPDATE people SET name = ?", vec![SqlValue::Text("x".to_owned())]);
    let rows = Sql::new(SqlConfig::default()).run(&scratch.database(), &statement).await.unwrap();
    assert_eq!(rows.affected, 2);
    let names = scratch.read(SqlConfig::default(), "SELECT DISTINCT name FROM people").await.unwrap();
    assert_eq!(names.rows, [[SqlValue::Text("x".to_owned())]]);
}

const COUNT_FOR_EVER: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) ";

#[tokio::test]
async fn a_statement_that_never_ends_is_stopped() {
    let scratch = Scratch::new("endless").await;
    let config = SqlConfig { statement_timeout: Duration::from_millis(200), ..SqlConfig::default() };
    let outcome = scratch.read(config, &format!("{COUNT_FOR_EVER} SELECT count(*) FROM n")).await;
    assert!(matches!(outcome, Err(SqlError::TimedOut { .. })), "{outcome:?}");
}

#[tokio::test]
async fn rows_and_bytes_are_bounded_and_the_cut_is_said() {
    let scratch = Scratch::new("bounds").await;
    let a_million = format!("{COUNT_FOR_EVER} SELECT i FROM n LIMIT 1000000");
    let rows = scratch.read(SqlConfig::default(), &a_million).await.unwrap();
    assert_eq!((rows.rows.len(), rows.truncated), (10_000, true));
    let config = SqlConfig { max_result_bytes: 10_000, ..SqlConfig::default() };
    let wide = format!("{COUNT_FOR_EVER} SELECT hex(zeroblob(1000)) FROM n LIMIT 100");
    let rows = scratch.read(config, &wide).await.unwrap();
    assert_eq!((rows.rows.len(), rows.truncated), (4, true));
}

#[tokio::test]
async fn one_value_cannot_take_all_the_memory() {
    let scratch = Scratch::new("memory").await;
    let outcome = scratch.read(SqlConfig::default(), "SELECT randomblob(900000000)").await;
    assert!(matches!(outcome, Err(SqlError::TooLarge { .. })), "{outcome:?}");
}

#[tokio::test]
async fn what_is_no_database_is_said_so() {
    let scratch = Scratch::new("file").await;
    std::fs::write(scratch.0.join("a.db"), "a text that is long enough to be no database ".repeat(40))
        .unwrap();
    assert_eq!(scratch.read(SqlConfig::default(), "SELECT * FROM people").await, Err(SqlError::File));
    std::fs::remove_file(scratch.0.join("a.db")).unwrap();
    assert_eq!(scratch.read(SqlConfig::default(), "SELECT 1").await, Err(SqlError::File));
}

#[tokio::test]
async fn the_databases_words_are_kept_apart() {
    let scratch = Scratch::new("words").await;
    let error = scratch.read(SqlConfig::default(), "SELECT nope FROM people").await.unwrap_err();
    assert_eq!(error.to_string(), "the database refused the statement (1)");
    let SqlError::Rejected { message, .. } = error else { panic!("{error:?}") };
    assert_eq!(message, "no such column: nope");
}

#[tokio::test]
async fn a_file_in_wal_mode_is_read_where_nothing_can_stand_beside_it() {
    let scratch = Scratch::new("wal").await;
    let file = scratch.0.join("a.db");
    let mut bytes = std::fs::read(&file).unwrap();
    // The header's two version numbers: 2 is WAL.
    bytes[18..20].copy_from_slice(&[2, 2]);
    std::fs::write(&file, bytes).unwrap();
    std::fs::create_dir(scratch.0.join("a.db-shm")).unwrap();
    let rows = scratch.read(SqlConfig::default(), "SELECT count(*) FROM people").await.unwrap();
    assert_eq!(rows.rows, [[SqlValue::Integer(2)]]);
}
