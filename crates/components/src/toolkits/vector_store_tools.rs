//! The tools by which an agent asks a vector store.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{
    Capability, ChatModel, Context, Nearest, RunError, Tool, ToolInput, Value, VectorStore,
};

use super::vector_store_info::StoreInfo;
use crate::chains::qa;

/// Two tools over a store: one answers a question, one names its sources too.
pub(crate) fn store_tools(info: &StoreInfo, llm: &Arc<dyn ChatModel>) -> Vec<Arc<dyn Tool>> {
    vec![Arc::new(StoreTool::answering(info, llm)), Arc::new(StoreTool::sourced(info, llm))]
}

/// One tool for each store, without sources.
pub(crate) fn router_tools<'a>(
    infos: impl IntoIterator<Item = &'a StoreInfo>,
    llm: &Arc<dyn ChatModel>,
) -> Vec<Arc<dyn Tool>> {
    infos.into_iter().map(|info| Arc::new(StoreTool::answering(info, llm)) as Arc<dyn Tool>).collect()
}

/// Tools as the output of a toolkit.
pub(crate) fn toolkit(tools: Vec<Arc<dyn Tool>>) -> Value {
    Value::List(tools.into_iter().map(|tool| Value::Capability(Capability::Tool(tool))).collect())
}

#[derive(Debug)]
struct StoreTool {
    name: String,
    description: String,
    sources: bool,
    llm: Arc<dyn ChatModel>,
    store: Arc<dyn VectorStore>,
}

impl StoreTool {
    fn answering(info: &StoreInfo, llm: &Arc<dyn ChatModel>) -> Self {
        let description = format!(
            "Answers questions about {}. Always use it when you need to know something about {}. \
             Its input is a complete question.",
            info.name, info.description
        );
        let (llm, store) = (llm.clone(), info.store.clone());
        Self { name: info.name.clone(), description, sources: false, llm, store }
    }

    fn sourced(info: &StoreInfo, llm: &Arc<dyn ChatModel>) -> Self {
        let description = format!(
            "Answers questions about {} and names the sources of the answer; it is about {}. Use it only when \
             sources are asked for. Its input is a complete question, its output JSON with the keys `answer` \
             and `sources`.",
            info.name, info.description
        );
        let name = format!("{}_with_sources", info.name);
        Self { name, description, sources: true, ..Self::answering(info, llm) }
    }
}

#[async_trait]
impl Tool for StoreTool {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        &self.description
    }

    async fn call(&self, cx: &Context, input: ToolInput) -> Result<String, RunError> {
        let (question, found) = (input.into_text(), Nearest(self.store.clone()));
        match self.sources {
            true => qa::answer_with_sources(cx, self.llm.as_ref(), &found, &question).await,
            false => qa::answer(cx, self.llm.as_ref(), &found, &question).await,
        }
    }
}
