//! The flows that tasks run: exports made by code.

use serde_json::{Map, Value as Json, json};

use super::provider::MODELS;

/// A flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// 1.x: so many models, each asked what the one before it said.
    Chain(usize),
    /// The same with the operator's models instead of its own.
    Operated(usize),
    /// 0.x: a prompt and a model, called with so many inputs at once.
    List(usize),
    /// 0.x: the same with a memory of the conversation.
    Memory,
    /// 0.x: a component type that nobody knows.
    Unknown,
}

impl Drawn {
    /// Its name.
    pub fn name(self) -> String {
        match self {
            Self::Chain(models) => format!("chain of {models}"),
            Self::Operated(models) => format!("operated chain of {models}"),
            Self::List(inputs) => format!("list of {inputs}"),
            Self::Memory => "memory".to_owned(),
            Self::Unknown => "unknown".to_owned(),
        }
    }

    /// Its export.
    pub fn data(self) -> Json {
        match self {
            Self::Chain(models) => chain(models, MODELS),
            Self::Operated(models) => chain(models, ""),
            Self::List(_) => {
                graph(&[model_of_0x("ChatOpenAI"), prompt("{text}"), llm_chain()], &links(false))
            }
            Self::Memory => graph(
                &[model_of_0x("ChatOpenAI"), prompt("{history}\nHuman: {text}\nAI:"), memory(), llm_chain()],
                &links(true),
            ),
            Self::Unknown => {
                graph(&[model_of_0x("ChatNobody"), prompt("{text}"), llm_chain()], &links(false))
            }
        }
    }

    /// What a call with this marker brings.
    pub fn inputs(self, marker: &str) -> Json {
        match self {
            Self::Chain(_) | Self::Operated(_) => json!({"input_value": marker}),
            Self::List(count) => (0..count).map(|i| json!({"text": format!("{marker}.{i}")})).collect(),
            Self::Memory | Self::Unknown => json!({"text": marker}),
        }
    }
}

struct Link {
    from: String,
    output: &'static str,
    to: String,
    field: &'static str,
}

fn chain(models: usize, base: &str) -> Json {
    let mut nodes = vec![
        node(
            "ChatInput-1",
            "ChatInput",
            &[("input_value", json!("")), ("should_store_message", json!(false))],
            &["message"],
        ),
        node(
            "ChatOutput-1",
            "ChatOutput",
            &[("input_value", json!("")), ("should_store_message", json!(false))],
            &["message"],
        ),
    ];
    let mut links = Vec::new();
    let (mut from, mut output) = ("ChatInput-1".to_owned(), "message");
    for number in 1..=models {
        let id = format!("OpenAIModel-{number:03}");
        let fields = [
            ("model_name", json!(format!("m{number}"))),
            ("openai_api_base", json!(base)),
            ("api_key", json!("sk-flow")),
            ("input_value", json!("")),
            ("timeout", json!(100)),
        ];
        nodes.push(node(&id, "OpenAIModel", &fields, &["text_output", "model_output"]));
        links.push(Link { from, output, to: id.clone(), field: "input_value" });
        (from, output) = (id, "text_output");
    }
    links.push(Link { from, output, to: "ChatOutput-1".to_owned(), field: "input_value" });
    graph(&nodes, &links)
}

fn model_of_0x(kind: &str) -> Json {
    let fields = [
        ("model_name", json!("m1")),
        ("openai_api_base", json!(MODELS)),
        ("openai_api_key", json!("sk-flow")),
    ];
    node("ChatOpenAI-1", kind, &fields, &[])
}

fn prompt(template: &str) -> Json {
    let variables = [("history", template.contains("{history}")), ("text", true)];
    let mut fields = vec![("template", json!(template))];
    fields.extend(variables.iter().filter(|(_, used)| *used).map(|(name, _)| (*name, json!(""))));
    node("PromptTemplate-1", "PromptTemplate", &fields, &[])
}

fn memory() -> Json {
    node("Mem-1", "ConversationBufferMemory", &[("memory_key", json!("history"))], &[])
}

fn llm_chain() -> Json {
    node(
        "LLMChain-1",
        "LLMChain",
        &[("llm", Json::Null), ("prompt", Json::Null), ("memory", Json::Null)],
        &[],
    )
}

fn links(memory: bool) -> Vec<Link> {
    let link =
        |from: &str, field| Link { from: from.to_owned(), output: "", to: "LLMChain-1".to_owned(), field };
    let mut links = vec![link("ChatOpenAI-1", "llm"), link("PromptTemplate-1", "prompt")];
    links.extend(memory.then(|| link("Mem-1", "memory")));
    links
}

fn node(id: &str, kind: &str, fields: &[(&str, Json)], outputs: &[&str]) -> Json {
    let mut template = Map::from_iter([("_type".to_owned(), json!(kind))]);
    for (name, value) in fields {
        let field = json!({"type": "str", "show": true, "value": value, "name": name});
        template.insert((*name).to_owned(), field);
    }
    let mut node = json!({"template": template, "display_name": kind, "base_classes": [kind]});
    if !outputs.is_empty() {
        let outputs =
            outputs.iter().map(|name| json!({"name": name, "types": ["Message"], "selected": "Message"}));
        node["outputs"] = outputs.collect();
    }
    json!({"id": id, "type": "genericNode", "data": {"id": id, "type": kind, "node": node}})
}

fn graph(nodes: &[Json], links: &[Link]) -> Json {
    json!({"nodes": nodes, "edges": links.iter().map(edge).collect::<Vec<_>>()})
}

fn edge(Link { from, output, to, field }: &Link) -> Json {
    let kind = from.split('-').next().unwrap_or_default();
    let source = match output.is_empty() {
        true => json!({"baseClasses": [kind], "dataType": kind, "id": from}),
        false => json!({"dataType": kind, "id": from, "name": output, "output_types": ["Message"]}),
    };
    let target = json!({"fieldName": field, "id": to, "inputTypes": ["Message"], "type": "str"});
    json!({"source": from, "target": to, "data": {"sourceHandle": source, "targetHandle": target}})
}
