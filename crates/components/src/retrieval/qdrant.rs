//! Qdrant (0.x): documents in a collection of a Qdrant server, over its REST interface.

use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use millrace_engine::{
    Capability, Component, Context, Default, Document, Entry, Example, LazyValue, Outputs, RunError, Spec,
    Value, flag, handles, integer, json, message, number, output, reach, secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json as js};

use super::collection::Collection;
use super::nearest::Metric;
use super::preset::with_search_kwargs;
use super::remote::{
    self, Hit, Point, Protocol, Query, exchange, given, object_of, segment, unfit, vector_json, vector_of,
};
use super::wired_documents::documents;
use crate::protocol::account::{first, key_for};
use crate::protocol::service::Service;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct Qdrant {
    documents: Option<Vec<LazyValue>>,
    embedding: handles::Embedder,
    collection_name: String,
    url: Option<String>,
    host: Option<String>,
    location: Option<String>,
    path: Option<String>,
    port: Option<u16>,
    https: bool,
    prefix: Option<String>,
    api_key: Option<String>,
    content_payload_key: String,
    metadata_payload_key: String,
    distance_func: String,
    search_kwargs: Option<Map<String, Json>>,
    timeout: Option<f64>,
}

impl Component for Qdrant {
    const SPEC: Spec = Spec {
        names: &["Qdrant"],
        about: "Finds documents by meaning in a collection of a Qdrant server (1.10 or newer); makes the \
                collection if there is none.",
        inputs: &[
            message("documents", "Documents to put in, once for the same ones; 50,000 at most."),
            message("embedding", "The embedding model."),
            text("collection_name", "The collection."),
            text(
                "url",
                "Address of the server; the variable QDRANT_URL if this, host and location are empty.",
            ),
            text("host", "The server's name, in place of its address."),
            text("location", "The server's address; `:memory:` keeps the collection inside Millrace."),
            text("path", "Must be empty: there is no local Qdrant."),
            integer("port", "The port where the address names none.").or(Default::Integer(6333)),
            flag("https", "Whether a server named by host is called over TLS.").or(Default::Flag(false)),
            text("prefix", "A path before all others at the server."),
            secret(
                "api_key",
                "Key; the variable QDRANT_API_KEY if empty and the address is that of QDRANT_URL.",
            ),
            secret("content_payload_key", "Where in a point the text is; no secret.")
                .or(Default::Text("page_content")),
            secret("metadata_payload_key", "Where in a point the metadata is; no secret.")
                .or(Default::Text("metadata")),
            text("distance_func", "Cosine, Euclid, Dot or Manhattan, for a collection that is made.")
                .or(Default::Text("Cosine")),
            json("search_kwargs", "How it is searched unasked: k, filter, fetch_k, lambda_mult."),
            number("timeout", "Seconds for one request, 1 to 600; 60 if empty."),
        ],
        outputs: &[output("vector_store")],
        reaches: &[reach("Qdrant", "", "url")],
        examples: &[Example {
            title: "a server is not called before it is asked something",
            inputs: r#"{
                "collection_name": "notes", "url": "https://qdrant.example.com",
                "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
            }"#,
            output: r#"{"vector_store": {"vector_store": {}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(mut self, cx: &Context) -> Result<Outputs, RunError> {
        let documents = documents("documents", self.documents.take().unwrap_or_default())?;
        let (kwargs, embedder) = (self.search_kwargs.take().unwrap_or_default(), self.embedding.0.clone());
        let store = if self.location.as_deref().is_some_and(|location| location.trim() == ":memory:") {
            let name = self.collection_name;
            Arc::new(Collection::open(cx, name, Metric::Cosine, embedder, &documents, false).await?)
        } else {
            remote::open(cx, self.collection(cx).await?, embedder, &documents).await?
        };
        let store = with_search_kwargs(store, &kwargs)?;
        Ok(Outputs::one("vector_store", Value::Capability(Capability::VectorStore(store))))
    }
}

impl Qdrant {
    async fn collection(self, cx: &Context) -> Result<QdrantCollection, RunError> {
        if given(self.path).is_some() {
            return Err(unfit("path", "there is no local Qdrant here; name a server in url"));
        }
        let host = given(self.host).map(|host| match host.contains("://") {
            true => host,
            false => format!("{}://{host}", if self.https { "https" } else { "http" }),
        });
        let own = given(self.url).or(host).or(given(self.location));
        let mut key = given(self.api_key);
        let address = match &own {
            Some(own) => own.clone(),
            None => {
                let named = first(cx, &["QDRANT_URL"]).await?;
                let named =
                    named.ok_or_else(|| unfit("url", "is required: the address of a Qdrant server"))?;
                if key.is_none() {
                    key = key_for(cx, &["QDRANT_API_KEY"], Some(named.owner)).await?;
                }
                named.value
            }
        };
        let mut service = Service::new(cx, "Qdrant", "the Qdrant protocol")
            .timeout(self.timeout)?
            .errors(|reply| reply.get("status")?.get("error")?.as_str().map(str::to_owned));
        if let Some(key) = key {
            service = service.secret("api-key", "", &key);
        }
        let name = segment("collection_name", &self.collection_name)?;
        Ok(QdrantCollection {
            base: base(&address, self.port, self.prefix)?,
            distance: distance(&self.distance_func)?,
            text: self.content_payload_key,
            metadata: self.metadata_payload_key,
            name,
            service,
        })
    }
}

/// Qdrant's client puts its port where an address has none.
fn base(address: &str, port: Option<u16>, prefix: Option<String>) -> Result<String, RunError> {
    let mut url = url::Url::parse(address).map_err(|_| unfit("url", "is no address"))?;
    let named = address.split_once("://").is_some_and(|(_, rest)| {
        rest.split('/')
            .next()
            .is_some_and(|host| host.rsplit_once(':').is_some_and(|(_, p)| p.parse::<u16>().is_ok()))
    });
    if !named && url.set_port(port).is_err() {
        return Err(unfit("url", "is no address of a server"));
    }
    let base = url.as_str().trim_end_matches('/').to_owned();
    Ok(match given(prefix) {
        Some(prefix) => format!("{base}/{}", prefix.trim_matches('/')),
        None => base,
    })
}

fn distance(name: &str) -> Result<&'static str, RunError> {
    let known = ["Cosine", "Euclid", "Dot", "Manhattan"];
    let found = known.into_iter().find(|known| known.eq_ignore_ascii_case(name.trim()));
    found.ok_or_else(|| unfit("distance_func", "is none of Cosine, Euclid, Dot and Manhattan"))
}

#[derive(Debug)]
struct QdrantCollection {
    /// Without a slash at its end.
    base: String,
    name: String,
    distance: &'static str,
    text: String,
    metadata: String,
    service: Service,
}

impl QdrantCollection {
    fn url(&self, rest: &str) -> String {
        format!("{}/collections/{}{rest}", self.base, self.name)
    }

    async fn exists(&self, cx: &Context) -> Result<bool, RunError> {
        let url = format!("{}/collections", self.base);
        let name = self.name.as_str();
        exchange(&self.service, cx, Method::GET, &url, None, |reply| {
            let all = reply.get("result")?.get("collections")?.as_array()?;
            Some(all.iter().any(|one| one.get("name").and_then(Json::as_str) == Some(name)))
        })
        .await
    }

    async fn size(&self, cx: &Context) -> Result<Option<usize>, RunError> {
        exchange(&self.service, cx, Method::GET, &self.url(""), None, |reply| {
            let vectors = reply.pointer("/result/config/params/vectors")?;
            // Named vectors have sizes of their own, one level down.
            Some(vectors.get("size").and_then(Json::as_u64).map(|size| size as usize))
        })
        .await
    }

    fn payload(&self, document: &Document) -> Json {
        js!({self.text.as_str(): document.page_content, self.metadata.as_str(): document.metadata})
    }

    fn hit(&self, point: &Json) -> Hit {
        let mut payload = object_of(point.get("payload").cloned());
        let text = payload.remove(&self.text).map(|text| millrace_engine::python_str(&text));
        let metadata = object_of(payload.remove(&self.metadata));
        let document = Document { page_content: text.unwrap_or_default(), metadata };
        let score = point.get("score").and_then(Json::as_f64).map(|score| score as f32);
        Hit { document, score, vector: vector_of(point.get("vector")) }
    }

    /// What the metadata of a hit must have. A fraction is no value that Qdrant matches, so it is a range.
    fn filter(&self, query: &Query) -> Json {
        let must = query.filter.equalities().map(|(field, value)| {
            let key = format!("{}.{field}", self.metadata);
            match value.as_f64().filter(|_| value.as_i64().is_none()) {
                Some(fraction) => js!({"key": key, "range": {"gte": fraction, "lte": fraction}}),
                None => js!({"key": key, "match": {"value": value}}),
            }
        });
        js!({"must": must.collect::<Vec<_>>()})
    }
}

#[async_trait]
impl Protocol for QdrantCollection {
    fn collection(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> String {
        self.url("")
    }

    async fn prepare(&self, cx: &Context, dimensions: usize) -> Result<Option<usize>, RunError> {
        if self.exists(cx).await? {
            return self.size(cx).await;
        }
        let body = js!({"vectors": {"size": dimensions, "distance": self.distance}});
        let made = exchange(&self.service, cx, Method::PUT, &self.url(""), Some(&body), |_| Some(())).await;
        match made {
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
        let points = points.iter().map(|point| {
            let (vector, payload) = (vector_json(&point.vector), self.payload(&point.document));
            js!({"id": point.id, "vector": vector, "payload": payload})
        });
        let body = js!({"points": points.collect::<Vec<_>>()});
        let url = self.url("/points?wait=true");
        exchange(&self.service, cx, Method::PUT, &url, Some(&body), |_| Some(())).await
    }

    async fn nearest(&self, cx: &Context, query: &Query) -> Result<Vec<Hit>, RunError> {
        let mut body = js!({
            "query": vector_json(&query.vector), "limit": query.fetch, "with_payload": true,
            "with_vector": query.needs_vectors(),
        });
        if !query.filter.is_empty() {
            body["filter"] = self.filter(query);
        }
        exchange(&self.service, cx, Method::POST, &self.url("/points/query"), Some(&body), |reply| {
            let points = reply.pointer("/result/points")?.as_array()?;
            query.choose(points.iter().map(|point| self.hit(point)).collect())
        })
        .await
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<Qdrant>();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_get_the_port_where_they_have_none() {
        let cases = [
            ("https://q.example.com", None, "https://q.example.com:6333"),
            ("https://q.example.com:443/", None, "https://q.example.com"),
            ("http://q.example.com:80", Some("a/b"), "http://q.example.com/a/b"),
            ("http://[2001:db8::1]/x", None, "http://[2001:db8::1]:6333/x"),
        ];
        for (address, prefix, expected) in cases {
            let prefix = prefix.map(str::to_owned);
            assert_eq!(base(address, Some(6333), prefix).unwrap(), expected, "{address}");
        }
        assert!(base("q.example.com", Some(6333), None).is_err());
    }
}
