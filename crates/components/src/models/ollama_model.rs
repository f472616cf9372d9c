//! Ollama: the 1.x component.

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, number, reach, text,
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::text_model::{INPUT, OUTPUTS, SYSTEM, outputs};
use crate::protocol::ollama::{Fields, Ollama, model};
use crate::protocol::openai::Settings;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct OllamaModel {
    model_name: String,
    base_url: Option<String>,
    input_value: Option<String>,
    system_message: Option<String>,
    temperature: Option<f64>,
    format: Option<String>,
    system: Option<String>,
    stop_tokens: Option<String>,
    mirostat: Option<String>,
    mirostat_eta: Option<f64>,
    mirostat_tau: Option<f64>,
    num_ctx: Option<u32>,
    num_gpu: Option<i64>,
    num_thread: Option<u32>,
    repeat_last_n: Option<i64>,
    repeat_penalty: Option<f64>,
    tfs_z: Option<f64>,
    top_k: Option<u32>,
    top_p: Option<f64>,
    timeout: Option<f64>,
}

impl Component for OllamaModel {
    const SPEC: Spec = Spec {
        names: &["OllamaModel"],
        about: "One chat completion by a model that an Ollama server runs. 0 in a number is the server's own.",
        inputs: &[
            text("model_name", "Model."),
            text("base_url", "The server's address; the variable OLLAMA_BASE_URL if empty."),
            INPUT,
            SYSTEM,
            number("temperature", "Randomness.").or(Default::Number(0.1)),
            text("format", "`json` for an answer that is JSON."),
            text("system", "Instructions for conversations without any."),
            text("stop_tokens", "Texts at which the model stops, separated by commas."),
            text("mirostat", "Disabled, Mirostat or Mirostat 2.0.").or(Default::Text("Disabled")),
            number("mirostat_eta", "Its learning rate."),
            number("mirostat_tau", "Its balance between coherence and diversity."),
            integer("num_ctx", "Tokens that the model sees."),
            integer("num_gpu", "GPUs that the server uses."),
            integer("num_thread", "Threads that the server uses."),
            integer("repeat_last_n", "How far back repetition is looked for."),
            number("repeat_penalty", "Against repetition."),
            number("tfs_z", "Tail free sampling."),
            integer("top_k", "Likely tokens considered."),
            number("top_p", "Share of likely tokens considered."),
            number("timeout", "Seconds for one request, 1 to 600; 60 if empty."),
        ],
        outputs: OUTPUTS,
        reaches: &[reach("Ollama", "http://localhost:11434", "base_url")],
        examples: &[Example {
            title: "the model as a handle",
            inputs: r#"{"model_name": "llama3", "base_url": "https://ollama.example"}"#,
            output: r#"{"model_output": {"language_model": "llama3"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(mut self, cx: &Context) -> Result<Outputs, RunError> {
        let (input, system) = (self.input_value.take(), self.system_message.take());
        let timeout = self.timeout.filter(|seconds| *seconds > 0.0);
        let settings = Settings { base: self.base_url.take(), timeout, ..Settings::default() };
        let ollama = Ollama::of(cx, "OllamaModel", settings).await?;
        outputs(cx, model(ollama, self.fields()), system, input).await
    }
}

impl OllamaModel {
    fn fields(self) -> Fields {
        let some = |number: Option<f64>| number.filter(|number| *number != 0.0).map(Json::from);
        let whole = |number: Option<i64>| number.filter(|number| *number != 0).map(Json::from);
        let count = |number: Option<u32>| whole(number.map(i64::from));
        let options = vec![
            ("temperature", some(self.temperature)),
            ("num_ctx", count(self.num_ctx)),
            ("num_gpu", whole(self.num_gpu)),
            ("num_thread", count(self.num_thread)),
            ("repeat_last_n", whole(self.repeat_last_n)),
            ("repeat_penalty", some(self.repeat_penalty)),
            ("tfs_z", some(self.tfs_z)),
            ("top_k", count(self.top_k)),
            ("top_p", some(self.top_p)),
        ];
        let stop = self.stop_tokens.unwrap_or_default();
        let stop = stop.split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect();
        Fields {
            model: self.model_name,
            format: self.format,
            system: self.system,
            stop,
            mirostat: self.mirostat,
            mirostat_eta: self.mirostat_eta,
            mirostat_tau: self.mirostat_tau,
            options,
            more: None,
        }
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<OllamaModel>();
