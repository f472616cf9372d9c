//! RecursiveCharacterTextSplitter: cuts documents at the coarsest of several separators that serves (0.x).

use millrace_engine::{
    Component, Context, Default, Entry, ErrorKind, Example, LazyValue, Outputs, RunError, Spec, Value,
    integer, message, output, text,
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::languages;
use super::split::{self, Separator, Sizes, Splitter};

/// Separators at most: each is one more level of cutting.
const MAX_SEPARATORS: usize = 100;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct RecursiveCharacterTextSplitter {
    documents: Vec<LazyValue>,
    chunk_size: u32,
    chunk_overlap: u32,
    separators: Option<LazyValue>,
    separator_type: String,
}

impl Component for RecursiveCharacterTextSplitter {
    const SPEC: Spec = Spec {
        names: &["RecursiveCharacterTextSplitter"],
        about: "Cuts documents at the first separator that they have, and what is still too long at the next.",
        inputs: &[
            message("documents", "The documents."),
            integer("chunk_size", "Characters of a piece at most, where the separators allow it.")
                .or(Default::Integer(1000)),
            integer("chunk_overlap", "Characters at most of one piece with which the next begins.")
                .or(Default::Integer(200)),
            message(
                "separators",
                "A list, or one text whose characters are the separators; `\\n` is a line break. At most 100. \
                 Without any: empty lines, lines, blanks, anywhere.",
            ),
            text("separator_type", "`Text`, or a language whose separators are taken instead.")
                .or(Default::Text("Text")),
        ],
        outputs: &[output("documents")],
        examples: &[
            Example {
                title: "a separator begins the next piece",
                inputs: r#"{"documents": "One. Two. Three", "separators": ".", "chunk_size": 6,
                            "chunk_overlap": 0, "separator_type": "Text"}"#,
                output: r#"{"documents": [
                    {"page_content": "One", "metadata": {}, "type": "Document"},
                    {"page_content": ". Two", "metadata": {}, "type": "Document"},
                    {"page_content": ". Three", "metadata": {}, "type": "Document"}
                ]}"#,
            },
            Example {
                title: "words stay whole",
                inputs: r#"{"documents": "one two three", "chunk_size": 8, "chunk_overlap": 4}"#,
                output: r#"{"documents": [
                    {"page_content": "one two", "metadata": {}, "type": "Document"},
                    {"page_content": "three", "metadata": {}, "type": "Document"}
                ]}"#,
            },
        ],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let sizes = Sizes::new(self.chunk_size, self.chunk_overlap)?;
        let separators = match self.separator_type.as_str() {
            "Text" => own(self.separators.map(|separators| separators.0))?,
            language => languages::separators(language)?,
        };
        let pieces = Splitter::Recursive(separators).split(split::documents(self.documents)?, sizes)?;
        Ok(Outputs::one("documents", split::output(pieces)))
    }
}

/// The separators of the field: 0.6 keeps a list there, older flows one text of single characters.
fn own(field: Option<Value>) -> Result<Vec<Separator>, RunError> {
    let texts: Vec<String> = match field {
        None => Vec::new(),
        Some(Value::Json(Json::Array(list))) => list
            .iter()
            .map(|item| item.as_str().map(split::unescape).ok_or_else(unfit))
            .collect::<Result<_, _>>()?,
        Some(other) => {
            let text = other.as_text().ok_or_else(unfit)?;
            split::unescape(&text).chars().map(String::from).collect()
        }
    };
    if texts.len() > MAX_SEPARATORS {
        let message = format!("field 'separators': more than {MAX_SEPARATORS} separators");
        return Err(RunError::new(ErrorKind::Flow, message));
    }
    let usual = ["\n\n", "\n", " ", ""].map(str::to_owned).to_vec();
    let texts = if texts.iter().all(String::is_empty) { usual } else { texts };
    Ok(texts.into_iter().map(Separator::text).collect())
}

fn unfit() -> RunError {
    RunError::new(ErrorKind::Flow, "field 'separators': expected texts")
}

pub(crate) const ENTRY: Entry = Entry::of::<RecursiveCharacterTextSplitter>();
