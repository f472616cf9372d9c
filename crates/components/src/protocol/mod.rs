//! Protocols that several providers speak.

pub(crate) mod openai;
