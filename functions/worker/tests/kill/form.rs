//! Flows as Langflow exports them, drawn by code: effects one after the other, and effects at once.

use serde_json::{Map, Value as Json, json};

use crate::step::Step;

/// A flow with so many model calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// A 1.x chat: each model is asked what the one before it answered. Both messages are kept as turns.
    Chain(usize),
    /// A 0.x chain over a list of inputs, which are asked at once.
    List(usize),
}

impl Form {
    /// The `data` of its export.
    pub fn data(self) -> Json {
        match self {
            Self::Chain(models) => chain(models),
            Self::List(_) => list(),
        }
    }

    /// The `inputs` of a call for a task of this name.
    pub fn inputs(self, task: &str, padding: usize) -> Json {
        let prompts: Vec<String> = self.steps(task, padding).iter().map(Step::prompt).collect();
        match self {
            Self::Chain(_) => json!({"input_value": prompts[0]}),
            Self::List(_) => prompts.into_iter().map(|prompt| json!({"text": prompt})).collect(),
        }
    }

    /// Its effects.
    pub fn steps(self, task: &str, padding: usize) -> Vec<Step> {
        let (Self::Chain(effects) | Self::List(effects)) = self;
        (0..effects).map(|number| Step { task: task.to_owned(), number, padding }).collect()
    }

    /// The texts that its result has to have.
    pub fn expected(self, task: &str, padding: usize) -> Vec<String> {
        let answers: Vec<String> = self.steps(task, padding).iter().map(Step::answer).collect();
        match self {
            Self::Chain(_) => answers.into_iter().next_back().into_iter().collect(),
            Self::List(_) => answers,
        }
    }

    /// The texts of a result.
    pub fn texts(self, result: &Json) -> Vec<String> {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        match self {
            Self::Chain(_) => {
                vec![text(&result["outputs"][0]["outputs"][0]["results"]["message"]["text"])]
            }
            Self::List(_) => {
                result.as_array().into_iter().flatten().map(|answer| text(&answer["text"])).collect()
            }
        }
    }

    /// How many turns a task of it adds to its conversation.
    pub fn turns(self) -> usize {
        match self {
            Self::Chain(_) => 2,
            Self::List(_) => 0,
        }
    }
}

fn chain(models: usize) -> Json {
    let message = |sender: &str| {
        json!({"input_value": "", "sender": sender, "sender_name": sender, "session_id": "", "context_id": "",
            "should_store_message": true})
    };
    let model =
        json!({"model": [{"name": "stand-in", "provider": "OpenAI"}], "input_value": "", "temperature": 0.1});
    let mut nodes = vec![node("ChatInput-1", "ChatInput", &["message"], message("User"))];
    let mut edges = Vec::new();
    let mut from = ("ChatInput-1".to_owned(), "message");
    for number in 1..=models {
        let id = format!("LanguageModelComponent-{number}");
        nodes.push(node(&id, "LanguageModelComponent", &["text_output", "model_output"], model.clone()));
        edges.push(edge(&from.0, Some(from.1), &id, "input_value"));
        from = (id, "text_output");
    }
    nodes.push(node("ChatOutput-1", "ChatOutput", &["message"], message("Machine")));
    edges.push(edge(&from.0, Some(from.1), "ChatOutput-1", "input_value"));
    json!({"nodes": nodes, "edges": edges})
}

fn list() -> Json {
    let nodes = [
        node("ChatOpenAI-1", "ChatOpenAI", &[], json!({"model_name": "stand-in", "temperature": 0.7})),
        node("PromptTemplate-1", "PromptTemplate", &[], json!({"template": "{text}", "text": ""})),
        node("LLMChain-1", "LLMChain", &[], json!({"llm": null, "prompt": null, "memory": null})),
    ];
    let edges = [
        edge("ChatOpenAI-1", None, "LLMChain-1", "llm"),
        edge("PromptTemplate-1", None, "LLMChain-1", "prompt"),
    ];
    json!({"nodes": nodes, "edges": edges})
}

/// A node; one of 1.x lists its outputs.
fn node(id: &str, kind: &str, outputs: &[&str], values: Json) -> Json {
    let values = values.as_object().into_iter().flatten();
    let template: Map<String, Json> = values
        .map(|(name, value)| (name.clone(), json!({"type": "str", "show": true, "value": value})))
        .collect();
    let outputs: Vec<Json> = outputs.iter().map(|name| json!({"name": name, "types": ["Message"]})).collect();
    json!({"id": id, "type": "genericNode", "position": {"x": 0, "y": 0}, "data": {"id": id, "type": kind, "node": {
        "template": template, "display_name": id, "base_classes": [kind], "outputs": outputs,
    }}})
}

/// An edge; one of 1.x names its output.
fn edge(source: &str, output: Option<&str>, target: &str, field: &str) -> Json {
    let mut edge = json!({"source": source, "target": target, "id": format!("{source}-{target}-{field}"), "data": {
        "sourceHandle": {"dataType": "x", "id": source},
        "targetHandle": {"fieldName": field, "id": target, "type": "str"},
    }});
    if let Some(output) = output {
        edge["data"]["sourceHandle"]["name"] = output.into();
    }
    edge
}
