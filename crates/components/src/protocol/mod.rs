//! Protocols that several providers speak.

pub(crate) mod account;
pub(crate) mod anthropic;
pub(crate) mod aws;
pub(crate) mod bedrock;
pub(crate) mod bedrock_vectors;
pub(crate) mod cohere;
pub(crate) mod cohere_vectors;
pub(crate) mod google;
pub(crate) mod google_account;
pub(crate) mod google_vectors;
pub(crate) mod hugging_face;
pub(crate) mod hugging_face_vectors;
pub(crate) mod ollama;
pub(crate) mod ollama_vectors;
pub(crate) mod openai;
pub(crate) mod openai_family;
#[cfg(test)]
mod openai_tests;
pub(crate) mod openai_vectors;
pub(crate) mod service;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod suite_providers;
#[cfg(test)]
mod suite_vectors;
mod turns;
pub(crate) mod vectors;
