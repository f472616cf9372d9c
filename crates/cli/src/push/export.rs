//! The flows of an exported file.

use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value as Json, json};

use crate::exit::Failure;
use crate::json_argument::{parse, standard_input};

/// What of an export is uploaded; it has many other fields.
const FIELDS: [&str; 6] = ["name", "description", "data", "is_component", "folder", "endpoint_name"];

/// A flow as it is uploaded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Export {
    /// The id that it had where it comes from.
    pub id: Option<String>,
    pub body: Json,
}

impl Export {
    pub fn name(&self) -> &str {
        self.body["name"].as_str().unwrap_or_default()
    }

    pub fn data(&self) -> &Json {
        &self.body["data"]
    }
}

/// Reads a file: one export, several, or a graph alone, which is called as the file is.
///
/// # Errors
/// It cannot be read or is no JSON, or something in it is no flow. All of it is looked at before anything is uploaded.
pub(crate) fn read(file: &Path, name: Option<&str>) -> Result<Vec<Export>> {
    let (text, shown) = match file.to_str() {
        Some("-") => (standard_input("push")?, "standard input".to_owned()),
        _ => {
            let shown = file.display().to_string();
            let text = std::fs::read_to_string(file)
                .map_err(|error| Failure::usage(format!("cannot read {shown}: {error}")))?;
            (text, shown)
        }
    };
    let stem = file.file_stem().and_then(|stem| stem.to_str()).filter(|stem| *stem != "-").unwrap_or("flow");
    exports(&text, (name, stem)).map_err(|why| Failure::usage(format!("{shown} {why}")).into())
}

fn exports(text: &str, (name, stem): (Option<&str>, &str)) -> Result<Vec<Export>, String> {
    let value = parse(text).map_err(|why| format!("is no JSON: {why}"))?;
    let flows = match value {
        Json::Array(flows) => flows,
        Json::Object(mut object) => match object.remove("flows") {
            Some(Json::Array(flows)) => flows,
            _ => vec![Json::Object(object)],
        },
        _ => vec![value],
    };
    match (flows.len(), name) {
        (0, _) => return Err("has no flows".to_owned()),
        (2.., Some(_)) => return Err(format!("has {} flows, which cannot all have one name", flows.len())),
        _ => {}
    }
    let place = |index: usize| {
        if flows.len() > 1 { format!("has at position {} what", index + 1) } else { String::new() }
    };
    flows
        .iter()
        .enumerate()
        .map(|(index, flow)| {
            export(flow, (name, stem)).ok_or_else(|| {
                let what = "is no exported flow: one has `data` with lists of `nodes` and `edges`";
                format!("{} {what}", place(index)).trim_start().to_owned()
            })
        })
        .collect()
}

fn export(flow: &Json, (name, stem): (Option<&str>, &str)) -> Option<Export> {
    let is_graph = |value: &Json| value["nodes"].is_array() && value["edges"].is_array();
    let mut body = if is_graph(flow) {
        Map::from_iter([("data".to_owned(), flow.clone())])
    } else if is_graph(&flow["data"]) {
        let there = FIELDS.iter().filter_map(|field| Some(((*field).to_owned(), flow.get(field)?.clone())));
        there.collect()
    } else {
        return None;
    };
    let own = body.get("name").and_then(Json::as_str).filter(|name| !name.is_empty());
    let name = json!(name.or(own).unwrap_or(stem));
    body.insert("name".to_owned(), name);
    Some(Export { id: flow["id"].as_str().map(str::to_owned), body: body.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str, name: Option<&str>) -> Result<Vec<(String, Option<String>)>, String> {
        let exports = exports(text, (name, "stem"))?;
        Ok(exports.into_iter().map(|export| (export.name().to_owned(), export.id)).collect())
    }

    #[test]
    fn a_file_has_one_flow_or_several() {
        let graph = r#"{"nodes": [], "edges": []}"#;
        let flow = |fields: &str| format!(r#"{{{fields}"data": {graph}}}"#);
        let one = |name: &str, id: Option<&str>| vec![(name.to_owned(), id.map(str::to_owned))];
        assert_eq!(named(&flow(r#""name": "a", "id": "7", "#), None), Ok(one("a", Some("7"))));
        assert_eq!(named(&flow(r#""name": "a", "#), Some("b")), Ok(one("b", None)));
        assert_eq!(named(&flow(""), None), Ok(one("stem", None)));
        assert_eq!(named(graph, None), Ok(one("stem", None)));
        let two = [flow(r#""name": "a", "#), flow(r#""name": "b", "#)].join(",");
        let both = Ok([one("a", None), one("b", None)].concat());
        assert_eq!(named(&format!("[{two}]"), None), both);
        assert_eq!(named(&format!(r#"{{"flows": [{two}]}}"#), None), both);
        assert!(named(&format!("[{two}]"), Some("c")).is_err());
    }

    #[test]
    fn only_what_the_api_takes_is_uploaded() {
        let text = r#"{"name": "a", "user_id": "u", "icon": null, "endpoint_name": "e", "data": {"nodes": [], "edges": []}}"#;
        let body = exports(text, (None, "stem")).unwrap().remove(0).body;
        assert_eq!(body, json!({"name": "a", "data": {"nodes": [], "edges": []}, "endpoint_name": "e"}));
    }

    #[test]
    fn what_is_no_flow_is_refused() {
        for (text, says) in [
            ("", "is no JSON: it ends early at line 1"),
            ("PK\u{3}", "is no JSON: a syntax error at line 1, column 1"),
            ("{}", "is no exported flow"),
            ("5", "is no exported flow"),
            (r#"{"name": "a", "data": {"nodes": []}}"#, "is no exported flow"),
            (r#"{"name": "a", "data": null}"#, "is no exported flow"),
            (r#"[{"nodes": [], "edges": []}, {}]"#, "has at position 2 what is no exported flow"),
            ("[]", "has no flows"),
            (r#"{"flows": []}"#, "has no flows"),
        ] {
            let error = named(text, None).unwrap_err();
            assert!(error.starts_with(says), "{text}: {error}");
        }
    }
}
