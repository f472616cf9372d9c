//! CoNLLULoader: the text of a treebank (0.x).

use millrace_engine::{Document, Entry, Example, File, Spec, output};

use super::loader::{self, Format, Loader, Unreadable};
use super::plain_text::decode_lines;

/// Columns of a word: its form is the second, what is said of the blank behind it stands in the last.
const COLUMNS: usize = 10;

/// CoNLL-U: a word on each line, in tab-separated columns.
pub(crate) struct Conllu;

impl Format for Conllu {
    const SPEC: Spec = Spec {
        names: &["CoNLLULoader"],
        about: "The words of a CoNLL-U file as one document, with the blanks that the file says.",
        inputs: loader::INPUTS,
        outputs: &[output("documents")],
        examples: &[Example {
            title: "a sentence",
            inputs: r#"{"file_path": "mill.conllu"}"#,
            output: r#"{"documents": [
                {"page_content": "The wheel turns.", "metadata": {"source": "mill.conllu"}, "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };
    const READ: loader::Read = read;
}

/// Lines without a tab are comments, or part sentences.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    let text = decode_lines(&file.bytes);
    let mut words = String::new();
    let mut lines = text.lines().enumerate().filter(|(_, line)| line.contains('\t')).peekable();
    while let Some((number, line)) = lines.next() {
        let columns: Vec<&str> = line.split('\t').collect();
        let &[_, word, .., blank] = columns.as_slice() else { continue };
        if columns.len() != COLUMNS {
            let (line, found) = (number + 1, columns.len());
            let message = format!("line {line} has {found} columns, and a word has {COLUMNS}");
            return Err(Unreadable::Malformed(message));
        }
        words.push_str(word);
        if blank != "SpaceAfter=No" && lines.peek().is_some() {
            words.push(' ');
        }
    }
    Ok(loader::whole(words))
}

pub(crate) const ENTRY: Entry = Entry::of::<Loader<Conllu>>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::loader::tests;

    #[test]
    fn words_are_joined_as_the_file_says() {
        let line = |word: &str, blank: &str| format!("1\t{word}\t_\t_\t_\t_\t_\t_\t_\t{blank}\n");
        let file = [
            "# text\n",
            &line("One", "_"),
            &line("two", "SpaceAfter=No"),
            &line(".", "_"),
            "\n",
            &line("Three", "_"),
        ];
        assert_eq!(tests::texts(read, "a.conllu", file.concat().as_bytes()), ["One two. Three"]);
        assert_eq!(tests::texts(read, "a.conllu", b"# nothing\n"), [""]);
        let error = tests::read(read, "a.conllu", b"#\n1\tOne\t_\n").unwrap_err();
        assert_eq!(error, "line 2 has 3 columns, and a word has 10");
    }
}
