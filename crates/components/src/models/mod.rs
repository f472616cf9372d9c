//! Language models.

pub(crate) mod chat_openai;
pub(crate) mod language_model;
pub(crate) mod openai;
pub(crate) mod openai_model;
mod text_model;
