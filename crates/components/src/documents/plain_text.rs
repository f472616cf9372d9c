//! Bytes of a file as text, and Python's notion of blanks.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// A file's text: by its byte order mark, else UTF-8, else Latin-1 as browsers read it (Windows-1252), which
/// every file is.
pub(crate) fn decode(bytes: &[u8]) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned();
    }
    match UTF_8.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => text.into_owned(),
        None => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// A file's text with line breaks as Python's text files have them: `\r\n` and `\r` are `\n`.
pub(crate) fn decode_lines(bytes: &[u8]) -> String {
    let text = decode(bytes);
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

/// The text without blanks around it, by Python's `str.strip`: the information separators count too.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || ('\x1c'..='\x1f').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_text() {
        let cases: [(&[u8], &str); 5] = [
            (b"\xef\xbb\xbfa\xc3\xa9", "aé"),
            (b"\xff\xfea\x00\xe9\x00", "aé"),
            ("a é 😀".as_bytes(), "a é 😀"),
            (b"caf\xe9 \x80", "café €"),
            (b"", ""),
        ];
        for (bytes, text) in cases {
            assert_eq!(decode(bytes), text);
        }
        assert_eq!(decode_lines(b"a\r\nb\rc\n"), "a\nb\nc\n");
        assert_eq!(strip("\u{1f}\u{a0} a b\n\u{3000}"), "a b");
    }
}
