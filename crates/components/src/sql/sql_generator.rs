//! SQLGenerator: has a model write a statement for a question, and does not run it (1.x).

use millrace_engine::{
    ChatRequest, Component, Context, Default, Entry, ErrorKind, Example, Message, Outputs, Prompt, RunError,
    Spec, Template, Value, handles, integer, message, output, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::{SqlDatabase, statement_in};

/// Where the model stops: the result is not its to write.
const STOP: &str = "\nSQLResult:";

/// In our own words; variables and role as in LangChain.
const PROMPT: &str = "Write one {dialect} statement that answers the question. Unless the question says how many \
rows it wants, ask for {top_k} at most. Name only the columns that the answer needs, and only columns and tables \
that are listed here.

{table_info}

Answer in this form:

SQLQuery: the statement

Question: {input}";

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct SqlGenerator {
    input_value: String,
    llm: handles::ChatModel,
    db: handles::Object<SqlDatabase>,
    top_k: i64,
    prompt: Option<String>,
}

impl Component for SqlGenerator {
    const SPEC: Spec = Spec {
        names: &["SQLGenerator"],
        about: "Has a model write a SQL statement for a question. The statement is not run.",
        inputs: &[
            text("input_value", "The question."),
            message("llm", "The model."),
            message("db", "The database whose tables the model is told of."),
            integer("top_k", "Rows that the statement asks for at most, 1 or more.").or(Default::Integer(5)),
            text(
                "prompt",
                "The prompt, with {question} or {input} and any of {table_info}, {dialect} and {top_k}; \
                 one of ours if empty.",
            ),
        ],
        outputs: &[output("text")],
        examples: &[Example {
            title: "nobody reads the statement, so nobody is asked",
            inputs: r#"{
                "input_value": "How many items are there?",
                "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                "db": {"$component": "SQLDatabase", "inputs": {"uri": "postgresql://u:p@db.example/shop"}},
                "prompt": "{table_info} {question}"
            }"#,
            output: "{}",
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        if self.top_k < 1 {
            return Err(wrong("top_k", format!("{} is less than 1", self.top_k)));
        }
        let prompt = prompt(self.prompt.as_deref().unwrap_or(PROMPT))?;
        if !cx.wants("text") {
            return Ok(Outputs::none());
        }
        let info = self.db.0.table_info(cx, None).await?;
        let info = info.map_err(|words| RunError::new(ErrorKind::Input, words))?;
        let values = Map::from_iter([
            ("question".to_owned(), Json::String(self.input_value.clone())),
            ("input".to_owned(), Json::String(format!("{}\nSQLQuery: ", self.input_value))),
            ("table_info".to_owned(), info.into()),
            ("dialect".to_owned(), self.db.0.dialect().into()),
            ("top_k".to_owned(), self.top_k.to_string().into()),
        ]);
        let filled = prompt.fill(&values).map_err(|error| wrong("prompt", error.to_string()))?;
        let request = ChatRequest { stop: vec![STOP.to_owned()], ..ChatRequest::of(filled.into_messages()) };
        let said = self.llm.0.generate(cx, request).await?.text;
        let statement = Message::of(statement_in(&said).to_owned());
        Ok(Outputs::one("text", Value::Message(Box::new(statement))))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<SqlGenerator>();

/// The prompt of a node: it must take the question, and nothing that nobody gives it.
fn prompt(template: &str) -> Result<Prompt, RunError> {
    const GIVEN: [&str; 5] = ["question", "input", "table_info", "dialect", "top_k"];
    let prompt = Prompt::plain(Template::parse(template).map_err(|e| wrong("prompt", e.to_string()))?);
    let variables = prompt.variables();
    if let Some(unknown) = variables.iter().find(|name| !GIVEN.contains(&name.as_str())) {
        return Err(wrong("prompt", format!("nothing fills its variable '{unknown}'")));
    }
    if !variables.iter().any(|name| ["question", "input"].contains(&name.as_str())) {
        return Err(wrong("prompt", "it has neither {question} nor {input}".to_owned()));
    }
    Ok(prompt)
}

fn wrong(field: &str, why: String) -> RunError {
    let error = RunError::new(ErrorKind::Flow, format!("field '{field}': {why}"));
    RunError { field: Some(field.to_owned()), ..error }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sql::scratch::Scratch;
    use crate::stand_in::Scripted;

    /// A run in which somebody reads the statement.
    fn asked(scratch: &Scratch) -> Context {
        Context::detached(scratch.stand.services.clone(), &["text"])
    }

    async fn node(scratch: &Scratch, model: Arc<Scripted>, prompt: Option<&str>) -> SqlGenerator {
        SqlGenerator {
            input_value: "How many items are there?".to_owned(),
            llm: handles::ChatModel(model),
            db: handles::Object(scratch.open(true).await),
            top_k: 7,
            prompt: prompt.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn the_statement_is_written_and_not_run() {
        let scratch = Scratch::new("generator").await;
        let model = Scripted::saying(&["SQLQuery: ```sql\nDELETE FROM items\n```"]);
        let outputs = node(&scratch, model.clone(), None).await.run(&asked(&scratch)).await.unwrap();
        let Some(Value::Message(said)) = outputs.get("text") else { panic!("no message") };
        assert_eq!(said.text, "DELETE FROM items");
        let prompts = model.prompts();
        assert!(prompts[0].starts_with("Write one sqlite statement"), "{}", prompts[0]);
        assert!(prompts[0].contains("ask for 7 at most") && prompts[0].contains("CREATE TABLE items"));
        assert!(prompts[0].ends_with("Question: How many items are there?\nSQLQuery: "), "{}", prompts[0]);
        assert_eq!(model.asked.lock().unwrap()[0].stop, [STOP]);
    }

    #[tokio::test]
    async fn a_prompt_of_the_flow_takes_the_question() {
        let scratch = Scratch::new("generator-prompt").await;
        let model = Scripted::saying(&["SELECT 1"]);
        let node = node(&scratch, model.clone(), Some("{dialect} {top_k}: {question}")).await;
        node.run(&asked(&scratch)).await.unwrap();
        assert_eq!(model.prompts(), ["sqlite 7: How many items are there?"]);
    }

    #[tokio::test]
    async fn what_cannot_be_asked_is_named_before_the_model_is() {
        let scratch = Scratch::new("generator-bad").await;
        for (template, top_k, message) in [
            ("{table_info}", 5, "field 'prompt': it has neither {question} nor {input}"),
            ("{question} {tone}", 5, "field 'prompt': nothing fills its variable 'tone'"),
            ("{question}", 0, "field 'top_k': 0 is less than 1"),
        ] {
            let node = node(&scratch, Scripted::saying(&[]), Some(template)).await;
            let error = SqlGenerator { top_k, ..node }.run(&asked(&scratch)).await.unwrap_err();
            assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Flow, message));
        }
    }
}
