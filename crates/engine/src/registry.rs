//! The component types by name, and the embedded Python that is known to be Langflow's own.

use std::collections::HashMap;

use crate::component::Entry;
use crate::flow::Vertex;

/// All component types.
pub struct Registry {
    by_name: HashMap<&'static str, &'static Entry>,
    /// Known code, as sorted lines of `hash type`: searched as they are, so that a start has nothing to build of them.
    stock: &'static str,
    /// Types that Langflow has and that are left out on purpose, and why.
    unsupported: &'static [(&'static str, &'static str)],
}

/// What the code embedded in a vertex is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stock {
    /// There is none.
    NoCode,
    /// Langflow's own.
    Known,
    /// Not known. May be drift of a known type, or the owner's own.
    Unknown,
}

impl Registry {
    /// A registry of these entries; `stock` lists known code as **sorted** lines of `hash type`, hash in lower-case hex.
    pub fn new(entries: &[&'static Entry], stock: &'static str) -> Self {
        let names = |entry: &&'static Entry| {
            let entry: &'static Entry = entry;
            entry.spec.names.iter().map(move |name| (*name, entry))
        };
        debug_assert!(stock.lines().is_sorted(), "known code is searched by halving");
        Self { by_name: entries.iter().flat_map(names).collect(), stock, unsupported: &[] }
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
    pub fn stock(&self, vertex: &Vertex) -> Stock {
        match &vertex.code_hash {
            None => Stock::NoCode,
            Some(hash) => match types(self.stock, hash).next() {
                Some(_) => Stock::Known,
                None => Stock::Unknown,
            },
        }
    }

    /// Whether any release of Langflow had a component of this type.
    pub fn released(&self, kind: &str) -> bool {
        self.stock.lines().any(|line| line.split_once(' ').is_some_and(|(_, name)| name == kind))
    }

    /// The component of a vertex: by what its code is known to be first, then by its type.
    pub fn component(&self, vertex: &Vertex) -> Option<&'static Entry> {
        let released = || types(self.stock, vertex.code_hash.as_deref().unwrap_or_default());
        let by_code = match released().any(|kind| kind == vertex.kind) {
            true => None,
            false => released().find_map(|kind| self.get(kind)),
        };
        by_code.or_else(|| self.get(&vertex.kind))
    }
}

/// The types under which code of this hash was released: more than one, now and then.
fn types(stock: &'static str, hash: &str) -> impl Iterator<Item = &'static str> {
    let hash = hash.to_ascii_lowercase();
    let (mut low, mut high) = (0, stock.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = stock.as_bytes()[..middle].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = stock[start..].lines().next().unwrap_or_default();
        if line.split(' ').next() < Some(hash.as_str()) {
            low = start + line.len() + 1;
        } else {
            high = start;
        }
    }
    let rest = stock.get(low..).unwrap_or_default();
    rest.lines().map_while(move |line| line.strip_prefix(hash.as_str())?.strip_prefix(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOCK: &str = "000000000001 First\n00000000000a Both\n00000000000a Other\nffffffffffff Last\n";

    fn found(hash: &str) -> Vec<&'static str> {
        types(STOCK, hash).collect()
    }

    #[test]
    fn code_is_found_by_its_hash() {
        assert_eq!(found("000000000001"), ["First"]);
        assert_eq!(found("00000000000A"), ["Both", "Other"]);
        assert_eq!(found("ffffffffffff"), ["Last"]);
        let unknown = ["", "0", "000000000000", "000000000002", "00000000000a0", "ffffffffffffff", "g"];
        for hash in unknown {
            assert!(found(hash).is_empty(), "{hash}");
        }
        assert!(types("", "000000000001").next().is_none());
    }
}
