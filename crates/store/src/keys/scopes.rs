//! What a key may be used for.

use std::fmt;
use std::str::FromStr;

use crate::ids::InvalidId;

/// A kind of thing that a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Run flows, upload files for them, and follow the tasks that come of it.
    Run,
    /// Read flows and tasks.
    Read,
    /// Create, change and delete flows.
    Deploy,
    /// Everything: API keys and secrets too.
    Admin,
}

impl Scope {
    /// All scopes, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::Run, Self::Read, Self::Deploy, Self::Admin];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Read => "read",
            Self::Deploy => "deploy",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let known = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        known.ok_or(InvalidId { kind: "scope (run, read, deploy or admin)" })
    }
}

/// The scopes of a key. **`admin` includes all others.**
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Every scope: what a key has that was made before there were any.
    pub const ALL: Self = Self(0b1111);

    /// The scopes that are named, in order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }

    /// Whether a key with these may do what needs this scope.
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & (scope.bit() | Scope::Admin.bit()) != 0
    }

    /// The first of the others that these do not allow.
    pub fn lacking(self, others: Self) -> Option<Scope> {
        others.iter().find(|scope| !self.allow(*scope))
    }

    /// As a row has them. A word of a later version allows nothing here.
    pub(super) fn from_words(words: &str) -> Self {
        words.split(' ').filter_map(|word| word.parse().ok()).collect()
    }

    /// As a row has them: the words, apart by spaces.
    pub(super) fn words(self) -> String {
        self.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(scopes: &[Scope]) -> Scopes {
        scopes.iter().copied().collect()
    }

    #[test]
    fn admin_includes_all_others_and_no_other_does() {
        for scope in Scope::ALL {
            assert!(of(&[Scope::Admin]).allow(scope) && Scopes::ALL.allow(scope));
            for key in [Scope::Run, Scope::Read, Scope::Deploy] {
                assert_eq!(of(&[key]).allow(scope), key == scope, "{key} {scope}");
            }
        }
        assert!(Scope::ALL.into_iter().all(|scope| !of(&[]).allow(scope)));
    }

    #[test]
    fn what_a_maker_lacks_is_named() {
        let maker = of(&[Scope::Run, Scope::Read]);
        assert_eq!(maker.lacking(of(&[Scope::Read])), None);
        assert_eq!(maker.lacking(Scopes::ALL), Some(Scope::Deploy));
        assert_eq!(of(&[Scope::Admin]).lacking(Scopes::ALL), None);
    }

    #[test]
    fn scopes_come_back_from_their_words() {
        for bits in 0..16 {
            assert_eq!(Scopes::from_words(&Scopes(bits).words()), Scopes(bits));
        }
        assert_eq!(Scopes::ALL.words(), "run read deploy admin");
        assert_eq!(Scopes::from_words("read fly  ADMIN"), of(&[Scope::Read]));
    }
}
