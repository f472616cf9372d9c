//! A text in the forms in which it could stand somewhere.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// The lines that hold a text: as it is, in hexadecimal, percent-encoded, or within base64 at any place.
pub(crate) fn found_in(log: &str, text: &str) -> Vec<String> {
    let forms = forms(text);
    let holds = |line: &&str| {
        let low = line.to_lowercase();
        forms.iter().any(|form| line.contains(form) || low.contains(&form.to_lowercase()))
    };
    log.lines().filter(holds).map(str::to_owned).collect()
}

fn forms(text: &str) -> Vec<String> {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let bytes: String = text.bytes().map(|byte| format!("{byte}, ")).collect();
    let mut forms = vec![text.to_owned(), hex, percent, bytes];
    for before in 0..3 {
        let padded = format!("{}{text}", "x".repeat(before));
        for engine in [&STANDARD, &URL_SAFE] {
            let encoded = engine.encode(&padded);
            // What the neighbours decide is cut off.
            let (start, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
            forms.push(encoded[start..end].to_owned());
        }
    }
    forms
}

#[test]
fn every_form_is_found() {
    let text = "kAnArY7f3e91";
    for (line, found) in [
        ("nothing".to_owned(), false),
        (format!("x{text}y"), true),
        (text.to_uppercase(), true),
        (STANDARD.encode(format!("1{text}234")), true),
        (URL_SAFE.encode(format!("12{text}3")), true),
        (STANDARD.encode(format!("123{text}")), true),
        ("6b416e41725937663365 3931".replace(' ', ""), true),
        ("%6B%41%6E%41%72%59%37%66%33%65%39%31".to_owned(), true),
        (format!("{:?}", text.as_bytes()).replace(']', ", "), true),
    ] {
        assert_eq!(!found_in(&line, text).is_empty(), found, "{line}");
    }
}
