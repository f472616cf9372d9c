//! A model by the name of its provider: what the 1.x components that let one choose need, and LiteLLM's names.

use std::sync::Arc;

use millrace_engine::{ChatModel, Context, ErrorKind, RunError};
use serde_json::{Map, Value as Json, json};

use crate::protocol::account::first;
use crate::protocol::openai::{Endpoint, Form, Settings, model as chat};
use crate::protocol::openai_family::{AZURE, Fields, azure_base, named};
use crate::protocol::{anthropic, bedrock, cohere, google, ollama};

/// What was chosen.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// The provider, as 1.x or LiteLLM names it.
    pub provider: String,
    pub model: String,
    pub temperature: Option<f64>,
    /// 0 for the provider's limit too.
    pub max_tokens: Option<u32>,
    pub top_p: Option<f64>,
    pub top_k: Option<u32>,
    /// More fields of the request, in the provider's own words.
    pub more: Option<Map<String, Json>>,
    /// Key and address, if the node has them, and what a request may take.
    pub settings: Settings,
}

/// The model that was chosen, for a node of this type.
///
/// # Errors
/// [`ErrorKind::Flow`] for a provider that is not known or needs a node of its own, and as that provider's
/// own nodes.
pub(crate) async fn chosen(cx: &Context, kind: &str, choice: Choice) -> Result<Arc<dyn ChatModel>, RunError> {
    match choice.provider.to_lowercase().as_str() {
        "anthropic" => of_anthropic(cx, kind, choice).await,
        "google" | "google generative ai" | "gemini" => of_google(cx, kind, choice).await,
        "ollama" | "ollama_chat" => of_ollama(cx, kind, choice).await,
        "cohere" | "cohere_chat" => of_cohere(cx, kind, choice).await,
        "amazon bedrock" | "bedrock" => of_bedrock(cx, kind, choice).await,
        "azure openai" | "azure" => of_azure(cx, kind, choice).await,
        _ => of_family(cx, kind, choice).await,
    }
}

async fn of_family(cx: &Context, kind: &str, choice: Choice) -> Result<Arc<dyn ChatModel>, RunError> {
    let Some(provider) = named(&choice.provider) else {
        let message = format!("field 'model': the provider {} is not supported", choice.provider);
        return Err(RunError::new(ErrorKind::Flow, message));
    };
    let endpoint = Endpoint::of(cx, kind, provider, choice.settings).await?;
    let fields = Fields {
        model: choice.model,
        temperature: choice.temperature,
        max_tokens: choice.max_tokens,
        top_p: choice.top_p,
        more: choice.more,
        ..Fields::default()
    };
    Ok(chat(endpoint, Form::Chat, fields.into_map()))
}

/// Azure, whose address and version only variables can name here.
async fn of_azure(cx: &Context, kind: &str, choice: Choice) -> Result<Arc<dyn ChatModel>, RunError> {
    let version = first(cx, &["AZURE_OPENAI_API_VERSION", "AZURE_API_VERSION"]).await?;
    let below = azure_base(&choice.model, version.as_ref().map_or("2024-06-01", |version| &version.value));
    let endpoint = Endpoint::of(cx, kind, &AZURE, choice.settings).await?.below(below);
    let fields = Fields {
        model: choice.model,
        temperature: choice.temperature,
        max_tokens: choice.max_tokens,
        top_p: choice.top_p,
        more: choice.more,
        ..Fields::default()
    };
    Ok(chat(endpoint, Form::Chat, fields.into_map()))
}

async fn of_anthropic(cx: &Context, kind: &str, choice: Choice) -> Result<Arc<dyn ChatModel>, RunError> {
    let fields = anthropic::Fields {
        model: choice.model,
        max_tokens: choice.max_tokens,
        temperature: choice.temperature,
        top_k: choice.top_k,
        top_p: choice.top_p,
        prefill: None,
        more: choice.more,
    };
    anthropic::model(cx, kind, choice.settings, fields).await
}

async fn of_google(cx: &Context, kind: &str, choice: Choice) -> Result<Arc<dyn ChatModel>, RunError> {
    let at = google::Google::gemini(cx, kind, choice.settings).await?;
    let fields = google::Fields {
        model: choice.model,
        temperature: choice.temperature,
        top_p: choice.top_p,
        top_k: choice.top_k,
        max_tokens: choice.max_tokens,
        more: choice.more,
    };
    Ok(google::model(at, fields))
}

async fn of_ollama(cx: &Context, kind: &str, choice: Choice) -> Result<Arc<dyn ChatModel>, RunError> {
    let at = ollama::Ollama::of(cx, kind, choice.settings).await?;
    let options = vec![
        ("temperature", choice.temperature.map(Json::from)),
        ("num_predict", choice.max_tokens.filter(|tokens| *tokens > 0).map(Json::from)),
        ("top_p", choice.top_p.map(Json::from)),
        ("top_k", choice.top_k.map(Json::from)),
    ];
    Ok(ollama::model(
        at,
        ollama::Fields { model: choice.model, options, more: choice.more, ..ollama::Fields::default() },
    ))
}

async fn of_cohere(cx: &Context, kind: &str, choice: Choice) -> Result<Arc<dyn ChatModel>, RunError> {
    let at = cohere::Cohere::of(cx, kind, choice.settings).await?;
    let optional = [
        ("model", Some(json!(choice.model))),
        ("temperature", choice.temperature.map(Json::from)),
        ("max_tokens", choice.max_tokens.filter(|tokens| *tokens > 0).map(Json::from)),
        ("p", choice.top_p.map(Json::from)),
        ("k", choice.top_k.map(Json::from)),
    ];
    let mut fields: Map<String, Json> =
        optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    fields.extend(choice.more.unwrap_or_default());
    Ok(cohere::model(at, fields))
}

async fn of_bedrock(cx: &Context, kind: &str, choice: Choice) -> Result<Arc<dyn ChatModel>, RunError> {
    let at = bedrock::Bedrock::of(cx, kind, bedrock::Settings::default()).await?;
    let optional = [
        ("temperature", choice.temperature.map(Json::from)),
        ("max_tokens", choice.max_tokens.filter(|tokens| *tokens > 0).map(Json::from)),
        ("top_p", choice.top_p.map(Json::from)),
    ];
    let mut fields: Map<String, Json> =
        optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    fields.extend(choice.more.unwrap_or_default());
    Ok(bedrock::model(at, &choice.model, fields))
}

/// Name and provider of `[{name, provider}]`, of one such object, or of a bare name.
pub(crate) fn selection(model: Option<Json>) -> (Option<String>, Option<String>) {
    let first = match model {
        Some(Json::Array(list)) => list.into_iter().next(),
        other => other,
    };
    match first {
        Some(Json::String(name)) => (Some(name), None),
        Some(Json::Object(fields)) => {
            let text = |name: &str| fields.get(name).and_then(Json::as_str).map(str::to_owned);
            (text("name"), text("provider"))
        }
        _ => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::Stand;

    async fn name_of(provider: &str, variables: &[(&str, &str)]) -> Result<String, RunError> {
        let choice = Choice { provider: provider.to_owned(), model: "m".to_owned(), ..Choice::default() };
        let model = chosen(&Stand::offline().variables(variables).cx(), "Node", choice).await?;
        Ok(model.name().to_owned())
    }

    #[tokio::test]
    async fn providers_are_known_by_their_names() {
        let cases = [
            ("OpenAI", "OPENAI_API_KEY"),
            ("Anthropic", "ANTHROPIC_API_KEY"),
            ("Google Generative AI", "GOOGLE_API_KEY"),
            ("Cohere", "COHERE_API_KEY"),
            ("Groq", "GROQ_API_KEY"),
            ("mistral", "MISTRAL_API_KEY"),
            ("together_ai", "TOGETHER_API_KEY"),
        ];
        for (provider, variable) in cases {
            assert_eq!(name_of(provider, &[(variable, "k")]).await.unwrap(), "m", "{provider}");
            let error = name_of(provider, &[]).await.unwrap_err();
            assert!(error.message.contains(variable), "{provider}: {error}");
        }
        for keyless in ["Ollama", "Amazon Bedrock", "LM Studio"] {
            assert_eq!(name_of(keyless, &[]).await.unwrap(), "m", "{keyless}");
        }
    }

    #[tokio::test]
    async fn others_are_named() {
        let error = name_of("IBM WatsonX", &[]).await.unwrap_err();
        assert_eq!(error.message, "field 'model': the provider IBM WatsonX is not supported");
        let error = name_of("Azure OpenAI", &[]).await.unwrap_err();
        assert!(error.message.contains("AZURE_OPENAI_ENDPOINT"), "{error}");
    }
}
