use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use millrace_engine::{
    Context, ErrorKind, Found, MemoryJournal, MemorySessions, RunError, Search, SearchKind, Sessions, State,
    VectorStore,
};
use serde_json::Value as Json;

use super::collection::Collection;
use super::embedder_stand_in::{Letters, documents, long};
use super::kept::{self, Entry};
use super::nearest::Metric;
use crate::stand_in::{Kept, Stand};

async fn open(cx: &Context, model: &Arc<Letters>, name: &str, texts: &[&str], persist: bool) -> Collection {
    let documents = documents(texts);
    Collection::open(cx, name.to_owned(), Metric::SquaredL2, model.clone(), &documents, persist)
        .await
        .unwrap()
}

fn texts(found: &[Found]) -> Vec<&str> {
    found.iter().map(|found| found.document.page_content.as_str()).collect()
}

async fn search(store: &Collection, cx: &Context, query: &str) -> Vec<String> {
    let found = store.search(cx, &Search::nearest(query)).await.unwrap();
    texts(&found).into_iter().map(str::to_owned).collect()
}

/// The same installation, another task: the scope stands for its id.
fn another_task(stand: &mut Stand) -> Context {
    static TASKS: AtomicUsize = AtomicUsize::new(0);
    stand.services.journal = Arc::new(MemoryJournal::default());
    stand.cx().scope(&format!("task-{}", TASKS.fetch_add(1, Ordering::Relaxed)))
}

#[tokio::test]
async fn the_same_documents_are_embedded_once() {
    let (mut stand, model) = (Stand::offline(), Letters::of(4));
    let store = open(&stand.cx(), &model, "notes", &["aa", "bb", "cc"], false).await;
    assert_eq!(search(&store, &stand.cx(), "b").await[0], "bb");
    assert_eq!(model.count(), 3 + 1);

    let cx = another_task(&mut stand);
    let store = open(&cx, &model, "notes", &["aa", "bb", "cc"], false).await;
    assert_eq!(search(&store, &cx, "c").await[0], "cc");
    assert_eq!(model.count(), 3 + 1 + 1, "only the new question");

    let cx = another_task(&mut stand);
    for (name, texts, model) in [
        ("notes", &["aa", "bb", "cd"][..], Letters::of(4)),
        ("others", &["aa", "bb", "cc"], Letters::of(4)),
        ("notes", &["aa", "bb", "cc"], Letters::of(3)),
    ] {
        open(&cx, &model, name, texts, false).await;
        assert_eq!(model.count(), 3, "other documents, another collection, another model: {name} {texts:?}");
    }
}

/// A run that ended after its documents were kept and before its question was asked goes on.
#[tokio::test]
async fn a_resumed_run_finds_its_other_effects_where_they_were() {
    let (stand, model) = (Stand::offline(), Letters::of(4));
    let cx = stand.cx();
    let first = search(&open(&cx, &model, "notes", &["aa", "bb"], false).await, &cx, "b").await;
    let cx = stand.cx();
    let again = search(&open(&cx, &model, "notes", &["aa", "bb"], false).await, &cx, "b").await;
    assert_eq!((first, model.count()), (again, 3));

    // The index was lost between the attempts: the vectors come out of the journal.
    let mut stand = stand;
    stand.services.indexes = Arc::new(Kept::default());
    let cx = stand.cx();
    search(&open(&cx, &model, "notes", &["aa", "bb"], false).await, &cx, "b").await;
    assert_eq!(model.count(), 3);
}

#[tokio::test]
async fn searches_obey_k_filter_and_kind() {
    let (stand, model) = (Stand::offline(), Letters::of(3));
    let cx = stand.cx();
    let store = open(&cx, &model, "notes", &["a", "aa", "aab", "bc", "c"], false).await;
    let ask = |k, kind, filter| Search { k, kind, filter, ..Search::nearest("aa") };
    let mmr = SearchKind::Mmr { fetch_k: 20, lambda: 0.3 };
    let cases: [(Search, &[&str]); 4] = [
        (ask(2, SearchKind::Similarity, Default::default()), &["aa", "a"]),
        (ask(9, SearchKind::Similarity, long(1)), &["a", "c"]),
        (ask(2, mmr, Default::default()), &["aa", "c"]),
        (ask(2, mmr, long(1)), &["a", "c"]),
    ];
    for (search, expected) in cases {
        assert_eq!(texts(&store.search(&cx, &search).await.unwrap()), expected, "{search:?}");
    }
    let score = store.search(&cx, &Search::nearest("aa")).await.unwrap()[1].score;
    assert_eq!(score, Some(1.0), "squared L2");
}

#[tokio::test]
async fn what_is_added_is_found_by_the_next_call_of_the_conversation() {
    let (mut stand, model) = (Stand::offline(), Letters::of(3));
    let cx = stand.cx();
    let store = open(&cx, &model, "notes", &[], false).await;
    assert_eq!(search(&store, &cx, "a").await, Vec::<String>::new());
    assert_eq!(model.count(), 0, "nothing to compare with");
    for text in ["a", "b", "a"] {
        store.add(&cx, &documents(&[text])).await.unwrap();
    }
    let cx = another_task(&mut stand);
    let store = open(&cx, &model, "notes", &["aa"], false).await;
    assert_eq!(search(&store, &cx, "a").await, ["a", "a", "aa", "b"]);

    stand.services.sessions = Arc::new(MemorySessions::default());
    let cx = another_task(&mut stand);
    let store = open(&cx, &model, "notes", &["aa"], false).await;
    assert_eq!(search(&store, &cx, "a").await, ["aa"], "another conversation");
}

#[tokio::test]
async fn persisted_documents_stay_and_are_kept_once() {
    let (mut stand, model) = (Stand::offline(), Letters::of(3));
    for _ in 0..2 {
        let cx = another_task(&mut stand);
        let store = open(&cx, &model, "notes", &["a"], true).await;
        assert_eq!(search(&store, &cx, "a").await, ["a"]);
    }
    let cx = another_task(&mut stand);
    let store = open(&cx, &model, "notes", &["b"], false).await;
    assert_eq!(search(&store, &cx, "a").await, ["a", "b"]);
}

#[tokio::test]
async fn many_additions_become_few_indexes() {
    let (mut stand, model) = (Stand::offline(), Letters::of(1));
    for i in 0..40 {
        let cx = another_task(&mut stand);
        let store = open(&cx, &model, "notes", &[], false).await;
        store.add(&cx, &documents(&[&"a".repeat(i)])).await.unwrap();
    }
    let cx = another_task(&mut stand);
    let manifest = kept::manifest(&cx, "notes").await.unwrap();
    assert!(manifest.added.len() <= 17, "{manifest:?}");
    let store = open(&cx, &model, "notes", &[], false).await;
    let all = store.search(&cx, &Search { k: 99, ..Search::nearest("") }).await.unwrap();
    let lengths: Vec<usize> = all.iter().map(|found| found.document.page_content.len()).collect();
    assert_eq!(lengths, (0..40).collect::<Vec<_>>());
}

/// Answers reads with what stood before the last write, as two calls at once see it.
struct Behind(MemorySessions, std::sync::Mutex<Vec<Option<State>>>);

#[async_trait]
impl Sessions for Behind {
    async fn turns(&self, scope: &str, newest: Option<u32>) -> Result<Vec<Json>, RunError> {
        self.0.turns(scope, newest).await
    }

    async fn append(&self, scope: &str, key: &str, turn: &Json) -> Result<(), RunError> {
        self.0.append(scope, key, turn).await
    }

    async fn state(&self, scope: &str) -> Result<Option<State>, RunError> {
        let stale = self.1.lock().unwrap().pop();
        match stale {
            Some(stale) => Ok(stale),
            None => self.0.state(scope).await,
        }
    }

    async fn put_state(
        &self,
        scope: &str,
        expected: Option<u64>,
        writer: &str,
        body: &Json,
    ) -> Result<bool, RunError> {
        self.0.put_state(scope, expected, writer, body).await
    }

    async fn clear(&self) -> Result<(), RunError> {
        self.0.clear().await
    }
}

#[tokio::test]
async fn of_two_additions_at_once_none_is_lost() {
    let mut stand = Stand::offline();
    let sessions = Arc::new(Behind(MemorySessions::default(), Default::default()));
    stand.services.sessions = sessions.clone();
    kept::put(&another_task(&mut stand), "notes", Entry::Added("one")).await.unwrap();
    // The second read the collection before the first had written it.
    sessions.1.lock().unwrap().push(None);
    kept::put(&another_task(&mut stand), "notes", Entry::Added("two")).await.unwrap();
    let cx = another_task(&mut stand);
    assert_eq!(kept::manifest(&cx, "notes").await.unwrap().added, ["one", "two"]);

    sessions.1.lock().unwrap().extend(vec![None; 8]);
    let cx = another_task(&mut stand);
    let error = kept::put(&cx, "notes", Entry::Added("three")).await.unwrap_err();
    assert_eq!((error.kind, error.transient), (ErrorKind::Unavailable, true));
}

#[tokio::test]
async fn a_model_of_other_dimensions_is_named() {
    let (stand, model) = (Stand::offline(), Letters::of(3));
    let cx = stand.cx();
    open(&cx, &model, "notes", &["a"], true).await;
    let store = open(&cx, &Letters::of(2), "notes", &[], false).await;
    let error = store.search(&cx, &Search::nearest("a")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Flow);
    assert!(error.message.contains("3 dimensions") && error.message.contains("gives 2"), "{error}");
}
