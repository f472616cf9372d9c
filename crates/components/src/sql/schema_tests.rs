//! The catalogues of real servers, where the environment names them.

use millrace_outbound::{Database, Sql, SqlConfig, Statement};

use crate::sql::SqlDatabase;
use crate::stand_in::Stand;

/// The tables of a server after these statements, described; `None` where there is no server.
async fn described(variable: &str, statements: &[&str], table: &str) -> Option<String> {
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
    Some(database.table_info(&stand.cx(), Some(&[table.to_owned()])).await.unwrap().unwrap())
}

#[tokio::test]
async fn postgres_tables_are_described() {
    let statements = [
        "DROP TABLE IF EXISTS mr_lines, mr_items",
        "CREATE TABLE mr_items (id serial PRIMARY KEY, name varchar(20) NOT NULL DEFAULT 'x')",
        "CREATE TABLE mr_lines (item integer REFERENCES mr_items (id), price numeric(10,2), \"At\" timestamptz)",
        "INSERT INTO mr_items (name) VALUES ('pen')",
        "INSERT INTO mr_lines VALUES (1, 1.50, '2024-05-31 13:05:00+00')",
    ];
    let Some(lines) = described("MILLRACE_TEST_POSTGRES", &statements, "mr_lines").await else { return };
    let expected = "
CREATE TABLE mr_lines (
\titem INTEGER, 
\tprice NUMERIC(10,2), 
\t\"At\" TIMESTAMP WITH TIME ZONE, 
\tCONSTRAINT mr_lines_item_fkey FOREIGN KEY (item) REFERENCES mr_items(id)
)

/*
3 rows from mr_lines table:
item\tprice\tAt
1\t1.50\t2024-05-31 13:05:00+00:00
*/";
    assert_eq!(lines, expected);
    let items = described("MILLRACE_TEST_POSTGRES", &[], "mr_items").await.unwrap();
    let expected = "
CREATE TABLE mr_items (
\tid SERIAL NOT NULL, 
\tname VARCHAR(20) DEFAULT 'x'::character varying NOT NULL, 
\tCONSTRAINT mr_items_pkey PRIMARY KEY (id)
)

/*
3 rows from mr_items table:
id\tname
1\tpen
*/";
    assert_eq!(items, expected);
    described("MILLRACE_TEST_POSTGRES", &["DROP TABLE mr_lines"], "mr_items").await;
}

#[tokio::test]
async fn mysql_tables_are_described() {
    let statements = [
        "DROP TABLE IF EXISTS mr_lines",
        "DROP TABLE IF EXISTS mr_items",
        "CREATE TABLE mr_items (id int AUTO_INCREMENT PRIMARY KEY, name varchar(20) NOT NULL DEFAULT 'x')",
        "CREATE TABLE mr_lines (item int, kind enum('a', 'b'), `at` date, FOREIGN KEY (item) REFERENCES mr_items (id))",
        "INSERT INTO mr_items (name) VALUES ('pen')",
        "INSERT INTO mr_lines VALUES (1, 'b', '2024-05-31')",
    ];
    let Some(lines) = described("MILLRACE_TEST_MYSQL", &statements, "mr_lines").await else { return };
    // The widths that MySQL showed of integers, and MariaDB still does.
    let lines = lines.replace("INT(11)", "INT");
    let expected = "
CREATE TABLE mr_lines (
\titem INT, 
\tkind ENUM('a','b'), 
\tat DATE, 
\tFOREIGN KEY(item) REFERENCES mr_items (id)
)

/*
3 rows from mr_lines table:
item\tkind\tat
1\tb\t2024-05-31
*/";
    assert_eq!(lines, expected);
    let items = described("MILLRACE_TEST_MYSQL", &["DROP TABLE mr_lines"], "mr_items").await.unwrap();
    assert!(items.contains("\tname VARCHAR(20) NOT NULL DEFAULT 'x', \n\tPRIMARY KEY (id)\n"), "{items}");
    assert!(items.replace("INT(11)", "INT").contains("\tid INT NOT NULL AUTO_INCREMENT, \n"), "{items}");
}
