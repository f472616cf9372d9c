//! The component types by name, and the embedded Python that is known to be Langflow's own.

use std::collections::HashMap;

use crate::component::Entry;
use crate::flow::Vertex;

/// All component types.
pub struct Registry {
    by_name: HashMap<&'static str, &'static Entry>,
    /// Some code was released under two names.
    stock: HashMap<[u8; 6], Vec<&'static str>>,
    /// Types that Langflow has and that are left out on purpose, and why.
    unsupported: &'static [(&'static str, &'static str)],
}

/// What the code embedded in a vertex is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stock<'a> {
    /// There is none.
    NoCode,
    /// Langflow's own, released under these types.
    Known(&'a [&'static str]),
    /// Not known. May be drift of a known type, or the owner's own.
    Unknown,
}

impl Registry {
    /// A registry of these entries; `stock` lists known code as lines of `hash type`, hash in hex.
    pub fn new(entries: &[&'static Entry], stock: &'static str) -> Self {
        let names = |entry: &&'static Entry| {
            let entry: &'static Entry = entry;
            entry.spec.names.iter().map(move |name| (*name, entry))
        };
        let mut known: HashMap<[u8; 6], Vec<&'static str>> = HashMap::new();
        for (hash, kind) in stock.lines().filter_map(row) {
            known.entry(hash).or_default().push(kind);
        }
        Self { by_name: entries.iter().flat_map(names).collect(), stock: known, unsupported: &[] }
    }

    /// The same registry, which can say why these types are left out.
    #[must_use]
    pub fn without(self, unsupported: &'static [(&'static str, &'static str)]) -> Self {
        Self { unsupported, ..self }
    }

    /// Why a type is left out, where that was decided.
    pub fn reason(&self, kind: &str) -> Option<&'static str> {
        self.unsupported.iter().find(|(name, _)| *name == kind).map(|(_, reason)| *reason)
    }

    /// The component of a type.
    pub fn get(&self, name: &str) -> Option<&'static Entry> {
        self.by_name.get(name).copied()
    }

    /// What is known of a vertex's code. **Code is compared, never executed.**
    pub fn stock(&self, vertex: &Vertex) -> Stock<'_> {
        match &vertex.code_hash {
            None => Stock::NoCode,
            Some(hash) => bytes(hash)
                .and_then(|hash| self.stock.get(&hash))
                .map_or(Stock::Unknown, |kinds| Stock::Known(kinds)),
        }
    }

    /// Whether any release of Langflow had a component of this type.
    pub fn released(&self, kind: &str) -> bool {
        self.stock.values().flatten().any(|name| *name == kind)
    }

    /// The component of a vertex: by what its code is known to be first, then by its type.
    pub fn component(&self, vertex: &Vertex) -> Option<&'static Entry> {
        let by_code = match self.stock(vertex) {
            Stock::Known(kinds) if !kinds.contains(&vertex.kind.as_str()) => {
                kinds.iter().find_map(|kind| self.get(kind))
            }
            _ => None,
        };
        by_code.or_else(|| self.get(&vertex.kind))
    }
}

fn row(line: &'static str) -> Option<([u8; 6], &'static str)> {
    let (hash, kind) = line.split_once(' ')?;
    Some((bytes(hash)?, kind))
}

fn bytes(hash: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hash.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    (hash.len() == 12).then_some(bytes)
}
