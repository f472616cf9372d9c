//! Documents: files read, and cut to pieces.

mod airbyte_json_loader;
mod bs_html_loader;
mod character_text_splitter;
mod conllu_loader;
mod csv_loader;
mod directory_loader;
mod evernote_loader;
mod facebook_chat_loader;
mod file_loader;
mod folder;
mod formats;
pub(crate) mod fuzzing;
mod html;
mod language_recursive_text_splitter;
mod languages;
mod loader;
mod markdown;
mod notion_directory_loader;
mod office;
#[cfg(test)]
mod office_files;
mod pdf;
mod plain_text;
mod py_pdf_directory_loader;
mod py_pdf_loader;
mod read_the_docs_loader;
mod recursive_character_text_splitter;
mod split;
mod spreadsheet;
mod srt_loader;
mod text_loader;
mod unstructured_email_loader;
mod unstructured_html_loader;
mod unstructured_markdown_loader;
mod unstructured_power_point_loader;
mod unstructured_word_document_loader;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[
    &airbyte_json_loader::ENTRY,
    &bs_html_loader::ENTRY,
    &character_text_splitter::ENTRY,
    &conllu_loader::ENTRY,
    &csv_loader::ENTRY,
    &directory_loader::ENTRY,
    &evernote_loader::ENTRY,
    &facebook_chat_loader::ENTRY,
    &file_loader::ENTRY,
    &language_recursive_text_splitter::ENTRY,
    &notion_directory_loader::ENTRY,
    &py_pdf_directory_loader::ENTRY,
    &py_pdf_loader::ENTRY,
    &read_the_docs_loader::ENTRY,
    &recursive_character_text_splitter::ENTRY,
    &srt_loader::ENTRY,
    &text_loader::ENTRY,
    &unstructured_email_loader::ENTRY,
    &unstructured_html_loader::ENTRY,
    &unstructured_markdown_loader::ENTRY,
    &unstructured_power_point_loader::ENTRY,
    &unstructured_word_document_loader::ENTRY,
];
