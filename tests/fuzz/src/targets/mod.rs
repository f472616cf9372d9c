//! The targets, by what they read.

mod api;
mod documents;
mod exports;
mod markup;
mod models;
mod outbound;
mod store;
mod tools;

use crate::Target;

/// All of them. A target is a line here and a function; a folder of its name in `corpus/` is what it begins with.
pub const TARGETS: &[Target] = &[
    exports::EXPORT,
    exports::LITERAL,
    exports::TEMPLATE,
    api::JSON,
    api::FORM,
    api::REQUEST,
    api::EVENT,
    store::NAMES,
    models::AGENT,
    models::ARITHMETIC,
    tools::TABLE,
    tools::JSON_PATH,
    tools::SQL,
    tools::SCHEMA,
    outbound::ADDRESS,
    documents::LINES,
    documents::PDF,
    documents::PDF_PAGE,
    documents::OFFICE,
    documents::OFFICE_PARTS,
    documents::SPLIT,
    markup::MARKUP,
    markup::PAGE,
];

/// The text before a mark and that behind it; all of it and nothing where there is no mark.
fn halves<'a>(text: &'a str, mark: &str) -> (&'a str, &'a str) {
    text.split_once(mark).unwrap_or((text, ""))
}
