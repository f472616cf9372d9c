//! The catalogues of real servers, where the environment names them.
#![allow(clippy::disallowed_methods)]

use millrace_outbound::{Database, Sql, SqlConfig, Statement};

use crate::sql::SqlDatabase;
use crate::stand_in::Stand;

/// The tables of a server after these statements, described; `None` where there is no server.
async fn described(variable: &str, statements: &[&str], tables: &[&str]) -> Option<String> {
    let Ok(url) = std::env::var(variable) else {
        println!("skipped: {variable} names no server");
        return None;
    };
    let sql = Sql::new(SqlConfig { allow_loopback: true, ..SqlConfig::default() });
    for statement in statements {
        sql.run(&Database::parse(&url).unwrap(), &Statement::write(*statement, vec![])).await.unwrap();
    }
    let mut stand = Stand::offline();
    stand.services.resources = stand.services.resources.with(sql);
    let database = SqlDatabase::open(&stand.cx(), &url, true).await.unwrap();
    let tables: Vec<String> = tables.iter().map(|table| (*table).to_owned()).collect();
    Some(database.table_info(&stand.cx(), Some(&tables)).await.unwrap().unwrap())
}

/// `reflected_postgres.txt` has tables, and what LangChain 0.1.20 over SQLAlchemy 2.0.30 says of them.
#[tokio::test]
async fn postgres_tables_are_described() {
    let case = include_str!("reflected_postgres.txt");
    let (statements, expected) = case.split_once("\n---\n").unwrap();
    let statements: Vec<&str> = statements.split(";;\n").collect();
    let tables = ["Mr Lines", "mr_items", "mr_two"];
    let Some(info) = described("MILLRACE_TEST_POSTGRES", &statements, &tables).await else { return };
    assert_eq!(info, expected.strip_suffix('\n').unwrap());
    let drop = "DROP TABLE \"Mr Lines\", mr_two";
    described("MILLRACE_TEST_POSTGRES", &[drop], &["mr_items"]).await;
}

#[tokio::test]
async fn mysql_tables_are_described() {
    let statements = [
        "DROP TABLE IF EXISTS mr_lines",
        "DROP TABLE IF EXISTS mr_items",
        "CREATE TABLE mr_items (id int AUTO_INCREMENT PRIMARY KEY, name varchar(20) NOT NULL DEFAULT 'x')",
        "CREATE TABLE mr_lines (item int, kind enum('a', 'b'), `at` date, ts timestamp NULL, \
         price decimal(10,2), weight double, \
         FOREIGN KEY (item) REFERENCES mr_items (id) ON DELETE CASCADE)",
        "INSERT INTO mr_items (name) VALUES ('pen')",
        "INSERT INTO mr_lines VALUES (1, 'b', '2024-05-31', NULL, 1.5, 0.1)",
    ];
    let Some(lines) = described("MILLRACE_TEST_MYSQL", &statements, &["mr_lines"]).await else { return };
    // The widths that MySQL showed of integers, and MariaDB still does.
    let lines = lines.replace("INTEGER(11)", "INTEGER");
    let expected = "
CREATE TABLE mr_lines (
\titem INTEGER, 
\tkind ENUM('a','b'), 
\tat DATE, 
\tts TIMESTAMP NULL, 
\tprice DECIMAL(10, 2), 
\tweight DOUBLE, 
\tCONSTRAINT mr_lines_ibfk_1 FOREIGN KEY(item) REFERENCES mr_items (id) ON DELETE CASCADE
)

/*
3 rows from mr_lines table:
item\tkind\tat\tts\tprice\tweight
1\tb\t2024-05-31\tNone\t1.50\t0.1000000000
*/";
    assert_eq!(lines, expected);
    let items = described("MILLRACE_TEST_MYSQL", &["DROP TABLE mr_lines"], &["mr_items"]).await.unwrap();
    assert!(items.contains("\tname VARCHAR(20) NOT NULL DEFAULT 'x', \n\tPRIMARY KEY (id)\n"), "{items}");
    assert!(items.replace("(11)", "").contains("\tid INTEGER NOT NULL AUTO_INCREMENT, \n"), "{items}");
}
