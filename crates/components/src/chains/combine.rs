//! Answering a question from several documents: four ways to put them before a model.
//!
//! The ways are LangChain's (`load_qa_chain` of 0.1.16). Where its map calls run one after another, ours
//! run side by side.

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use millrace_engine::{ChatModel, Context, Document, ErrorKind, Object, RunError, python_str};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::combine_prompts::{PLAIN, SOURCES, Wording};
use super::own_prompt::{OwnPrompt, ask, fill};

/// Documents taken at most where each costs a model call.
const MAX_DOCUMENTS: usize = 100;

/// Model calls about documents that run at the same time.
const AT_ONCE: usize = 8;

/// Tokens of the last prompt of `map_reduce`, above which what was found is combined in groups first
/// (LangChain's `token_max`).
const TOKEN_MAX: usize = 3000;

/// How often what was found is combined in groups at most.
const MAX_ROUNDS: usize = 5;

/// How documents are put before a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChainType {
    /// All in one prompt.
    #[default]
    Stuff,
    /// Each by itself, then what was found in all.
    MapReduce,
    /// One after the other, each improving the answer.
    Refine,
    /// Each by itself; the answer with the best score is taken.
    MapRerank,
}

impl ChainType {
    /// The name in a flow.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stuff => "stuff",
            Self::MapReduce => "map_reduce",
            Self::Refine => "refine",
            Self::MapRerank => "map_rerank",
        }
    }
}

/// What answers: the sources are named in the answer, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The answer alone.
    Plain,
    /// The answer and a line `SOURCES: …`.
    Sources,
}

impl Form {
    fn wording(self) -> Wording {
        match self {
            Self::Plain => PLAIN,
            Self::Sources => SOURCES,
        }
    }

    /// A document as the prompt shows it.
    fn show(self, document: &Document) -> String {
        match (self, document.metadata.get("source")) {
            (Self::Plain, _) => document.page_content.clone(),
            (Self::Sources, None) => format!("Content: {}", document.page_content),
            (Self::Sources, Some(source)) => {
                format!("Content: {}\nSource: {}", document.page_content, python_str(source))
            }
        }
    }

    fn show_all(self, documents: &[Document]) -> String {
        documents.iter().map(|document| self.show(document)).collect::<Vec<_>>().join("\n\n")
    }
}

/// A model and how it is asked about documents: what a `CombineDocsChain` is to other chains.
#[derive(Debug, Clone)]
pub(crate) struct CombineDocs {
    pub llm: Arc<dyn ChatModel>,
    pub chain_type: ChainType,
}

impl Object for CombineDocs {
    fn kind(&self) -> &'static str {
        "a chain that combines documents"
    }

    fn describe(&self) -> Json {
        json!({"combine_documents_chain": self.chain_type.name()})
    }
}

/// A question about documents.
pub(crate) struct Combination<'a> {
    pub llm: &'a dyn ChatModel,
    pub chain_type: ChainType,
    pub form: Form,
    pub question: &'a str,
}

impl Combination<'_> {
    /// The answer. Without documents the model is asked once, with nothing to go by.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] for more than 100 documents where each costs a call, or when what was found stays
    /// too long; else what the model fails with.
    pub async fn answer(&self, cx: &Context, documents: &[Document]) -> Result<String, RunError> {
        if documents.len() > MAX_DOCUMENTS && self.chain_type != ChainType::Stuff {
            let message = format!(
                "field 'chain_type': {} asks about each document, and there are {}; at most {MAX_DOCUMENTS} \
                 are possible",
                self.chain_type.name(),
                documents.len()
            );
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        match self.chain_type {
            ChainType::Stuff => {
                let context = self.form.show_all(documents);
                self.ask(cx, self.form.wording().stuff, &context).await
            }
            ChainType::MapReduce => self.map_reduce(cx, documents).await,
            ChainType::Refine => self.refine(cx, documents).await,
            ChainType::MapRerank => self.map_rerank(cx, documents).await,
        }
    }

    async fn ask(&self, cx: &Context, prompt: OwnPrompt, context: &str) -> Result<String, RunError> {
        ask(cx, self.llm, prompt, &[("context", context), ("question", self.question)]).await
    }

    /// Asks about each context, side by side; answers in their order. A failure is told once all have
    /// ended, so that what was paid for is recorded.
    async fn ask_each(
        &self,
        cx: &Context,
        step: &str,
        prompt: OwnPrompt,
        contexts: Vec<String>,
    ) -> Result<Vec<String>, RunError> {
        let calls = contexts.into_iter().enumerate().map(|(place, context)| async move {
            self.ask(&cx.scope(&format!("{step}-{place}")), prompt, &context).await
        });
        let answers: Vec<_> = stream::iter(calls).buffered(AT_ONCE).collect().await;
        answers.into_iter().collect()
    }

    async fn map_reduce(&self, cx: &Context, documents: &[Document]) -> Result<String, RunError> {
        let wording = self.form.wording();
        let texts = documents.iter().map(|document| document.page_content.clone()).collect();
        let found = self.ask_each(cx, "map", wording.map, texts).await?;
        let kept = documents.iter().map(|document| document.metadata.clone());
        let found: Vec<Document> = found
            .into_iter()
            .zip(kept)
            .map(|(page_content, metadata)| Document { page_content, metadata })
            .collect();
        let found = self.collapse(cx, found).await?;
        self.ask(cx, wording.reduce, &self.form.show_all(&found)).await
    }

    /// Combines in groups until all fits the last prompt.
    async fn collapse(&self, cx: &Context, mut found: Vec<Document>) -> Result<Vec<Document>, RunError> {
        for round in 0..MAX_ROUNDS {
            if self.tokens(&found)? <= TOKEN_MAX {
                return Ok(found);
            }
            let groups = self.groups(found)?;
            let texts = groups.iter().map(|group| self.form.show_all(group)).collect();
            let reduce = self.form.wording().reduce;
            let answers = self.ask_each(cx, &format!("collapse-{round}"), reduce, texts).await?;
            found = answers
                .into_iter()
                .zip(&groups)
                .map(|(page_content, group)| Document { page_content, metadata: merged(group) })
                .collect();
        }
        if self.tokens(&found)? <= TOKEN_MAX {
            return Ok(found);
        }
        let message = format!(
            "field 'chain_type': after {MAX_ROUNDS} rounds, what the model found in the documents is still longer than \
             {TOKEN_MAX} tokens"
        );
        Err(RunError::new(ErrorKind::Flow, message))
    }

    /// Neighbours together, as many as fit one prompt; one that does not fit alone is a group of its own.
    fn groups(&self, found: Vec<Document>) -> Result<Vec<Vec<Document>>, RunError> {
        let mut groups: Vec<Vec<Document>> = Vec::new();
        let mut group: Vec<Document> = Vec::new();
        for document in found {
            group.push(document);
            if group.len() > 1
                && self.tokens(&group)? > TOKEN_MAX
                && let Some(last) = group.pop()
            {
                groups.push(std::mem::replace(&mut group, vec![last]));
            }
        }
        groups.push(group);
        Ok(groups)
    }

    /// Tokens of the last prompt with these documents, **estimated** at four characters a token.
    fn tokens(&self, documents: &[Document]) -> Result<usize, RunError> {
        let context = self.form.show_all(documents);
        let values = [("context", context.as_str()), ("question", self.question)];
        let messages = fill(self.form.wording().reduce, &values)?;
        let characters: usize = messages.iter().map(|message| message.content.chars().count()).sum();
        Ok(characters.div_ceil(4))
    }

    async fn refine(&self, cx: &Context, documents: &[Document]) -> Result<String, RunError> {
        let wording = self.form.wording();
        let first = documents.first().map(|document| self.form.show(document)).unwrap_or_default();
        let mut answer = self.ask(cx, wording.first, &first).await?;
        for document in documents.iter().skip(1) {
            let context = self.form.show(document);
            let values = [
                ("question", self.question),
                ("existing_answer", answer.as_str()),
                ("context", context.as_str()),
            ];
            answer = ask(cx, self.llm, wording.refine, &values).await?;
        }
        Ok(answer)
    }

    /// The answer with the highest score, the first of several.
    async fn map_rerank(&self, cx: &Context, documents: &[Document]) -> Result<String, RunError> {
        let mut texts: Vec<_> = documents.iter().map(|document| document.page_content.clone()).collect();
        if texts.is_empty() {
            texts.push(String::new());
        }
        let replies = self.ask_each(cx, "rerank", self.form.wording().rerank, texts).await?;
        let scored = replies.iter().map(|reply| scored(reply));
        let best = scored.reduce(|best, next| if next.1 > best.1 { next } else { best });
        Ok(best.map(|(answer, _)| answer.to_owned()).unwrap_or_default())
    }
}

/// An answer and its score: the line before `Score: `, and the number after it. **Without a score that can
/// be read, the whole reply counts for nothing** but is taken where no other is better.
fn scored(reply: &str) -> (&str, u64) {
    const MARK: &str = "\nScore: ";
    let Some(at) = reply.find(MARK) else { return (reply, 0) };
    let line = reply[..at].rsplit('\n').next().unwrap_or_default();
    let rest = &reply[at + MARK.len()..];
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    (line, digits.parse().unwrap_or(0))
}

/// The metadata of several documents as that of one: values under one key, side by side.
fn merged(group: &[Document]) -> Map<String, Json> {
    let mut all = Map::new();
    for (key, value) in group.iter().flat_map(|document| &document.metadata) {
        let text = python_str(value);
        let joined = match all.get(key) {
            Some(Json::String(known)) => format!("{known}, {text}"),
            _ => text,
        };
        all.insert(key.clone(), Json::String(joined));
    }
    all
}
