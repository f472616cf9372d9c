//! Cutting texts to pieces, by the rules of LangChain's text splitters (langchain-text-splitters 0.0.1).
//! Lengths are in code points, as Python counts them.

use std::collections::VecDeque;

use millrace_engine::{Document, ErrorKind, LazyValue, Outputs, RunError, Value};
use regex::Regex;

use super::plain_text::strip;

/// Pieces that one splitter makes at most.
const MAX_PIECES: usize = 200_000;
/// Bytes of all pieces together: a large overlap repeats a text many times.
const MAX_BYTES: usize = 128 << 20;

/// How long pieces may be and how much of one the next repeats, in code points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    chunk: usize,
    overlap: usize,
}

impl Sizes {
    /// # Errors
    /// An overlap that is longer than a piece.
    pub fn new(chunk: u32, overlap: u32) -> Result<Self, RunError> {
        if overlap > chunk {
            let message = format!(
                "field 'chunk_overlap': Got a larger chunk overlap ({overlap}) than chunk size ({chunk}), \
                 should be smaller."
            );
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        Ok(Self { chunk: chunk as usize, overlap: overlap as usize })
    }
}

/// Where a text may be cut.
#[derive(Debug, Clone)]
pub(super) enum Separator {
    /// Between any two characters.
    Anywhere,
    /// At this text.
    Text(String),
    /// At what this matches.
    Pattern(Regex),
    /// At the end of the text, and before a line break there: Python's `$`.
    End,
}

impl Separator {
    /// At this text, or anywhere if it is empty.
    pub fn text(text: impl Into<String>) -> Self {
        match text.into() {
            text if text.is_empty() => Self::Anywhere,
            text => Self::Text(text),
        }
    }

    fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Anywhere | Self::End => true,
            Self::Text(separator) => text.contains(separator.as_str()),
            Self::Pattern(pattern) => pattern.is_match(text),
        }
    }

    /// Where it stands in the text, as start and end in bytes.
    fn places<'t>(&'t self, text: &'t str) -> Box<dyn Iterator<Item = (usize, usize)> + 't> {
        match self {
            Self::Anywhere => Box::new(text.char_indices().map(|(at, _)| (at, at))),
            Self::Text(separator) => {
                Box::new(text.match_indices(separator.as_str()).map(|(at, found)| (at, at + found.len())))
            }
            Self::Pattern(pattern) => Box::new(pattern.find_iter(text).map(|m| (m.start(), m.end()))),
            Self::End => {
                let before = text.ends_with('\n').then(|| text.len() - 1);
                Box::new(before.into_iter().chain([text.len()]).map(|at| (at, at)))
            }
        }
    }

    /// The text cut here. A separator that is kept begins the next piece; empty pieces are left out.
    fn cut<'t>(&'t self, text: &'t str, keep: bool) -> impl Iterator<Item = &'t str> {
        let mut start = 0;
        let end = std::iter::once((text.len(), text.len()));
        self.places(text).chain(end).filter_map(move |(at, after)| {
            let piece = &text[start..at];
            start = if keep { at } else { after };
            (!piece.is_empty()).then_some(piece)
        })
    }
}

/// One way of cutting.
#[derive(Debug, Clone)]
pub(super) enum Splitter {
    /// At one separator, which is dropped between pieces.
    Plain(String),
    /// At the first of these that the text has; what is still too long, at the next.
    Recursive(Vec<Separator>),
}

impl Splitter {
    /// The node's output: the pieces of the documents that are wired to it. Cut beside the run, since a large
    /// text takes a while.
    ///
    /// # Errors
    /// Something wired that is no text, or more pieces than the limits above.
    pub async fn outputs(self, wired: Vec<LazyValue>, sizes: Sizes) -> Result<Outputs, RunError> {
        let documents = documents(wired)?;
        let work = tokio::task::spawn_blocking(move || self.split(documents, sizes));
        let ended =
            |e: tokio::task::JoinError| RunError::new(ErrorKind::Internal, "The splitter failed").because(e);
        let pieces = work.await.map_err(ended)??;
        let pieces = pieces.into_iter().map(Value::Document).collect();
        Ok(Outputs::one("documents", Value::List(pieces)))
    }

    /// The pieces of each document, each with its document's metadata.
    ///
    /// # Errors
    /// More or larger pieces than the limits above.
    pub fn split(&self, documents: Vec<Document>, sizes: Sizes) -> Result<Vec<Document>, RunError> {
        let mut pieces = Pieces::default();
        let mut split = Vec::new();
        for Document { page_content, metadata } in documents {
            match self {
                Self::Plain(separator) => plain(&page_content, separator, sizes, &mut pieces)?,
                Self::Recursive(separators) => recursive(&page_content, separators, sizes, &mut pieces)?,
            }
            let documents = pieces.texts.drain(..);
            split.extend(documents.map(|text| Document { page_content: text, metadata: metadata.clone() }));
        }
        Ok(split)
    }
}

fn plain(text: &str, separator: &str, sizes: Sizes, pieces: &mut Pieces) -> Result<(), RunError> {
    let at = Separator::text(separator);
    let mut merger = Merger::new(separator, sizes);
    for piece in at.cut(text, false) {
        merger.add(piece, piece.chars().count(), pieces)?;
    }
    merger.finish(pieces)
}

fn recursive(text: &str, all: &[Separator], sizes: Sizes, pieces: &mut Pieces) -> Result<(), RunError> {
    let found = all.iter().position(|separator| separator.is_in(text));
    let (separator, finer) = match found {
        Some(at) if matches!(all[at], Separator::Anywhere) => (&all[at], &[][..]),
        Some(at) => (&all[at], &all[at + 1..]),
        None => match all.last() {
            Some(last) => (last, &[][..]),
            None => return pieces.push(text.to_owned()),
        },
    };
    let mut merger = Merger::new("", sizes);
    for piece in separator.cut(text, true) {
        let length = piece.chars().count();
        if length < sizes.chunk {
            merger.add(piece, length, pieces)?;
            continue;
        }
        merger.finish(pieces)?;
        match finer {
            [] => pieces.push(piece.to_owned())?,
            finer => recursive(piece, finer, sizes, pieces)?,
        }
    }
    merger.finish(pieces)
}

/// Puts small pieces together until they are as long as they may be, and begins the next with the last of
/// them that fit into the overlap.
struct Merger<'t> {
    glue: &'t str,
    glue_length: usize,
    sizes: Sizes,
    window: VecDeque<(&'t str, usize)>,
    total: usize,
}

impl<'t> Merger<'t> {
    fn new(glue: &'t str, sizes: Sizes) -> Self {
        Self { glue, glue_length: glue.chars().count(), sizes, window: VecDeque::new(), total: 0 }
    }

    fn add(&mut self, piece: &'t str, length: usize, pieces: &mut Pieces) -> Result<(), RunError> {
        if self.with(length) > self.sizes.chunk && !self.window.is_empty() {
            self.emit(pieces)?;
            while self.total > self.sizes.overlap || (self.with(length) > self.sizes.chunk && self.total > 0)
            {
                let Some((_, first)) = self.window.pop_front() else { break };
                self.total -= first + if self.window.is_empty() { 0 } else { self.glue_length };
            }
        }
        self.total = self.with(length);
        self.window.push_back((piece, length));
        Ok(())
    }

    /// The length with one more piece.
    fn with(&self, length: usize) -> usize {
        self.total + length + if self.window.is_empty() { 0 } else { self.glue_length }
    }

    fn emit(&self, pieces: &mut Pieces) -> Result<(), RunError> {
        let parts: Vec<&str> = self.window.iter().map(|(piece, _)| *piece).collect();
        let text = parts.join(self.glue);
        match strip(&text) {
            "" => Ok(()),
            text => pieces.push(text.to_owned()),
        }
    }

    fn finish(&mut self, pieces: &mut Pieces) -> Result<(), RunError> {
        self.emit(pieces)?;
        self.window.clear();
        self.total = 0;
        Ok(())
    }
}

#[derive(Default)]
struct Pieces {
    texts: Vec<String>,
    count: usize,
    bytes: usize,
}

impl Pieces {
    fn push(&mut self, text: String) -> Result<(), RunError> {
        self.count += 1;
        self.bytes += text.len();
        if self.count > MAX_PIECES || self.bytes > MAX_BYTES {
            let message = format!(
                "The splitter makes more than {MAX_PIECES} pieces or {} MiB; make 'chunk_size' larger or \
                 'chunk_overlap' smaller",
                MAX_BYTES >> 20
            );
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        self.texts.push(text);
        Ok(())
    }
}

/// What is wired into a splitter's `documents`; texts and messages are documents without metadata.
fn documents(wired: Vec<LazyValue>) -> Result<Vec<Document>, RunError> {
    let mut documents = Vec::new();
    wired.into_iter().try_for_each(|value| gather(value.0, &mut documents))?;
    Ok(documents)
}

fn gather(value: Value, documents: &mut Vec<Document>) -> Result<(), RunError> {
    match value {
        Value::Document(document) => documents.push(document),
        Value::List(list) => list.into_iter().try_for_each(|value| gather(value, documents))?,
        other => match other.as_text() {
            Some(text) => documents.push(Document { page_content: text, metadata: Default::default() }),
            None => {
                let message = format!("field 'documents': expected documents, found {}", other.kind());
                return Err(RunError::new(ErrorKind::Flow, message));
            }
        },
    }
    Ok(())
}

/// A text as the editor keeps it, with Python's escapes decoded: `\n` is a line break. What is no escape stays.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (decoded, length) = escape(&rest[at + 1..]).unwrap_or(('\\', 0));
        out.push(decoded);
        rest = &rest[at + 1 + length..];
    }
    out.push_str(rest);
    out
}

/// The character that the escape after a backslash means, and the escape's length in bytes.
fn escape(after: &str) -> Option<(char, usize)> {
    let simple = |c| Some((c, 1));
    match after.chars().next()? {
        'n' => simple('\n'),
        't' => simple('\t'),
        'r' => simple('\r'),
        'a' => simple('\x07'),
        'b' => simple('\x08'),
        'f' => simple('\x0c'),
        'v' => simple('\x0b'),
        c @ ('\\' | '\'' | '"') => simple(c),
        'x' => coded(after, 2),
        'u' => coded(after, 4),
        'U' => coded(after, 8),
        _ => None,
    }
}

fn coded(after: &str, digits: usize) -> Option<(char, usize)> {
    let code = u32::from_str_radix(after.get(1..=digits)?, 16).ok()?;
    Some((char::from_u32(code)?, 1 + digits))
}

#[cfg(test)]
mod tests {
    use millrace_engine::File;
    use serde::Deserialize;
    use serde_json::Value as Json;

    use super::*;

    use crate::documents::languages;

    /// What LangChain made of these texts.
    #[derive(Deserialize)]
    struct Recorded {
        texts: Vec<String>,
        cases: Vec<Case>,
    }

    #[derive(Debug, Deserialize)]
    struct Case {
        text: usize,
        separator: Option<String>,
        separators: Option<Vec<String>>,
        language: Option<String>,
        size: u32,
        overlap: u32,
        chunks: Vec<String>,
    }

    impl Case {
        fn splitter(&self) -> Splitter {
            match (&self.separator, &self.separators, &self.language) {
                (Some(separator), ..) => Splitter::Plain(separator.clone()),
                (_, Some(separators), _) => {
                    Splitter::Recursive(separators.iter().map(Separator::text).collect())
                }
                (.., Some(language)) => Splitter::Recursive(languages::separators(language).unwrap()),
                _ => unreachable!("a case names its way of cutting"),
            }
        }
    }

    fn split(text: &str, splitter: &Splitter, sizes: Sizes) -> Result<Vec<String>, RunError> {
        let document = Document { page_content: text.to_owned(), metadata: Default::default() };
        Ok(splitter.split(vec![document], sizes)?.into_iter().map(|d| d.page_content).collect())
    }

    #[test]
    fn texts_are_cut_where_langchain_cuts_them() {
        let recorded: Recorded = serde_json::from_str(include_str!("../../tests/data/splits.json")).unwrap();
        assert!(recorded.cases.len() > 300);
        for case in &recorded.cases {
            let sizes = Sizes::new(case.size, case.overlap).unwrap();
            let chunks = split(&recorded.texts[case.text], &case.splitter(), sizes).unwrap();
            assert_eq!(chunks, case.chunks, "{case:?}");
        }
    }

    #[test]
    fn an_overlap_that_multiplies_the_text_is_refused() {
        let words = vec!["x".repeat(1000); 1500];
        let sizes = Sizes::new(100_099, 100_098).unwrap();
        let error = split(&words.join(" "), &Splitter::Plain(" ".to_owned()), sizes).unwrap_err();
        assert!(error.message.contains("128 MiB"), "{error}");
        assert!(Sizes::new(10, 11).unwrap_err().message.contains("(11) than chunk size (10)"));
    }

    #[test]
    fn escapes_are_pythons() {
        let cases = [
            (r"\n\n", "\n\n"),
            (r"a\tb\\n", "a\tb\\n"),
            (r"\x41\u00e9\U0001F600", "Aé😀"),
            (r"é。\q\", r"é。\q\"),
            (r"\xZZ\ud800", r"\xZZ\ud800"),
        ];
        for (text, meant) in cases {
            assert_eq!(unescape(text), meant);
        }
    }

    /// What a recorded flow had embedded: token ids that are code points.
    fn embedded(golden: &std::path::Path) -> Vec<String> {
        let golden: Json = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
        let calls = golden["turns"][0]["llm_calls"].as_array().unwrap();
        let first = calls.iter().find(|call| call["path"] == "/v1/embeddings").unwrap();
        let text = |ids: &Json| {
            let code = |id: &Json| char::from_u32(id.as_u64().unwrap() as u32).unwrap();
            ids.as_array().unwrap().iter().map(code).collect::<String>()
        };
        first["body"]["input"].as_array().unwrap().iter().map(text).collect()
    }

    /// Recordings of Langflow stand beside the repository, where they are at hand.
    #[test]
    fn recorded_flows_embed_these_pieces() {
        let recorded = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/langflow-0.6");
        if !recorded.is_dir() {
            println!("skipped: there is no {}", recorded.display());
            return;
        }
        let dots = || vec![Separator::text(".")];
        let usual = || ["\n\n", "\n", " ", ""].map(Separator::text).to_vec();
        let cases = [
            ("retrieval_qa_faiss_06", "notes.txt", usual(), (60, 0)),
            ("agent_retriever_tool_06", "notes.txt", usual(), (60, 0)),
            ("pdf_loader", "doc.pdf", dots(), (1000, 200)),
            ("csv_loader", "people.csv", dots(), (1000, 200)),
        ];
        for (golden, name, separators, (size, overlap)) in cases {
            let bytes = std::fs::read(recorded.join("fixtures").join(name)).unwrap();
            let file = File { name: name.to_owned(), bytes: bytes.into(), immutable: true };
            let documents = crate::documents::formats::automatic(&file).unwrap();
            let sizes = Sizes::new(size, overlap).unwrap();
            let pieces = Splitter::Recursive(separators).split(documents, sizes).unwrap();
            let pieces: Vec<String> = pieces.into_iter().map(|piece| piece.page_content).collect();
            assert_eq!(pieces, embedded(&recorded.join(format!("goldens/{golden}.json"))), "{golden}");
        }
    }
}
