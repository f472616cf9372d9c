//! Postgres and MariaDB for real, where the environment names a server.
//!
//! `MILLRACE_TEST_POSTGRES` and `MILLRACE_TEST_MYSQL` are URLs whose user may create tables.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::time::Duration;

use millrace_outbound::{Database, Rows, Sql, SqlConfig, SqlError, SqlValue, Statement};

fn server(variable: &str) -> Option<Database> {
    let Ok(url) = std::env::var(variable) else {
        println!("skipped: {variable} names no server");
        return None;
    };
    Some(Database::parse(&url).unwrap())
}

fn config() -> SqlConfig {
    SqlConfig { allow_loopback: true, ..SqlConfig::default() }
}

async fn read(sql: &Sql, database: &Database, text: &str) -> Result<Rows, SqlError> {
    sql.run(database, &Statement::read(text, vec![])).await
}

async fn write(sql: &Sql, database: &Database, text: &str) -> Rows {
    sql.run(database, &Statement::write(text, vec![])).await.unwrap()
}

fn text(text: &str) -> SqlValue {
    SqlValue::Text(text.to_owned())
}

#[tokio::test]
async fn postgres_values_keep_their_types() {
    let Some(database) = server("MILLRACE_TEST_POSTGRES") else { return };
    let sql = Sql::new(config());
    let cases = [
        ("true", SqlValue::Bool(true)),
        ("1::int2", SqlValue::Integer(1)),
        ("-9007199254740993", SqlValue::Integer(-9_007_199_254_740_993)),
        ("1.1::float4", SqlValue::Real(1.1)),
        ("-12.340::numeric", SqlValue::Decimal("-12.340".to_owned())),
        ("'a'::char(3)", text("a  ")),
        ("'\\x00ff'::bytea", SqlValue::Bytes(vec![0, 255])),
        ("'{\"a\":[1]}'::jsonb", SqlValue::Json(serde_json::json!({"a": [1]}))),
        ("ARRAY['a', NULL]", SqlValue::Json(serde_json::json!(["a", null]))),
        ("'2024-05-31'::date", SqlValue::Date("2024-05-31".to_owned())),
        ("'13:05'::time", SqlValue::Time("13:05:00".to_owned())),
        ("'2024-05-31 13:05:00.25'::timestamp", SqlValue::Timestamp("2024-05-31 13:05:00.250000".to_owned())),
        (
            "'2024-05-31 13:05:00+02'::timestamptz",
            SqlValue::Timestamp("2024-05-31 11:05:00+00:00".to_owned()),
        ),
        ("'0f3c1d4e-0000-4000-8000-0123456789ab'::uuid", text("0f3c1d4e-0000-4000-8000-0123456789ab")),
        ("'10.0.0.0/8'::inet", text("10.0.0.0/8")),
        ("'1 month 2 days 03:04:05'::interval", text("1 mons 2 days 03:04:05")),
        ("NULL", SqlValue::Null),
    ];
    for (expression, expected) in cases {
        let rows = read(&sql, &database, &format!("SELECT {expression}")).await.unwrap();
        assert_eq!(rows.rows, [[expected]], "{expression}");
    }
}

/// Types of the database's own are looked up by the driver, in the middle of the statement.
#[tokio::test]
async fn postgres_values_of_types_of_its_own_are_texts() {
    let Some(database) = server("MILLRACE_TEST_POSTGRES") else { return };
    let sql = Sql::new(config());
    write(&sql, &database, "DROP TABLE IF EXISTS mr_moods").await;
    write(&sql, &database, "DROP TYPE IF EXISTS mr_mood").await;
    write(&sql, &database, "CREATE TYPE mr_mood AS ENUM ('glad', 'sad')").await;
    write(&sql, &database, "CREATE TABLE mr_moods (id int, mood mr_mood)").await;
    write(&sql, &database, "INSERT INTO mr_moods VALUES (1, 'glad'), (2, NULL)").await;
    for _ in 0..2 {
        let rows = read(&sql, &database, "SELECT mood FROM mr_moods ORDER BY id").await.unwrap();
        assert_eq!(rows.rows, [[text("glad")], [SqlValue::Null]]);
    }
    let count = write(&sql, &database, "INSERT INTO mr_moods VALUES (3, 'sad') RETURNING mood").await;
    assert_eq!(count.rows, [[text("sad")]]);
    let all = read(&sql, &database, "SELECT count(*) FROM mr_moods").await.unwrap();
    assert_eq!(all.rows, [[SqlValue::Integer(3)]]);
    write(&sql, &database, "DROP TABLE mr_moods").await;
    write(&sql, &database, "DROP TYPE mr_mood").await;
}

#[tokio::test]
async fn postgres_only_reads_and_stops_in_time() {
    let Some(database) = server("MILLRACE_TEST_POSTGRES") else { return };
    let sql = Sql::new(SqlConfig { statement_timeout: Duration::from_millis(300), ..config() });
    write(&sql, &database, "CREATE TABLE IF NOT EXISTS mr_read (a int)").await;
    for text in ["DELETE FROM mr_read", "WITH d AS (DELETE FROM mr_read RETURNING a) SELECT * FROM d"] {
        assert_eq!(read(&sql, &database, text).await, Err(SqlError::NotReadOnly), "{text}");
    }
    let endless = read(&sql, &database, "SELECT pg_sleep(30)").await;
    assert!(matches!(endless, Err(SqlError::TimedOut { .. })), "{endless:?}");
    let rows = read(&sql, &database, "SELECT generate_series(1, 1000000)").await.unwrap();
    assert_eq!((rows.rows.len(), rows.truncated), (10_000, true));
    write(&sql, &database, "DROP TABLE mr_read").await;
}

#[tokio::test]
async fn postgres_values_go_in_and_large_ones_do_not_come_out() {
    let Some(database) = server("MILLRACE_TEST_POSTGRES") else { return };
    let sql = Sql::new(SqlConfig { max_result_bytes: 1_000_000, ..config() });
    let values = vec![SqlValue::Json(serde_json::json!({"a": 1})), SqlValue::Integer(2), text("b")];
    let statement = Statement::read("SELECT ($1::jsonb ->> 'a')::int + $2, $3", values);
    let rows = sql.run(&database, &statement).await.unwrap();
    assert_eq!(rows.rows, [[SqlValue::Integer(3), text("b")]]);
    let large = read(&sql, &database, "SELECT repeat('x', 100000000)").await;
    assert_eq!(large, Err(SqlError::TooLarge { limit: 1_000_000 }));
    let missing = read(&sql, &database, "SELECT * FROM nowhere").await.unwrap_err();
    assert_eq!(missing.to_string(), "the database refused the statement (42P01)");
}

#[tokio::test]
async fn a_wrong_password_is_a_login_error() {
    let Some(database) = server("MILLRACE_TEST_MYSQL") else { return };
    let url = database.to_string().replace('@', ":wrong@");
    let error = read(&Sql::new(config()), &Database::parse(&url).unwrap(), "SELECT 1").await.unwrap_err();
    assert!(matches!(error, SqlError::Login { .. }), "{error:?}");
}

#[tokio::test]
async fn mysql_values_keep_their_types() {
    let Some(database) = server("MILLRACE_TEST_MYSQL") else { return };
    let sql = Sql::new(config());
    let cases = [
        ("1", SqlValue::Integer(1)),
        ("-5", SqlValue::Integer(-5)),
        ("CAST(18446744073709551615 AS UNSIGNED)", SqlValue::Decimal("18446744073709551615".to_owned())),
        ("1.50", SqlValue::Decimal("1.50".to_owned())),
        ("1.5e0", SqlValue::Real(1.5)),
        ("'ü'", text("ü")),
        ("x'00ff'", SqlValue::Bytes(vec![0, 255])),
        ("DATE '2024-05-31'", SqlValue::Date("2024-05-31".to_owned())),
        ("TIME '13:05:00'", SqlValue::Time("13:05:00".to_owned())),
        ("TIMESTAMP '2024-05-31 13:05:00'", SqlValue::Timestamp("2024-05-31 13:05:00".to_owned())),
        ("NULL", SqlValue::Null),
    ];
    for (expression, expected) in cases {
        let rows = read(&sql, &database, &format!("SELECT {expression}")).await.unwrap();
        assert_eq!(rows.rows, [[expected]], "{expression}");
    }
}

#[tokio::test]
async fn mysql_only_reads_and_stops_in_time() {
    let Some(database) = server("MILLRACE_TEST_MYSQL") else { return };
    let sql = Sql::new(SqlConfig { statement_timeout: Duration::from_millis(500), ..config() });
    write(&sql, &database, "CREATE TABLE IF NOT EXISTS mr_read (a int)").await;
    let touched = write(&sql, &database, "INSERT INTO mr_read VALUES (1), (2)").await;
    assert_eq!(touched.affected, 2);
    let sleeping = read(&sql, &database, "SELECT sleep(30)").await;
    assert!(matches!(sleeping, Err(SqlError::TimedOut { .. })), "{sleeping:?}");
    let rows = read(
        &sql,
        &database,
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT n.i FROM n, n AS m",
    )
    .await;
    assert!(matches!(rows, Ok(Rows { truncated: true, .. })));
    let writing = read(&sql, &database, "SELECT a FROM mr_read INTO OUTFILE '/tmp/mr_read'").await;
    assert!(matches!(writing, Err(SqlError::Forbidden { .. })), "{writing:?}");
    write(&sql, &database, "DROP TABLE mr_read").await;
    let missing = read(&sql, &database, "SELECT * FROM nowhere").await.unwrap_err();
    assert_eq!(missing.to_string(), "the database refused the statement (42S02)");
}
