//! UnstructuredEmailLoader: what a mail says (0.x).

use mail_parser::MessageParser;
use millrace_engine::{Document, Entry, Example, File, Spec, output};
use serde_json::{Map, Value as Json};

use super::loader::{self, Format, Loader, Unreadable};
use super::plain_text::strip;

/// A mail as it was sent.
pub(crate) struct Mail;

impl Format for Mail {
    const SPEC: Spec = Spec {
        names: &["UnstructuredEmailLoader"],
        about: "The text of a mail (.eml) as one document, with its subject, sender and date; no attachments.",
        inputs: loader::INPUTS,
        outputs: &[output("documents")],
        examples: &[Example {
            title: "a mail",
            inputs: r#"{"file_path": "mill.eml"}"#,
            output: r#"{"documents": [
                {"page_content": "The wheel turns again.\n\nThe miller", "type": "Document",
                 "metadata": {"source": "mill.eml", "subject": "The wheel", "sender": "miller@example.org",
                              "date": "2024-05-07T08:00:00Z"}}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };
    const READ: loader::Read = read;
}

/// The text parts of a mail; where there is only HTML, the text of that.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    if file.bytes.is_empty() {
        return Err(Unreadable::Empty);
    }
    let broken = || Unreadable::Broken("mail");
    let mail = MessageParser::default().parse(&file.bytes[..]).ok_or_else(broken)?;
    let texts: Vec<String> = (0..mail.text_body_count())
        .filter_map(|part| mail.body_text(part))
        .map(|text| strip(&text.replace("\r\n", "\n")).to_owned())
        .filter(|text| !text.is_empty())
        .collect();
    let sender = mail.from().and_then(|from| from.first()).and_then(|from| from.address());
    let said = [
        ("subject", mail.subject().map(str::to_owned)),
        ("sender", sender.map(str::to_owned)),
        ("date", mail.date().map(|date| date.to_rfc3339())),
    ];
    let metadata: Map<String, Json> =
        said.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Json::String(value?)))).collect();
    Ok(vec![Document { page_content: texts.join("\n\n"), metadata }])
}

pub(crate) const ENTRY: Entry = Entry::of::<Loader<Mail>>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::loader::tests;

    #[test]
    fn the_text_of_a_mail_is_found_where_it_stands() {
        let html =
            b"Subject: =?utf-8?q?M=C3=BChle?=\r\nContent-Type: text/html\r\n\r\n<p>Water &amp; wheel</p>";
        let mixed = b"From: Ann <ann@example.org>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
            Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            M=FChle\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\n\
            %PDF\r\n--b--\r\n";
        for (mail, text, key, value) in [
            (&html[..], "Water & wheel", "subject", "Mühle"),
            (&mixed[..], "Mühle", "sender", "ann@example.org"),
        ] {
            let documents = tests::read(read, "a.eml", mail).unwrap();
            assert_eq!(documents[0].page_content, text);
            assert_eq!(documents[0].metadata[key], value);
        }
        assert_eq!(tests::read(read, "a.eml", b"").unwrap_err(), "it is empty");
    }
}
