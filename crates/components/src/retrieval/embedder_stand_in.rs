//! A model of the tests: its vectors count letters, and it remembers what it was asked.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use millrace_engine::{Context, Document, Effect, Embedder, RunError, Usage};
use serde_json::{Map, Value as Json, json};

/// One number for each of the first letters of the alphabet.
#[derive(Debug)]
pub(crate) struct Letters {
    pub dimensions: usize,
    pub asked: Mutex<Vec<String>>,
}

impl Letters {
    pub fn of(dimensions: usize) -> Arc<Self> {
        Arc::new(Self { dimensions, asked: Mutex::default() })
    }

    /// How many texts it was asked for, questions among them.
    pub fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        self.asked.lock().unwrap().push(text.to_owned());
        let letter = |i: usize| text.bytes().filter(|byte| usize::from(byte.wrapping_sub(b'a')) == i).count();
        (0..self.dimensions).map(|i| letter(i) as f32).collect()
    }
}

#[async_trait]
impl Embedder for Letters {
    fn identity(&self) -> String {
        format!("letters of {}", self.dimensions)
    }

    async fn embed_documents(&self, cx: &Context, texts: &[String]) -> Result<Vec<Vec<f32>>, RunError> {
        let effect = Effect { kind: "embedding", request: json!(texts) };
        let vectors = || async {
            Ok((texts.iter().map(|text| self.vector(text)).collect::<Vec<_>>(), Usage::default()))
        };
        cx.effect(effect, vectors).await
    }

    async fn embed_query(&self, cx: &Context, text: &str) -> Result<Vec<f32>, RunError> {
        Ok(self.embed_documents(cx, &[text.to_owned()]).await?.remove(0))
    }
}

/// Documents of these texts; the metadata says how long each is.
pub(crate) fn documents(texts: &[&str]) -> Vec<Document> {
    let document = |text: &&str| Document { page_content: (*text).to_owned(), metadata: long(text.len()) };
    texts.iter().map(document).collect()
}

/// The metadata of a text of this length.
pub(crate) fn long(length: usize) -> Map<String, Json> {
    Map::from_iter([("length".to_owned(), Json::from(length))])
}
