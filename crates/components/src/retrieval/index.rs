//! An immutable vector index: one block of bytes, searched where it lies.
//!
//! Layout, all numbers little-endian: the mark `MILLRVEC`, `u32` format, `u32` dimensions, `u64` count; then
//! `count` vectors of `f32`; then `count + 1` offsets of `u64` into what follows: the documents as JSON.

use std::sync::Arc;

use millrace_engine::{Document, ErrorKind, RunError};
use thiserror::Error;

/// Named in the key of every index: another layout is another index.
pub(crate) const FORMAT: u32 = 1;

/// Documents of one index, at most.
pub(crate) const MAX_DOCUMENTS: usize = 50_000;

/// Bytes of one index, at most: it has to fit into the memory of a function beside everything else.
pub(crate) const MAX_BYTES: usize = 256 << 20;

const MARK: &[u8; 8] = b"MILLRVEC";
const HEADER: usize = 24;
const FLOAT: usize = size_of::<f32>();
const OFFSET: usize = size_of::<u64>();

/// Why an index cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum IndexError {
    /// The flow's owner has to make the documents fewer.
    #[error("a collection of {found} documents is too large; the limit is {MAX_DOCUMENTS}")]
    TooManyDocuments { found: usize },
    /// The flow's owner has to make the documents fewer or smaller, or take a model of fewer dimensions.
    #[error("a collection of {found} bytes is too large; the limit is {MAX_BYTES}")]
    TooLarge { found: usize },
    /// The embedding model changed under the documents, or its server mixes models.
    #[error("the embedding model gave vectors of {found} dimensions beside vectors of {expected}")]
    Dimensions { expected: usize, found: usize },
    /// The embedding model's server is at fault.
    #[error("the embedding model gave {vectors} vectors for {documents} documents")]
    Count { documents: usize, vectors: usize },
    /// The embedding model's server is at fault.
    #[error("the embedding model gave a vector that is empty or not finite")]
    NotFinite,
    /// What was kept is not what was saved.
    #[error("a kept vector index cannot be read: {0}")]
    Broken(&'static str),
}

impl From<IndexError> for RunError {
    fn from(error: IndexError) -> Self {
        let kind = match error {
            IndexError::TooManyDocuments { .. } | IndexError::TooLarge { .. } => ErrorKind::Flow,
            IndexError::Dimensions { .. } => ErrorKind::Flow,
            IndexError::Count { .. } | IndexError::NotFinite => ErrorKind::Upstream,
            IndexError::Broken(_) => ErrorKind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

/// Documents and their vectors. Opening copies nothing, and a document is read only when it was found.
#[derive(Clone)]
pub(crate) struct Index {
    bytes: Arc<[u8]>,
    dimensions: usize,
    count: usize,
}

impl std::fmt::Debug for Index {
    /// Without what is in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("dimensions", &self.dimensions).field("count", &self.count).finish()
    }
}

impl Index {
    /// The index of these documents.
    ///
    /// # Errors
    /// The limits of an index, and vectors that do not fit the documents or each other.
    pub fn build(documents: &[Document], vectors: &[Vec<f32>]) -> Result<Self, IndexError> {
        let (count, dimensions) = (documents.len(), vectors.first().map_or(0, Vec::len));
        check(documents.len(), vectors)?;
        let mut bytes = header(dimensions, count);
        vectors.iter().flatten().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
        let mut texts = Vec::new();
        for document in documents {
            bytes.extend_from_slice(&(texts.len() as u64).to_le_bytes());
            serde_json::to_writer(&mut texts, document)
                .map_err(|_| IndexError::Broken("a document has no JSON form"))?;
            within_bytes(bytes.len() + texts.len())?;
        }
        bytes.extend_from_slice(&(texts.len() as u64).to_le_bytes());
        bytes.append(&mut texts);
        within_bytes(bytes.len())?;
        Ok(Self { bytes: bytes.into(), dimensions, count })
    }

    /// The documents of several indexes in one, in order.
    pub fn merge(parts: &[Self]) -> Result<Self, IndexError> {
        let (mut documents, mut vectors) = (Vec::new(), Vec::new());
        for (part, row) in parts.iter().flat_map(|part| (0..part.count).map(move |row| (part, row))) {
            documents.push(part.document(row)?);
            vectors.push(part.vector(row));
        }
        Self::build(&documents, &vectors)
    }

    /// An index as it was kept.
    ///
    /// # Errors
    /// [`IndexError::Broken`] when the bytes are not those of a whole index of this format.
    pub fn open(bytes: Arc<[u8]>) -> Result<Self, IndexError> {
        let broken = |what| Err(IndexError::Broken(what));
        let Some((header, _)) = bytes.split_first_chunk::<HEADER>() else { return broken("it ends early") };
        if !header.starts_with(MARK) {
            return broken("it is no index");
        }
        if u32_at(header, 8) as usize != FORMAT as usize {
            return broken("it is of another format");
        }
        let dimensions = u32_at(header, 12) as usize;
        let count = usize::try_from(u64_at(header, 16)).unwrap_or(usize::MAX);
        let index = Self { bytes, dimensions, count };
        match index.is_whole() {
            Some(true) => Ok(index),
            _ => broken("its parts do not fit together"),
        }
    }

    /// `None` where a length goes beyond all bounds.
    fn is_whole(&self) -> Option<bool> {
        let vectors = self.count.checked_mul(self.dimensions)?.checked_mul(FLOAT)?;
        let offsets = self.count.checked_add(1)?.checked_mul(OFFSET)?;
        let documents = HEADER.checked_add(vectors)?.checked_add(offsets)?;
        let texts = self.bytes.len().checked_sub(documents)?;
        let ends = (0..=self.count).map(|row| self.offset(row));
        Some(ends.is_sorted() && self.offset(self.count) == texts)
    }

    /// The bytes to keep.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// Numbers of each vector; 0 where there is none.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The vectors as bytes, in the order of the documents.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        let vectors = &self.bytes[HEADER..self.offsets()];
        vectors.chunks_exact((self.dimensions * FLOAT).max(1))
    }

    /// The vector of a document.
    pub fn vector(&self, row: usize) -> Vec<f32> {
        let at = HEADER + row * self.dimensions * FLOAT;
        let (floats, _) = self.bytes[at..at + self.dimensions * FLOAT].as_chunks::<FLOAT>();
        floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    /// A document.
    pub fn document(&self, row: usize) -> Result<Document, IndexError> {
        let texts = &self.bytes[self.offsets() + (self.count + 1) * OFFSET..];
        let text = texts.get(self.offset(row)..self.offset(row + 1));
        let document = text.and_then(|text| serde_json::from_slice(text).ok());
        document.ok_or(IndexError::Broken("a document is no JSON"))
    }

    fn offsets(&self) -> usize {
        HEADER + self.count * self.dimensions * FLOAT
    }

    fn offset(&self, row: usize) -> usize {
        usize::try_from(u64_at(&self.bytes, self.offsets() + row * OFFSET)).unwrap_or(usize::MAX)
    }
}

fn header(dimensions: usize, count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + count * (dimensions * FLOAT + OFFSET));
    bytes.extend_from_slice(MARK);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    // Checked before: a vector of more numbers would be over the limit of bytes by itself.
    bytes.extend_from_slice(&(dimensions as u32).to_le_bytes());
    bytes.extend_from_slice(&(count as u64).to_le_bytes());
    bytes
}

/// Whether vectors belong to that many documents and to each other, before anything large is made of them.
pub(crate) fn check(documents: usize, vectors: &[Vec<f32>]) -> Result<(), IndexError> {
    if documents > MAX_DOCUMENTS {
        return Err(IndexError::TooManyDocuments { found: documents });
    }
    if documents != vectors.len() {
        return Err(IndexError::Count { documents, vectors: vectors.len() });
    }
    let expected = vectors.first().map_or(0, Vec::len);
    for vector in vectors {
        if vector.len() != expected {
            return Err(IndexError::Dimensions { expected, found: vector.len() });
        }
        if vector.is_empty() || !vector.iter().all(|x| x.is_finite()) {
            return Err(IndexError::NotFinite);
        }
    }
    within_bytes(documents.saturating_mul(expected).saturating_mul(FLOAT))
}

fn within_bytes(found: usize) -> Result<(), IndexError> {
    if found > MAX_BYTES { Err(IndexError::TooLarge { found }) } else { Ok(()) }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |four| u32::from_le_bytes(*four))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(text: &str) -> Document {
        let metadata = json!({"source": text}).as_object().cloned().unwrap();
        Document { page_content: text.to_owned(), metadata }
    }

    fn two() -> Index {
        Index::build(&[document("a"), document("ü")], &[vec![1.0, 2.0], vec![-0.5, 1e-9]]).unwrap()
    }

    #[test]
    fn what_is_kept_comes_back() {
        let index = Index::open(two().bytes().clone()).unwrap();
        assert_eq!((index.count, index.dimensions()), (2, 2));
        assert_eq!(index.vector(1), [-0.5, 1e-9]);
        assert_eq!(index.document(1).unwrap(), document("ü"));
        let both = Index::merge(&[index.clone(), index]).unwrap();
        assert_eq!((both.count, both.document(2).unwrap()), (4, document("a")));
        assert_eq!(Index::open(Index::build(&[], &[]).unwrap().bytes().clone()).unwrap().rows().count(), 0);
    }

    /// Every byte of the header and the offsets matters, and so does the length.
    #[test]
    fn bytes_that_are_no_index_are_refused() {
        let whole = two().bytes().to_vec();
        let structure = (0..HEADER).chain(two().offsets()..two().offsets() + 3 * OFFSET);
        for at in structure {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x80;
            let opened = Index::open(bytes.into());
            let usable = opened.is_ok_and(|index| (0..2).all(|row| index.document(row).is_ok()));
            assert!(!usable, "byte {at}");
        }
        for length in 0..whole.len() {
            assert!(Index::open(whole[..length].into()).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn vectors_that_do_not_fit_are_named() {
        let (a, b) = (document("a"), document("b"));
        let cases: [(&[Vec<f32>], IndexError); 4] = [
            (&[vec![1.0, 2.0], vec![1.0]], IndexError::Dimensions { expected: 2, found: 1 }),
            (&[vec![1.0]], IndexError::Count { documents: 2, vectors: 1 }),
            (&[vec![1.0], vec![f32::NAN]], IndexError::NotFinite),
            (&[vec![], vec![]], IndexError::NotFinite),
        ];
        for (vectors, expected) in cases {
            assert_eq!(Index::build(&[a.clone(), b.clone()], vectors).unwrap_err(), expected);
        }
        let many = vec![a; MAX_DOCUMENTS + 1];
        let error = RunError::from(Index::build(&many, &[]).unwrap_err());
        assert_eq!((error.kind, error.message.contains("50001")), (ErrorKind::Flow, true), "{error}");
    }
}
