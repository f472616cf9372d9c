//! AirbyteJSONLoader: the records of an Airbyte export as text (0.x).

use millrace_engine::{Document, Entry, Example, File, Spec, output, python_str};
use serde_json::{Map, Value as Json};

use super::loader::{self, Format, Loader, Unreadable};
use super::plain_text::decode;

/// Lists in objects in lists at most; the text of deeper ones is Python's.
const MAX_DEPTH: usize = 64;

/// A JSON object on each line.
pub(crate) struct Airbyte;

impl Format for Airbyte {
    const SPEC: Spec = Spec {
        names: &["AirbyteJSONLoader"],
        about: "The records of an Airbyte export, or of any file of JSON objects line by line, as one document.",
        inputs: loader::INPUTS,
        outputs: &[output("documents")],
        examples: &[Example {
            title: "a record and a plain object",
            inputs: r#"{"file_path": "mills.jsonl"}"#,
            output: r#"{"documents": [
                {"page_content": "name: Upper mill\nparts: wheel\nstone\nname: Lower mill\n",
                 "metadata": {"source": "mills.jsonl"}, "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };
    const READ: loader::Read = read;
}

/// The `_airbyte_data` of each line, or the line itself where it has none.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    let mut text = String::new();
    for (number, line) in decode(&file.bytes).lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let broken = |_| Unreadable::Malformed(format!("line {} is no JSON object", number + 1));
        let mut record: Map<String, Json> = serde_json::from_str(line).map_err(broken)?;
        match record.remove("_airbyte_data") {
            Some(Json::Object(data)) => write(&data, 0, &mut text),
            _ => write(&record, 0, &mut text),
        }
    }
    Ok(loader::whole(text))
}

fn write(record: &Map<String, Json>, depth: usize, text: &mut String) {
    for (key, value) in record {
        text.push_str(key);
        text.push_str(": ");
        write_value(value, depth, text);
        text.push('\n');
    }
}

fn write_value(value: &Json, depth: usize, text: &mut String) {
    match value {
        Json::Object(inner) if depth < MAX_DEPTH => {
            text.push('\n');
            write(inner, depth + 1, text);
        }
        Json::Array(list) if depth < MAX_DEPTH => {
            for (at, item) in list.iter().enumerate() {
                if at > 0 {
                    text.push('\n');
                }
                write_value(item, depth + 1, text);
            }
        }
        other => text.push_str(&python_str(other)),
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<Loader<Airbyte>>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::loader::tests;

    #[test]
    fn records_read_as_lines() {
        let lines = br#"{"_airbyte_ab_id": "1", "_airbyte_data": {"a": 1, "b": {"c": [true, "x", null]}}}

{"plain": "object"}"#;
        let text = "a: 1\nb: \nc: True\nx\nNone\n\nplain: object\n";
        assert_eq!(tests::texts(read, "a.jsonl", lines), [text]);
        assert_eq!(tests::read(read, "a.jsonl", b"{}\n[1]").unwrap_err(), "line 2 is no JSON object");
    }
}
