//! Amazon S3 Vectors: documents in an index of a vector bucket, over its REST interface.

use async_trait::async_trait;
use millrace_engine::{
    Capability, Component, Context, Default, Document, Entry, Example, LazyValue, Outputs, RunError, Spec,
    Usage, Value, handles, json, message, output, reach, secret, text,
};
use millrace_outbound::Request;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json as js};

use super::preset::with_search_kwargs;
use super::remote::{self, Hit, Point, Protocol, Query, object_of, unfit, vector_json, vector_of};
use super::wired_documents::documents;
use crate::protocol::aws::{Keys, region, signed};
use crate::protocol::service::Service;

/// Where in the metadata the text is, as LangChain's own store keeps it.
const TEXT: &str = "_page_content";

/// Vectors that one query may ask for.
const MAX_TOP_K: usize = 100;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct S3Vectors {
    documents: Option<Vec<LazyValue>>,
    embedding: handles::Embedder,
    vector_bucket_name: String,
    index_name: String,
    region_name: String,
    distance_metric: String,
    aws_access_key_id: Option<String>,
    aws_secret_access_key: Option<String>,
    aws_session_token: Option<String>,
    search_kwargs: Option<Map<String, Json>>,
}

impl Component for S3Vectors {
    const SPEC: Spec = Spec {
        names: &["S3Vectors", "AmazonS3Vectors"],
        about: "Finds documents by meaning in a vector bucket of Amazon S3; makes the index if there is none. \
                A search finds 100 documents at most.",
        inputs: &[
            message("documents", "Documents to put in, once for the same ones; 50,000 at most."),
            message("embedding", "The embedding model."),
            text("vector_bucket_name", "The vector bucket."),
            text("index_name", "The index."),
            text("region_name", "The AWS region of the bucket.").or(Default::Text("us-east-1")),
            text("distance_metric", "cosine or euclidean, for an index that is made.")
                .or(Default::Text("cosine")),
            text("aws_access_key_id", "Id of the key; the role of the installation if empty."),
            secret("aws_secret_access_key", "The key to it."),
            secret("aws_session_token", "The token of keys that were lent for a while."),
            json("search_kwargs", "How it is searched unasked: k, filter, fetch_k, lambda_mult."),
        ],
        outputs: &[output("vector_store")],
        reaches: &[reach("Amazon S3 Vectors", "https://s3vectors.us-east-1.api.aws", "region_name")],
        examples: &[Example {
            title: "a bucket is not called before it is asked something",
            inputs: r#"{
                "vector_bucket_name": "notes", "index_name": "notes",
                "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
            }"#,
            output: r#"{"vector_store": {"vector_store": {}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let documents = documents("documents", self.documents.unwrap_or_default())?;
        let metric = self.distance_metric.trim().to_ascii_lowercase();
        if !["cosine", "euclidean"].contains(&metric.as_str()) {
            return Err(unfit("distance_metric", "is neither cosine nor euclidean"));
        }
        let mut service = Service::new(cx, "S3Vectors", "the S3 Vectors protocol");
        for secret in [&self.aws_secret_access_key, &self.aws_session_token].into_iter().flatten() {
            service = service.hide(secret.trim());
        }
        let index = S3Index {
            service,
            region: region(&self.region_name)?.to_owned(),
            keys: Keys::of(self.aws_access_key_id, self.aws_secret_access_key, self.aws_session_token)?,
            bucket: self.vector_bucket_name,
            name: self.index_name,
            metric,
        };
        let store = remote::open(cx, index, self.embedding.0, &documents).await?;
        let store = with_search_kwargs(store, &self.search_kwargs.unwrap_or_default())?;
        Ok(Outputs::one("vector_store", Value::Capability(Capability::VectorStore(store))))
    }
}

#[derive(Debug)]
struct S3Index {
    service: Service,
    region: String,
    keys: Option<Keys>,
    bucket: String,
    name: String,
    metric: String,
}

impl S3Index {
    /// One recorded operation on the bucket. Signed where it is sent: a signature is good for minutes.
    async fn ask<T: serde::Serialize + serde::de::DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        mut body: Json,
        read: impl FnOnce(Json) -> Option<T> + Send,
    ) -> Result<T, RunError> {
        body["vectorBucketName"] = Json::from(self.bucket.as_str());
        let url = format!("https://s3vectors.{}.api.aws/{operation}", self.region);
        let identity = js!({"url": url, "body": body});
        let perform = || async {
            let request = Request::post(url).json(&body).map_err(|e| self.service.failed(&e))?;
            let request = signed(cx, "s3vectors", &self.region, self.keys.as_ref(), request).await?;
            let response = self.service.send(cx, request).await?;
            let reply = if response.body.is_empty() { Json::Null } else { self.service.json(&response)? };
            let answer = read(reply);
            answer
                .map(|answer| (answer, Usage::default()))
                .ok_or_else(|| self.service.unreadable("what was asked for is not in it"))
        };
        cx.effect(millrace_engine::Effect { kind: "vectors", request: identity }, perform).await
    }

    fn of_index(&self, mut body: Json) -> Json {
        body["indexName"] = Json::from(self.name.as_str());
        body
    }

    async fn exists(&self, cx: &Context) -> Result<bool, RunError> {
        let body = js!({"prefix": self.name, "maxResults": 500});
        self.ask(cx, "ListIndexes", body, |reply| {
            let all = reply.get("indexes")?.as_array()?;
            Some(all.iter().any(|one| one.get("indexName").and_then(Json::as_str) == Some(&self.name)))
        })
        .await
    }

    async fn size(&self, cx: &Context) -> Result<Option<usize>, RunError> {
        self.ask(cx, "GetIndex", self.of_index(js!({})), |reply| {
            Some(reply.pointer("/index/dimension").and_then(Json::as_u64).map(|size| size as usize))
        })
        .await
    }

    async fn make(&self, cx: &Context, dimensions: usize) -> Result<(), RunError> {
        let body = js!({
            "dataType": "float32", "dimension": dimensions, "distanceMetric": self.metric,
            // Only 2 KB of metadata can be filtered by; a text is larger.
            "metadataConfiguration": {"nonFilterableMetadataKeys": [TEXT]},
        });
        self.ask(cx, "CreateIndex", self.of_index(body), |_| Some(())).await
    }

    /// S3 sends no vectors with what it found; they are asked for by key.
    async fn diverse(
        &self,
        cx: &Context,
        query: &Query,
        found: Vec<(String, Hit)>,
    ) -> Result<Vec<Hit>, RunError> {
        let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
        let body = self.of_index(js!({"keys": keys, "returnData": true}));
        self.ask(cx, "GetVectors", body, |reply| {
            let all = reply.get("vectors")?.as_array()?;
            let vector = |key: &str| {
                let of_key = all.iter().find(|one| one.get("key").and_then(Json::as_str) == Some(key));
                vector_of(of_key.and_then(|one| one.pointer("/data/float32")))
            };
            query.choose(found.iter().map(|(key, hit)| Hit { vector: vector(key), ..hit.clone() }).collect())
        })
        .await
    }
}

#[async_trait]
impl Protocol for S3Index {
    fn collection(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> String {
        format!("s3vectors/{}/{}/{}", self.region, self.bucket, self.name)
    }

    fn batch(&self) -> usize {
        200
    }

    async fn prepare(&self, cx: &Context, dimensions: usize) -> Result<Option<usize>, RunError> {
        if self.exists(cx).await? {
            return self.size(cx).await;
        }
        match self.make(cx, dimensions).await {
            Ok(()) => Ok(None),
            // Another call may have made it in between.
            Err(error) => {
                if self.exists(cx).await? {
                    self.size(cx).await
                } else {
                    Err(error)
                }
            }
        }
    }

    async fn put(&self, cx: &Context, points: &[Point]) -> Result<(), RunError> {
        let vectors = points.iter().map(|point| {
            let mut metadata = point.document.metadata.clone();
            metadata.retain(|_, value| !value.is_null());
            metadata.insert(TEXT.to_owned(), Json::from(point.document.page_content.as_str()));
            js!({"key": point.id, "data": {"float32": vector_json(&point.vector)}, "metadata": metadata})
        });
        let body = self.of_index(js!({"vectors": vectors.collect::<Vec<_>>()}));
        self.ask(cx, "PutVectors", body, |_| Some(())).await
    }

    async fn nearest(&self, cx: &Context, query: &Query) -> Result<Vec<Hit>, RunError> {
        let mut body = self.of_index(js!({
            "queryVector": {"float32": vector_json(&query.vector)}, "topK": query.fetch.min(MAX_TOP_K),
            "returnMetadata": true, "returnDistance": true,
        }));
        if !query.filter.is_empty() {
            let all = query.filter.equalities().map(|(field, value)| (field.to_owned(), js!({"$eq": value})));
            body["filter"] = Json::Object(all.collect());
        }
        let found = self.ask(cx, "QueryVectors", body, |reply| {
            Some(reply.get("vectors")?.as_array()?.iter().map(keyed_hit).collect::<Vec<_>>())
        });
        let found = found.await?;
        if query.needs_vectors() && !found.is_empty() {
            return self.diverse(cx, query, found).await;
        }
        Ok(found.into_iter().map(|(_, hit)| hit).collect())
    }
}

fn keyed_hit(found: &Json) -> (String, Hit) {
    let mut metadata = object_of(found.get("metadata").cloned());
    let text = metadata.remove(TEXT).map(|text| millrace_engine::python_str(&text)).unwrap_or_default();
    let score = found.get("distance").and_then(Json::as_f64).map(|distance| distance as f32);
    let key = found.get("key").and_then(Json::as_str).unwrap_or_default().to_owned();
    (key, Hit { document: Document { page_content: text, metadata }, score, vector: Vec::new() })
}

pub(crate) const ENTRY: Entry = Entry::of::<S3Vectors>();
