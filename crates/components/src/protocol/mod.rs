//! Protocols that several providers speak.

pub(crate) mod aws;
pub(crate) mod openai;
#[cfg(test)]
mod openai_tests;
pub(crate) mod service;
