//! Vector stores on servers: what they have in common. Each protocol is a file of its own.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use millrace_engine::{
    Context, Document, Embedder, ErrorKind, Found, RunError, Search, SearchKind, Usage, VectorStore,
};
use millrace_outbound::{Request, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::collection::{MAX_FOUND, of_other_dimensions};
use super::filter::Filter;
use super::index::Index;
use super::ingest::{content_key, embedded, hex, ingest_scope};
use super::mmr::diverse;
use crate::protocol::service::Service;

/// A document with its vector, under an id made of its content: written twice, it stands once.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    /// In the form of a UUID.
    pub id: String,
    pub vector: Vec<f32>,
    pub document: Document,
}

/// What a server is asked.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub vector: Vec<f32>,
    /// How many of the nearest are wanted from the server.
    pub fetch: usize,
    pub filter: Filter,
    k: usize,
    lambda: Option<f32>,
}

/// What a server found. The vector is needed for the choice alone and is not recorded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Hit {
    pub document: Document,
    /// The server's own measure.
    pub score: Option<f32>,
    #[serde(skip)]
    pub vector: Vec<f32>,
}

impl Query {
    fn of(vector: Vec<f32>, search: &Search) -> Result<Self, RunError> {
        let (fetch, lambda) = match search.kind {
            SearchKind::Similarity => (search.k, None),
            SearchKind::Mmr { fetch_k, lambda } => (fetch_k.max(search.k), Some(lambda)),
        };
        let (fetch, filter) = (fetch.min(MAX_FOUND), Filter::of(&search.filter)?);
        Ok(Self { vector, fetch, filter, k: search.k, lambda })
    }

    /// Whether the server has to send the vectors along.
    pub fn needs_vectors(&self) -> bool {
        self.lambda.is_some()
    }

    /// The hits that are wanted, in order; `None` where vectors are missing from the answer.
    pub fn choose(&self, mut hits: Vec<Hit>) -> Option<Vec<Hit>> {
        if let Some(lambda) = self.lambda {
            let vectors: Vec<_> = hits.iter_mut().map(|hit| std::mem::take(&mut hit.vector)).collect();
            if vectors.iter().any(Vec::is_empty) {
                return None;
            }
            let order = diverse(&self.vector, &vectors, self.k, lambda);
            return Some(order.into_iter().filter_map(|at| hits.get(at).cloned()).collect());
        }
        hits.truncate(self.k);
        Some(hits)
    }
}

/// A store's way to speak.
#[async_trait]
pub(crate) trait Protocol: Debug + Send + Sync {
    /// The collection, for messages.
    fn collection(&self) -> &str;
    /// What names the place where points go, without secrets.
    fn identity(&self) -> String;
    /// Points of one request.
    fn batch(&self) -> usize {
        32
    }
    /// Sees to it that the place is there, for vectors of this size where it is made now. Answers the size that
    /// it has, where it says so.
    async fn prepare(&self, cx: &Context, dimensions: usize) -> Result<Option<usize>, RunError>;
    /// Writes points over what has their ids.
    async fn put(&self, cx: &Context, points: &[Point]) -> Result<(), RunError>;
    /// The nearest points, after [`Query::choose`].
    async fn nearest(&self, cx: &Context, query: &Query) -> Result<Vec<Hit>, RunError>;
}

/// A store on a server.
#[derive(Debug)]
struct Remote<P> {
    protocol: P,
    embedder: Arc<dyn Embedder>,
}

/// A store over a protocol, with a node's documents in it. That they were put in is remembered with the flow:
/// the same documents are embedded and sent once.
pub(crate) async fn open(
    cx: &Context,
    protocol: impl Protocol + 'static,
    embedder: Arc<dyn Embedder>,
    documents: &[Document],
) -> Result<Arc<dyn VectorStore>, RunError> {
    let store = Remote { protocol, embedder };
    if !documents.is_empty() {
        let key = store.key(documents);
        if cx.indexes().load(&key).await?.is_none() {
            store.put(&ingest_scope(cx, &key), documents).await?;
            cx.indexes().save(&key, Index::build(&[], &[])?.bytes().clone()).await?;
        }
    }
    Ok(Arc::new(store))
}

impl<P: Protocol> Remote<P> {
    fn key(&self, documents: &[Document]) -> String {
        content_key(&self.protocol.identity(), self.embedder.as_ref(), documents)
    }

    async fn put(&self, cx: &Context, documents: &[Document]) -> Result<(), RunError> {
        let vectors = embedded(cx, self.embedder.as_ref(), documents).await?;
        let given = vectors.first().map_or(0, Vec::len);
        match self.protocol.prepare(cx, given).await? {
            Some(kept) if kept != given => {
                return Err(of_other_dimensions(self.protocol.collection(), kept, given));
            }
            _ => {}
        }
        let points: Vec<Point> = documents.iter().zip(vectors).map(point).collect();
        for batch in points.chunks(self.protocol.batch()) {
            self.protocol.put(cx, batch).await?;
        }
        Ok(())
    }
}

fn point((document, vector): (&Document, Vec<f32>)) -> Point {
    let content = json!([document.page_content, document.metadata]).to_string();
    let h = hex(&Sha256::digest(content)[..16]);
    // The version and variant bits of UUIDs that are made of a name.
    let id = format!("{}-{}-8{}-a{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..]);
    Point { id, vector, document: document.clone() }
}

#[async_trait]
impl<P: Protocol> VectorStore for Remote<P> {
    async fn search(&self, cx: &Context, search: &Search) -> Result<Vec<Found>, RunError> {
        let vector = self.embedder.embed_query(cx, &search.query).await?;
        let hits = self.protocol.nearest(cx, &Query::of(vector, search)?).await?;
        Ok(hits.into_iter().map(|hit| Found { document: hit.document, score: hit.score }).collect())
    }

    async fn add(&self, cx: &Context, documents: &[Document]) -> Result<(), RunError> {
        if documents.is_empty() {
            return Ok(());
        }
        self.put(&ingest_scope(cx, &self.key(documents)), documents).await
    }
}

/// One recorded exchange of JSON with a store's server.
pub(crate) async fn exchange<T: Serialize + DeserializeOwned>(
    service: &Service,
    cx: &Context,
    method: Method,
    url: &str,
    body: Option<&Json>,
    read: impl FnOnce(Json) -> Option<T> + Send,
) -> Result<T, RunError> {
    let identity = json!({"method": method.as_str(), "url": url, "body": body});
    let request = || {
        let request = Request::new(method, url);
        body.map_or(Ok(request.clone()), |body| request.json(body))
    };
    let read = |service: &Service, response: Response| {
        let answer = read(service.json(&response)?);
        answer
            .map(|answer| (answer, Usage::default()))
            .ok_or_else(|| service.unreadable("what was asked for is not in it"))
    };
    service.call(cx, "vectors", identity, request, read).await
}

/// A vector as JSON, each number in the shortest form that is read back as the same `f32`: half the bytes of
/// what it would be as an `f64`.
pub(crate) fn vector_json(vector: &[f32]) -> Json {
    vector.iter().map(|x| x.to_string().parse::<f64>().map_or(Json::from(*x), Json::from)).collect()
}

/// A vector out of JSON; empty where there is none.
pub(crate) fn vector_of(json: Option<&Json>) -> Vec<f32> {
    let numbers = json.and_then(Json::as_array).into_iter().flatten();
    numbers.filter_map(Json::as_f64).map(|x| x as f32).collect()
}

/// The object inside JSON; empty where there is none.
pub(crate) fn object_of(json: Option<Json>) -> Map<String, Json> {
    match json {
        Some(Json::Object(map)) => map,
        _ => Map::new(),
    }
}

/// A field of the node that cannot be used, and why.
pub(crate) fn unfit(field: &str, why: &str) -> RunError {
    let message = format!("field '{field}': {why}");
    RunError { field: Some(field.to_owned()), ..RunError::new(ErrorKind::Flow, message) }
}

/// Text that is there and not blank.
pub(crate) fn given(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A name that becomes one segment of an address.
///
/// # Errors
/// [`ErrorKind::Flow`] where it is empty, longer than 255 characters or would be more than a name there.
pub(crate) fn segment(field: &str, name: &str) -> Result<String, RunError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name = name.trim();
    if (1..=255).contains(&name.len()) && name.chars().all(plain) && !name.chars().all(|c| c == '.') {
        return Ok(name.to_owned());
    }
    Err(unfit(field, "a name has 1 to 255 letters, digits, dots, underscores and hyphens"))
}
