//! Text that a page shows line by line, with `'` and `"`: the library that reads pages knows neither, so each is
//! written as what it is short for.

use lopdf::content::{Content, Operation};
use lopdf::{Document as Pdf, Object, ObjectId, Stream};

/// Bytes of instructions that are rewritten; in more than these, such text is not found.
const MAX_REWRITTEN: usize = 16 << 20;

/// Runs `read` over a page whose instructions are rewritten while it does.
pub(super) fn with_lines<T>(pdf: &mut Pdf, page: ObjectId, read: impl FnOnce(&Pdf) -> T) -> T {
    let Some(rewritten) = page_content(pdf, page).and_then(|content| rewritten(&content)) else {
        return read(pdf);
    };
    let content = pdf.add_object(Stream::new(lopdf::Dictionary::new(), rewritten));
    let before = pdf.get_dictionary_mut(page).ok().map(|page| {
        let before = page.get(b"Contents").ok().cloned();
        page.set("Contents", content);
        before
    });
    let outcome = read(pdf);
    // Kept for all pages, they could take more than the file may: a page can be listed many times.
    pdf.objects.remove(&content);
    if let (Some(Some(before)), Ok(page)) = (before, pdf.get_dictionary_mut(page)) {
        page.set("Contents", before);
    }
    outcome
}

/// Rewrites the instructions of a form.
pub(super) fn rewrite_form(form: &mut Stream) {
    let Ok(content) = form.get_plain_content() else { return };
    if let Some(rewritten) = rewritten(&content) {
        form.set_plain_content(rewritten);
        // Left as it is where that fails.
        let _ = form.compress();
    }
}

/// A page's instructions, unless there are too many.
fn page_content(pdf: &Pdf, page: ObjectId) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    for id in pdf.get_page_contents(page) {
        let Ok(stream) = pdf.get_object(id).and_then(Object::as_stream) else { continue };
        let plain = stream.get_plain_content().unwrap_or_else(|_| stream.content.clone());
        if content.len() + plain.len() > MAX_REWRITTEN {
            return None;
        }
        content.extend_from_slice(&plain);
        content.push(b'\n');
    }
    Some(content)
}

/// Instructions without `'` and `"`; `None` where they have none, or are not understood.
fn rewritten(content: &[u8]) -> Option<Vec<u8>> {
    if content.len() > MAX_REWRITTEN || !may_show_lines(content) {
        return None;
    }
    let operations = Content::decode(content).ok()?.operations;
    let shows_line = |operation: &Operation| matches!(operation.operator.as_str(), "'" | "\"");
    if !operations.iter().any(shows_line) {
        return None;
    }
    let operations: Vec<Operation> = operations.into_iter().flat_map(written_out).collect();
    Content { operations }.encode().ok()
}

/// Whether a quote stands where it may be an instruction: at the end of a word, after what it shows.
fn may_show_lines(content: &[u8]) -> bool {
    let ends = |next: Option<&u8>| next.is_none_or(|next| !next.is_ascii_alphanumeric());
    let begins = |before: u8| before.is_ascii_whitespace() || matches!(before, b')' | b'>');
    let mut places = content.iter().enumerate().skip(1).filter(|(_, byte)| matches!(byte, b'\'' | b'"'));
    places.any(|(at, _)| begins(content[at - 1]) && ends(content.get(at + 1)))
}

fn written_out(operation: Operation) -> Vec<Operation> {
    let next_line = || Operation::new("T*", Vec::new());
    let one = |operator: &str, operand: &Object| Operation::new(operator, vec![operand.clone()]);
    match (operation.operator.as_str(), operation.operands.as_slice()) {
        ("'", [text]) => vec![next_line(), one("Tj", text)],
        ("\"", [words, characters, text]) => {
            vec![one("Tw", words), one("Tc", characters), next_line(), one("Tj", text)]
        }
        _ => vec![operation],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten_text(content: &str) -> Option<String> {
        rewritten(content.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn only_instructions_are_rewritten() {
        assert_eq!(rewritten_text("BT (a) Tj (it's \"so\" ' ) Tj ET"), None);
        let lines = rewritten_text("BT (a) ' 1 .5 (b' \\)c)\" ET").unwrap();
        let words: Vec<_> = lines.split_whitespace().collect();
        assert_eq!(words.join(" "), "BT T* (a) Tj 1 Tw 0.5 Tc T* (b' \\)c) Tj ET");
        assert_eq!(rewritten(&[b"(a) '".as_slice(), &vec![b' '; MAX_REWRITTEN]].concat()), None);
    }
}
