//! OllamaLLM and ChatOllamaEndpoint: a model that an Ollama server runs (0.x).

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, integer, json, number, output,
    reach, text,
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::text_model::capability;
use crate::protocol::ollama::{Fields, Ollama, model};
use crate::protocol::openai::Settings;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct OllamaLlm {
    model: String,
    base_url: Option<String>,
    temperature: Option<f64>,
    format: Option<String>,
    system: Option<String>,
    #[serde(default)]
    stop: Vec<String>,
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

impl Component for OllamaLlm {
    const SPEC: Spec = Spec {
        names: &["OllamaLLM", "ChatOllamaEndpoint"],
        about: "A model that an Ollama server runs.",
        inputs: &[
            text("model", "Model.").or(Default::Text("llama2")),
            text("base_url", "The server's address; the variable OLLAMA_BASE_URL if empty."),
            number("temperature", "Randomness.").or(Default::Number(0.8)),
            text("format", "`json` for an answer that is JSON."),
            text("system", "Instructions for conversations without any."),
            json("stop", "Texts at which the model stops, where the caller names none."),
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
        outputs: &[output("model")],
        reaches: &[reach("Ollama", "http://localhost:11434", "base_url")],
        examples: &[Example {
            title: "a model of a server",
            inputs: r#"{"model": "llama3", "base_url": "https://ollama.example"}"#,
            output: r#"{"model": {"language_model": "llama3"}}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let settings = Settings { base: self.base_url, timeout: self.timeout, ..Settings::default() };
        let ollama = Ollama::of(cx, "OllamaLLM", settings).await?;
        let options = vec![
            ("temperature", self.temperature.map(Json::from)),
            ("num_ctx", self.num_ctx.map(Json::from)),
            ("num_gpu", self.num_gpu.map(Json::from)),
            ("num_thread", self.num_thread.map(Json::from)),
            ("repeat_last_n", self.repeat_last_n.map(Json::from)),
            ("repeat_penalty", self.repeat_penalty.map(Json::from)),
            ("tfs_z", self.tfs_z.map(Json::from)),
            ("top_k", self.top_k.map(Json::from)),
            ("top_p", self.top_p.map(Json::from)),
        ];
        let fields = Fields {
            model: self.model,
            format: self.format,
            system: self.system,
            stop: self.stop,
            mirostat: self.mirostat,
            mirostat_eta: self.mirostat_eta,
            mirostat_tau: self.mirostat_tau,
            options,
            more: None,
        };
        Ok(capability(model(ollama, fields)))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<OllamaLlm>();
