//! The two tools that look into a JSON file.

use std::sync::Arc;

use async_trait::async_trait;
use millrace_engine::{Context, RunError, Tool, ToolInput};

use super::json_spec::JsonSpec;

/// Lists the keys at a path.
pub(crate) fn list_keys(spec: Arc<JsonSpec>) -> Arc<dyn Tool> {
    Arc::new(JsonTool { spec, look: Look::Keys })
}

/// Shows the value at a path.
pub(crate) fn get_value(spec: Arc<JsonSpec>) -> Arc<dyn Tool> {
    Arc::new(JsonTool { spec, look: Look::Value })
}

#[derive(Debug)]
struct JsonTool {
    spec: Arc<JsonSpec>,
    look: Look,
}

#[derive(Debug)]
enum Look {
    Keys,
    Value,
}

#[async_trait]
impl Tool for JsonTool {
    fn name(&self) -> &str {
        match self.look {
            Look::Keys => "json_spec_list_keys",
            Look::Value => "json_spec_get_value",
        }
    }

    fn description(&self) -> &str {
        match self.look {
            Look::Keys => {
                "Lists the keys of the object at a path. The path must be known to exist. The input is the path \
                 in Python's syntax, such as data[\"key1\"][0][\"key2\"]."
            }
            Look::Value => {
                "Shows the value at a path as text. The path must be known to exist. The input is the path in \
                 Python's syntax, such as data[\"key1\"][0][\"key2\"]."
            }
        }
    }

    async fn call(&self, cx: &Context, input: ToolInput) -> Result<String, RunError> {
        let path = input.into_text();
        match self.look {
            Look::Keys => self.spec.keys(cx, path.trim()).await,
            Look::Value => self.spec.value(cx, path.trim()).await,
        }
    }
}
