//! The ends of an edge, in all forms that Langflow has written.
//!
//! 0.5: `"Type|field|nodeId"` strings; later: JSON with `"` written as `œ`, and from 0.6 the same parsed,
//! under the edge's `data`.

use serde_json::{Map, Value as Json};

/// Which field of which node an edge feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetHandle {
    pub field: String,
    /// For an edge into a group: the inner node and field that the group's field stands for.
    pub proxy: Option<(String, String)>,
}

/// Parsed form of a handle: the object under `data`, else the string beside it.
pub(crate) fn object(edge: &Map<String, Json>, name: &str) -> Option<Map<String, Json>> {
    if let Some(Json::Object(handle)) = edge.get("data").and_then(|data| data.get(name)) {
        return Some(handle.clone());
    }
    match edge.get(name) {
        Some(Json::Object(handle)) => Some(handle.clone()),
        Some(Json::String(text)) => serde_json::from_str(&text.replace('œ', "\"")).ok(),
        _ => None,
    }
}

/// The target handle of an edge, if it can be read.
pub(crate) fn target(edge: &Map<String, Json>) -> Option<TargetHandle> {
    if let Some(handle) = object(edge, "targetHandle") {
        // A loop's back-edge is shaped like an output: its field is the `name`.
        let field = text(&handle, "fieldName").or_else(|| text(&handle, "name"))?;
        let proxy = handle.get("proxy").and_then(Json::as_object);
        let proxy = proxy.and_then(|proxy| Some((text(proxy, "id")?, text(proxy, "field")?)));
        return Some(TargetHandle { field, proxy });
    }
    let legacy = edge.get("targetHandle")?.as_str()?;
    let field = legacy.split('|').nth(1)?;
    Some(TargetHandle { field: field.to_owned(), proxy: None })
}

/// The name of the output that an edge reads; `None` in 0.x.
pub(crate) fn output(edge: &Map<String, Json>) -> Option<String> {
    text(&object(edge, "sourceHandle")?, "name")
}

pub(crate) fn text(object: &Map<String, Json>, name: &str) -> Option<String> {
    object.get(name).and_then(Json::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn edge(json: Json) -> Map<String, Json> {
        json.as_object().cloned().unwrap()
    }

    #[test]
    fn every_form_names_its_field() {
        let pipe = edge(json!({"targetHandle": "BaseLanguageModel|llm|LLMChain-1"}));
        let oe = edge(json!({"targetHandle": "{œfieldNameœ: œllmœ, œidœ: œLLMChain-1œ}"}));
        let data = edge(json!({"targetHandle": "x", "data": {"targetHandle": {"fieldName": "llm"}}}));
        let back = edge(json!({"targetHandle": "{œdataTypeœ:œLoopComponentœ,œnameœ:œllmœ}"}));
        for form in [pipe, oe, data, back] {
            assert_eq!(target(&form).map(|handle| handle.field).as_deref(), Some("llm"));
        }
    }

    #[test]
    fn an_unreadable_handle_is_none() {
        assert_eq!(target(&edge(json!({"targetHandle": "no pipes"}))), None);
        assert_eq!(target(&edge(json!({}))), None);
    }

    #[test]
    fn only_named_outputs_have_a_name() {
        let v1 = edge(json!({"sourceHandle": "{œdataTypeœ:œPromptœ,œnameœ:œpromptœ}"}));
        assert_eq!(output(&v1).as_deref(), Some("prompt"));
        assert_eq!(output(&edge(json!({"sourceHandle": "ChatOpenAI|ChatOpenAI-1|BaseLLM"}))), None);
    }
}
