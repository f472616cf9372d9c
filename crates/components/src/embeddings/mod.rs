//! Models that turn texts into vectors.

mod amazon_bedrock_embeddings;
mod azure_openai_embeddings;
mod cohere_embeddings;
mod embedding_model;
mod google_embeddings;
mod hugging_face_embeddings;
mod hugging_face_inference_embeddings;
mod lm_studio_embeddings;
mod mistral_embeddings;
mod nvidia_embeddings;
mod ollama_embeddings;
mod openai_embeddings;
pub(crate) mod provider;
mod vertex_ai_embeddings;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[
    &amazon_bedrock_embeddings::ENTRY,
    &azure_openai_embeddings::ENTRY,
    &cohere_embeddings::ENTRY,
    &embedding_model::ENTRY,
    &google_embeddings::ENTRY,
    &hugging_face_embeddings::ENTRY,
    &hugging_face_inference_embeddings::ENTRY,
    &lm_studio_embeddings::ENTRY,
    &mistral_embeddings::ENTRY,
    &nvidia_embeddings::ENTRY,
    &ollama_embeddings::ENTRY,
    &openai_embeddings::ENTRY,
    &vertex_ai_embeddings::ENTRY,
];
