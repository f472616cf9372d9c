//! MultiQueryRetriever: asks a question in several wordings and joins what is found (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use millrace_engine::{
    Capability, ChatModel, ChatRequest, Component, Context, Document, Entry, ErrorKind, Example, Outputs,
    Prompt, Retriever, Role, RunError, Spec, Value, VectorStore, handles, message, output,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::chains::own_prompt::{OwnPrompt, ask};

/// Wordings of a question that are looked for at most.
const MAX_QUERIES: usize = 10;

/// Our own words; variable and role as in LangChain.
const WORDINGS: OwnPrompt = &[(
    Role::User,
    "Put the question below in 3 different ways, so that a search by likeness finds what one wording alone would \
     miss. Write each on a line of its own, and nothing else. The question: {question}",
)];

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct MultiQueryRetriever {
    llm: handles::ChatModel,
    retriever: handles::Retriever,
    prompt: Option<handles::Prompt>,
}

impl Component for MultiQueryRetriever {
    const SPEC: Spec = Spec {
        names: &["MultiQueryRetriever"],
        about: "Has a model put a question in several wordings, looks for each, and gives what was found \
                together, each document once.",
        inputs: &[
            message("llm", "The model."),
            message("retriever", "What finds the documents; a vector store serves."),
            message(
                "prompt",
                "A prompt with the variable question, after which the model writes one wording a line; the \
                 first 10 are looked for.",
            ),
        ],
        outputs: &[output("retriever")],
        examples: &[Example {
            title: "over a store without documents",
            inputs: r#"{
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "retriever": {"$component": "FAISS", "inputs": {
                    "embedding": {"$component": "OpenAIEmbeddings", "inputs": {"openai_api_key": "sk-x"}}
                }}
            }"#,
            output: r#"{"retriever": {"retriever": {}}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let prompt = self.prompt.map(|prompt| prompt.0);
        let retriever = ManyWordings { llm: self.llm.0, retriever: self.retriever.0, prompt };
        Ok(Outputs::one("retriever", Value::Capability(Capability::Retriever(Arc::new(retriever)))))
    }
}

#[derive(Debug)]
struct ManyWordings {
    llm: Arc<dyn ChatModel>,
    retriever: Arc<dyn Retriever>,
    prompt: Option<Arc<Prompt>>,
}

impl ManyWordings {
    async fn wordings(&self, cx: &Context, question: &str) -> Result<Vec<String>, RunError> {
        let reply = match &self.prompt {
            None => ask(cx, self.llm.as_ref(), WORDINGS, &[("question", question)]).await?,
            Some(prompt) => {
                let values = Map::from_iter([("question".to_owned(), Json::String(question.to_owned()))]);
                let filled = prompt
                    .fill(&values)
                    .map_err(|error| RunError::new(ErrorKind::Flow, format!("field 'prompt': {error}")))?;
                self.llm.generate(cx, ChatRequest::of(filled.into_messages())).await?.text
            }
        };
        let lines = reply.lines().filter(|line| !line.trim().is_empty());
        Ok(lines.map(str::to_owned).take(MAX_QUERIES).collect())
    }
}

#[async_trait]
impl Retriever for ManyWordings {
    async fn retrieve(&self, cx: &Context, query: &str) -> Result<Vec<Document>, RunError> {
        let mut wordings = self.wordings(cx, query).await?;
        if wordings.is_empty() {
            wordings.push(query.to_owned());
        }
        let searches = wordings.iter().enumerate().map(|(place, wording)| async move {
            self.retriever.retrieve(&cx.scope(&format!("wording-{place}")), wording).await
        });
        let mut found: Vec<Document> = Vec::new();
        // All end before one that failed is told, so that what was paid for is recorded.
        for documents in join_all(searches).await {
            for document in documents? {
                if !found.contains(&document) {
                    found.push(document);
                }
            }
        }
        Ok(found)
    }

    fn store(&self) -> Option<Arc<dyn VectorStore>> {
        self.retriever.store()
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<MultiQueryRetriever>();

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use millrace_engine::Template;

    use super::*;
    use crate::stand_in::{Scripted, Stand};

    /// Finds the wording itself and what every wording finds; tells in what scope.
    #[derive(Debug, Default)]
    struct Echo(Mutex<Vec<String>>);

    fn document(text: &str) -> Document {
        Document { page_content: text.to_owned(), metadata: Map::new() }
    }

    #[async_trait]
    impl Retriever for Echo {
        async fn retrieve(&self, cx: &Context, query: &str) -> Result<Vec<Document>, RunError> {
            self.0.lock().unwrap().push(cx.uuid());
            Ok(vec![document(query), document("everywhere")])
        }
    }

    #[tokio::test]
    async fn what_several_wordings_find_stands_once() {
        let cases = [
            (
                None,
                "higher\ntaller\nhow tall\n",
                "The question: How high?",
                &["higher", "taller", "how tall"][..],
            ),
            (Some("Reword {question}"), "one\n\ntwo", "Reword How high?", &["one", "two"]),
            (None, " \n", "How high?", &["How high?"]),
        ];
        for (prompt, reply, asked, wordings) in cases {
            let prompt = prompt.map(|text| Arc::new(Prompt::plain(Template::parse(text).unwrap())));
            let (llm, echo) = (Scripted::saying(&[reply]), Arc::new(Echo::default()));
            let retriever = ManyWordings { llm: llm.clone(), retriever: echo.clone(), prompt };
            let found = retriever.retrieve(&Stand::offline().cx(), "How high?").await.unwrap();
            let mut wanted: Vec<_> = wordings.iter().map(|wording| document(wording)).collect();
            wanted.insert(1, document("everywhere"));
            assert_eq!(found, wanted);
            assert!(llm.prompts()[0].ends_with(asked), "{:?}", llm.prompts());
            // Places of their own give ids of their own.
            let mut places = echo.0.lock().unwrap().clone();
            places.sort();
            places.dedup();
            assert_eq!(places.len(), wordings.len());
        }
    }

    #[tokio::test]
    async fn at_most_ten_are_looked_for() {
        let many = (0..40).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
        let (llm, echo) = (Scripted::saying(&[&many]), Arc::new(Echo::default()));
        let retriever = ManyWordings { llm, retriever: echo.clone(), prompt: None };
        retriever.retrieve(&Stand::offline().cx(), "?").await.unwrap();
        assert_eq!(echo.0.lock().unwrap().len(), 10);
    }
}
