//! Vectors of texts: how many are asked for at once, how they are recorded, and what is wrong with them.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use millrace_engine::{Capability, Context, Embedder, ErrorKind, Outputs, RunError, Usage, Value};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;

use super::service::Service;

/// Texts in one call of an embedder at most: more would not fit into a run's time or memory.
const TEXTS: usize = 50_000;

/// Bytes of text in one request at most. Providers limit its tokens, OpenAI to 300 000.
const REQUEST: usize = 600_000;

/// What the vectors are for: some models make two kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be found.
    Documents,
    /// To find.
    Query,
}

/// Vectors of one size, in the order of their texts.
///
/// Recorded as base64 of little-endian `f32`, a fifth of what JSON numbers take.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Vectors(pub Vec<Vec<f32>>);

#[derive(Serialize, Deserialize)]
struct Recorded {
    dimensions: usize,
    f32: String,
}

impl Serialize for Vectors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
        let dimensions = self.0.first().map_or(0, Vec::len);
        Recorded { dimensions, f32: STANDARD.encode(bytes) }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Vectors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let recorded = Recorded::deserialize(deserializer)?;
        let numbers = floats(&recorded.f32).ok_or_else(|| D::Error::custom("no base64 of f32"))?;
        let whole = recorded.dimensions > 0 && numbers.len() % recorded.dimensions == 0;
        if !whole && !numbers.is_empty() {
            return Err(D::Error::custom("not a whole number of vectors"));
        }
        Ok(Self(numbers.chunks(recorded.dimensions.max(1)).map(<[f32]>::to_vec).collect()))
    }
}

/// The numbers of base64 of little-endian `f32`.
pub(super) fn floats(base64: &str) -> Option<Vec<f32>> {
    let bytes = STANDARD.decode(base64).ok()?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
}

impl Vectors {
    /// Why these cannot be the vectors of so many texts, of this size if it is known.
    fn problem(&self, texts: usize, dimensions: Option<usize>) -> Option<String> {
        let found = self.0.len();
        if found != texts {
            return Some(format!("{found} vectors for {texts} texts"));
        }
        let size = dimensions.or(self.0.first().map(Vec::len)).unwrap_or(0);
        if size == 0 && texts > 0 {
            return Some("a vector of no dimensions".to_owned());
        }
        let other = self.0.iter().map(Vec::len).find(|found| *found != size);
        if let Some(other) = other {
            return Some(format!("a vector of {other} dimensions where {size} are expected"));
        }
        let unusable = self.0.iter().flatten().any(|number| !number.is_finite());
        unusable.then(|| "a vector with something that is no number".to_owned())
    }

    /// What is recorded and what it cost.
    ///
    /// # Errors
    /// [`ErrorKind::Upstream`] when their count or size does not fit: nothing is recorded then.
    pub(super) fn checked(
        self,
        service: &Service,
        texts: usize,
        dimensions: Option<usize>,
        usage: Usage,
    ) -> Result<(Self, Usage), RunError> {
        match self.problem(texts, dimensions) {
            Some(problem) => Err(service.unreadable(&problem)),
            None => Ok((self, usage)),
        }
    }
}

/// A provider's way to make vectors of the texts of one request.
#[async_trait]
pub(crate) trait Source: Debug + Send + Sync {
    /// Provider, address and model; size where it is asked for.
    fn identity(&self) -> String;
    /// Texts in one request at most.
    fn batch(&self) -> usize;
    /// The vectors of these texts, which are no more than that. One effect.
    async fn embed(&self, cx: &Context, purpose: Purpose, texts: &[String]) -> Result<Vectors, RunError>;
}

/// An embedding model over a source.
#[derive(Debug)]
struct Batched<S>(S);

/// The embedding model of a source.
pub(crate) fn embedder(source: impl Source + 'static) -> Arc<dyn Embedder> {
    Arc::new(Batched(source))
}

/// The output of a node that is an embedding model.
pub(crate) fn outputs(source: impl Source + 'static) -> Outputs {
    Outputs::one("embeddings", Value::Capability(Capability::Embedder(embedder(source))))
}

#[async_trait]
impl<S: Source> Embedder for Batched<S> {
    fn identity(&self) -> String {
        self.0.identity()
    }

    async fn embed_documents(&self, cx: &Context, texts: &[String]) -> Result<Vec<Vec<f32>>, RunError> {
        if texts.len() > TEXTS {
            let message = format!("{} texts are to be embedded; the limit is {TEXTS}", texts.len());
            return Err(RunError::new(ErrorKind::Input, message));
        }
        let mut all: Vec<Vec<f32>> = Vec::with_capacity(texts.len());
        for batch in batches(texts, self.0.batch()) {
            let vectors = self.0.embed(cx, Purpose::Documents, batch).await?;
            // The sizes within one answer are checked where it is read.
            if let (Some(known), Some(new)) = (all.first(), vectors.0.first())
                && known.len() != new.len()
            {
                let message = "the embedding model changed the size of its vectors between two requests";
                return Err(RunError::new(ErrorKind::Upstream, message));
            }
            all.extend(vectors.0);
        }
        Ok(all)
    }

    async fn embed_query(&self, cx: &Context, text: &str) -> Result<Vec<f32>, RunError> {
        let vectors = self.0.embed(cx, Purpose::Query, &[text.to_owned()]).await?;
        vectors.0.into_iter().next().ok_or_else(|| {
            RunError::new(ErrorKind::Upstream, "the embedding model gave no vector for the question")
        })
    }
}

/// Texts in order, so many and of so many bytes in one request at most. A single text may be longer: the
/// provider says what it thinks of it.
fn batches(texts: &[String], most: usize) -> Vec<&[String]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, text) in texts.iter().enumerate() {
        if at > start && (at - start >= most.max(1) || bytes + text.len() > REQUEST) {
            batches.push(&texts[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += text.len();
    }
    if start < texts.len() {
        batches.push(&texts[start..]);
    }
    batches
}

/// An identity: what is empty is left out.
pub(super) fn identity(provider: &str, host: &str, model: &str, dimensions: Option<u32>) -> String {
    let size = dimensions.map(|size| format!("/{size}")).unwrap_or_default();
    format!("{provider}/{host}/{model}{size}")
}

/// What identifies a request for vectors, in its record.
pub(super) fn asked(url: &str, body: &serde_json::Value) -> serde_json::Value {
    json!({"url": url, "body": body})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lengths: &[usize]) -> Vec<String> {
        lengths.iter().map(|length| "x".repeat(*length)).collect()
    }

    #[test]
    fn vectors_are_recorded_exactly() {
        let cases =
            [Vectors(vec![vec![0.1, -2.5e-8], vec![f32::MAX, f32::MIN_POSITIVE]]), Vectors(Vec::new())];
        for vectors in cases {
            let recorded = serde_json::to_string(&vectors).unwrap();
            assert_eq!(serde_json::from_str::<Vectors>(&recorded).unwrap(), vectors);
        }
        for broken in [r#"{"dimensions": 2, "f32": "AAAA"}"#, r#"{"dimensions": 2, "f32": "AAAAAA=="}"#] {
            assert!(serde_json::from_str::<Vectors>(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let two = || Vectors(vec![vec![1.0, 2.0], vec![3.0, 4.0]]);
        assert_eq!(two().problem(2, None), None);
        assert_eq!(two().problem(2, Some(2)), None);
        let cases = [
            (two(), 3, None, "2 vectors for 3 texts"),
            (two(), 2, Some(3), "2 dimensions where 3 are expected"),
            (Vectors(vec![vec![1.0], vec![1.0, 2.0]]), 2, None, "2 dimensions where 1 are expected"),
            (Vectors(vec![Vec::new()]), 1, None, "no dimensions"),
            (Vectors(vec![vec![f32::NAN]]), 1, None, "no number"),
        ];
        for (vectors, count, dimensions, expected) in cases {
            let problem = vectors.problem(count, dimensions).unwrap();
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn batches_are_limited_by_count_and_size() {
        let sizes = |lengths: &[usize], most| {
            batches(&texts(lengths), most).iter().map(|batch| batch.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&[], 2), Vec::<usize>::new());
        assert_eq!(sizes(&[1, 1, 1, 1, 1], 2), [2, 2, 1]);
        assert_eq!(sizes(&[400_000, 200_000, 1], 9), [2, 1]);
        assert_eq!(sizes(&[1, 900_000, 1], 9), [1, 1, 1]);
        assert_eq!(sizes(&[1, 1], 0), [1, 1]);
    }
}
