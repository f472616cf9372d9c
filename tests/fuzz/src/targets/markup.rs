//! Markup: files and pages.

use millrace_components::fuzzing;

use crate::Target;

const WORDS: &[&str] = &[
    "<p>",
    "</p>",
    "<div class=\"a\">",
    "<script>",
    "</script>",
    "<style>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<table><tr><td>",
    "<pre>",
    "<title>",
    "<meta charset=\"",
    "&amp;",
    "&#x41;",
    "&#1114112;",
    "&nosuch;",
    "<a href='",
    "'>",
    "<br/>",
    "</",
    "<",
    ">",
    "<?xml version=\"1.0\"?>",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "<note>",
    "<title>",
    "<content>",
    "<en-note>",
    "# ",
    "- ",
    "1. ",
    "```",
    "**",
    "_",
    "[a](b)",
    "![",
    "| a |",
    "> ",
    "<main>",
    "<div role=\"main\">",
    "<template>",
    "<svg>",
    "<select>",
    "<frameset>",
];

pub(super) const MARKUP: Target = Target::of("markup", markup)
    .words(WORDS)
    .limits(32 << 10, 2_000, 256)
    .seeds(&["../shared/langflow-0.6/fixtures/site *.html"]);

/// One file, as each kind of markup.
fn markup(input: &[u8]) {
    for kind in ["page", "blocks", "docs", "md", "enex"] {
        let _ = fuzzing::document(kind, input);
    }
}

pub(super) const PAGE: Target =
    Target::of("page", page).words(WORDS).seeds(&["../shared/langflow-0.6/fixtures/site *.html"]);

/// What a server sends, in whatever encoding it says.
fn page(input: &[u8]) {
    for declared in [
        None,
        Some("text/html; charset=latin-1"),
        Some("text/html; charset=utf-16"),
        Some("text/html; charset=shift_jis"),
    ] {
        fuzzing::page(input, declared);
    }
}
