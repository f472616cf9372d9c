//! Requests and search services on the web.

mod bing;
mod document_request;
mod fetch;
pub(crate) mod fuzzing;
mod get_request;
mod gitbook_loader;
mod google_search;
pub(crate) mod html;
mod ifixit;
mod json_document_builder;
mod metaphor;
mod page_loader;
mod post_request;
#[cfg(test)]
mod request_tests;
pub(crate) mod request_tools;
mod search;
mod search_api;
mod search_run;
#[cfg(test)]
mod search_tests;
mod searx;
mod serpapi;
mod serper;
mod sites;
#[cfg(test)]
mod sites_tests;
pub(crate) mod text_requests_wrapper;
pub(crate) mod tree;
mod update_request;
mod url_loader;
mod wikipedia;
mod wolfram_alpha;

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
    &get_request::ENTRY,
    &post_request::ENTRY,
    &update_request::ENTRY,
    &json_document_builder::ENTRY,
    &text_requests_wrapper::ENTRY,
    request_tools::ENTRIES[0],
    request_tools::ENTRIES[1],
    request_tools::ENTRIES[2],
    request_tools::ENTRIES[3],
    request_tools::ENTRIES[4],
    serpapi::ENTRIES[0],
    serpapi::ENTRIES[1],
    &serper::ENTRY,
    &bing::ENTRY,
    &google_search::ENTRY,
    &searx::ENTRY,
    &wikipedia::ENTRY,
    &wolfram_alpha::ENTRY,
    &search_api::ENTRY,
    &metaphor::ENTRY,
    search_run::ENTRIES[0],
    search_run::ENTRIES[1],
    search_run::ENTRIES[2],
    search_run::ENTRIES[3],
    search_run::ENTRIES[4],
    search_run::ENTRIES[5],
];
