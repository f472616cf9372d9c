//! The providers of the suite: how each is asked by its documentation, and how it answers.

use millrace_outbound::Hop;
use serde_json::{Value as Json, json};

use super::suite::{KEY, Lack, Provider, Said, Seen};

pub(super) const PROVIDERS: &[Provider] = &[
    openai("ChatOpenAI", r#"{"openai_api_key": "KEY"}"#, Some("openai_api_base"), bearer),
    openai("OpenAIModel", r#"{"api_key": "KEY"}"#, Some("openai_api_base"), bearer),
    openai("GroqModel", r#"{"api_key": "KEY", "base_url": "https://api.groq.com"}"#, Some("base_url"), groq),
    openai("MistralModel", r#"{"api_key": "KEY", "max_retries": 2}"#, Some("mistral_api_base"), bearer),
    openai("DeepSeekModelComponent", r#"{"api_key": "KEY"}"#, Some("api_base"), bearer),
    openai("xAIModel", r#"{"api_key": "KEY"}"#, Some("base_url"), bearer),
    openai("OpenRouterComponent", r#"{"model_name": "a/b", "api_key": "KEY"}"#, None, bearer),
    openai("HuggingFaceHub", r#"{"repo_id": "a/b", "huggingfacehub_api_token": "KEY"}"#, None, bearer),
    openai("ChatLiteLLM", r#"{"model": "groq/m", "api_key": "KEY", "max_retries": 2}"#, None, groq),
    openai(
        "AzureChatOpenAI",
        r#"{"azure_endpoint": "https://x.openai.azure.com/", "azure_deployment": "d", "api_key": "KEY"}"#,
        Some("azure_endpoint"),
        azure,
    ),
    Provider {
        node: "AnthropicLLM",
        inputs: r#"{"anthropic_api_key": "KEY"}"#,
        address: Some("api_endpoint"),
        lacks: &[],
        reads: reads_anthropic,
        says: says_anthropic,
    },
    Provider {
        node: "AmazonBedrockModel",
        inputs: r#"{"aws_access_key_id": "AKID", "aws_secret_access_key": "KEY", "region_name": "eu-west-1"}"#,
        address: Some("endpoint_url"),
        lacks: &[],
        reads: reads_bedrock,
        says: says_bedrock,
    },
    Provider {
        node: "Cohere",
        inputs: r#"{"cohere_api_key": "KEY"}"#,
        address: None,
        lacks: &[],
        reads: reads_cohere,
        says: says_cohere,
    },
    Provider {
        node: "GoogleGenerativeAI",
        inputs: r#"{"google_api_key": "KEY"}"#,
        address: None,
        lacks: &[Lack::Ids],
        reads: reads_gemini,
        says: says_google,
    },
    Provider {
        node: "VertexAI",
        inputs: r#"{"credentials": "account.json", "model_name": "gemini-1.5-pro", "max_retries": 2}"#,
        address: None,
        lacks: &[Lack::Ids],
        reads: reads_vertex,
        says: says_google,
    },
    Provider {
        node: "OllamaLLM",
        inputs: r#"{"base_url": "https://ollama.example/"}"#,
        address: Some("base_url"),
        lacks: &[Lack::Ids],
        reads: reads_ollama,
        says: says_ollama,
    },
    Provider {
        node: "HuggingFaceEndpoints",
        inputs: r#"{"endpoint_url": "https://hf.example", "huggingfacehub_api_token": "KEY",
                    "task": "text-generation"}"#,
        address: Some("endpoint_url"),
        lacks: &[Lack::Turns, Lack::Tools, Lack::Usage],
        reads: reads_hugging_face,
        says: |said| json!([{"generated_text": said.text}]),
    },
];

const fn openai(
    node: &'static str,
    inputs: &'static str,
    address: Option<&'static str>,
    reads: fn(&Hop, &Json) -> Seen,
) -> Provider {
    Provider { node, inputs, address, lacks: &[], reads, says: says_openai }
}

fn header<'a>(hop: &'a Hop, name: &str) -> Option<&'a str> {
    hop.headers.get(name).map(|value| value.to_str().unwrap())
}

/// That the key is where it belongs, unless the node has none (where it is tried at an address of its own).
fn keyed(hop: &Hop, name: &str, prefix: &str) {
    assert_eq!(hop.method, "POST");
    assert_eq!(header(hop, "content-type"), Some("application/json"));
    let expected = format!("{prefix}{KEY}");
    let found = header(hop, name);
    assert!(found.is_none() || found == Some(&expected), "{name}: {found:?}");
    assert!(found.is_some() || hop.url.host_str() == Some("evil.example"), "{name} is missing");
}

/// That an object has no fields but these.
fn only(object: &Json, fields: &[&str]) {
    for name in object.as_object().unwrap().keys() {
        assert!(fields.contains(&name.as_str()), "{name} is no field of {object}");
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn texts(value: &Json) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn list(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The name of a tool that is in order: described, and with the schema of an object.
fn tool(spec: &Json, schema: &str) -> String {
    assert!(spec["description"].is_string() && spec[schema]["type"] == "object", "{spec}");
    text(&spec["name"])
}

// The OpenAI protocol: https://platform.openai.com/docs/api-reference/chat/create

fn bearer(hop: &Hop, body: &Json) -> Seen {
    keyed(hop, "authorization", "Bearer ");
    assert!(hop.url.path().ends_with("/chat/completions"), "{}", hop.url);
    reads_openai(body)
}

fn groq(hop: &Hop, body: &Json) -> Seen {
    assert_eq!(hop.url.path().matches("/openai/v1/chat/completions").count(), 1, "{}", hop.url);
    bearer(hop, body)
}

/// https://learn.microsoft.com/azure/ai-services/openai/reference
fn azure(hop: &Hop, body: &Json) -> Seen {
    keyed(hop, "api-key", "");
    assert!(hop.url.path().ends_with("/openai/deployments/d/chat/completions"), "{}", hop.url);
    assert_eq!(hop.url.query(), Some("api-version=2023-12-01-preview"));
    reads_openai(body)
}

fn reads_openai(body: &Json) -> Seen {
    let mut seen = Seen { model: text(&body["model"]), stop: texts(&body["stop"]), ..Seen::default() };
    assert_eq!(body["stream"], json!(false));
    for spec in list(&body["tools"]) {
        assert_eq!(spec["type"], "function");
        seen.tools.push(tool(&spec["function"], "parameters"));
    }
    for message in list(&body["messages"]) {
        reads_openai_message(&mut seen, message);
    }
    seen
}

fn reads_openai_message(seen: &mut Seen, message: &Json) {
    let content = || text(&message["content"]);
    match message["role"].as_str().unwrap() {
        "system" => seen.system = Some(content()),
        "user" => seen.turns.push(("user", content())),
        "assistant" if message["tool_calls"].is_null() => seen.turns.push(("model", content())),
        "assistant" => {
            for call in list(&message["tool_calls"]) {
                assert_eq!(call["type"], "function");
                let arguments = serde_json::from_str(&text(&call["function"]["arguments"])).unwrap();
                seen.calls.push((text(&call["id"]), text(&call["function"]["name"]), arguments));
            }
        }
        "tool" => seen.results.push((text(&message["tool_call_id"]), content())),
        other => panic!("no role of the protocol: {other}"),
    }
}

fn says_openai(said: &Said) -> Json {
    let function = json!({"name": "weather", "arguments": "{\"city\": \"Ulm\"}"});
    let calls = json!([{"id": "call-1", "type": "function", "function": function}]);
    let message = match said.call {
        true => json!({"role": "assistant", "content": null, "tool_calls": calls}),
        false => json!({"role": "assistant", "content": said.text}),
    };
    json!({
        "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    })
}

// Anthropic: https://docs.anthropic.com/en/api/messages

fn reads_anthropic(hop: &Hop, body: &Json) -> Seen {
    keyed(hop, "x-api-key", "");
    assert_eq!(header(hop, "anthropic-version"), Some("2023-06-01"));
    assert_eq!(hop.url.path(), "/v1/messages");
    let fields = [
        "model",
        "max_tokens",
        "temperature",
        "messages",
        "system",
        "stop_sequences",
        "tools",
        "top_k",
        "top_p",
    ];
    only(body, &fields);
    assert!(body["max_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "max_tokens is required");
    let mut seen =
        Seen { model: text(&body["model"]), stop: texts(&body["stop_sequences"]), ..Seen::default() };
    seen.system = body["system"].as_str().map(str::to_owned);
    seen.tools = list(&body["tools"]).iter().map(|spec| tool(spec, "input_schema")).collect();
    let mut last = "";
    for message in list(&body["messages"]) {
        let role = message["role"].as_str().unwrap();
        assert_ne!(role, last, "the sides take turns");
        last = role;
        let who = if role == "user" { "user" } else { "model" };
        for block in list(&message["content"]) {
            match block["type"].as_str().unwrap() {
                "text" => seen.turns.push((who, nonempty(&block["text"]))),
                "tool_use" => {
                    assert!(block["input"].is_object() && who == "model");
                    seen.calls.push((text(&block["id"]), text(&block["name"]), block["input"].clone()));
                }
                "tool_result" => {
                    assert_eq!(who, "user");
                    seen.results.push((text(&block["tool_use_id"]), text(&block["content"])));
                }
                other => panic!("no block of the protocol: {other}"),
            }
        }
    }
    seen
}

fn nonempty(value: &Json) -> String {
    let text = text(value);
    assert!(!text.is_empty(), "an empty text is refused");
    text
}

fn says_anthropic(said: &Said) -> Json {
    let content = match said.call {
        true => json!([{"type": "tool_use", "id": "call-1", "name": "weather", "input": {"city": "Ulm"}}]),
        false => json!([{"type": "thinking", "thinking": "…"}, {"type": "text", "text": said.text}]),
    };
    let usage = json!({"input_tokens": 6, "cache_read_input_tokens": 5, "output_tokens": 7});
    json!({"type": "message", "role": "assistant", "content": content, "usage": usage})
}

// Bedrock: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html

fn reads_bedrock(hop: &Hop, body: &Json) -> Seen {
    let signature = header(hop, "authorization").unwrap();
    let scope = "/eu-west-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=";
    assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=AKID/") && signature.contains(scope));
    assert_eq!(hop.url.host_str(), Some("bedrock-runtime.eu-west-1.amazonaws.com"));
    let model = hop.url.path().strip_prefix("/model/").unwrap().strip_suffix("/converse").unwrap();
    assert!(!model.contains([':', '/']), "the model is one segment: {model}");
    only(body, &["messages", "system", "inferenceConfig", "toolConfig", "additionalModelRequestFields"]);
    let stop = texts(&body["inferenceConfig"]["stopSequences"]);
    let mut seen = Seen { model: model.to_owned(), stop, ..Seen::default() };
    seen.system = body["system"].get(0).map(|block| text(&block["text"]));
    for spec in list(&body["toolConfig"]["tools"]) {
        assert_eq!(spec["toolSpec"]["inputSchema"]["json"]["type"], "object");
        seen.tools.push(text(&spec["toolSpec"]["name"]));
    }
    let mut last = "";
    for message in list(&body["messages"]) {
        let role = message["role"].as_str().unwrap();
        assert_ne!(role, last, "the sides take turns");
        last = role;
        let who = if role == "user" { "user" } else { "model" };
        for block in list(&message["content"]) {
            only(block, &["text", "toolUse", "toolResult"]);
            let (call, result) = (&block["toolUse"], &block["toolResult"]);
            if call.is_object() {
                let id = text(&call["toolUseId"]);
                seen.calls.push((id, text(&call["name"]), call["input"].clone()));
            } else if result.is_object() {
                seen.results.push((text(&result["toolUseId"]), text(&result["content"][0]["text"])));
            } else {
                seen.turns.push((who, nonempty(&block["text"])));
            }
        }
    }
    seen
}

fn says_bedrock(said: &Said) -> Json {
    let content = match said.call {
        true => json!([{"toolUse": {"toolUseId": "call-1", "name": "weather", "input": {"city": "Ulm"}}}]),
        false => json!([{"reasoningContent": {}}, {"text": said.text}]),
    };
    json!({
        "output": {"message": {"role": "assistant", "content": content}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18},
    })
}

// Cohere: https://docs.cohere.com/v2/reference/chat

fn reads_cohere(hop: &Hop, body: &Json) -> Seen {
    keyed(hop, "authorization", "Bearer ");
    assert_eq!(hop.url.path(), "/v2/chat");
    only(
        body,
        &["model", "messages", "tools", "stream", "stop_sequences", "max_tokens", "temperature", "p", "k"],
    );
    assert_eq!(body["stream"], json!(false));
    let mut seen =
        Seen { model: text(&body["model"]), stop: texts(&body["stop_sequences"]), ..Seen::default() };
    for spec in list(&body["tools"]) {
        assert_eq!(spec["type"], "function");
        seen.tools.push(tool(&spec["function"], "parameters"));
    }
    for message in list(&body["messages"]) {
        only(message, &["role", "content", "tool_calls", "tool_plan", "tool_call_id"]);
        reads_openai_message(&mut seen, message);
    }
    seen
}

fn says_cohere(said: &Said) -> Json {
    let function = json!({"name": "weather", "arguments": "{\"city\": \"Ulm\"}"});
    let message = match said.call {
        true => json!({"role": "assistant", "tool_plan": "I will look.",
                       "tool_calls": [{"id": "call-1", "type": "function", "function": function}]}),
        false => json!({"role": "assistant", "content": [{"type": "text", "text": said.text}]}),
    };
    let tokens = json!({"input_tokens": 11.0, "output_tokens": 7.0});
    json!({"id": "1", "finish_reason": "COMPLETE", "message": message, "usage": {"tokens": tokens}})
}

// Google: https://ai.google.dev/api/generate-content

fn reads_gemini(hop: &Hop, body: &Json) -> Seen {
    keyed(hop, "x-goog-api-key", "");
    assert_eq!(hop.url.query(), None, "a key in the address would stand in logs");
    assert_eq!(hop.url.path(), "/v1beta/models/gemini-pro:generateContent");
    reads_google(body)
}

/// https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
fn reads_vertex(hop: &Hop, body: &Json) -> Seen {
    assert_eq!(header(hop, "authorization"), Some("Bearer sk-canary"));
    let path = "/v1/projects/example/locations/us-central1/publishers/google/models/gemini-1.5-pro";
    assert_eq!(hop.url.path(), format!("{path}:generateContent"));
    assert_eq!(hop.url.host_str(), Some("us-central1-aiplatform.googleapis.com"));
    reads_google(body)
}

fn reads_google(body: &Json) -> Seen {
    only(body, &["contents", "systemInstruction", "generationConfig", "tools"]);
    let config = &body["generationConfig"];
    only(config, &["temperature", "topP", "topK", "maxOutputTokens", "stopSequences"]);
    let mut seen =
        Seen { model: "in the path".to_owned(), stop: texts(&config["stopSequences"]), ..Seen::default() };
    seen.system = body["systemInstruction"]["parts"].get(0).map(|part| text(&part["text"]));
    let declared = body["tools"].get(0).map_or(&[][..], |tools| list(&tools["functionDeclarations"]));
    seen.tools = declared.iter().map(|spec| tool(spec, "parameters")).collect();
    for content in list(&body["contents"]) {
        let who = match content["role"].as_str().unwrap() {
            "user" => "user",
            "model" => "model",
            other => panic!("no role of the protocol: {other}"),
        };
        for part in list(&content["parts"]) {
            let (call, result) = (&part["functionCall"], &part["functionResponse"]);
            if call.is_object() {
                let name = text(&call["name"]);
                seen.calls.push((name.clone(), name, call["args"].clone()));
            } else if result.is_object() {
                assert_eq!(who, "user");
                seen.results.push((text(&result["name"]), text(&result["response"]["content"])));
            } else {
                seen.turns.push((who, text(&part["text"])));
            }
        }
    }
    seen
}

fn says_google(said: &Said) -> Json {
    let parts = match said.call {
        true => json!([{"functionCall": {"name": "weather", "args": {"city": "Ulm"}}}]),
        false => json!([{"text": "a thought", "thought": true}, {"text": said.text}]),
    };
    json!({
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 4, "thoughtsTokenCount": 3},
    })
}

// Ollama: https://github.com/ollama/ollama/blob/main/docs/api.md

fn reads_ollama(hop: &Hop, body: &Json) -> Seen {
    assert_eq!(header(hop, "authorization"), None);
    assert_eq!(hop.url.path(), "/api/chat");
    only(body, &["model", "messages", "tools", "format", "options", "stream"]);
    assert_eq!(body["stream"], json!(false), "it streams unless it is told not to");
    let stop = texts(&body["options"]["stop"]);
    let mut seen = Seen { model: text(&body["model"]), stop, ..Seen::default() };
    for spec in list(&body["tools"]) {
        assert_eq!(spec["type"], "function");
        seen.tools.push(tool(&spec["function"], "parameters"));
    }
    for message in list(&body["messages"]) {
        let content = text(&message["content"]);
        match message["role"].as_str().unwrap() {
            "system" => seen.system = Some(content),
            "user" => seen.turns.push(("user", content)),
            "tool" => seen.results.push((text(&message["tool_name"]), content)),
            "assistant" if message["tool_calls"].is_null() => seen.turns.push(("model", content)),
            _ => {
                let call = &message["tool_calls"][0]["function"];
                assert!(call["arguments"].is_object());
                let name = text(&call["name"]);
                seen.calls.push((name.clone(), name, call["arguments"].clone()));
            }
        }
    }
    seen
}

fn says_ollama(said: &Said) -> Json {
    let call = json!([{"function": {"name": "weather", "arguments": {"city": "Ulm"}}}]);
    let message = match said.call {
        true => json!({"role": "assistant", "content": "", "tool_calls": call}),
        false => json!({"role": "assistant", "content": said.text}),
    };
    json!({"model": "llama2", "message": message, "done": true, "prompt_eval_count": 11, "eval_count": 7})
}

// Hugging Face: https://huggingface.co/docs/inference-providers/tasks/text-generation

fn reads_hugging_face(hop: &Hop, body: &Json) -> Seen {
    keyed(hop, "authorization", "Bearer ");
    only(body, &["inputs", "parameters"]);
    assert_eq!(body["parameters"]["return_full_text"], json!(false));
    let turns = vec![("user", text(&body["inputs"]))];
    let stop = texts(&body["parameters"]["stop"]);
    Seen { model: "in the address".to_owned(), turns, stop, ..Seen::default() }
}
