//! `reflected.txt` has tables, and what LangChain 0.1.20 over SQLAlchemy 2.0.30 says of them.

use crate::sql::scratch::Scratch;

/// The description of all tables after these statements, in a database of their own.
async fn described(name: &str, statements: &[&str]) -> String {
    let scratch = Scratch::empty(name).await;
    scratch.write(statements).await;
    scratch.open(true).await.table_info(&scratch.stand.cx(), None).await.unwrap().unwrap()
}

#[tokio::test]
async fn tables_are_described_as_langchain_does() {
    let cases = include_str!("reflected.txt").split("=== ").skip(1);
    for (at, case) in cases.enumerate() {
        let (name, case) = case.split_once('\n').unwrap();
        let (statements, expected) = case.split_once("\n---\n").unwrap();
        let statements: Vec<&str> = statements.split(";;\n").collect();
        let info = described(&format!("reflected-{at}"), &statements).await;
        assert_eq!(info, expected.strip_suffix('\n').unwrap(), "{name}");
    }
}

#[tokio::test]
async fn what_langchain_fails_at_is_described_all_the_same() {
    let statements = [
        "CREATE TABLE a (x, y)",
        "INSERT INTO a VALUES (1, 'b')",
        "CREATE TABLE b (x DATE, y DECIMAL(10,2))",
        "INSERT INTO b VALUES ('2023-1-2', 'much')",
        "CREATE TABLE c (x INT REFERENCES nowhere)",
    ];
    let expected = "
CREATE TABLE a (
\tx, 
\ty
)

/*
3 rows from a table:
x\ty
1\tb
*/


CREATE TABLE b (
\tx DATE, 
\ty DECIMAL(10, 2)
)

/*
3 rows from b table:
x\ty
2023-1-2\tmuch
*/


CREATE TABLE c (
\tx INTEGER, 
\tFOREIGN KEY(x) REFERENCES nowhere
)

/*
3 rows from c table:
x

*/";
    assert_eq!(described("lenient", &statements).await, expected);
}
