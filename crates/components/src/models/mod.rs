//! Language models.

mod amazon_bedrock;
mod amazon_bedrock_model;
mod anthropic;
mod anthropic_llm;
mod anthropic_model;
mod azure_chat_openai;
mod azure_openai_model;
mod chat_anthropic;
mod chat_litellm;
mod chat_openai;
mod cohere;
mod cohere_model;
mod deepseek_model;
mod family;
mod google_generative_ai;
mod google_generative_ai_model;
mod groq_model;
mod hugging_face_endpoints;
mod hugging_face_hub;
mod hugging_face_model;
mod language_model;
mod lm_studio_model;
mod mistral_model;
mod novita_model;
mod nvidia_model;
mod ollama_llm;
mod ollama_model;
mod openai;
mod openai_model;
mod openrouter;
mod perplexity_model;
pub(crate) mod provider;
mod sambanova_model;
mod text_model;
mod vertex_ai;
mod vertex_ai_model;
mod xai_model;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[
    &amazon_bedrock::ENTRY,
    &amazon_bedrock_model::ENTRY,
    &anthropic::ENTRY,
    &anthropic_llm::ENTRY,
    &anthropic_model::ENTRY,
    &azure_chat_openai::ENTRY,
    &azure_openai_model::ENTRY,
    &chat_anthropic::ENTRY,
    &chat_litellm::ENTRY,
    &chat_openai::ENTRY,
    &cohere::ENTRY,
    &cohere_model::ENTRY,
    &deepseek_model::ENTRY,
    &google_generative_ai::ENTRY,
    &google_generative_ai_model::ENTRY,
    &groq_model::ENTRY,
    &hugging_face_endpoints::ENTRY,
    &hugging_face_hub::ENTRY,
    &hugging_face_model::ENTRY,
    &language_model::ENTRY,
    &lm_studio_model::ENTRY,
    &mistral_model::ENTRY,
    &novita_model::ENTRY,
    &nvidia_model::ENTRY,
    &ollama_llm::ENTRY,
    &ollama_model::ENTRY,
    &openai::ENTRY,
    &openai_model::ENTRY,
    &openrouter::ENTRY,
    &perplexity_model::ENTRY,
    &sambanova_model::ENTRY,
    &vertex_ai::ENTRY,
    &vertex_ai_model::ENTRY,
    &xai_model::ENTRY,
];
