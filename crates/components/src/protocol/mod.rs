//! Protocols that several providers speak.

pub(crate) mod account;
pub(crate) mod anthropic;
pub(crate) mod aws;
pub(crate) mod bedrock;
pub(crate) mod cohere;
pub(crate) mod google;
pub(crate) mod google_account;
pub(crate) mod hugging_face;
pub(crate) mod ollama;
pub(crate) mod openai;
pub(crate) mod openai_family;
#[cfg(test)]
mod openai_tests;
pub(crate) mod service;
mod turns;
pub(crate) mod vectors;
