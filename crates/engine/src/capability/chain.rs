//! Chains: inputs by name in, outputs by name out.

use std::fmt::Debug;

use async_trait::async_trait;
use serde_json::{Map, Value as Json};

use crate::context::Context;
use crate::error::RunError;

/// What a chain answers.
#[derive(Debug, Clone, Default)]
pub struct ChainCall {
    /// What memory and prompt put in. Answered only for a list of inputs (contract 1.5).
    pub beside: Map<String, Json>,
    /// The outputs by name.
    pub outputs: Map<String, Json>,
}

/// A chain of the 0.x dialect.
#[async_trait]
pub trait Chain: Debug + Send + Sync {
    /// The inputs that a caller has to give: without what memory and wiring fill.
    fn input_keys(&self) -> Vec<String>;
    /// The outputs by name.
    fn output_keys(&self) -> Vec<String>;
    /// One call with these inputs.
    async fn call(&self, cx: &Context, inputs: Map<String, Json>) -> Result<ChainCall, RunError>;
}
