//! Against a real Postgres, named by `MILLRACE_TEST_POSTGRES`.
#![allow(clippy::disallowed_methods)]

use std::sync::Arc;

use millrace_engine::{
    Capability, Context, Embedder, ErrorKind, Inputs, MemoryJournal, RunError, Search, SearchKind, Value,
    VectorStore,
};
use millrace_outbound::{Database, Sql, SqlConfig, SqlValue, Statement};
use serde_json::Map;

use super::embedder_stand_in::{Letters, documents, long};
use super::pgvector;
use crate::stand_in::Stand;

/// For a server without the extension: what of it is used, over JSON. It says nothing about pgvector itself,
/// but all statements are run for what they are.
const STAND_IN: [&str; 4] = [
    "CREATE DOMAIN vector AS jsonb",
    "CREATE FUNCTION vector_dims(v jsonb) RETURNS int LANGUAGE sql AS 'SELECT jsonb_array_length(v)'",
    "CREATE FUNCTION far(a jsonb, b jsonb) RETURNS float8 LANGUAGE sql AS 'SELECT 1 - sum(x.value::float8 * \
     y.value::float8) / nullif(sqrt(sum(x.value::float8 ^ 2)) * sqrt(sum(y.value::float8 ^ 2)), 0) FROM \
     jsonb_array_elements_text(a) WITH ORDINALITY x JOIN jsonb_array_elements_text(b) WITH ORDINALITY y USING \
     (ordinality)'",
    "CREATE OPERATOR <=> (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = far)",
];

const SCHEMA: &str = "millrace_vectors_test";

struct Server {
    stand: Stand,
    url: String,
}

/// A server with an empty schema; `None`, and the reason printed, where none is named.
async fn server() -> Option<Server> {
    let Ok(url) = std::env::var("MILLRACE_TEST_POSTGRES") else {
        println!("skipped: MILLRACE_TEST_POSTGRES names no server");
        return None;
    };
    let mark = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{mark}options=-c%20search_path%3D{SCHEMA}");
    let mut stand = Stand::offline();
    let sql = Sql::new(SqlConfig { allow_loopback: true, ..SqlConfig::default() });
    stand.services.resources = stand.services.resources.with(sql);
    let server = Server { stand, url };
    server.run(&format!("DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")).await.unwrap();
    server.run(&format!("CREATE SCHEMA {SCHEMA}")).await.unwrap();
    if server.run("CREATE EXTENSION IF NOT EXISTS vector").await.is_err() {
        println!("the server has no pgvector: a stand-in takes its place");
        for statement in STAND_IN.iter().chain(&pgvector::TABLES[1..]) {
            server.run(statement).await.unwrap();
        }
    }
    Some(server)
}

impl Server {
    async fn run(&self, text: &str) -> Result<Vec<Vec<SqlValue>>, String> {
        let sql: &Sql = self.stand.services.resources.get().unwrap();
        let database = Database::parse(&self.url).unwrap();
        let rows = sql.run(&database, &Statement::write(text, Vec::new())).await;
        rows.map(|rows| rows.rows).map_err(|error| error.to_string())
    }

    fn another_task(&mut self) -> Context {
        self.stand.services.journal = Arc::new(MemoryJournal::default());
        self.stand.cx()
    }

    async fn open(
        &self,
        cx: &Context,
        collection: &str,
        model: &Arc<Letters>,
        texts: &[&str],
    ) -> Result<Arc<dyn VectorStore>, RunError> {
        let model: Arc<dyn Embedder> = model.clone();
        let documents = documents(texts).into_iter().map(Value::Document).collect();
        let inputs: Inputs = vec![
            ("collection_name".to_owned(), Value::text(collection)),
            ("pg_server_url".to_owned(), Value::text(self.url.as_str())),
            ("embedding".to_owned(), Value::Capability(Capability::Embedder(model))),
            ("documents".to_owned(), Value::List(documents)),
        ];
        let outputs = pgvector::ENTRY.run(inputs, cx).await?;
        match outputs.get("vector_store") {
            Some(Value::Capability(Capability::VectorStore(store))) => Ok(store.clone()),
            other => panic!("{other:?}"),
        }
    }
}

async fn found(store: &dyn VectorStore, cx: &Context, search: Search) -> Vec<String> {
    let found = store.search(cx, &search).await.unwrap();
    found.into_iter().map(|found| found.document.page_content).collect()
}

/// One test, since all of it plays in one schema.
#[tokio::test]
async fn documents_live_in_langchains_tables() {
    let Some(mut server) = server().await else { return };
    let model = Letters::of(4);
    let cx = server.another_task();
    let store = server.open(&cx, "notes", &model, &["a", "aab", "abbc", "ccd\0'; --"]).await.unwrap();
    let ask = |k, kind, filter| Search { k, kind, filter, ..Search::nearest("aa") };
    let mmr = SearchKind::Mmr { fetch_k: 4, lambda: 0.3 };
    let cases: [(Search, &[&str]); 4] = [
        (ask(2, SearchKind::Similarity, Map::new()), &["a", "aab"]),
        (ask(9, SearchKind::Similarity, long(3)), &["aab"]),
        (ask(9, SearchKind::Similarity, long(99)), &[]),
        (ask(2, mmr, Map::new()), &["a", "ccd'; --"]),
    ];
    for (search, expected) in cases {
        assert_eq!(found(store.as_ref(), &cx, search.clone()).await, expected, "{search:?}");
    }
    let first = store.search(&cx, &ask(1, SearchKind::Similarity, Map::new())).await.unwrap().remove(0);
    assert_eq!(first.document.metadata, long(1));
    assert!(first.score.unwrap().abs() < 1e-6, "the cosine distance: {first:?}");

    // Another collection with the same document, and the same document once more.
    let others = server.open(&cx, "others", &model, &["a"]).await.unwrap();
    store.add(&cx, &documents(&["a", "d"])).await.unwrap();
    assert_eq!(found(others.as_ref(), &cx, ask(9, SearchKind::Similarity, Map::new())).await, ["a"]);
    assert_eq!(found(store.as_ref(), &cx, ask(9, SearchKind::Similarity, Map::new())).await.len(), 5);
    let count = server.run("SELECT count(*) FROM langchain_pg_collection").await.unwrap();
    assert_eq!(count, [[SqlValue::Integer(2)]]);

    let error = server.open(&server.stand.cx(), "notes", &Letters::of(3), &["a"]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Flow);
    assert!(error.message.contains("4 dimensions") && error.message.contains("gives 3"), "{error}");

    let embedded = model.count();
    let cx = server.another_task();
    server.open(&cx, "others", &model, &["a"]).await.unwrap();
    assert_eq!(model.count(), embedded, "a second call");
}
