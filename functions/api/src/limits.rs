//! What a request may bring besides its body: fixed limits, each of which is named where it is exceeded.
//!
//! `docs/limits.md` lists them with the others.

/// Characters of a name: of a flow, a folder, an endpoint, a key.
pub(crate) const NAME: usize = 255;
/// Characters of a description.
pub(crate) const DESCRIPTION: usize = 10_000;
/// Flows that come in one request.
pub(crate) const FLOWS: usize = 1_000;
/// Parts of a form.
pub(crate) const PARTS: usize = 100;
/// Bytes of path and query together.
pub(crate) const URI: usize = 8_192;
/// Bytes of all names and values of headers together. An HTTP API takes 10 KB, a Function URL more.
pub(crate) const HEADERS: usize = 65_536;
