//! The engine as its callers see it: exports in, results out, over small components of the tests' own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod effects;
mod exports;
mod running;
mod stand;
mod subflows;
mod tweaks;
