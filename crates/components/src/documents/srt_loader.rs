//! SRTLoader: what is said in a film, from its subtitles (0.x).

use millrace_engine::{Document, Entry, Example, File, Spec, output};

use super::loader::{self, Format, Loader, Unreadable};
use super::plain_text::decode_lines;

/// SubRip subtitles.
pub(crate) struct Srt;

impl Format for Srt {
    const SPEC: Spec = Spec {
        names: &["SRTLoader"],
        about: "The texts of a subtitle file as one document, without their numbers and times.",
        inputs: loader::INPUTS,
        outputs: &[output("documents")],
        examples: &[Example {
            title: "two subtitles",
            inputs: r#"{"file_path": "mill.srt"}"#,
            output: r#"{"documents": [
                {"page_content": "The wheel turns. It never\nstops.", "metadata": {"source": "mill.srt"},
                 "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };
    const READ: loader::Read = read;
}

/// The lines after each line of times, up to an empty line; subtitles are joined with blanks.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    let text = decode_lines(&file.bytes);
    let mut said: Vec<Vec<&str>> = Vec::new();
    let mut inside = false;
    for line in text.lines().map(str::trim_end) {
        if line.contains("-->") && line.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
            said.push(Vec::new());
            inside = true;
        } else if line.is_empty() {
            inside = false;
        } else if let (true, Some(subtitle)) = (inside, said.last_mut()) {
            subtitle.push(line);
        }
    }
    let said: Vec<String> = said.into_iter().map(|lines| lines.join("\n")).collect();
    Ok(loader::whole(said.join(" ")))
}

pub(crate) const ENTRY: Entry = Entry::of::<Loader<Srt>>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::loader::tests::texts;

    #[test]
    fn only_what_is_said_is_kept() {
        let srt = b"1\r\n00:00:01,000 --> 00:00:02,000\r\nOne\r\n2 lines\r\n\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000 X1:1\r\n<i>Two</i>\r\n";
        assert_eq!(texts(read, "a.srt", srt), ["One\n2 lines <i>Two</i>"]);
        assert_eq!(texts(read, "a.srt", b"no subtitles"), [""]);
    }
}
