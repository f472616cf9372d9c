//! UUIDs in paths, and what is wrong with those that are none.

use uuid::Uuid;

/// Lengths of the groups between the hyphens.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// Reads a UUID in any of its usual forms.
///
/// # Errors
/// A sentence. It is the one that pydantic has from the `uuid` crate it was built with; that crate has other
/// words by now.
pub(crate) fn parse(text: &str) -> Result<Uuid, String> {
    Uuid::parse_str(text).map_err(|_| fault(text))
}

fn fault(text: &str) -> String {
    let stranger = text.char_indices().find(|(_, c)| !c.is_ascii_hexdigit() && *c != '-');
    if let Some((at, stranger)) = stranger {
        let expected = "expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-]";
        return format!("invalid character: {expected}, found `{stranger}` at {}", at + 1);
    }
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    match groups.as_slice() {
        [length] => format!("invalid length: expected length 32 for simple format, found {length}"),
        [_, _, _, _, _] => {
            let wrong =
                groups.iter().zip(GROUPS).enumerate().find(|(_, (found, expected))| *found != expected);
            let (group, (found, expected)) = wrong.unwrap_or((4, (&groups[4], GROUPS[4])));
            format!("invalid group length in group {group}: expected {expected}, found {found}")
        }
        groups => format!("invalid group count: expected 5, found {}", groups.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_uuid_says_why() {
        for (text, sentence) in [
            ("abc", "invalid length: expected length 32 for simple format, found 3"),
            ("", "invalid length: expected length 32 for simple format, found 0"),
            ("abc-def", "invalid group count: expected 5, found 2"),
            ("67e5504-10b1-426f-9247-bb680e5fe0c8", "invalid group length in group 0: expected 8, found 7"),
            (
                "67e55044-10b1-426f-9247-bb680e5fe0c88",
                "invalid group length in group 4: expected 12, found 13",
            ),
            (
                "download",
                "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `o` at 2",
            ),
        ] {
            assert_eq!(parse(text), Err(sentence.to_owned()));
        }
        assert!(parse("67E5504410b1426f9247bb680e5fe0c8").is_ok());
    }
}
