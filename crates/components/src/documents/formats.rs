//! Which reader a file gets: by its name's ending, or by the name that FileLoader's field gives.

use millrace_engine::{Document, File};

use super::loader::{Read, Unreadable, whole};
use super::plain_text::decode_lines;
use super::{
    airbyte_json_loader, csv_loader, html, markdown, pdf, spreadsheet, srt_loader, text_loader,
    unstructured_email_loader, unstructured_power_point_loader, unstructured_word_document_loader,
};

/// A kind of file.
struct Kind {
    /// What FileLoader's field calls it.
    name: &'static str,
    /// The endings of files that are taken for it.
    endings: &'static [&'static str],
    read: Read,
}

const fn kind(name: &'static str, endings: &'static [&'static str], read: Read) -> Kind {
    Kind { name, endings, read }
}

const KINDS: &[Kind] = &[
    kind("Airbyte JSON (.jsonl)", &["jsonl"], airbyte_json_loader::read),
    kind("JSON (.json)", &["json"], json),
    kind("BeautifulSoup4 HTML (.html, .htm)", &[], html::read_page),
    kind("CSV (.csv)", &["csv"], csv_loader::read),
    kind("Excel (.xlsx)", &["xlsx"], spreadsheet::read),
    kind("PyPDF (.pdf)", &["pdf"], pdf::read),
    // The field's own slip of the pen.
    kind("Subtitle (.str)", &["str", "srt"], srt_loader::read),
    kind("Text (.txt)", &["txt"], text_loader::read),
    kind("Unstructured Email (.eml)", &["eml"], unstructured_email_loader::read),
    kind("Unstructured HTML (.html, .htm)", &["html", "htm"], html::read_blocks),
    kind("Unstructured Markdown (.md)", &["md", "markdown"], markdown::read),
    kind("Unstructured PowerPoint (.pptx)", &["pptx"], unstructured_power_point_loader::read),
    kind("Unstructured Word (.docx)", &["docx"], unstructured_word_document_loader::read),
];

/// The reader that FileLoader's field names.
pub(super) fn named(name: &str) -> Option<Read> {
    KINDS.iter().find(|kind| kind.name == name).map(|kind| kind.read)
}

/// Reads a file by its name's ending.
///
/// # Errors
/// An ending that nothing reads.
pub(super) fn automatic(file: &File) -> Result<Vec<Document>, Unreadable> {
    let ending = ending(&file.name);
    match by_ending(&ending) {
        Some(read) => read(file),
        None => Err(Unreadable::Kind(ending)),
    }
}

/// Reads a file by its name's ending, or as text if it is one.
///
/// # Errors
/// An ending that nothing reads, and no text either.
pub(super) fn any(file: &File) -> Result<Vec<Document>, Unreadable> {
    let ending = ending(&file.name);
    match by_ending(&ending) {
        Some(read) => read(file),
        None if file.bytes.contains(&0) => Err(Unreadable::Kind(ending)),
        None => text_loader::read(file),
    }
}

fn by_ending(ending: &str) -> Option<Read> {
    KINDS.iter().find(|kind| kind.endings.contains(&ending)).map(|kind| kind.read)
}

fn ending(name: &str) -> String {
    name.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_ascii_lowercase())
}

/// A JSON file as one document. A prompt's variable that it fills reads it as JSON.
fn json(file: &File) -> Result<Vec<Document>, Unreadable> {
    let text = decode_lines(&file.bytes);
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_) => Ok(whole(text)),
        Err(error) => Err(Unreadable::Malformed(format!("it is no JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::loader::tests;

    #[test]
    fn a_file_is_read_by_its_ending() {
        let cases: [(&str, &[u8], Result<&str, &str>); 8] = [
            ("a.TXT", b"a\r\nb", Ok("a\nb")),
            ("a.b.csv", b"a\n1", Ok("a: 1")),
            ("a.json", b"{\"a\": 1}", Ok("{\"a\": 1}")),
            ("a.json", b"{", Err("it is no JSON: EOF while parsing an object at line 1 column 1")),
            ("a.md", b"# A", Ok("A")),
            ("a.htm", b"<p>a<p>b", Ok("a\n\nb")),
            ("a.msg", b"x", Err("files of the kind 'msg' cannot be loaded")),
            ("a", b"x", Err("files of the kind '' cannot be loaded")),
        ];
        for (name, bytes, expected) in cases {
            let found = tests::read(automatic, name, bytes).map(|mut d| d.remove(0).page_content);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{name}");
        }
        assert_eq!(tests::texts(any, "notes.rs", b"fn main() {}"), ["fn main() {}"]);
        assert_eq!(tests::read(any, "a.bin", b"\0").unwrap_err(), "files of the kind 'bin' cannot be loaded");
    }
}
