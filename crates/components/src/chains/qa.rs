//! Questions answered from what a retriever finds.

use std::sync::LazyLock;

use millrace_engine::{ChatModel, Context, Document, Retriever, RunError, Value};
use regex::Regex;
use serde_json::Value as Json;

use super::combine::{ChainType, Combination, Form};

/// The output under which chains answer the documents that an answer rests on.
pub(crate) const SOURCE_DOCUMENTS: &str = "source_documents";

/// An answer and the sources it names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sourced {
    pub answer: String,
    /// As the model lists them; empty if it names none.
    pub sources: String,
}

/// Answers a question from what the retriever finds, all documents in one prompt.
///
/// # Errors
/// What the retriever and the model fail with.
pub(crate) async fn answer(
    cx: &Context,
    llm: &dyn ChatModel,
    retriever: &dyn Retriever,
    question: &str,
) -> Result<String, RunError> {
    let documents = retriever.retrieve(cx, question).await?;
    let (chain_type, form) = (ChainType::Stuff, Form::Plain);
    Combination { llm, chain_type, form, question }.answer(cx, &documents).await
}

/// As [`answer`], with sources: the JSON text `{"answer": …, "sources": …}` that LangChain's tool gives.
///
/// # Errors
/// What the retriever and the model fail with.
pub(crate) async fn answer_with_sources(
    cx: &Context,
    llm: &dyn ChatModel,
    retriever: &dyn Retriever,
    question: &str,
) -> Result<String, RunError> {
    let documents = retriever.retrieve(cx, question).await?;
    let (chain_type, form) = (ChainType::Stuff, Form::Sources);
    let reply = Combination { llm, chain_type, form, question }.answer(cx, &documents).await?;
    let Sourced { answer, sources } = split_sources(&reply);
    // Python's separators, with a blank after each.
    Ok(format!("{{\"answer\": {}, \"sources\": {}}}", Json::String(answer), Json::String(sources)))
}

/// Splits a reply at its `SOURCES:` (LangChain's `_split_sources`): what follows on that line are the
/// sources, what stands before is the answer. A `QUESTION: ` that comes first ends the answer too.
pub(crate) fn split_sources(reply: &str) -> Sourced {
    // A pattern that does not compile finds nothing; the tests would.
    static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)SOURCES?:").ok());
    static SPLIT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)SOURCES?:|QUESTION:\s").ok());
    let named = NAMED.as_ref().is_some_and(|pattern| pattern.is_match(reply));
    let mut parts = SPLIT.as_ref().filter(|_| named).into_iter().flat_map(|pattern| pattern.splitn(reply, 3));
    let answer = parts.next().unwrap_or(reply).to_owned();
    let sources = parts.next().and_then(|rest| rest.split('\n').next()).unwrap_or_default().trim().to_owned();
    Sourced { answer, sources }
}

/// Documents as an answer shows them: `{page_content, metadata, type: "Document"}` each.
pub(crate) fn shown(documents: &[Document]) -> Json {
    documents.iter().map(|document| Value::Document(document.clone()).to_json()).collect()
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use millrace_engine::Role;
    use serde_json::json;

    use super::*;
    use crate::stand_in::{Scripted, Stand};

    #[derive(Debug)]
    struct Shelf(Vec<Document>);

    #[async_trait]
    impl Retriever for Shelf {
        async fn retrieve(&self, _: &Context, _: &str) -> Result<Vec<Document>, RunError> {
            Ok(self.0.clone())
        }
    }

    fn shelf(texts: &[&str]) -> Shelf {
        let document = |(place, text): (usize, &&str)| Document {
            page_content: (*text).to_owned(),
            metadata: json!({"source": format!("s{place}")}).as_object().cloned().unwrap(),
        };
        Shelf(texts.iter().enumerate().map(document).collect())
    }

    #[tokio::test]
    async fn all_documents_stand_in_the_system_message() {
        let llm = Scripted::saying(&["330 m"]);
        let shelf = shelf(&["The tower {is} high.", "330 metres."]);
        let said = answer(&Stand::offline().cx(), llm.as_ref(), &shelf, "How high?").await.unwrap();
        assert_eq!(said, "330 m");
        let asked = llm.asked.lock().unwrap();
        let [system, user] = asked[0].messages.as_slice() else { panic!("two messages: {asked:?}") };
        assert_eq!((system.role, user.role), (Role::System, Role::User));
        assert!(system.content.ends_with("\nThe tower {is} high.\n\n330 metres."), "{}", system.content);
        assert_eq!(user.content, "How high?");
        assert!(asked[0].stop.is_empty());
    }

    #[tokio::test]
    async fn sources_are_shown_and_named() {
        let llm = Scripted::saying(&["Alice\nSOURCES: s0"]);
        let shelf = shelf(&["name: Alice", "name: Bob"]);
        let said = answer_with_sources(&Stand::offline().cx(), llm.as_ref(), &shelf, "Who?").await.unwrap();
        assert_eq!(said, r#"{"answer": "Alice\n", "sources": "s0"}"#);
        let asked = llm.asked.lock().unwrap();
        let [user] = asked[0].messages.as_slice() else { panic!("one message: {asked:?}") };
        assert_eq!(user.role, Role::User);
        let shown = "QUESTION: Who?\n=========\nContent: name: Alice\nSource: s0\n\nContent: name: Bob\nSource: s1\n===";
        assert!(user.content.contains(shown), "{}", user.content);
    }

    #[test]
    fn replies_are_split_at_their_sources() {
        let cases = [
            ("Paris\nSOURCES: a.txt, b.txt\nmore", "Paris\n", "a.txt, b.txt"),
            ("Paris. source:a", "Paris. ", "a"),
            ("Paris", "Paris", ""),
            ("Paris QUESTION: who?\nSOURCES: a", "Paris ", "who?"),
            ("a question: is no source", "a question: is no source", ""),
        ];
        for (reply, answer, sources) in cases {
            let wanted = Sourced { answer: answer.to_owned(), sources: sources.to_owned() };
            assert_eq!(split_sources(reply), wanted, "{reply}");
        }
    }
}
