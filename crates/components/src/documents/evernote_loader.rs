//! EverNoteLoader: the notes of a notebook (0.x).

use millrace_engine::{Document, Entry, Example, File, Spec, output};

use super::html;
use super::loader::{self, Format, Loader, Unreadable};
use super::office::{Node, walk};

/// ENEX: XML whose notes hold pages of their own.
pub(crate) struct Evernote;

impl Format for Evernote {
    const SPEC: Spec = Spec {
        names: &["EverNoteLoader"],
        about: "The texts of all notes of an Evernote export (.enex) as one document.",
        inputs: loader::INPUTS,
        outputs: &[output("documents")],
        examples: &[Example {
            title: "two notes",
            inputs: r#"{"file_path": "notes.enex"}"#,
            output: r#"{"documents": [
                {"page_content": "The wheel\n\nturns.\n\nFlour on Fridays.", "metadata": {"source": "notes.enex"},
                 "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };
    const READ: loader::Read = read;
}

/// The `content` of each `note`, with empty lines between blocks.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    if file.bytes.is_empty() {
        return Err(Unreadable::Empty);
    }
    let (mut notes, mut inside) = (Vec::new(), false);
    walk(&file.bytes, "Evernote export", |node| match node {
        Node::Start(b"content", _) => {
            notes.push(String::new());
            inside = true;
        }
        Node::End(b"content") => inside = false,
        Node::Text(text) if inside => {
            notes.last_mut().into_iter().for_each(|note: &mut String| note.push_str(text))
        }
        _ => {}
    })?;
    let texts: Vec<String> = notes.iter().map(|note| html::blocks(note)).collect::<Result<_, _>>()?;
    Ok(loader::whole(texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")))
}

pub(crate) const ENTRY: Entry = Entry::of::<Loader<Evernote>>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::loader::tests;

    #[test]
    fn notes_are_read_and_their_pictures_are_not() {
        let note = |page: &str| {
            format!(
                "<note><title>T</title><content>{page}</content><resource><data>aGk=</data></resource></note>"
            )
        };
        let first = note(
            "<![CDATA[<?xml version=\"1.0\"?><!DOCTYPE en-note><en-note><div>One &amp; two</div><div>three<br/></div></en-note>]]>",
        );
        let file = format!("<?xml version=\"1.0\"?><en-export>{first}{}</en-export>", note(""));
        assert_eq!(tests::texts(read, "a.enex", file.as_bytes()), ["One & two\n\nthree"]);
        assert_eq!(tests::read(read, "a.enex", b"").unwrap_err(), "it is empty");
        let broken = tests::read(read, "a.enex", b"<en-export></note>").unwrap_err();
        assert_eq!(broken, "it is no Evernote export that can be read");
    }
}
