//! What loaders of a folder share: which of its files they take, and how many.

use millrace_engine::{Context, Document, ErrorKind, RunError};
use regex::Regex;

use super::loader::{self, MAX_DOCUMENTS, Read};

/// Files of a folder at most.
const MAX_FILES: usize = 1000;
/// Bytes of text of all of them at most.
const MAX_TEXT: usize = 128 << 20;

/// Which files of a folder are taken.
pub(super) struct Choice {
    /// What their places below the folder match.
    pub glob: Regex,
    /// Whether those whose name, or whose folder's name, begins with a dot are taken too.
    pub hidden: bool,
    /// Whether a file that cannot be read is left out.
    pub lenient: bool,
}

impl Choice {
    /// The visible files that match.
    ///
    /// # Errors
    /// A pattern that is none.
    pub fn of(glob: &str) -> Result<Self, RunError> {
        Ok(Self { glob: pattern(glob)?, hidden: false, lenient: false })
    }

    fn takes(&self, place: &str) -> bool {
        self.glob.is_match(place) && (self.hidden || !place.split('/').any(|name| name.starts_with('.')))
    }
}

/// The documents of a folder's files, in the order of their names.
///
/// # Errors
/// A folder that is not there, more files or text than the limits above, or a file that cannot be read.
pub(super) async fn load(
    cx: &Context,
    folder: &str,
    choice: &Choice,
    read: Read,
) -> Result<Vec<Document>, RunError> {
    let too_much =
        |what: String| RunError::new(ErrorKind::Flow, format!("The folder {folder} has more than {what}"));
    let mut taken = cx.folder(folder).await?;
    taken.retain(|reference| choice.takes(below(folder, reference)));
    if taken.len() > MAX_FILES {
        return Err(too_much(format!("{MAX_FILES} such files")));
    }
    let (mut documents, mut size) = (Vec::new(), 0);
    for reference in taken {
        match loader::load(cx, &reference, read).await {
            Ok(more) => documents.extend(more.into_iter().inspect(|d| size += d.page_content.len())),
            Err(error) if choice.lenient && error.kind == ErrorKind::Flow => {
                tracing::warn!(kind = error.kind.code(), "a file of the folder is left out");
            }
            Err(error) => return Err(error),
        }
        if documents.len() > MAX_DOCUMENTS {
            return Err(too_much(format!("{MAX_DOCUMENTS} documents")));
        }
        if size > MAX_TEXT {
            return Err(too_much(format!("{} MiB of text", MAX_TEXT >> 20)));
        }
    }
    Ok(documents)
}

/// The place of a file below a folder.
fn below<'a>(folder: &str, reference: &'a str) -> &'a str {
    let folder = folder.trim_end_matches('/');
    match reference.strip_prefix(folder) {
        Some(place) => place.trim_start_matches('/'),
        None => reference.rsplit('/').next().unwrap_or(reference),
    }
}

/// Bytes of a pattern at most, as many as a path may have.
const MAX_PATTERN: usize = 4096;

/// A pattern as Python's `pathlib` reads it: `*` and `?` stay within a name, `**` are folders.
pub(super) fn pattern(glob: &str) -> Result<Regex, RunError> {
    if glob.len() > MAX_PATTERN {
        let message = format!("field 'glob': it is longer than {MAX_PATTERN} bytes, which is the limit");
        return Err(RunError::new(ErrorKind::Flow, message));
    }
    let mut regex = String::from("^");
    let mut rest = glob;
    while let Some(c) = rest.chars().next() {
        let (piece, length) = match c {
            '*' if rest.starts_with("**/") => ("(?:[^/]+/)*".to_owned(), 3),
            '*' if rest.starts_with("**") => (".*".to_owned(), 2),
            '*' => ("[^/]*".to_owned(), 1),
            '?' => ("[^/]".to_owned(), 1),
            '[' => set(rest).unwrap_or((r"\[".to_owned(), 1)),
            c => (regex::escape(c.encode_utf8(&mut [0; 4])), c.len_utf8()),
        };
        regex.push_str(&piece);
        rest = &rest[length..];
    }
    regex.push('$');
    let unfit = |_: regex::Error| {
        let message = format!("field 'glob': '{glob}' is no pattern of file names");
        RunError::new(ErrorKind::Flow, message).because("its regular expression")
    };
    Regex::new(&regex).map_err(unfit)
}

/// A set such as `[a-z]` or `[!.]` at the head of a pattern, and its length.
fn set(pattern: &str) -> Option<(String, usize)> {
    let negated = pattern[1..].starts_with('!');
    let start = 1 + usize::from(negated);
    // A bracket that comes first is one of the characters.
    let first = pattern[start..].chars().next()?.len_utf8();
    let end = start + first + pattern.get(start + first..)?.find(']')?;
    let characters = pattern[start..end].replace('\\', r"\\").replace('[', r"\[").replace('^', r"\^");
    let characters = characters.replace("&&", r"&\&").replace("~~", r"~\~").replace(']', r"\]");
    Some((format!("[{}{characters}]", if negated { "^/" } else { "" }), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_no_longer_than_a_path() {
        let long = |sets: usize| pattern(&"[".repeat(sets));
        assert!(long(MAX_PATTERN).is_ok());
        assert!(long(MAX_PATTERN + 1).unwrap_err().message.ends_with("which is the limit"));
    }

    #[test]
    fn patterns_are_pythons() {
        let cases = [
            ("**/*.txt", "a.txt", true),
            ("**/*.txt", "x/y/a.txt", true),
            ("*.txt", "x/a.txt", false),
            ("**/[!.]*.pdf", "x/.a.pdf", false),
            ("**/[!.]*.pdf", "x/a.pdf", true),
            ("x/**", "x/y/z", true),
            ("a?.[ch]", "ab.c", true),
            ("a?.[ch]", "a/.c", false),
            ("[a", "[a", true),
            ("[]]", "]", true),
            ("a+b.md", "a+b.md", true),
        ];
        for (glob, place, matches) in cases {
            assert_eq!(pattern(glob).unwrap().is_match(place), matches, "{glob} {place}");
        }
    }

    #[test]
    fn places_are_below_the_folder() {
        assert_eq!(below("docs/", "docs/a/b.txt"), "a/b.txt");
        assert_eq!(below("docs", "docs/b.txt"), "b.txt");
        assert_eq!(below("docs", "file:1/b.txt"), "b.txt");
    }
}
