//! Amazon Bedrock: the Converse API for chats, InvokeModel for vectors.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    ChatMessage, ChatModel, ChatReply, ChatRequest, Context, ErrorKind, RunError, ToolCall, ToolSpec, Usage,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::account::first;
use super::aws::{Keys, Signature, region};
use super::service::Service;
use super::turns::{Turn, arguments, call_id, turns};

/// The region where neither node nor variable names one.
const REGION: &str = "us-east-1";

/// What AWS leaves as it is in a path.
const SEGMENT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a node says about its account.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub region: Option<String>,
    /// An address in place of the region's own.
    pub endpoint: Option<String>,
    pub key_id: Option<String>,
    pub secret: Option<String>,
    pub session: Option<String>,
    /// A profile of a file on the disk of whoever drew the flow.
    pub profile: Option<String>,
}

/// Where Bedrock answers and in whose name it is asked.
#[derive(Debug, Clone)]
pub(crate) struct Bedrock {
    base: String,
    service: Service,
}

impl Bedrock {
    /// Resolves what a node leaves open.
    ///
    /// **Only the node's own keys sign for an address that the node names**: a request that the function's
    /// role has signed carries its session's token.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] for a profile, half a pair of keys, a region that is none, or an address of its own
    /// without keys of its own.
    pub async fn of(cx: &Context, kind: &str, settings: Settings) -> Result<Self, RunError> {
        let fault = |message: &str| Err(RunError::new(ErrorKind::Flow, message));
        if settings.profile.is_some_and(|profile| !profile.trim().is_empty()) {
            return fault(
                "field 'credentials_profile_name': there are no AWS profiles here; leave it empty for this \
                 installation's role, or fill in the node's keys",
            );
        }
        let keys = Keys::of(settings.key_id, settings.secret, settings.session)?;
        let named = settings.region.filter(|region| !region.trim().is_empty());
        let named = match named {
            Some(region) => Some(region),
            None => first(cx, &["AWS_REGION", "AWS_DEFAULT_REGION"]).await?.map(|region| region.value),
        };
        let region = region(named.as_deref().unwrap_or(REGION))?.to_owned();
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let usual = format!("https://bedrock-runtime.{region}.{domain}");
        let endpoint = settings.endpoint.map(|base| base.trim().trim_end_matches('/').to_owned());
        let base = endpoint.filter(|base| !base.is_empty()).unwrap_or_else(|| usual.clone());
        if base != usual && keys.is_none() {
            return fault("field 'endpoint_url': an address of the flow's own needs keys of the flow's own");
        }
        let service = Service::new(cx, kind, "the Bedrock protocol").signed(Signature {
            service: "bedrock",
            region,
            keys,
        });
        Ok(Self { base, service })
    }

    /// The service, and the address of an operation on a model.
    pub fn at(&self, model: &str, operation: &str) -> (&Service, String) {
        let model = utf8_percent_encode(model.trim(), &SEGMENT);
        (&self.service, format!("{}/model/{model}/{operation}", self.base))
    }

    /// Who is called: for what must tell one from another.
    pub fn host(&self) -> String {
        super::service::host(&self.base)
    }
}

/// A chat model. `kwargs` are the model's own fields: those that the API knows under a common name are sent
/// as that.
pub(crate) fn model(bedrock: Bedrock, model: &str, kwargs: Map<String, Json>) -> Arc<dyn ChatModel> {
    let mut inference = Map::new();
    let mut own = Map::new();
    for (name, value) in kwargs {
        match common_name(&name) {
            Some(common) => inference.insert(common.to_owned(), value),
            None => own.insert(name, value),
        };
    }
    Arc::new(Converse { bedrock, model: model.trim().to_owned(), inference, own })
}

/// What the API calls a field of its models, where it has a name for it.
fn common_name(name: &str) -> Option<&'static str> {
    match name {
        "temperature" => Some("temperature"),
        "top_p" | "topP" | "p" => Some("topP"),
        "max_tokens" | "maxTokens" | "max_tokens_to_sample" | "maxTokenCount" | "max_gen_len" => {
            Some("maxTokens")
        }
        "stop" | "stop_sequences" | "stopSequences" => Some("stopSequences"),
        _ => None,
    }
}

#[derive(Debug)]
struct Converse {
    bedrock: Bedrock,
    model: String,
    inference: Map<String, Json>,
    own: Map<String, Json>,
}

#[async_trait]
impl ChatModel for Converse {
    fn name(&self) -> &str {
        &self.model
    }

    async fn generate(&self, cx: &Context, request: ChatRequest) -> Result<ChatReply, RunError> {
        let (system, turns) = turns(&request.messages);
        let messages: Vec<Json> = turns.iter().map(message).collect();
        let mut body = Map::from_iter([("messages".to_owned(), Json::from(messages))]);
        if let Some(system) = system {
            body.insert("system".to_owned(), json!([{"text": system}]));
        }
        let mut inference = self.inference.clone();
        if !request.stop.is_empty() {
            inference.insert("stopSequences".to_owned(), json!(request.stop));
        }
        if !inference.is_empty() {
            body.insert("inferenceConfig".to_owned(), inference.into());
        }
        if !self.own.is_empty() {
            body.insert("additionalModelRequestFields".to_owned(), self.own.clone().into());
        }
        if !request.tools.is_empty() {
            let tools: Vec<Json> = request.tools.iter().map(tool).collect();
            body.insert("toolConfig".to_owned(), json!({"tools": tools}));
        }
        let (service, url) = self.bedrock.at(&self.model, "converse");
        service.post(cx, "model", &url, &Json::Object(body), Reply::read).await
    }
}

fn tool(tool: &ToolSpec) -> Json {
    let schema = json!({"json": tool.parameters});
    // An empty description is refused.
    match tool.description.as_str() {
        "" => json!({"toolSpec": {"name": tool.name, "inputSchema": schema}}),
        about => json!({"toolSpec": {"name": tool.name, "description": about, "inputSchema": schema}}),
    }
}

fn message(turn: &Turn<'_>) -> Json {
    let role = if turn.model { "assistant" } else { "user" };
    json!({"role": role, "content": turn.messages.iter().flat_map(|message| blocks(message)).collect::<Vec<_>>()})
}

fn blocks(message: &ChatMessage) -> Vec<Json> {
    if let Some(call) = &message.answers {
        let content = json!([{"text": message.content}]);
        return vec![json!({"toolResult": {"toolUseId": call_id(call), "content": content}})];
    }
    let text = Some(&message.content).filter(|text| !text.is_empty()).map(|text| json!({"text": text}));
    let call = |call: &ToolCall| json!({"toolUse": {"toolUseId": call_id(call), "name": call.name, "input": arguments(call)}});
    text.into_iter().chain(message.tool_calls.iter().map(call)).collect()
}

#[derive(Deserialize)]
struct Reply {
    output: Output,
    usage: Option<TokenUsage>,
}

#[derive(Deserialize)]
struct Output {
    message: Option<ReplyMessage>,
}

#[derive(Deserialize)]
struct ReplyMessage {
    content: Vec<Block>,
}

/// One of these is there; others, such as a model's thoughts, are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    text: Option<String>,
    tool_use: Option<ToolUse>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse {
    tool_use_id: String,
    name: String,
    input: Json,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
}

impl Reply {
    /// The answer; `None` where there is no message in it.
    fn read(self) -> Option<(ChatReply, Usage)> {
        let counted = self.usage.unwrap_or_default();
        let usage = Usage { input: counted.input_tokens, output: counted.output_tokens };
        let mut reply = ChatReply { text: String::new(), tool_calls: Vec::new(), usage };
        for block in self.output.message?.content {
            reply.text.push_str(&block.text.unwrap_or_default());
            reply.tool_calls.extend(block.tool_use.map(|call| ToolCall {
                id: call.tool_use_id,
                name: call.name,
                arguments: call.input.to_string(),
            }));
        }
        Some((reply, usage))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::Stand;

    async fn of(settings: Settings) -> Result<(String, String), RunError> {
        let bedrock = Bedrock::of(&Stand::offline().cx(), "AmazonBedrock", settings).await?;
        Ok((bedrock.host(), bedrock.at("anthropic.claude-v2:1", "converse").1))
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[tokio::test]
    async fn a_region_is_an_address() {
        let (host, url) = of(Settings::default()).await.unwrap();
        assert_eq!(host, "bedrock-runtime.us-east-1.amazonaws.com");
        assert!(url.ends_with("/model/anthropic.claude-v2%3A1/converse"), "{url}");
        let china = Settings { region: text("cn-north-1"), ..Settings::default() };
        assert_eq!(of(china).await.unwrap().0, "bedrock-runtime.cn-north-1.amazonaws.com.cn");
    }

    #[tokio::test]
    async fn what_cannot_be_had_is_named() {
        let cases = [
            (Settings { profile: text("work"), ..Settings::default() }, "credentials_profile_name"),
            (Settings { key_id: text("id"), ..Settings::default() }, "one of them is missing"),
            (Settings { region: text("x.evil.example/"), ..Settings::default() }, "no AWS region"),
            (Settings { endpoint: text("https://evil.example"), ..Settings::default() }, "endpoint_url"),
        ];
        for (settings, expected) in cases {
            let error = of(settings).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Flow);
            assert!(error.message.contains(expected), "{error}");
        }
        let keys = Settings {
            endpoint: text("https://own.example/"),
            key_id: text("id"),
            secret: text("secret"),
            ..Settings::default()
        };
        assert_eq!(of(keys).await.unwrap().0, "own.example");
    }
}
