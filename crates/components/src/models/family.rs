//! The 1.x components of providers that speak the OpenAI protocol and differ in nothing but data.

use std::marker::PhantomData;

use millrace_engine::{
    Component, Context, Default, Example, Outputs, Reach, RunError, Spec, flag, integer, json, number,
    secret, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::text_model::{INPUT, OUTPUTS, SYSTEM, outputs};
use crate::protocol::openai::Settings;
use crate::protocol::openai_family::{Fields, Provider, chat};

/// What one of them is.
pub(crate) trait Row: Send + 'static {
    /// Its type.
    const NAMES: &'static [&'static str];
    /// One sentence for the reference.
    const ABOUT: &'static str;
    /// Who is called.
    const PROVIDER: &'static Provider;
    /// The model where the flow names none.
    const MODEL: Default;
    /// Where it calls, for whoever wants to know before.
    const REACHES: &'static [Reach];
    /// Examples that are tests.
    const EXAMPLES: &'static [Example];
}

/// The fields of each of them.
#[derive(Deserialize)]
#[serde(bound = "")]
pub(crate) struct FamilyModel<R> {
    model_name: String,
    api_key: Option<String>,
    base_url: Option<String>,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: f64,
    max_tokens: Option<u32>,
    top_p: Option<f64>,
    seed: Option<i64>,
    json_mode: bool,
    model_kwargs: Option<Map<String, Json>>,
    #[serde(skip)]
    _row: PhantomData<R>,
}

impl<R: Row> Component for FamilyModel<R> {
    const SPEC: Spec = Spec {
        names: R::NAMES,
        about: R::ABOUT,
        inputs: &[
            text("model_name", "Model.").or(R::MODEL),
            secret("api_key", "Key; the provider's variable if empty."),
            text("base_url", "Base address; the provider's own if empty."),
            INPUT,
            SYSTEM,
            number("temperature", "Randomness.").or(Default::Number(0.1)),
            integer("max_tokens", "Tokens of an answer at most; 0 for the provider's limit."),
            number("top_p", "Share of likely tokens considered."),
            integer("seed", "For answers that can be repeated."),
            flag("json_mode", "Whether the answer must be a JSON object.").or(Default::Flag(false)),
            json("model_kwargs", "More fields of the request."),
        ],
        outputs: OUTPUTS,
        reaches: R::REACHES,
        examples: R::EXAMPLES,
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { base: self.base_url, key: self.api_key, ..Settings::default() };
        let fields = Fields {
            model: self.model_name,
            temperature: Some(self.temperature),
            max_tokens: self.max_tokens,
            top_p: self.top_p,
            seed: self.seed,
            json_mode: self.json_mode,
            more: self.model_kwargs,
        };
        let model = chat(cx, R::NAMES[0], R::PROVIDER, settings, fields).await?;
        outputs(cx, model, self.system_message, self.input_value).await
    }
}
