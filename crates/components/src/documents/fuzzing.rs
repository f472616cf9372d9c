//! Ways in for `tests/fuzz`.

use super::loader::Read;
use super::split::{Separator, Sizes, Splitter, unescape};
use super::{
    airbyte_json_loader, conllu_loader, csv_loader, evernote_loader, facebook_chat_loader, markdown, pdf,
    spreadsheet, srt_loader, text_loader, unstructured_email_loader, unstructured_power_point_loader,
    unstructured_word_document_loader,
};
use super::{folder, formats, html, languages, loader, read_the_docs_loader};

/// What reads each kind of file.
pub(crate) const READERS: &[(&str, Read)] = &[
    ("json", formats::automatic),
    ("jsonl", airbyte_json_loader::read),
    ("conllu", conllu_loader::read),
    ("csv", csv_loader::read),
    ("enex", evernote_loader::read),
    ("facebook", facebook_chat_loader::read),
    ("page", html::read_page),
    ("blocks", html::read_blocks),
    ("docs", read_the_docs_loader::read),
    ("md", markdown::read),
    ("pdf", pdf::read),
    ("srt", srt_loader::read),
    ("txt", text_loader::read),
    ("eml", unstructured_email_loader::read),
    ("xlsx", spreadsheet::read),
    ("pptx", unstructured_power_point_loader::read),
    ("docx", unstructured_word_document_loader::read),
];

/// Cuts a text at the first separator, or at each in turn; a separator `language:NAME` stands for those of a language.
pub(crate) fn split(
    separators: &[&str],
    recursive: bool,
    text: &str,
    (chunk, overlap): (u32, u32),
) -> Result<Vec<String>, String> {
    let sizes = Sizes::new(chunk, overlap).map_err(|error| error.to_string())?;
    let mut cuts = Vec::new();
    for separator in separators {
        match separator.strip_prefix("language:") {
            Some(name) => cuts.extend(languages::separators(name).map_err(|error| error.to_string())?),
            None => cuts.push(Separator::text(unescape(separator))),
        }
    }
    let splitter = match recursive {
        true => Splitter::Recursive(cuts),
        false => Splitter::Plain(separators.first().copied().unwrap_or_default().to_owned()),
    };
    let pieces = splitter.split(loader::whole(text), sizes).map_err(|error| error.to_string())?;
    Ok(pieces.into_iter().map(|piece| piece.page_content).collect())
}

/// Whether a pattern takes a place.
pub(crate) fn glob(pattern: &str, place: &str) -> Option<bool> {
    folder::pattern(pattern).ok().map(|pattern| pattern.is_match(place))
}
