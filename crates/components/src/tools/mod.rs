//! Tools that agents call, and what they are made of.

pub(crate) mod arithmetic;
pub(crate) mod calculator;
pub(crate) mod callable;
mod tool;

use millrace_engine::Entry;

/// Its component types, by file.
pub(crate) const ENTRIES: &[&Entry] = &[&calculator::ENTRY, &tool::ENTRY];
