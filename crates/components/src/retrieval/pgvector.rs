//! pgvector (0.x): documents in a Postgres database with the vector extension, in LangChain's tables.

use async_trait::async_trait;
use millrace_engine::{
    Capability, Component, Context, Document, Effect, Entry, ErrorKind, Example, LazyValue, Outputs,
    RunError, Spec, Usage, Value, handles, json, message, output, reach, secret, text,
};
use millrace_outbound::{Database, Rows, Sql, SqlDialect, SqlError, SqlValue, Statement};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json as js};
use sha2::{Digest, Sha256};

use super::ingest::hex;
use super::preset::with_search_kwargs;
use super::remote::{self, Hit, Point, Protocol, Query, object_of, unfit, vector_json, vector_of};
use super::wired_documents::documents;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct Pgvector {
    documents: Option<Vec<LazyValue>>,
    embedding: handles::Embedder,
    collection_name: String,
    pg_server_url: String,
    search_kwargs: Option<Map<String, Json>>,
}

impl Component for Pgvector {
    const SPEC: Spec = Spec {
        names: &["pgvector", "PGVector"],
        about: "Finds documents by meaning in a Postgres database with the extension vector, in the tables that \
                LangChain uses; makes them if there are none.",
        inputs: &[
            message("documents", "Documents to put in, once for the same ones; 50,000 at most."),
            message("embedding", "The embedding model."),
            text("collection_name", "The collection."),
            secret("pg_server_url", "The database: postgresql://user:password@host:5432/name."),
            json("search_kwargs", "How it is searched unasked: k, filter, fetch_k, lambda_mult."),
        ],
        outputs: &[output("vector_store")],
        reaches: &[reach("the database in pg_server_url", "", "pg_server_url")],
        examples: &[Example {
            title: "a database is not called before it is asked something",
            inputs: r#"{
                "collection_name": "notes", "pg_server_url": "postgresql+psycopg2://me:pw@db.example.com/notes",
                "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
            }"#,
            output: r#"{"vector_store": {"vector_store": {}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let documents = documents("documents", self.documents.unwrap_or_default())?;
        let database =
            Database::parse(&self.pg_server_url).map_err(|e| unfit("pg_server_url", &e.to_string()))?;
        if database.dialect() != SqlDialect::Postgres {
            return Err(unfit("pg_server_url", "is no address of a Postgres database"));
        }
        let table = PgCollection { database, name: self.collection_name };
        let store = remote::open(cx, table, self.embedding.0, &documents).await?;
        let store = with_search_kwargs(store, &self.search_kwargs.unwrap_or_default())?;
        Ok(Outputs::one("vector_store", Value::Capability(Capability::VectorStore(store))))
    }
}

/// What has to be there, in the form in which LangChain makes it.
pub(super) const TABLES: [&str; 3] = [
    "CREATE EXTENSION IF NOT EXISTS vector",
    "CREATE TABLE IF NOT EXISTS langchain_pg_collection (name VARCHAR, cmetadata JSON, uuid UUID PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS langchain_pg_embedding (collection_id UUID REFERENCES langchain_pg_collection \
     (uuid) ON DELETE CASCADE, embedding VECTOR, document VARCHAR, cmetadata JSONB, custom_id VARCHAR, uuid UUID \
     PRIMARY KEY)",
];

/// The collection of a name; LangChain takes whichever it finds first.
const COLLECTION: &str = "(SELECT uuid FROM langchain_pg_collection WHERE name = $1 ORDER BY uuid LIMIT 1)";

#[derive(Debug)]
struct PgCollection {
    database: Database,
    name: String,
}

impl PgCollection {
    /// One recorded statement.
    async fn run<T: serde::Serialize + serde::de::DeserializeOwned>(
        &self,
        cx: &Context,
        statement: Statement,
        read: impl FnOnce(Rows) -> T + Send,
    ) -> Result<T, RunError> {
        let request = js!({"sql": statement.text, "values": statement.values, "database": self.identity()});
        let perform = || async {
            let rows = cx.resource::<Sql>()?.run(&self.database, &statement).await.map_err(|e| failed(&e))?;
            Ok((read(rows), Usage::default()))
        };
        cx.effect(Effect { kind: "vectors", request }, perform).await
    }

    async fn write(&self, cx: &Context, text: &str, values: Vec<SqlValue>) -> Result<(), RunError> {
        self.run(cx, Statement::write(text, values), |_| ()).await
    }

    fn named(&self) -> SqlValue {
        SqlValue::Text(self.name.clone())
    }

    /// An id that no other collection has.
    fn id(&self, of: &str) -> String {
        hex(&Sha256::digest(format!("{}\n{of}", self.name))[..16])
    }
}

fn failed(error: &SqlError) -> RunError {
    let kind = match error {
        SqlError::TimedOut { .. } => ErrorKind::Timeout,
        transient if transient.is_transient() => ErrorKind::Unavailable,
        _ => ErrorKind::Flow,
    };
    RunError::new(kind, format!("pgvector: {error}")).transient(error.is_transient())
}

#[async_trait]
impl Protocol for PgCollection {
    fn collection(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> String {
        format!("{}/{}", self.database, self.name)
    }

    async fn prepare(&self, cx: &Context, _: usize) -> Result<Option<usize>, RunError> {
        let there = "SELECT to_regclass('langchain_pg_embedding') IS NOT NULL";
        let there = self.run(cx, Statement::read(there, Vec::new()), |rows| {
            matches!(rows.rows.first().and_then(|row| row.first()), Some(SqlValue::Bool(true)))
        });
        if !there.await? {
            for statement in TABLES {
                self.write(cx, statement, Vec::new()).await?;
            }
        }
        let make = format!(
            "INSERT INTO langchain_pg_collection (name, uuid) SELECT $1, $2::uuid WHERE {COLLECTION} IS NULL \
             ON CONFLICT (uuid) DO NOTHING"
        );
        self.write(cx, &make, vec![self.named(), SqlValue::Text(self.id("collection"))]).await?;
        let size = format!(
            "SELECT vector_dims(embedding)::bigint FROM langchain_pg_embedding WHERE collection_id = {COLLECTION} \
             LIMIT 1"
        );
        self.run(cx, Statement::read(size, vec![self.named()]), |rows| {
            let size = rows.rows.first().and_then(|row| row.first()).and_then(SqlValue::as_integer);
            size.and_then(|size| usize::try_from(size).ok())
        })
        .await
    }

    async fn put(&self, cx: &Context, points: &[Point]) -> Result<(), RunError> {
        let rows = points.iter().map(|point| {
            js!({"id": self.id(&point.id), "custom": point.id, "embedding": vector_json(&point.vector),
                 "document": point.document.page_content, "metadata": point.document.metadata})
        });
        // Null characters cannot stand in Postgres' text.
        let rows = js!(rows.collect::<Vec<_>>()).to_string().replace("\\u0000", "");
        let text = format!(
            "INSERT INTO langchain_pg_embedding (uuid, collection_id, embedding, document, cmetadata, custom_id) \
             SELECT (p->>'id')::uuid, {COLLECTION}, (p->>'embedding')::vector, p->>'document', p->'metadata', \
             p->>'custom' FROM jsonb_array_elements($2::jsonb) p ON CONFLICT (uuid) DO UPDATE SET \
             embedding = EXCLUDED.embedding, document = EXCLUDED.document, cmetadata = EXCLUDED.cmetadata"
        );
        self.write(cx, &text, vec![self.named(), SqlValue::Text(rows)]).await
    }

    async fn nearest(&self, cx: &Context, query: &Query) -> Result<Vec<Hit>, RunError> {
        let vectors = if query.needs_vectors() { ", embedding::text" } else { "" };
        let filter = query.filter.equalities().map(|(field, value)| (field.to_owned(), value.clone()));
        let text = format!(
            "SELECT document, cmetadata::jsonb, embedding <=> $2::vector AS distance{vectors} FROM \
             langchain_pg_embedding WHERE collection_id = {COLLECTION} AND coalesce(cmetadata::jsonb, '{{}}') @> \
             $3::jsonb ORDER BY distance, uuid LIMIT $4"
        );
        let values = vec![
            self.named(),
            SqlValue::Text(vector_json(&query.vector).to_string()),
            SqlValue::Text(Json::Object(filter.collect()).to_string()),
            SqlValue::Integer(query.fetch as i64),
        ];
        let read = |rows: Rows| query.choose(rows.rows.into_iter().map(hit).collect());
        let missing = || RunError::new(ErrorKind::Upstream, "pgvector: the database gave no vectors");
        self.run(cx, Statement::read(text, values), read).await?.ok_or_else(missing)
    }
}

fn hit(row: Vec<SqlValue>) -> Hit {
    let mut row = row.into_iter();
    let text = row.next().and_then(|text| text.as_text().map(str::to_owned)).unwrap_or_default();
    let metadata = match row.next() {
        Some(SqlValue::Json(metadata)) => object_of(Some(metadata)),
        _ => Map::new(),
    };
    let score = match row.next() {
        Some(SqlValue::Real(distance)) => Some(distance as f32),
        _ => None,
    };
    let vector = row.next().and_then(|vector| serde_json::from_str(vector.as_text()?).ok());
    Hit { document: Document { page_content: text, metadata }, score, vector: vector_of(vector.as_ref()) }
}

pub(crate) const ENTRY: Entry = Entry::of::<Pgvector>();
