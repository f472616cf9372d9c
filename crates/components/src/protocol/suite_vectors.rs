//! What every provider's embedding models do: one suite, run for each against a stand-in that speaks its
//! protocol.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use millrace_engine::{Capability, Context, Embedder, ErrorKind, Inputs, RunError, Value};
use millrace_outbound::{Answer, Hop};
use serde_json::{Map, Value as Json, json};

use super::suite::{KEY, wanting};
use crate::stand_in::Stand;

/// A provider as the suite knows it.
struct Provider {
    /// The node that is run, and its fields; `KEY` among them is its key.
    node: &'static str,
    inputs: &'static str,
    /// Texts in one request at most.
    batch: usize,
    /// How its identity ends.
    identity: &'static str,
    /// Checks a request, and says which texts are in it. Panics where it is not in form.
    reads: fn(&Hop, &Json) -> Vec<String>,
    /// The provider's answer with these vectors.
    says: fn(&[Vec<f32>]) -> Json,
}

const PROVIDERS: &[Provider] = &[
    Provider {
        node: "OpenAIEmbeddings",
        inputs: r#"{"openai_api_key": "KEY", "chunk_size": 3}"#,
        batch: 3,
        identity: "openai/api.openai.com/text-embedding-3-small",
        reads: |hop, body| {
            assert_eq!((hop.url.path(), &body["encoding_format"]), ("/v1/embeddings", &json!("base64")));
            keyed(hop, "authorization", "Bearer ");
            texts(&body["input"])
        },
        says: says_openai,
    },
    Provider {
        node: "EmbeddingModel",
        inputs: r#"{"model": [{"name": "mistral-embed", "provider": "Mistral"}], "api_key": "KEY"}"#,
        batch: 64,
        identity: "mistral/api.mistral.ai/mistral-embed",
        reads: |hop, body| {
            keyed(hop, "authorization", "Bearer ");
            texts(&body["input"])
        },
        // A server that does not know base64.
        says: |vectors| {
            let row = |(at, vector)| json!({"index": at, "embedding": vector});
            let data: Vec<Json> = vectors.iter().enumerate().map(row).collect();
            json!({"data": data, "usage": {"prompt_tokens": 5}})
        },
    },
    Provider {
        node: "AzureOpenAIEmbeddings",
        inputs: r#"{"azure_endpoint": "https://x.openai.azure.com", "azure_deployment": "d", "api_key": "KEY"}"#,
        batch: 480,
        identity: "azure/x.openai.azure.com/d",
        reads: |hop, body| {
            assert_eq!(hop.url.path(), "/openai/deployments/d/embeddings");
            assert_eq!(hop.url.query(), Some("api-version=2023-08-01-preview"));
            keyed(hop, "api-key", "");
            texts(&body["input"])
        },
        says: says_openai,
    },
    Provider {
        node: "CohereEmbeddings",
        inputs: r#"{"cohere_api_key": "KEY", "truncate": "end"}"#,
        batch: 96,
        identity: "cohere/api.cohere.com/embed-english-v2.0",
        reads: |hop, body| {
            assert_eq!(hop.url.path(), "/v2/embed");
            keyed(hop, "authorization", "Bearer ");
            assert_eq!((&body["embedding_types"], &body["truncate"]), (&json!(["float"]), &json!("END")));
            let texts = texts(&body["texts"]);
            assert_eq!(body["input_type"], purpose(&texts, "search_query", "search_document"));
            texts
        },
        says: |vectors| json!({"embeddings": {"float": vectors}, "meta": {"billed_units": {"input_tokens": 5}}}),
    },
    Provider {
        node: "AmazonBedrockEmbeddings",
        inputs: r#"{"aws_access_key_id": "A", "aws_secret_access_key": "KEY"}"#,
        batch: 1,
        identity: "bedrock/bedrock-runtime.us-east-1.amazonaws.com/amazon.titan-embed-text-v1",
        reads: |hop, body| {
            assert_eq!(hop.url.path(), "/model/amazon.titan-embed-text-v1/invoke");
            assert!(hop.headers.contains_key("authorization") && hop.headers.contains_key("x-amz-date"));
            vec![body["inputText"].as_str().unwrap().to_owned()]
        },
        says: |vectors| json!({"embedding": vectors.first(), "inputTextTokenCount": 5}),
    },
    Provider {
        node: "AmazonBedrockEmbeddings",
        inputs: r#"{"aws_access_key_id": "A", "aws_secret_access_key": "KEY",
                    "model_id": "cohere.embed-english-v3"}"#,
        batch: 96,
        identity: "cohere.embed-english-v3",
        reads: |_, body| {
            let texts = texts(&body["texts"]);
            assert_eq!(body["input_type"], purpose(&texts, "search_query", "search_document"));
            texts
        },
        says: |vectors| json!({"embeddings": vectors}),
    },
    Provider {
        node: "NVIDIAEmbeddingsComponent",
        inputs: r#"{"nvidia_api_key": "KEY"}"#,
        batch: 64,
        identity: "nvidia_nim/integrate.api.nvidia.com/nvidia/nv-embed-v1",
        reads: |hop, body| {
            keyed(hop, "authorization", "Bearer ");
            let texts = texts(&body["input"]);
            assert_eq!(body["input_type"], purpose(&texts, "query", "passage"));
            texts
        },
        says: says_openai,
    },
    Provider {
        node: "OllamaEmbeddings",
        inputs: r#"{"base_url": "https://ollama.example"}"#,
        batch: 64,
        identity: "ollama/ollama.example/llama2/instructed",
        reads: |hop, body| {
            assert_eq!(hop.url.path(), "/api/embed");
            let told = texts(&body["input"]);
            let before = if told[0].ends_with('?') { "query: " } else { "passage: " };
            told.iter().map(|text| text.strip_prefix(before).unwrap().to_owned()).collect()
        },
        says: |vectors| json!({"embeddings": vectors, "prompt_eval_count": 5}),
    },
    Provider {
        node: "Google Generative AI Embeddings",
        inputs: r#"{"api_key": "KEY", "model_name": "gemini-embedding-001"}"#,
        batch: 100,
        identity: "google/generativelanguage.googleapis.com/gemini-embedding-001/768",
        reads: |hop, body| {
            assert_eq!(hop.url.path(), "/v1beta/models/gemini-embedding-001:batchEmbedContents");
            keyed(hop, "x-goog-api-key", "");
            let text = |request: &Json| {
                assert_eq!(request["outputDimensionality"], json!(768));
                assert_eq!(request["model"], "models/gemini-embedding-001");
                request["content"]["parts"][0]["text"].as_str().unwrap().to_owned()
            };
            let texts: Vec<_> = body["requests"].as_array().unwrap().iter().map(text).collect();
            let expected = purpose(&texts, "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT");
            assert_eq!(body["requests"][0]["taskType"], expected);
            texts
        },
        says: |vectors| {
            let long = |vector: &Vec<f32>| json!({"values": vector.repeat(384)});
            json!({"embeddings": vectors.iter().map(long).collect::<Vec<_>>()})
        },
    },
    Provider {
        node: "VertexAIEmbeddings",
        inputs: r#"{"credentials": "account.json", "max_retries": 2}"#,
        batch: 5,
        identity: "vertex/us-central1-aiplatform.googleapis.com/textembedding-gecko",
        reads: |hop, body| {
            assert!(hop.url.path().ends_with("/publishers/google/models/textembedding-gecko:predict"));
            assert_eq!(hop.headers["authorization"], "Bearer sk-canary");
            let text = |instance: &Json| instance["content"].as_str().unwrap().to_owned();
            body["instances"].as_array().unwrap().iter().map(text).collect()
        },
        says: |vectors| {
            let row = |vector| json!({"embeddings": {"values": vector, "statistics": {"token_count": 1.0}}});
            json!({"predictions": vectors.iter().map(row).collect::<Vec<_>>()})
        },
    },
    Provider {
        node: "HuggingFaceInferenceAPIEmbeddings",
        inputs: r#"{"api_url": "https://embed.example/", "api_key": "KEY"}"#,
        batch: 32,
        identity: "huggingface/embed.example/BAAI/bge-large-en-v1.5",
        reads: |hop, body| {
            keyed(hop, "authorization", "Bearer ");
            texts(&body["inputs"])
        },
        says: |vectors| json!(vectors),
    },
    Provider {
        node: "HuggingFaceInferenceAPIEmbeddings",
        inputs: r#"{"api_key": "KEY"}"#,
        batch: 32,
        identity: "huggingface/router.huggingface.co/BAAI/bge-large-en-v1.5",
        reads: |hop, body| {
            let path = "/hf-inference/models/BAAI/bge-large-en-v1.5/pipeline/feature-extraction";
            assert_eq!(hop.url.path(), path);
            texts(&body["inputs"])
        },
        says: |vectors| json!(vectors),
    },
];

fn keyed(hop: &Hop, name: &str, prefix: &str) {
    assert_eq!(hop.headers[name], format!("{prefix}{KEY}"));
}

fn texts(value: &Json) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Questions of the suite end with their sign.
fn purpose(texts: &[String], query: &'static str, documents: &'static str) -> &'static str {
    if texts.iter().all(|text| text.ends_with('?')) { query } else { documents }
}

fn says_openai(vectors: &[Vec<f32>]) -> Json {
    let encode = |vector: &Vec<f32>| {
        STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())
    };
    // Backwards: only the index tells which is which.
    let row = |(at, vector)| json!({"object": "embedding", "index": at, "embedding": encode(vector)});
    let data: Vec<Json> = vectors.iter().enumerate().rev().map(row).collect();
    json!({"data": data, "usage": {"prompt_tokens": 5, "total_tokens": 5}})
}

/// Two numbers that are one text's own.
fn vector(text: &str) -> Vec<f32> {
    let number = text.trim_start_matches("text ").trim_end_matches('?').parse().unwrap();
    vec![number, 0.5]
}

async fn embedder(provider: &Provider, cx: &Context) -> Result<Arc<dyn Embedder>, RunError> {
    let fields: Map<String, Json> = serde_json::from_str(&provider.inputs.replace("KEY", KEY)).unwrap();
    let inputs: Inputs = fields.into_iter().map(|(name, value)| (name, Value::Json(value))).collect();
    let entry = crate::registry().get(provider.node).unwrap();
    match entry.run(inputs, cx).await?.get("embeddings") {
        Some(Value::Capability(Capability::Embedder(embedder))) => Ok(embedder.clone()),
        other => panic!("{} gives {other:?}", provider.node),
    }
}

/// What becomes of a provider's vectors.
type Spoil = fn(Vec<Vec<f32>>) -> Vec<Vec<f32>>;

/// A run in which this provider answers, its vectors changed by `spoil`; and how many texts each request had.
fn stand(provider: &'static Provider, spoil: Spoil) -> (Stand, Arc<Mutex<Vec<usize>>>) {
    let asked: Arc<Mutex<Vec<usize>>> = Arc::default();
    let kept = asked.clone();
    let stand = Stand::new(move |hop| {
        if hop.url.path() == "/token" {
            return super::google_account::tests::exchange(hop);
        }
        let body = serde_json::from_slice(hop.body.as_deref().unwrap()).unwrap();
        let texts = (provider.reads)(hop, &body);
        kept.lock().unwrap().push(texts.len());
        let vectors = texts.iter().map(|text| vector(text)).collect();
        Answer::new(200, (provider.says)(&spoil(vectors)).to_string())
    });
    (stand.files(&[("account.json", super::google_account::tests::file().as_bytes())]), asked)
}

#[tokio::test]
async fn documents_are_embedded_in_order_and_in_batches() {
    for provider in PROVIDERS {
        let (stand, asked) = stand(provider, |vectors| vectors);
        let all: Vec<String> = (0..provider.batch + 2).map(|at| format!("text {at}")).collect();
        // The second attempt is answered from the record.
        for _ in 0..2 {
            let cx = wanting(&stand);
            let embedder = embedder(provider, &cx).await.unwrap();
            assert!(embedder.identity().ends_with(provider.identity), "{}", embedder.identity());
            let vectors = embedder.embed_documents(&cx, &all).await;
            let vectors = vectors.unwrap_or_else(|error| panic!("{}: {error:?}", provider.node));
            assert_eq!(vectors.len(), all.len(), "{}", provider.node);
            for (text, found) in all.iter().zip(&vectors) {
                assert_eq!(found[..2], vector(text), "{}", provider.node);
            }
        }
        let expected: Vec<usize> = match provider.batch {
            1 => vec![1; 3],
            2.. => vec![provider.batch, 2],
            0 => unreachable!(),
        };
        assert_eq!(*asked.lock().unwrap(), expected, "{}", provider.node);
    }
}

#[tokio::test]
async fn records_are_compact_and_hold_no_key() {
    for provider in PROVIDERS {
        let (stand, _) = stand(provider, |vectors| vectors);
        let cx = wanting(&stand);
        let embedder = embedder(provider, &cx).await.unwrap();
        embedder.embed_documents(&cx, &["text 7".to_owned()]).await.unwrap();
        let (_, record) = stand.journal.nth(0).unwrap();
        assert_eq!(record.kind, "embedding");
        assert!(record.response["f32"].is_string(), "{}: {}", provider.node, record.response);
        assert!(!format!("{record:?}").contains("canary"), "{}", provider.node);
    }
}

#[tokio::test]
async fn a_question_has_one_vector() {
    for provider in PROVIDERS {
        let (stand, asked) = stand(provider, |vectors| vectors);
        let cx = wanting(&stand);
        let found = embedder(provider, &cx).await.unwrap().embed_query(&cx, "text 7?").await.unwrap();
        assert_eq!(found[..2], vector("text 7?"), "{}", provider.node);
        assert_eq!(*asked.lock().unwrap(), [1], "{}", provider.node);
    }
}

#[tokio::test]
async fn answers_that_do_not_fit_are_named() {
    for provider in PROVIDERS {
        let spoils: [Spoil; 2] =
            [|_| Vec::new(), |vectors| vectors.into_iter().map(|_| Vec::new()).collect()];
        for spoil in spoils {
            let (stand, asked) = stand(provider, spoil);
            let cx = wanting(&stand);
            let embedder = embedder(provider, &cx).await.unwrap();
            let error = embedder.embed_documents(&cx, &["text 1".to_owned()]).await.unwrap_err();
            assert_eq!((error.kind, error.transient), (ErrorKind::Upstream, false), "{error:?}");
            assert!(error.message.contains("the provider's answer is not what"), "{error}");
            assert_eq!(asked.lock().unwrap().len(), 1, "{}", provider.node);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_shows_no_key() {
    for provider in PROVIDERS {
        let stand = Stand::new(|hop| match hop.url.path() {
            "/token" => super::google_account::tests::exchange(hop),
            _ => Answer::new(401, json!({"error": {"message": KEY}}).to_string()),
        });
        let stand = stand.files(&[("account.json", super::google_account::tests::file().as_bytes())]);
        let cx = wanting(&stand);
        let embedder = embedder(provider, &cx).await.unwrap();
        let error = embedder.embed_query(&cx, "text 1?").await.unwrap_err();
        assert_eq!((error.kind, error.transient), (ErrorKind::Upstream, false), "{}", provider.node);
        // Ollama has no key that could be kept.
        assert!(provider.node == "OllamaEmbeddings" || !format!("{error:?}").contains(KEY), "{error:?}");
    }
}
