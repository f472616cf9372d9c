//! DirectoryLoader: the files of a folder (0.6).

use millrace_engine::{
    Component, Context, Default, Entry, Example, Outputs, RunError, Spec, flag, json, output, text,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::folder::{self, Choice};
use super::{formats, loader};

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct DirectoryLoader {
    path: String,
    glob: String,
    recursive: bool,
    load_hidden: bool,
    silent_errors: bool,
    metadata: Option<Map<String, Json>>,
}

impl Component for DirectoryLoader {
    const SPEC: Spec = Spec {
        names: &["DirectoryLoader"],
        about: "The documents of a folder's files, each by the ending of its name; what has none of those is text.",
        inputs: &[
            text("path", "A folder that the operator opened. At most 1000 files and 128 MiB of text."),
            text("glob", "Which files, by their place below the folder.").or(Default::Text("**/*.txt")),
            flag("recursive", "Whether the pattern may begin at any folder below.").or(Default::Flag(true)),
            flag("load_hidden", "Whether names that begin with a dot are taken too.")
                .or(Default::Flag(false)),
            flag("silent_errors", "Whether files that cannot be read are left out.").or(Default::Flag(false)),
            json("metadata", "Added to each document's own metadata."),
        ],
        outputs: &[output("documents")],
        examples: &[Example {
            title: "the text files of a folder",
            inputs: r#"{"path": "notes", "glob": "*.txt"}"#,
            output: r#"{"documents": [
                {"page_content": "A new stone.\n", "metadata": {"source": "stone.txt"}, "type": "Document"},
                {"page_content": "The wheel turns.\n", "metadata": {"source": "wheel.txt"}, "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };

    async fn run(self, cx: &Context) -> Result<Outputs, RunError> {
        let glob = if self.recursive { format!("**/{}", self.glob) } else { self.glob };
        let choice = Choice { hidden: self.load_hidden, lenient: self.silent_errors, ..Choice::of(&glob)? };
        let documents = folder::load(cx, &self.path, &choice, formats::any).await?;
        Ok(Outputs::one("documents", loader::output(documents, self.metadata.unwrap_or_default())))
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<DirectoryLoader>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::Stand;

    async fn loaded(fields: DirectoryLoader) -> Result<Vec<String>, RunError> {
        let files: [(&str, &[u8]); 5] = [
            ("d/b.txt", b"b"),
            ("d/in/a.csv", b"x\n1"),
            ("d/in/c.txt", b"c"),
            ("d/.git/d.txt", b"hidden"),
            ("d/e.json", b"{"),
        ];
        let stand = Stand::offline().files(&files);
        let outputs = fields.run(&stand.cx()).await?;
        let documents = outputs.get("documents").map(|d| d.to_json()).unwrap_or_default();
        let text = |document: &Json| document["page_content"].as_str().unwrap_or_default().to_owned();
        Ok(documents.as_array().unwrap().iter().map(text).collect())
    }

    fn fields(glob: &str) -> DirectoryLoader {
        let (recursive, load_hidden, silent_errors) = (false, false, false);
        let (path, glob) = ("d".to_owned(), glob.to_owned());
        DirectoryLoader { path, glob, recursive, load_hidden, silent_errors, metadata: None }
    }

    #[tokio::test]
    async fn files_are_chosen_by_their_place() {
        let cases = [
            (fields("*.txt"), vec!["b"]),
            (DirectoryLoader { recursive: true, ..fields("*.txt") }, vec!["b", "c"]),
            (DirectoryLoader { load_hidden: true, ..fields("**/*.txt") }, vec!["hidden", "b", "c"]),
            (DirectoryLoader { silent_errors: true, ..fields("**/*") }, vec!["b", "x: 1", "c"]),
        ];
        for (fields, texts) in cases {
            assert_eq!(loaded(fields).await.unwrap(), texts);
        }
        let error = loaded(fields("**/*")).await.unwrap_err();
        assert!(error.message.starts_with("Error loading e.json: it is no JSON"), "{error}");
    }
}
