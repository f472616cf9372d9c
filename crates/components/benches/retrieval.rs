//! Retrieval over 10,000 chunks of 1,536 dimensions, as a flow does it: the node of a store, then a search.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use divan::Bencher;
use millrace_components::ENTRIES;
use millrace_engine::{
    Capability, Clock, Context, Document, Embedder, Indexes, MemoryJournal, Nowhere, Resources, RunError,
    Search, SearchKind, Services, Sessions, State, Unsupervised, Value, Variable, Variables, VectorStore,
};
use serde_json::{Map, Value as Json};

const CHUNKS: usize = 10_000;
const DIMENSIONS: usize = 1_536;

fn main() {
    divan::main();
}

/// Makes a vector of a text in no time, so that what is measured is the index.
#[derive(Debug)]
struct Hashed;

impl Hashed {
    fn vector(text: &str) -> Vec<f32> {
        let seed = text
            .bytes()
            .fold(0x9e37_79b9_u32, |seed, byte| (seed ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / u32::MAX as f32 - 0.5
        };
        (0..DIMENSIONS).map(|_| next()).collect()
    }
}

#[async_trait]
impl Embedder for Hashed {
    fn identity(&self) -> String {
        "hashed".to_owned()
    }

    async fn embed_documents(&self, _: &Context, texts: &[String]) -> Result<Vec<Vec<f32>>, RunError> {
        Ok(texts.iter().map(|text| Self::vector(text)).collect())
    }

    async fn embed_query(&self, _: &Context, text: &str) -> Result<Vec<f32>, RunError> {
        Ok(Self::vector(text))
    }
}

/// An installation that keeps its indexes in memory, as one that is warm does.
#[derive(Default)]
struct Warm(Mutex<HashMap<String, Arc<[u8]>>>);

#[async_trait]
impl Indexes for Warm {
    async fn load(&self, key: &str) -> Result<Option<Arc<[u8]>>, RunError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn save(&self, key: &str, index: Arc<[u8]>) -> Result<(), RunError> {
        self.0.lock().unwrap().insert(key.to_owned(), index);
        Ok(())
    }
}

struct Nothing;

#[async_trait]
impl Sessions for Nothing {
    async fn turns(&self, _: &str, _: Option<u32>) -> Result<Vec<Json>, RunError> {
        Ok(Vec::new())
    }

    async fn append(&self, _: &str, _: &str, _: &Json) -> Result<(), RunError> {
        Ok(())
    }

    async fn state(&self, _: &str) -> Result<Option<State>, RunError> {
        Ok(None)
    }

    async fn put_state(&self, _: &str, _: Option<u64>, _: &str, _: &Json) -> Result<bool, RunError> {
        Ok(true)
    }

    async fn clear(&self) -> Result<(), RunError> {
        Ok(())
    }
}

#[async_trait]
impl Variables for Nothing {
    async fn get(&self, _: &str) -> Result<Option<Variable>, RunError> {
        Ok(None)
    }
}

impl Clock for Nothing {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

static INDEXES: LazyLock<Arc<Warm>> = LazyLock::new(Arc::default);

/// A new task of the warm installation.
fn task() -> Context {
    let services = Services {
        journal: Arc::new(MemoryJournal::default()),
        sessions: Arc::new(Nothing),
        variables: Arc::new(Nothing),
        files: Arc::new(Nowhere),
        indexes: INDEXES.clone(),
        flows: Arc::new(Nowhere),
        clock: Arc::new(Nothing),
        supervisor: Arc::new(Unsupervised),
        resources: Resources::default(),
    };
    Context::detached(services, &["vector_store"])
}

/// Chunks of 1,000 characters, the size that the splitters' defaults cut to.
static CHUNK_LIST: LazyLock<Value> = LazyLock::new(|| {
    let chunk = |n: usize| {
        let metadata = Map::from_iter([("page".to_owned(), Json::from(n))]);
        Value::Document(Document {
            page_content: format!("chunk {n} ").repeat(1000).chars().take(1000).collect(),
            metadata,
        })
    };
    Value::List((0..CHUNKS).map(chunk).collect())
});

async fn store(cx: &Context) -> Arc<dyn VectorStore> {
    let chroma = ENTRIES.iter().find(|entry| entry.spec.names[0] == "Chroma").unwrap();
    let embedder = Value::Capability(Capability::Embedder(Arc::new(Hashed)));
    let inputs = vec![("documents".to_owned(), CHUNK_LIST.clone()), ("embedding".to_owned(), embedder)];
    match chroma.run(inputs, cx).await.unwrap().get("vector_store") {
        Some(Value::Capability(Capability::VectorStore(store))) => store.clone(),
        other => panic!("{other:?}"),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn search(bencher: Bencher, kind: SearchKind, filter: Map<String, Json>) {
    let runtime = runtime();
    let cx = task();
    let store = runtime.block_on(store(&cx));
    let search = Search { kind, filter, ..Search::nearest("how tall is the tower?") };
    bencher.bench_local(|| runtime.block_on(store.search(&cx, &search)).unwrap());
}

/// The four nearest.
#[divan::bench]
fn nearest(bencher: Bencher) {
    search(bencher, SearchKind::Similarity, Map::new());
}

/// The four of twenty that differ most.
#[divan::bench]
fn mmr(bencher: Bencher) {
    search(bencher, SearchKind::Mmr { fetch_k: 20, lambda: 0.5 }, Map::new());
}

/// The nearest with metadata that one chunk has: every document is read.
#[divan::bench]
fn filtered(bencher: Bencher) {
    search(bencher, SearchKind::Similarity, Map::from_iter([("page".to_owned(), Json::from(CHUNKS - 1))]));
}

/// The node of a later call: 10 MB of chunks are named by their content, the index is opened where it lies.
#[divan::bench]
fn node_of_a_later_call(bencher: Bencher) {
    let runtime = runtime();
    runtime.block_on(store(&task()));
    bencher.bench_local(|| runtime.block_on(store(&task())));
}
