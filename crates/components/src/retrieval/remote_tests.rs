//! One suite for all stores on servers, each against a stand-in that speaks its protocol.

use std::sync::{Arc, Mutex};

use millrace_engine::{
    Capability, Context, Embedder, Entry, ErrorKind, Inputs, MemoryJournal, RunError, Search, SearchKind,
    Value, VectorStore,
};
use millrace_outbound::{Answer, Hop};
use serde_json::{Map, Value as Json, json};

use super::embedder_stand_in::{Letters, documents, long};
use super::{astra_db, pinecone, qdrant, s3_vectors};
use crate::stand_in::Stand;

/// A server: what was put in, by id, with the payload as it came.
#[derive(Default)]
struct World {
    /// The collection's dimensions, once it was made.
    size: Option<usize>,
    points: Vec<(String, Vec<f32>, Json)>,
    /// What was asked, as `METHOD path`.
    asked: Vec<String>,
    /// What everything is answered with.
    broken: Option<(u16, Json)>,
}

impl World {
    fn put(&mut self, id: &Json, vector: &Json, payload: Json) {
        let id = id.as_str().unwrap().to_owned();
        self.points.retain(|(known, ..)| *known != id);
        self.points.push((id, floats(vector), payload));
    }

    /// Ids of the nearest whose metadata, found in a payload by `metadata`, has this.
    fn near(&self, vector: &Json, k: &Json, filter: &Json, metadata: fn(&Json) -> &Json) -> Vec<usize> {
        let (vector, filter) = (floats(vector), filter.as_object().cloned().unwrap_or_default());
        let far = |at: &usize| -> f32 {
            self.points[*at].1.iter().zip(&vector).map(|(a, b)| (a - b).powi(2)).sum()
        };
        let mut all: Vec<usize> = (0..self.points.len()).collect();
        all.retain(|at| filter.iter().all(|(name, value)| metadata(&self.points[*at].2)[name] == *value));
        all.sort_by(|a, b| far(a).total_cmp(&far(b)));
        all.truncate(k.as_u64().unwrap() as usize);
        all
    }
}

fn floats(json: &Json) -> Vec<f32> {
    json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

type Speaks = fn(&mut World, &str, &Json) -> Json;

struct Kind {
    entry: &'static Entry,
    fields: Json,
    output: &'static str,
    documents: &'static str,
    embedding: &'static str,
    speaks: Speaks,
    /// An error as the protocol has it, and its status.
    error: (u16, Json),
    /// Where the key goes: header and value.
    key: (&'static str, &'static str),
}

fn kinds() -> Vec<Kind> {
    vec![
        Kind {
            entry: &qdrant::ENTRY,
            fields: json!({"url": "https://q.example.com", "collection_name": "notes", "api_key": "canary-key"}),
            output: "vector_store",
            documents: "documents",
            embedding: "embedding",
            speaks: speaks_qdrant,
            error: (400, json!({"status": {"error": "Wrong input: the moon"}})),
            key: ("api-key", "canary-key"),
        },
        Kind {
            entry: &pinecone::ENTRY,
            fields: json!({"index_name": "notes", "pinecone_api_key": "canary-key", "namespace": "n"}),
            output: "vector_store",
            documents: "documents",
            embedding: "embedding",
            speaks: speaks_pinecone,
            error: (400, json!({"code": 3, "message": "the moon", "details": []})),
            key: ("api-key", "canary-key"),
        },
        Kind {
            entry: &s3_vectors::ENTRY,
            fields: json!({"vector_bucket_name": "b", "index_name": "notes", "region_name": "eu-west-1",
                           "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "canary-key"}),
            output: "vector_store",
            documents: "documents",
            embedding: "embedding",
            speaks: speaks_s3,
            error: (400, json!({"message": "the moon"})),
            key: ("authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE"),
        },
        Kind {
            entry: &astra_db::ENTRY,
            fields: json!({"token": "canary-key", "api_endpoint": "https://a.example.com", "collection_name": "notes"}),
            output: "vectorstoreconnection",
            documents: "ingest_data",
            embedding: "embedding_model",
            speaks: speaks_astra,
            error: (200, json!({"errors": [{"message": "the moon", "errorCode": "MOON"}]})),
            key: ("token", "canary-key"),
        },
    ]
}

fn speaks_qdrant(world: &mut World, asked: &str, body: &Json) -> Json {
    let result = match asked {
        "GET /collections" => {
            json!({"collections": world.size.iter().map(|_| json!({"name": "notes"})).collect::<Vec<_>>()})
        }
        "GET /collections/notes" => {
            json!({"config": {"params": {"vectors": {"size": world.size, "distance": "Cosine"}}}})
        }
        "PUT /collections/notes" => {
            assert_eq!(body["vectors"]["distance"], "Cosine");
            world.size = body["vectors"]["size"].as_u64().map(|size| size as usize);
            json!(true)
        }
        "PUT /collections/notes/points?wait=true" => {
            let points = body["points"].as_array().unwrap();
            points.iter().for_each(|p| world.put(&p["id"], &p["vector"], p["payload"].clone()));
            json!({"status": "completed"})
        }
        "POST /collections/notes/points/query" => {
            let must = body["filter"]["must"].as_array().cloned().unwrap_or_default();
            let equal = |c: &Json| {
                let key = c["key"].as_str().unwrap().strip_prefix("metadata.").unwrap().to_owned();
                (key, c["match"]["value"].clone())
            };
            let filter = Json::Object(must.iter().map(equal).collect());
            let found = world.near(&body["query"], &body["limit"], &filter, |payload| &payload["metadata"]);
            let shown = found.into_iter().map(|at| {
                let (id, vector, payload) = &world.points[at];
                let vector = body["with_vector"].as_bool().unwrap().then_some(vector);
                json!({"id": id, "score": 0.5, "payload": payload, "vector": vector})
            });
            json!({"points": shown.collect::<Vec<_>>()})
        }
        other => panic!("{other}"),
    };
    json!({"result": result, "status": "ok", "time": 0.1})
}

fn dollar_eq(filter: &Json) -> Json {
    let equal = |(name, value): (&String, &Json)| (name.clone(), value["$eq"].clone());
    filter.as_object().map_or(Json::Null, |filter| Json::Object(filter.iter().map(equal).collect()))
}

fn speaks_pinecone(world: &mut World, asked: &str, body: &Json) -> Json {
    match asked {
        "GET /indexes/notes" => {
            json!({"name": "notes", "dimension": world.size.unwrap_or(4), "host": "notes.example.com"})
        }
        "POST /vectors/upsert" => {
            assert_eq!(body["namespace"], "n");
            let points = body["vectors"].as_array().unwrap();
            points.iter().for_each(|p| world.put(&p["id"], &p["values"], p["metadata"].clone()));
            json!({"upsertedCount": points.len()})
        }
        "POST /query" => {
            let found =
                world.near(&body["vector"], &body["topK"], &dollar_eq(&body["filter"]), |payload| payload);
            let shown = found.into_iter().map(|at| {
                let (id, vector, payload) = &world.points[at];
                let values = body["includeValues"].as_bool().unwrap().then_some(vector);
                json!({"id": id, "score": 0.5, "metadata": payload, "values": values})
            });
            json!({"matches": shown.collect::<Vec<_>>(), "namespace": body["namespace"]})
        }
        other => panic!("{other}"),
    }
}

fn speaks_s3(world: &mut World, asked: &str, body: &Json) -> Json {
    assert_eq!(body["vectorBucketName"], "b");
    match asked {
        "POST /ListIndexes" => {
            json!({"indexes": world.size.iter().map(|_| json!({"indexName": "notes"})).collect::<Vec<_>>()})
        }
        "POST /GetIndex" => json!({"index": {"dimension": world.size}}),
        "POST /CreateIndex" => {
            assert_eq!(body["metadataConfiguration"]["nonFilterableMetadataKeys"], json!(["_page_content"]));
            world.size = body["dimension"].as_u64().map(|size| size as usize);
            json!({})
        }
        "POST /PutVectors" => {
            let points = body["vectors"].as_array().unwrap();
            points.iter().for_each(|p| world.put(&p["key"], &p["data"]["float32"], p["metadata"].clone()));
            json!({})
        }
        "POST /QueryVectors" => {
            let (vector, filter) = (&body["queryVector"]["float32"], dollar_eq(&body["filter"]));
            let found = world.near(vector, &body["topK"], &filter, |payload| payload);
            let shown = found.into_iter().map(|at| {
                let (id, _, payload) = &world.points[at];
                json!({"key": id, "distance": 0.5, "metadata": payload})
            });
            json!({"vectors": shown.collect::<Vec<_>>()})
        }
        "POST /GetVectors" => {
            // In an order of its own.
            let shown =
                world.points.iter().rev().filter(|p| body["keys"].as_array().unwrap().contains(&json!(p.0)));
            json!({"vectors": shown.map(|p| json!({"key": p.0, "data": {"float32": p.1}})).collect::<Vec<_>>()})
        }
        other => panic!("{other}"),
    }
}

fn speaks_astra(world: &mut World, asked: &str, body: &Json) -> Json {
    let (command, of) = body.as_object().unwrap().iter().next().unwrap();
    match (asked, command.as_str()) {
        ("POST /api/json/v1/default_keyspace", "findCollections") => {
            let ours = json!({"name": "notes", "options": {"vector": {"dimension": world.size}}});
            json!({"status": {"collections": world.size.iter().map(|_| ours.clone()).collect::<Vec<_>>()}})
        }
        ("POST /api/json/v1/default_keyspace", "createCollection") => {
            world.size = of["options"]["vector"]["dimension"].as_u64().map(|size| size as usize);
            json!({"status": {"ok": 1}})
        }
        ("POST /api/json/v1/default_keyspace/notes", "insertMany") => {
            let mut twice = Vec::new();
            for p in of["documents"].as_array().unwrap() {
                match world.points.iter().any(|(id, ..)| p["_id"] == **id) {
                    true => {
                        twice.push(json!({"message": "it exists", "errorCode": "DOCUMENT_ALREADY_EXISTS"}))
                    }
                    false => world.put(&p["_id"], &p["$vector"], p.clone()),
                }
            }
            json!({"status": {}, "errors": twice})
        }
        ("POST /api/json/v1/default_keyspace/notes", "find") => {
            let strip = |(name, value): (&String, &Json)| {
                (name.strip_prefix("metadata.").unwrap().to_owned(), value.clone())
            };
            let filter = Json::Object(of["filter"].as_object().unwrap().iter().map(strip).collect());
            let (vector, limit) = (&of["sort"]["$vector"], &of["options"]["limit"]);
            let found = world.near(vector, limit, &filter, |payload| &payload["metadata"]);
            let shown = found.into_iter().map(|at| {
                let mut record = world.points[at].2.clone();
                record["$similarity"] = json!(0.5);
                if of["projection"] != json!({"*": 1}) {
                    record.as_object_mut().unwrap().remove("$vector");
                }
                record
            });
            json!({"data": {"documents": shown.collect::<Vec<_>>()}})
        }
        other => panic!("{other:?}"),
    }
}

fn stand(kind: &Kind, world: &Arc<Mutex<World>>) -> Stand {
    let (world, speaks, (header, value)) = (world.clone(), kind.speaks, kind.key);
    Stand::new(move |hop: &Hop| {
        let sent = hop.headers.get(header).and_then(|sent| sent.to_str().ok()).unwrap_or_default();
        assert!(sent.starts_with(value), "{}: no key", hop.url);
        let query = hop.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let asked = format!("{} {}{query}", hop.method, hop.url.path());
        let body = hop.body.as_deref().map_or(Json::Null, |body| serde_json::from_slice(body).unwrap());
        let mut world = world.lock().unwrap();
        world.asked.push(asked.clone());
        if let Some((status, said)) = &world.broken {
            return Answer::new(*status, said.to_string());
        }
        Answer::new(200, speaks(&mut world, &asked, &body).to_string())
    })
}

async fn open(
    kind: &Kind,
    cx: &Context,
    model: &Arc<Letters>,
    texts: &[&str],
) -> Result<Arc<dyn VectorStore>, RunError> {
    let fields = kind.fields.as_object().unwrap().iter();
    let mut inputs: Inputs = fields.map(|(name, value)| (name.clone(), Value::Json(value.clone()))).collect();
    let model: Arc<dyn Embedder> = model.clone();
    inputs.push((kind.embedding.to_owned(), Value::Capability(Capability::Embedder(model))));
    let documents = documents(texts).into_iter().map(Value::Document).collect();
    inputs.push((kind.documents.to_owned(), Value::List(documents)));
    let outputs = kind.entry.run(inputs, cx).await?;
    match outputs.get(kind.output) {
        Some(Value::Capability(Capability::VectorStore(store))) => Ok(store.clone()),
        other => panic!("{other:?}"),
    }
}

async fn found(store: &dyn VectorStore, cx: &Context, search: Search) -> Vec<String> {
    let found = store.search(cx, &search).await.unwrap();
    found.into_iter().map(|found| found.document.page_content).collect()
}

fn another_task(stand: &mut Stand) -> Context {
    stand.services.journal = Arc::new(MemoryJournal::default());
    stand.cx()
}

#[tokio::test]
async fn documents_are_put_in_once_and_found() {
    for kind in kinds() {
        let (world, model) = (Arc::new(Mutex::new(World::default())), Letters::of(4));
        let (mut stand, name) = (stand(&kind, &world), kind.entry.spec.names[0]);
        let texts = ["a", "aa", "aab", "bc", "c"];
        let cx = stand.cx();
        let store = open(&kind, &cx, &model, &texts).await.unwrap();
        assert_eq!(world.lock().unwrap().points.len(), 5, "{name}");

        let ask = |k, kind, filter| Search { k, kind, filter, ..Search::nearest("aa") };
        let mmr = SearchKind::Mmr { fetch_k: 5, lambda: 0.3 };
        let cases: [(Search, &[&str]); 4] = [
            (Search::nearest("aa"), &["aa", "a", "aab", "c"]),
            (ask(2, SearchKind::Similarity, Map::new()), &["aa", "a"]),
            (ask(9, SearchKind::Similarity, long(1)), &["a", "c"]),
            (ask(2, mmr, Map::new()), &["aa", "c"]),
        ];
        for (search, expected) in cases {
            assert_eq!(found(store.as_ref(), &cx, search.clone()).await, expected, "{name} {search:?}");
        }
        let one = store.search(&cx, &ask(1, SearchKind::Similarity, Map::new())).await.unwrap().remove(0);
        assert_eq!((one.document.metadata, one.score), (long(2), Some(0.5)), "{name}");

        let (embedded, asked) = (model.count(), world.lock().unwrap().asked.len());
        let cx = another_task(&mut stand);
        let store = open(&kind, &cx, &model, &texts).await.unwrap();
        assert_eq!(
            (model.count(), world.lock().unwrap().asked.len()),
            (embedded, asked),
            "{name}: a second call"
        );

        store.add(&cx, &documents(&["dd", "a"])).await.unwrap();
        assert_eq!(world.lock().unwrap().points.len(), 6, "{name}: what is there stands once");
        assert_eq!(
            found(store.as_ref(), &cx, ask(1, SearchKind::Similarity, Map::new())).await,
            ["aa"],
            "{name}"
        );
        let dd = Search { k: 1, ..Search::nearest("dd") };
        assert_eq!(found(store.as_ref(), &cx, dd).await, ["dd"], "{name}");
    }
}

#[tokio::test]
async fn a_resumed_run_asks_nothing_twice() {
    for kind in kinds() {
        let (world, model) = (Arc::new(Mutex::new(World::default())), Letters::of(4));
        let (stand, name) = (stand(&kind, &world), kind.entry.spec.names[0]);
        let mut seen = None;
        for _ in 0..2 {
            let cx = stand.cx();
            let store = open(&kind, &cx, &model, &["a", "b"]).await.unwrap();
            let answers = found(store.as_ref(), &cx, Search::nearest("b")).await;
            let now = (answers, model.count(), world.lock().unwrap().asked.len());
            assert_eq!(*seen.get_or_insert(now.clone()), now, "{name}");
        }
    }
}

#[tokio::test]
async fn errors_are_passed_on_without_the_key() {
    for kind in kinds() {
        let (world, model) = (Arc::new(Mutex::new(World::default())), Letters::of(4));
        let (stand, name) = (stand(&kind, &world), kind.entry.spec.names[0]);
        let (status, said) = &kind.error;
        let said =
            serde_json::from_str(&said.to_string().replace("the moon", "the moon canary-key")).unwrap();
        world.lock().unwrap().broken = Some((*status, said));
        let store = open(&kind, &stand.cx(), &model, &[]).await.unwrap();
        let error = store.search(&stand.cx(), &Search::nearest("a")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Upstream, "{name}");
        assert!(error.message.contains("the moon"), "{name}: {error}");
        assert!(!format!("{error:?}").contains("canary-key"), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn vectors_of_another_size_are_refused() {
    for kind in kinds() {
        let (world, model) = (Arc::new(Mutex::new(World::default())), Letters::of(4));
        let (stand, name) = (stand(&kind, &world), kind.entry.spec.names[0]);
        world.lock().unwrap().size = Some(3);
        let error = open(&kind, &stand.cx(), &model, &["a"]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Flow, "{name}");
        assert!(
            error.message.contains("3 dimensions") && error.message.contains("gives 4"),
            "{name}: {error}"
        );
        assert!(world.lock().unwrap().points.is_empty(), "{name}");
    }
}
