//! Requests and search services on the web.

mod fetch;
mod gitbook_loader;
pub(crate) mod html;
mod ifixit;
mod page_loader;
mod sites;
mod url_loader;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[
    page_loader::ENTRIES[0],
    page_loader::ENTRIES[1],
    page_loader::ENTRIES[2],
    page_loader::ENTRIES[3],
    page_loader::ENTRIES[4],
    page_loader::ENTRIES[5],
    page_loader::ENTRIES[6],
    &gitbook_loader::ENTRY,
    &url_loader::ENTRY,
];
