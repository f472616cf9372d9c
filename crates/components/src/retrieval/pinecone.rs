//! Pinecone (0.x): documents in an index of Pinecone, over its REST interface.

use std::fmt;

use async_trait::async_trait;
use http::Method;
use millrace_engine::{
    Capability, Component, Context, Default, Document, Entry, Example, LazyValue, Outputs, RunError, Spec,
    Value, handles, json, message, output, reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json as js};
use tokio::sync::OnceCell;

use super::preset::with_search_kwargs;
use super::remote::{
    self, Hit, Point, Protocol, Query, exchange, given, object_of, segment, unfit, vector_json, vector_of,
};
use super::wired_documents::documents;
use crate::protocol::account::{first, key_for};
use crate::protocol::service::Service;

/// Where the addresses of indexes are asked for.
const CONTROL: &str = "https://api.pinecone.io";

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct Pinecone {
    documents: Option<Vec<LazyValue>>,
    embedding: handles::Embedder,
    index_name: String,
    namespace: Option<String>,
    text_key: String,
    pinecone_api_key: Option<String>,
    search_kwargs: Option<Map<String, Json>>,
}

impl Component for Pinecone {
    const SPEC: Spec = Spec {
        names: &["Pinecone"],
        about: "Finds documents by meaning in an index of Pinecone, which has to be there already.",
        inputs: &[
            message("documents", "Documents to put in, once for the same ones; 50,000 at most."),
            message("embedding", "The embedding model; the index must have its dimensions."),
            text("index_name", "The index."),
            text("namespace", "The part of the index; the one without a name if empty."),
            secret("text_key", "Where in the metadata the text is; no secret.").or(Default::Text("text")),
            secret("pinecone_api_key", "Key; the variable PINECONE_API_KEY if empty."),
            json("search_kwargs", "How it is searched unasked: k, filter, fetch_k, lambda_mult."),
        ],
        outputs: &[output("vector_store")],
        reaches: &[reach("Pinecone", CONTROL, "")],
        examples: &[Example {
            title: "an index is not looked for before it is asked something",
            inputs: r#"{
                "index_name": "notes", "pinecone_api_key": "pc-x",
                "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
            }"#,
            output: r#"{"vector_store": {"vector_store": {}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let documents = documents("documents", self.documents.unwrap_or_default())?;
        let control = first(cx, &["PINECONE_CONTROLLER_HOST"]).await?;
        let key = match given(self.pinecone_api_key) {
            Some(key) => Some(key),
            None => key_for(cx, &["PINECONE_API_KEY"], control.as_ref().map(|host| host.owner)).await?,
        };
        let missing = || unfit("pinecone_api_key", "fill it in, or set the variable PINECONE_API_KEY");
        let service = Service::new(cx, "Pinecone", "the Pinecone protocol").secret(
            "api-key",
            "",
            &key.ok_or_else(missing)?,
        );
        let control = control.map_or_else(|| CONTROL.to_owned(), |host| host.value);
        let index = PineconeIndex {
            control: control.trim_end_matches('/').to_owned(),
            name: segment("index_name", &self.index_name)?,
            namespace: given(self.namespace).unwrap_or_default(),
            text: self.text_key,
            host: OnceCell::new(),
            lookup: cx.scope("host"),
            service,
        };
        let store = remote::open(cx, index, self.embedding.0, &documents).await?;
        let store = with_search_kwargs(store, &self.search_kwargs.unwrap_or_default())?;
        Ok(Outputs::one("vector_store", Value::Capability(Capability::VectorStore(store))))
    }
}

struct PineconeIndex {
    control: String,
    name: String,
    namespace: String,
    text: String,
    host: OnceCell<(String, Option<usize>)>,
    /// Where the address is asked for: in one place of the run, whichever search or ingestion asks.
    lookup: Context,
    service: Service,
}

impl fmt::Debug for PineconeIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PineconeIndex").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PineconeIndex {
    /// The address of the index, and its dimensions.
    async fn host(&self) -> Result<&(String, Option<usize>), RunError> {
        let url = format!("{}/indexes/{}", self.control, self.name);
        let ask = || async {
            exchange(&self.service, &self.lookup, Method::GET, &url, None, |reply| {
                let host = reply.get("host")?.as_str()?;
                let host = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
                let dimensions = reply.get("dimension").and_then(Json::as_u64).map(|size| size as usize);
                Some((host, dimensions))
            })
            .await
        };
        self.host.get_or_try_init(ask).await
    }

    async fn send<T: serde::Serialize + serde::de::DeserializeOwned>(
        &self,
        cx: &Context,
        path: &str,
        body: &Json,
        read: impl FnOnce(Json) -> Option<T> + Send,
    ) -> Result<T, RunError> {
        let (host, _) = self.host().await?;
        exchange(&self.service, cx, Method::POST, &format!("{host}{path}"), Some(body), read).await
    }

    /// Pinecone keeps texts, numbers, truth values and lists of texts: nulls are left out, the rest is kept as
    /// JSON text.
    fn metadata(&self, document: &Document) -> Map<String, Json> {
        let kept = |value: &Json| match value {
            Json::Null => None,
            Json::Array(list) if list.iter().all(Json::is_string) => Some(value.clone()),
            Json::Array(_) | Json::Object(_) => Some(Json::String(value.to_string())),
            plain => Some(plain.clone()),
        };
        let fields = document.metadata.iter().filter_map(|(name, value)| Some((name.clone(), kept(value)?)));
        fields.chain([(self.text.clone(), Json::from(document.page_content.as_str()))]).collect()
    }

    fn hit(&self, found: &Json) -> Hit {
        let mut metadata = object_of(found.get("metadata").cloned());
        let text = metadata.remove(&self.text).map(|text| millrace_engine::python_str(&text));
        let score = found.get("score").and_then(Json::as_f64).map(|score| score as f32);
        let document = Document { page_content: text.unwrap_or_default(), metadata };
        Hit { document, score, vector: vector_of(found.get("values")) }
    }
}

#[async_trait]
impl Protocol for PineconeIndex {
    fn collection(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> String {
        format!("{}/indexes/{}/{}/{}", self.control, self.name, self.namespace, self.text)
    }

    async fn prepare(&self, _: &Context, _: usize) -> Result<Option<usize>, RunError> {
        Ok(self.host().await?.1)
    }

    async fn put(&self, cx: &Context, points: &[Point]) -> Result<(), RunError> {
        let vectors = points.iter().map(|point| {
            let (values, metadata) = (vector_json(&point.vector), self.metadata(&point.document));
            js!({"id": point.id, "values": values, "metadata": metadata})
        });
        let body = js!({"vectors": vectors.collect::<Vec<_>>(), "namespace": self.namespace});
        self.send(cx, "/vectors/upsert", &body, |_| Some(())).await
    }

    async fn nearest(&self, cx: &Context, query: &Query) -> Result<Vec<Hit>, RunError> {
        let mut body = js!({
            "vector": vector_json(&query.vector), "topK": query.fetch, "namespace": self.namespace,
            "includeMetadata": true, "includeValues": query.needs_vectors(),
        });
        if !query.filter.is_empty() {
            let all = query.filter.equalities().map(|(field, value)| (field.to_owned(), js!({"$eq": value})));
            body["filter"] = Json::Object(all.collect());
        }
        let read = |reply: Json| {
            let found = reply.get("matches")?.as_array()?;
            query.choose(found.iter().map(|found| self.hit(found)).collect())
        };
        self.send(cx, "/query", &body, read).await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<Pinecone>();
