//! What must never be in the sources, and what each manifest must say. Reads files; runs nothing of Millrace.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod log_lines;
mod manifests;
mod source;
mod words;
