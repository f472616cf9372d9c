use millrace_engine::ErrorKind;

use super::*;
use crate::sql::scratch::Scratch;
use crate::stand_in::Scripted;

const ITEMS: &str = "
CREATE TABLE items (
\tid INTEGER, 
\tname TEXT, 
\tprice REAL, 
\tPRIMARY KEY (id)
)

/*
3 rows from items table:
id\tname\tprice
1\tpen\t1.5
2\tbook\t12.0
3\tlamp\t30.0
*/";

const ORDER_LINES: &str = "
CREATE TABLE \"Order Lines\" (
\titem INTEGER NOT NULL, 
\tcount INTEGER DEFAULT 1, 
\t\"order\" VARCHAR(20), 
\tFOREIGN KEY(item) REFERENCES items (id)
)

/*
3 rows from Order Lines table:
item\tcount\torder

*/";

/// Each input in a scope of its own; a second call is answered from the record.
async fn call(scratch: &Scratch, tool: &Arc<dyn Tool>, input: &str) -> String {
    let cx = scratch.stand.cx().scope(tool.name()).scope(input);
    tool.call(&cx, ToolInput::Text(input.to_owned())).await.unwrap()
}

#[tokio::test]
async fn tables_are_listed_and_described() {
    let scratch = Scratch::new("tools").await;
    let db = scratch.open(true).await;
    assert_eq!(call(&scratch, &list(db.clone()), "").await, "Order Lines, items");
    let info = info(db);
    assert_eq!(call(&scratch, &info, "items").await, ITEMS);
    assert_eq!(call(&scratch, &info, "'items', \"Order Lines\"").await, format!("{ORDER_LINES}\n\n{ITEMS}"));
    let missing = call(&scratch, &info, "items, nope").await;
    assert_eq!(missing, "Error: table_names {'nope'} not found in database");
}

#[tokio::test]
async fn queries_are_answered_in_rows_or_words() {
    let scratch = Scratch::new("query").await;
    let tool = query(scratch.open(true).await);
    let cases = [
        ("SELECT name, price FROM items WHERE price > 5", "[('book', 12.0), ('lamp', 30.0)]"),
        ("```sql\nSELECT COUNT(*) FROM items;\n```", "[(3,)]"),
        ("SELECT name FROM items WHERE price > 500", ""),
        ("", ""),
        (" ; ", ""),
        ("SELECT nope FROM items", "Error: no such column: nope"),
        (
            "SELECT name FROM items WHERE id = :id",
            "Error: the statement has parameters such as :name or ?, and nothing gives them values; write the values",
        ),
        ("DROP TABLE items", "Error: the statement writes, and this connection only reads"),
        ("SELECT 1; SELECT 2", "Error: the statement is not allowed: it is more than one statement"),
    ];
    for (statement, expected) in cases {
        assert_eq!(call(&scratch, &tool, statement).await, expected, "{statement}");
    }
    let writer = query(scratch.open(false).await);
    assert_eq!(call(&scratch, &writer, "DELETE FROM items WHERE id = 1").await, "");
    assert_eq!(call(&scratch, &tool, "SELECT COUNT(*) FROM items").await, "[(2,)]");
    assert_eq!(call(&scratch, &tool, "SELECT nope FROM items").await, "Error: no such column: nope");
}

#[tokio::test]
async fn a_recorded_answer_is_not_asked_again() {
    let scratch = Scratch::new("replay").await;
    let writer = query(scratch.open(false).await);
    let insert = "INSERT INTO items VALUES (4, 'cup', 3.0)";
    // Each context is a new attempt of the same run.
    for _ in 0..2 {
        assert_eq!(call(&scratch, &writer, insert).await, "");
    }
}

#[tokio::test]
async fn the_checker_asks_the_model() {
    let scratch = Scratch::new("checker").await;
    let model = Scripted::saying(&["SELECT 1"]);
    let tool = checker(scratch.open(true).await, model.clone());
    assert_eq!(call(&scratch, &tool, "SELEC 1").await, "SELECT 1");
    let prompt = model.prompts().remove(0);
    assert!(prompt.starts_with("SELEC 1\n") && prompt.contains("sqlite"), "{prompt}");
}

#[tokio::test]
async fn only_files_of_the_operator_or_the_caller_are_opened() {
    let scratch = Scratch::new("files").await;
    for url in
        ["sqlite:////etc/passwd", "sqlite:///../shop.db", "sqlite:///:memory:", "sqlite://", "oracle://x/y"]
    {
        let error = SqlDatabase::open(&scratch.stand.cx(), url, true).await.unwrap_err();
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Flow, Some("database_uri")), "{url}");
    }
}
