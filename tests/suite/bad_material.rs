//! What flows are given to work on and cannot: files, pages, statements, answers of models, vectors. Each is a named
//! error or a stated cut.

use std::path::{Path, PathBuf};

use millrace_outbound::{Database, Sql, SqlConfig, Statement};
use serde_json::{Map, Value as Json, json};

use crate::provider::Reply;
use crate::stack::{Answer, Setup, Stack};

/// A folder of bad files that flows may read by name; it ends with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("millrace-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.join(name), bytes).unwrap();
    }

    async fn stack(&self) -> Stack {
        Stack::with(Setup { files: Some(self.0.clone()), ..Setup::default() }).await
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A node with these fields.
fn node(kind: &str, id: &str, gives: &str, fields: Json) -> Json {
    let field = |(name, value): (&String, &Json)| {
        let field = match name.as_str() {
            "path" | "file_path" => json!({"type": "file", "show": true, "value": "", "file_path": value}),
            _ => json!({"type": "str", "show": true, "value": value}),
        };
        (name.clone(), field)
    };
    let template: Map<String, Json> = fields.as_object().unwrap().iter().map(field).collect();
    json!({"id": id, "data": {"type": kind, "id": id, "node": {"template": template, "base_classes": [gives]}}})
}

fn edge(source: &str, gives: &str, target: &str, field: &str) -> Json {
    json!({"source": source, "target": target, "data": {
        "sourceHandle": {"baseClasses": [gives], "id": source},
        "targetHandle": {"fieldName": field, "id": target, "inputTypes": null, "type": gives},
    }})
}

fn model(stack: &Stack) -> Json {
    let fields = json!({"openai_api_base": stack.provider.base_url(), "openai_api_key": "sk-test"});
    node("ChatOpenAI", "Model", "BaseLanguageModel", fields)
}

async fn run(stack: &Stack, nodes: Vec<Json>, edges: Vec<Json>, inputs: Json) -> Answer {
    let flow = stack.create_flow(&json!({"nodes": nodes, "edges": edges})).await;
    stack.post(&format!("/api/v1/process/{flow}"), &json!({"inputs": inputs})).await
}

/// What a loader answers alone.
async fn load(stack: &Stack, kind: &str, field: &str, what: &str) -> Answer {
    run(stack, vec![node(kind, "Loader", "Document", json!({field: what}))], vec![], json!({})).await
}

fn said(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.body)
}

/// The smallest PDF that says it is encrypted.
const ENCRYPTED: &[u8] = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\n\
endobj\n3 0 obj\n<</Filter/Standard/V 1/R 2/O(00000000000000000000000000000000)/U(00000000000000000000000000000000)/P -4>>\n\
endobj\nxref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000054 00000 n \n0000000100 00000 n \n\
trailer\n<</Size 4/Root 1 0 R/Encrypt 3 0 R/ID[(a)(a)]>>\nstartxref\n230\n%%EOF\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_cannot_be_read_are_named() {
    let folder = Folder::new("bad-files");
    folder.put("ragged.csv", b"a,b\n1,2\n1,2,3\n");
    folder.put("latin.csv", b"caf\xe9\n\x80\n");
    folder.put("long.csv", &b"a,b\n1,2\n".repeat(100_000));
    folder.put("huge.csv", &b"a,b\n1,2\n".repeat(7_000_000));
    folder.put("broken.pdf", b"%PDF-1.4 and then nothing");
    folder.put("empty.pdf", b"");
    folder.put("encrypted.pdf", ENCRYPTED);
    let stack = folder.stack().await;
    for (kind, file, part) in [
        ("CSVLoader", "ragged.csv", "row 1 has 3 values, but the first row names 2 columns"),
        ("CSVLoader", "long.csv", "it has more than 100000 rows"),
        ("CSVLoader", "huge.csv", "the limit is"),
        ("PyPDFLoader", "broken.pdf", "it is no PDF file that can be read"),
        ("PyPDFLoader", "empty.pdf", "it is empty"),
        ("PyPDFLoader", "encrypted.pdf", "it is encrypted; save it without a password"),
        ("PyPDFLoader", "missing.pdf", "missing.pdf"),
    ] {
        let answer = load(&stack, kind, "file_path", file).await;
        let detail = answer.detail();
        assert!(answer.status >= 400, "{file}: {}", said(&answer));
        assert!(detail.contains(part) && detail.contains(file), "{file}: {detail}");
    }
    let latin = load(&stack, "CSVLoader", "file_path", "latin.csv").await;
    assert_eq!(latin.body["result"][0]["page_content"], "caf\u{e9}: \u{20ac}", "{}", said(&latin));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_that_cannot_be_read_are_named() {
    let stack = Stack::start().await;
    for (page, part) in [("circle", "redirect"), ("huge", "more than"), ("image", "image/png")] {
        let address = format!("{}/bad/{page}", stack.provider.url());
        let answer = load(&stack, "WebBaseLoader", "web_path", &address).await;
        assert!(answer.status >= 400 && answer.detail().contains(part), "{page}: {}", said(&answer));
    }
}

/// A table of more rows than an answer takes.
async fn shop(folder: &Path) -> String {
    let file = folder.join("shop.db");
    std::fs::write(&file, b"").unwrap();
    let sql = Sql::new(SqlConfig::default());
    for statement in [
        "CREATE TABLE items (id INTEGER)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) INSERT INTO items SELECT i FROM n",
    ] {
        sql.run(&Database::sqlite_file(file.clone()), &Statement::write(statement, vec![])).await.unwrap();
    }
    "sqlite:///shop.db".to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_of_models_are_bounded() {
    let folder = Folder::new("bad-sql");
    let uri = shop(&folder.0).await;
    let stack = folder.stack().await;
    let nodes = vec![
        model(&stack),
        node("SQLDatabase", "Db", "SQLDatabase", json!({"database_uri": uri})),
        node("PromptTemplate", "Prompt", "BasePromptTemplate", json!({"template": "{table_info} {input}"})),
        node("SQLDatabaseChain", "Chain", "Chain", json!({})),
    ];
    let edges = vec![
        edge("Model", "BaseLanguageModel", "Chain", "llm"),
        edge("Db", "SQLDatabase", "Chain", "db"),
        edge("Prompt", "BasePromptTemplate", "Chain", "prompt"),
    ];
    let never = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n";
    for (statement, part) in
        [("DELETE FROM items", "the statement writes, and this connection only reads"), (never, "30 s")]
    {
        stack.provider.script([Reply::next(json!(statement))]);
        let answer = run(&stack, nodes.clone(), edges.clone(), json!({"query": "?"})).await;
        let detail = match answer.task() {
            // What takes longer than its caller waits goes on as a task.
            Some(task) if answer.status == 200 => stack.ended(&task).await["result"].to_string(),
            _ => answer.detail(),
        };
        assert!(detail.contains(part), "{statement}: {detail}");
    }
    stack.provider.script([Reply::next(json!("SELECT id FROM items")), Reply::next(json!("many"))]);
    let answer = run(&stack, nodes, edges, json!({"query": "?"})).await;
    assert_eq!(answer.body["result"]["result"], "many", "{}", said(&answer));
    let shown = stack.provider.seen()[1].body["messages"][0]["content"].as_str().unwrap().to_owned();
    assert!(shown.contains(" rows: the rest is left out)") && shown.len() < 70_000, "{} bytes", shown.len());
}

/// Tools that are not there, arguments that are no JSON: `flows/agent_calls_functions` and `flows/agent_reacts`. Here
/// a model that never ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_never_ends_is_stopped() {
    let stack = Stack::start().await;
    let nodes = vec![
        model(&stack),
        node("Calculator", "Tool", "BaseTool", json!({})),
        node("ZeroShotAgent", "Agent", "Agent", json!({})),
    ];
    let edges = vec![
        edge("Model", "BaseLanguageModel", "Tool", "llm"),
        edge("Model", "BaseLanguageModel", "Agent", "llm"),
        edge("Tool", "BaseTool", "Agent", "tools"),
    ];
    stack.provider.script((0..100).map(|_| Reply::next(json!("Action: nothing\nAction Input: {no json"))));
    let answer = run(&stack, nodes, edges, json!({"input": "?"})).await;
    let stopped = "Agent stopped due to iteration limit or time limit.";
    assert_eq!(answer.body["result"]["output"], stopped, "{}", said(&answer));
    assert_eq!(stack.provider.seen().len(), 15);
}
