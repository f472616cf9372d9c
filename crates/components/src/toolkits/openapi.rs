//! OpenAPIToolkit: the request tools, and an agent that knows the interface they call (0.x).

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, Chain, Component, Context, Entry, ErrorKind, Example, Outputs, RunError, Spec, Tool,
    ToolInput, Value, handles, message, output, python_str, reach,
};
use serde::Deserialize;
use serde_json::Map;

use crate::web::request_tools::tools;
use crate::web::text_requests_wrapper::Requests;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct OpenApiToolkit {
    json_agent: handles::Chain,
    requests_wrapper: handles::Object<Requests>,
}

impl Component for OpenApiToolkit {
    const SPEC: Spec = Spec {
        names: &["OpenAPIToolkit"],
        about: "Tools to call an interface that an OpenAPI document describes: the request tools, and \
                json_explorer for questions about the document.",
        inputs: &[
            message("json_agent", "The agent that reads the OpenAPI document."),
            message("requests_wrapper", "How requests are sent."),
        ],
        outputs: &[output("tools")],
        reaches: &[reach("the address that the model chooses", "", "")],
        examples: &[Example {
            title: "the tools' names",
            inputs: r#"{
                "json_agent": {"$component": "LLMChain", "inputs": {
                    "llm": {"$component": "ChatOpenAI", "inputs": {"openai_api_key": "sk-x"}},
                    "prompt": {"$component": "PromptTemplate", "inputs": {"template": "{input}"}}
                }},
                "requests_wrapper": {"$component": "TextRequestsWrapper", "inputs": {}}
            }"#,
            output: r#"{"tools": [
                {"tool": "requests_get"}, {"tool": "requests_post"}, {"tool": "requests_patch"},
                {"tool": "requests_put"}, {"tool": "requests_delete"}, {"tool": "json_explorer"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let mut all = tools(cx, &self.requests_wrapper);
        all.push(Arc::new(Explorer { agent: self.json_agent.0, vertex: cx.vertex_id().to_owned() }));
        let all = all.into_iter().map(|tool| Value::Capability(Capability::Tool(tool))).collect();
        Ok(Outputs::one("tools", Value::List(all)))
    }
}

/// Answers questions about the document.
#[derive(Debug)]
struct Explorer {
    agent: Arc<dyn Chain>,
    /// The node it was made by.
    vertex: String,
}

#[async_trait]
impl Tool for Explorer {
    fn name(&self) -> &str {
        "json_explorer"
    }

    fn description(&self) -> &str {
        "Answers questions about the OpenAPI document of the interface. Ask it before any request is sent, \
         with a particular question, such as: Which query parameters does a GET of /bar need? Which fields does the \
         body of a POST to /foo need?"
    }

    async fn call(&self, cx: &Context, input: ToolInput) -> Result<String, RunError> {
        let keys = self.agent.input_keys();
        let [key] = keys.as_slice() else {
            let message = format!("field 'json_agent': it must take one input, and takes {}", keys.len());
            return Err(RunError::new(ErrorKind::Flow, message));
        };
        let inputs = Map::from_iter([(key.clone(), input.into_text().into())]);
        let answer = self.agent.call(&cx.scope(&self.vertex), inputs).await?;
        let outputs = self.agent.output_keys();
        let output = outputs.first().and_then(|name| answer.outputs.get(name));
        Ok(output.map(python_str).unwrap_or_default())
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<OpenApiToolkit>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::{Scripted, Stand};

    #[tokio::test]
    async fn the_explorer_asks_the_agent() {
        let stand = Stand::offline();
        let cx = stand.cx();
        let model = Scripted::saying(&["GET /bar"]);
        let run = async |node: &str, inputs: Vec<(String, Value)>, output: &str| {
            let outputs = crate::registry().get(node).unwrap().run(inputs, &cx).await.unwrap();
            outputs.get(output).cloned().unwrap()
        };
        let field = |name: &str, value: Value| (name.to_owned(), value);
        let prompt =
            run("PromptTemplate", vec![field("template", Value::text("Q: {input}"))], "prompt").await;
        let llm = Value::Capability(Capability::ChatModel(model.clone()));
        let agent = run("LLMChain", vec![field("llm", llm), field("prompt", prompt)], "chain").await;
        let wrapper = run("TextRequestsWrapper", Vec::new(), "requests_wrapper").await;
        let inputs = vec![field("json_agent", agent), field("requests_wrapper", wrapper)];
        let Value::List(tools) = run("OpenAPIToolkit", inputs, "tools").await else { panic!() };
        let Some(Value::Capability(Capability::Tool(explorer))) = tools.last() else { panic!() };
        let said = explorer.call(&cx, ToolInput::Text("which paths?".to_owned())).await.unwrap();
        assert_eq!(said, "GET /bar");
        assert_eq!(model.prompts(), ["Q: which paths?"]);
    }
}
