//! AstraDB (1.x): documents in a collection of Astra DB, over its Data API.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Component, Context, Default, Document, Embedder, Entry, ErrorKind, Example, Found, LazyValue,
    Outputs, RunError, Search, SearchKind, Spec, Table, Usage, Value, VectorStore, integer, json, message,
    number, output, reach, secret, text,
};
use millrace_outbound::{Request, Response};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json as js};

use super::collection::MAX_FOUND;
use super::remote::{
    self, Hit, Point, Protocol, Query, given, object_of, segment, unfit, vector_json, vector_of,
};
use super::wired_documents::documents;
use crate::protocol::service::Service;

/// Where a document's text is looked for, beside the field that the node names.
const TEXTS: [&str; 3] = ["page_content", "content", "$vectorize"];

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct AstraDb {
    token: String,
    api_endpoint: String,
    keyspace: Option<String>,
    collection_name: String,
    embedding_model: Option<LazyValue>,
    api_key: Option<String>,
    ingest_data: Option<Vec<LazyValue>>,
    search_query: Option<String>,
    number_of_results: usize,
    search_type: Option<String>,
    search_score_threshold: f32,
    advanced_search_filter: Option<Map<String, Json>>,
    content_field: Option<String>,
}

impl Component for AstraDb {
    const SPEC: Spec = Spec {
        names: &["AstraDB"],
        about: "Finds documents by meaning in a collection of Astra DB; makes the collection if there is none. \
                A hybrid search is answered with a search by vectors: lexical_terms and reranker are not read.",
        inputs: &[
            secret("token", "The application token."),
            text("api_endpoint", "Address of the database's Data API."),
            text("keyspace", "The keyspace; default_keyspace if empty."),
            text("collection_name", "The collection."),
            message("embedding_model", "The embedding model, connected, or one of OpenAI's by its name."),
            secret("api_key", "Key of a model that is not connected; the variable OPENAI_API_KEY if empty."),
            message("ingest_data", "Documents to put in, once for the same ones; 50,000 at most."),
            text("search_query", "The question; without one nothing is searched."),
            integer("number_of_results", "Documents to find, 1 to 1000.").or(Default::Integer(4)),
            text(
                "search_type",
                "Similarity, Similarity with score threshold, or MMR (Max Marginal Relevance).",
            ),
            number("search_score_threshold", "The least score, 0 to 1, of a search with one.")
                .or(Default::Number(0.0)),
            json("advanced_search_filter", "Metadata that a document must have: fields and their values."),
            text("content_field", "Where in a record the text is; page_content if empty."),
        ],
        outputs: &[output("search_results"), output("dataframe"), output("vectorstoreconnection")],
        reaches: &[reach("Astra DB", "", "api_endpoint")],
        examples: &[Example {
            title: "without a question nothing is searched",
            inputs: r#"{
                "token": "AstraCS:x", "api_endpoint": "https://x-us-east1.apps.astra.datastax.com",
                "collection_name": "notes",
                "embedding_model": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
            }"#,
            output: r#"{"search_results": [], "vectorstoreconnection": {"vector_store": {}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(mut self, cx: &Context) -> Result<Outputs, RunError> {
        let documents = documents("ingest_data", self.ingest_data.take().unwrap_or_default())?;
        let embedder = embedder(cx, self.embedding_model.take(), self.api_key.take()).await?;
        let store = remote::open(cx, self.collection(cx)?, embedder, &documents).await?;
        let mut outputs = Outputs::none();
        if cx.wants("search_results") || cx.wants("dataframe") {
            let rows: Vec<_> = self.found(cx, store.as_ref()).await?.into_iter().map(record).collect();
            let list = rows.iter().cloned().map(Value::Data).collect();
            outputs = outputs
                .and("search_results", Value::List(list))
                .and("dataframe", Value::Table(Table { rows }));
        }
        Ok(outputs.and("vectorstoreconnection", Value::Capability(Capability::VectorStore(store))))
    }
}

impl AstraDb {
    fn collection(&self, cx: &Context) -> Result<AstraCollection, RunError> {
        let endpoint = url::Url::parse(self.api_endpoint.trim()).ok().filter(|url| url.has_host());
        let endpoint = endpoint.ok_or_else(|| unfit("api_endpoint", "is no address"))?;
        let keyspace = given(self.keyspace.clone()).unwrap_or_else(|| "default_keyspace".to_owned());
        let token = given(Some(self.token.clone())).ok_or_else(|| unfit("token", "is required"))?;
        let name = segment("collection_name", &self.collection_name)?;
        let keyspace = segment("keyspace", &keyspace)?;
        Ok(AstraCollection {
            keyspace: format!("{}/api/json/v1/{keyspace}", endpoint.as_str().trim_end_matches('/')),
            text: given(self.content_field.clone()).unwrap_or_else(|| TEXTS[0].to_owned()),
            service: Service::new(cx, "AstraDB", "the Data API").secret("token", "", &token),
            token,
            name,
        })
    }

    async fn found(&self, cx: &Context, store: &dyn VectorStore) -> Result<Vec<Found>, RunError> {
        let Some(query) = given(self.search_query.clone()) else { return Ok(Vec::new()) };
        if !(1..=MAX_FOUND).contains(&self.number_of_results) {
            return Err(unfit("number_of_results", "must be from 1 to 1000"));
        }
        let kind = self.search_type.as_deref().unwrap_or_default();
        let mut search = Search { k: self.number_of_results, ..Search::nearest(query) };
        search.filter = self.advanced_search_filter.clone().unwrap_or_default();
        if kind.starts_with("MMR") {
            search.kind = SearchKind::Mmr { fetch_k: 20.max(search.k), lambda: 0.5 };
        }
        let mut found = store.search(cx, &search).await?;
        if kind.contains("threshold") {
            found.retain(|found| found.score.is_none_or(|score| score >= self.search_score_threshold));
        }
        Ok(found)
    }
}

/// The model that is connected, or the one that the field names: a list of `{name, provider}`.
async fn embedder(
    cx: &Context,
    field: Option<LazyValue>,
    key: Option<String>,
) -> Result<Arc<dyn Embedder>, RunError> {
    let refused = || unfit("embedding_model", "connect an embedding model, or name one of OpenAI's");
    let chosen = match field.ok_or_else(refused)?.0 {
        Value::Capability(Capability::Embedder(embedder)) => return Ok(embedder),
        Value::Json(Json::Array(list)) => list.into_iter().next(),
        Value::Json(one @ Json::Object(_)) => Some(one),
        _ => None,
    };
    let chosen = object_of(chosen);
    let openai = chosen.get("provider").and_then(Json::as_str) == Some("OpenAI");
    let name = chosen.get("name").cloned().filter(|_| openai).ok_or_else(refused)?;
    let is_openai = |entry: &&&'static Entry| entry.spec.names.contains(&"OpenAIEmbeddings");
    let entry = crate::ENTRIES.iter().find(is_openai).ok_or_else(refused)?;
    let inputs = [("model", name), ("openai_api_key", key.into())];
    let inputs = inputs.into_iter().map(|(field, value)| (field.to_owned(), Value::Json(value))).collect();
    let made = entry.run(inputs, cx).await?;
    match entry.spec.outputs.first().and_then(|output| made.get(output.name)) {
        Some(Value::Capability(Capability::Embedder(embedder))) => Ok(embedder.clone()),
        _ => Err(refused()),
    }
}

/// A document as a record of 1.x.
fn record(found: Found) -> Map<String, Json> {
    let mut record = Map::from_iter([("text".to_owned(), Json::from(found.document.page_content))]);
    record.extend(found.document.metadata);
    record
}

struct AstraCollection {
    /// The address of the keyspace.
    keyspace: String,
    name: String,
    text: String,
    /// Kept out of what the server says.
    token: String,
    service: Service,
}

impl fmt::Debug for AstraCollection {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AstraCollection").field("name", &self.name).finish_non_exhaustive()
    }
}

impl AstraCollection {
    /// One recorded command to the keyspace, or to the collection below it. **Its errors come with status 200**;
    /// those of the code `harmless` are none.
    async fn command<T: serde::Serialize + serde::de::DeserializeOwned>(
        &self,
        cx: &Context,
        below: &str,
        body: Json,
        harmless: &str,
        read: impl FnOnce(&Json) -> Option<T> + Send,
    ) -> Result<T, RunError> {
        let url = format!("{}{below}", self.keyspace);
        let identity = js!({"url": url, "body": body});
        let read = |service: &Service, response: Response| {
            let reply: Json = service.json(&response)?;
            let code =
                |error: &&Json| error.get("errorCode").and_then(Json::as_str).unwrap_or_default() != harmless;
            if let Some(error) = reply.get("errors").and_then(Json::as_array).into_iter().flatten().find(code)
            {
                let said =
                    error.get("message").and_then(Json::as_str).unwrap_or("an error without a message");
                let said: String = said.replace(&self.token, "***").chars().take(500).collect();
                return Err(service.fault(&format!("the provider answered: {said}")));
            }
            let answer = read(&reply).map(|answer| (answer, Usage::default()));
            answer.ok_or_else(|| service.unreadable("what was asked for is not in it"))
        };
        self.service.call(cx, "vectors", identity, || Request::post(&url).json(&body), read).await
    }

    fn below(&self) -> String {
        format!("/{}", self.name)
    }

    fn hit(&self, found: &Json) -> Hit {
        let mut record = object_of(Some(found.clone()));
        let vector = vector_of(record.remove("$vector").as_ref());
        let score = record.remove("$similarity").and_then(|score| score.as_f64()).map(|score| score as f32);
        let field = [self.text.as_str()].into_iter().chain(TEXTS).find(|field| record.contains_key(*field));
        let text = field.and_then(|field| record.remove(field));
        record.remove("_id");
        // Records that others wrote may have no part for metadata: there it is what is left.
        let metadata = match record.remove("metadata") {
            Some(Json::Object(metadata)) => metadata,
            _ => record,
        };
        let page_content = text.map(|text| millrace_engine::python_str(&text)).unwrap_or_default();
        Hit { document: Document { page_content, metadata }, score, vector }
    }
}

#[async_trait]
impl Protocol for AstraCollection {
    fn collection(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> String {
        format!("{}/{}/{}", self.keyspace, self.name, self.text)
    }

    /// The Data API's limit for one insertion is 100.
    fn batch(&self) -> usize {
        50
    }

    async fn prepare(&self, cx: &Context, dimensions: usize) -> Result<Option<usize>, RunError> {
        let list = js!({"findCollections": {"options": {"explain": true}}});
        let kept = self.command(cx, "", list, "", |reply| {
            let all = reply.pointer("/status/collections")?.as_array()?;
            let ours = all.iter().find(|one| one.get("name").and_then(Json::as_str) == Some(&self.name));
            let size = |ours: &Json| ours.pointer("/options/vector/dimension").and_then(Json::as_u64);
            Some(ours.map(|ours| size(ours).map(|size| size as usize)))
        });
        if let Some(kept) = kept.await? {
            return kept.map(Some).ok_or_else(|| {
                let message = format!("AstraDB: the collection {} keeps no vectors", self.name);
                RunError::new(ErrorKind::Flow, message)
            });
        }
        let options = js!({"vector": {"dimension": dimensions, "metric": "cosine"}});
        let make = js!({"createCollection": {"name": self.name, "options": options}});
        self.command(cx, "", make, "", |_| Some(None)).await
    }

    async fn put(&self, cx: &Context, points: &[Point]) -> Result<(), RunError> {
        let records = points.iter().map(|point| {
            let document = &point.document;
            js!({"_id": point.id, self.text.as_str(): document.page_content, "metadata": document.metadata,
                 "$vector": vector_json(&point.vector)})
        });
        let options = js!({"ordered": false});
        let body = js!({"insertMany": {"documents": records.collect::<Vec<_>>(), "options": options}});
        // What has this id has this content.
        self.command(cx, &self.below(), body, "DOCUMENT_ALREADY_EXISTS", |_| Some(())).await
    }

    async fn nearest(&self, cx: &Context, query: &Query) -> Result<Vec<Hit>, RunError> {
        let equal = |(field, value): (&str, &Json)| (format!("metadata.{field}"), value.clone());
        let filter: Map<String, Json> = query.filter.equalities().map(equal).collect();
        let body = js!({"find": {
            "filter": filter, "sort": {"$vector": vector_json(&query.vector)},
            "projection": if query.needs_vectors() { js!({"*": 1}) } else { js!({"$vector": 0}) },
            "options": {"limit": query.fetch, "includeSimilarity": true},
        }});
        self.command(cx, &self.below(), body, "", |reply| {
            let found = reply.pointer("/data/documents")?.as_array()?;
            query.choose(found.iter().map(|found| self.hit(found)).collect())
        })
        .await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<AstraDb>();
