//! The providers that speak the OpenAI protocol: one row each.

use std::sync::Arc;

use millrace_engine::{ChatModel, Context, RunError};
use serde_json::{Map, Value as Json, json};

use super::account::House;
use super::openai::{Endpoint, Form, Settings, model};

/// A provider that speaks the OpenAI protocol.
#[derive(Debug)]
pub(crate) struct Provider {
    /// Its names: as 1.x models are chosen by, and as LiteLLM's model names begin.
    pub names: &'static [&'static str],
    pub house: House,
    /// What stands between its address and the protocol's paths, where nodes leave that out.
    pub path: &'static str,
    /// Whether it knows the older form of tools too, `functions`.
    pub functions: bool,
    /// Which header carries the key, and what stands before it.
    pub key: (&'static str, &'static str),
    /// Texts in one request for vectors at most.
    pub batch: usize,
    /// What it calls vectors of documents and of questions, where it tells them apart.
    pub kinds: Option<(&'static str, &'static str)>,
}

impl Provider {
    /// What tells it from the others in an identity: its last name.
    pub fn id(&self) -> &'static str {
        self.names.last().copied().unwrap_or_default()
    }
}

/// A key that is a bearer token.
const BEARER: (&str, &str) = ("authorization", "Bearer ");

const fn row(
    names: &'static [&'static str],
    base: &'static str,
    base_variables: &'static [&'static str],
    key_variables: &'static [&'static str],
) -> Provider {
    let house = House { base, base_variables, key_variables };
    Provider { names, house, path: "", functions: false, key: BEARER, batch: 64, kinds: None }
}

pub(crate) const OPENAI: Provider = Provider {
    functions: true,
    batch: 1000,
    ..row(
        &["OpenAI", "openai"],
        "https://api.openai.com/v1",
        &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
        &["OPENAI_API_KEY"],
    )
};

/// Azure: each resource has its own address, and each deployment its path below that.
pub(crate) const AZURE: Provider = Provider {
    functions: true,
    key: ("api-key", ""),
    batch: 1000,
    ..row(
        &["Azure OpenAI", "azure"],
        "",
        &["AZURE_OPENAI_ENDPOINT", "AZURE_API_BASE"],
        &["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"],
    )
};

pub(crate) const GROQ: Provider =
    Provider { path: "/openai/v1", ..row(&["Groq", "groq"], "https://api.groq.com", &[], &["GROQ_API_KEY"]) };

pub(crate) const MISTRAL: Provider =
    row(&["Mistral", "MistralAI", "mistral"], "https://api.mistral.ai/v1", &[], &["MISTRAL_API_KEY"]);

pub(crate) const OPENROUTER: Provider =
    row(&["OpenRouter", "openrouter"], "https://openrouter.ai/api/v1", &[], &["OPENROUTER_API_KEY"]);

pub(crate) const LM_STUDIO: Provider =
    row(&["LM Studio", "LMStudio", "lm_studio"], "http://localhost:1234/v1", &["LM_STUDIO_API_BASE"], &[]);

pub(crate) const DEEPSEEK: Provider =
    row(&["DeepSeek", "deepseek"], "https://api.deepseek.com", &[], &["DEEPSEEK_API_KEY"]);

pub(crate) const XAI: Provider = row(&["xAI", "xai"], "https://api.x.ai/v1", &[], &["XAI_API_KEY"]);

pub(crate) const NVIDIA: Provider = Provider {
    kinds: Some(("passage", "query")),
    ..row(&["NVIDIA", "nvidia_nim"], "https://integrate.api.nvidia.com/v1", &[], &["NVIDIA_API_KEY"])
};

pub(crate) const PERPLEXITY: Provider = row(
    &["Perplexity", "perplexity"],
    "https://api.perplexity.ai",
    &[],
    &["PERPLEXITY_API_KEY", "PERPLEXITYAI_API_KEY"],
);

pub(crate) const SAMBANOVA: Provider =
    row(&["SambaNova", "sambanova"], "https://api.sambanova.ai/v1", &[], &["SAMBANOVA_API_KEY"]);

/// Hugging Face's router: it passes a chat on to whoever serves the model.
pub(crate) const HUGGING_FACE: Provider = row(
    &["HuggingFace", "Hugging Face", "huggingface"],
    "https://router.huggingface.co/v1",
    &[],
    &["HUGGINGFACEHUB_API_TOKEN", "HF_TOKEN", "HUGGINGFACE_API_KEY"],
);

pub(crate) const NOVITA: Provider =
    row(&["Novita", "novita"], "https://api.novita.ai/v3/openai", &[], &["NOVITA_API_KEY"]);

const TOGETHER: Provider = row(
    &["Together", "together_ai"],
    "https://api.together.xyz/v1",
    &[],
    &["TOGETHER_API_KEY", "TOGETHERAI_API_KEY"],
);

const FIREWORKS: Provider = row(
    &["Fireworks", "fireworks_ai"],
    "https://api.fireworks.ai/inference/v1",
    &[],
    &["FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"],
);

/// All of them. Azure is among them for its names; its address takes [`azure_base`].
const FAMILY: &[&Provider] = &[
    &OPENAI,
    &AZURE,
    &GROQ,
    &MISTRAL,
    &OPENROUTER,
    &LM_STUDIO,
    &DEEPSEEK,
    &XAI,
    &NVIDIA,
    &PERPLEXITY,
    &SAMBANOVA,
    &HUGGING_FACE,
    &NOVITA,
    &TOGETHER,
    &FIREWORKS,
];

/// The provider of this name, in whatever case it is written.
pub(crate) fn named(name: &str) -> Option<&'static Provider> {
    FAMILY.iter().copied().find(|row| row.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// The fields of a chat call; what is `None` is left to the provider.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub model: String,
    pub temperature: Option<f64>,
    /// 0 for the provider's limit too.
    pub max_tokens: Option<u32>,
    pub top_p: Option<f64>,
    pub seed: Option<i64>,
    /// Whether the answer must be a JSON object.
    pub json_mode: bool,
    /// More fields, which replace those above.
    pub more: Option<Map<String, Json>>,
}

impl Fields {
    /// As the request carries them.
    pub fn into_map(self) -> Map<String, Json> {
        let optional = [
            ("temperature", self.temperature.map(Json::from)),
            ("max_tokens", self.max_tokens.filter(|tokens| *tokens > 0).map(Json::from)),
            ("top_p", self.top_p.map(Json::from)),
            ("seed", self.seed.map(Json::from)),
            ("response_format", self.json_mode.then(|| json!({"type": "json_object"}))),
        ];
        let given = optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let mut fields =
            Map::from_iter([("model".to_owned(), json!(self.model)), ("stream".to_owned(), json!(false))]);
        fields.extend(given);
        fields.extend(self.more.unwrap_or_default());
        fields
    }
}

/// A chat model of one of the family, for a node of this type.
pub(crate) async fn chat(
    cx: &Context,
    kind: &str,
    provider: &Provider,
    settings: Settings,
    fields: Fields,
) -> Result<Arc<dyn ChatModel>, RunError> {
    let endpoint = Endpoint::of(cx, kind, provider, settings).await?;
    Ok(model(endpoint, Form::Chat, fields.into_map()))
}

/// Where a deployment answers below its resource's address, and what follows each path.
pub(crate) fn azure_base(deployment: &str, api_version: &str) -> (String, String) {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text.trim(), percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let version = encode(api_version).replace("%2D", "-");
    let deployment = encode(deployment).replace("%2D", "-").replace("%2E", ".").replace("%5F", "_");
    (format!("/openai/deployments/{deployment}"), format!("?api-version={version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_providers() {
        let mut names: Vec<String> =
            FAMILY.iter().flat_map(|row| row.names).map(|name| name.to_lowercase()).collect();
        names.sort();
        let many = names.len();
        names.dedup();
        // A name may stand twice in one row, in two spellings.
        assert!(many - names.len() <= FAMILY.len());
        for name in &names {
            assert!(named(name).is_some(), "{name}");
        }
        assert!(named("nobody").is_none());
    }

    #[test]
    fn rows_are_addresses_over_https_or_of_ones_own() {
        for row in FAMILY {
            let base = row.house.base;
            assert!(!base.ends_with('/'), "{base}");
            assert!(base.is_empty() || base.starts_with("https://") || base.contains("localhost"), "{base}");
        }
    }

    #[test]
    fn a_deployment_is_one_segment_of_the_path() {
        let (path, query) = azure_base("gpt-4_1.x/../y", "2023-12-01-preview");
        assert_eq!(path, "/openai/deployments/gpt-4_1.x%2F..%2Fy");
        assert_eq!(query, "?api-version=2023-12-01-preview");
    }
}
