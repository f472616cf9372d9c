//! UnstructuredPowerPointLoader: the text of a presentation (0.x).

use std::collections::HashMap;

use millrace_engine::{Document, Entry, Example, File, Spec, output};

use super::loader::{self, Format, Loader, Unreadable};
use super::office::{self, Node, Package};
use super::plain_text::strip;

const KIND: &str = "presentation (.pptx)";

/// A presentation.
pub(crate) struct PowerPoint;

impl Format for PowerPoint {
    const SPEC: Spec = Spec {
        names: &["UnstructuredPowerPointLoader"],
        about: "The text of a presentation (.pptx) as one document, slide by slide; no notes.",
        inputs: loader::INPUTS,
        outputs: &[output("documents")],
        examples: &[Example {
            title: "slides in the order in which they are shown",
            inputs: r#"{"file_path": "mill.pptx"}"#,
            output: r#"{"documents": [
                {"page_content": "The mill\n\nby the river\n\nIts wheel", "metadata": {"source": "mill.pptx"},
                 "type": "Document"}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };
    const READ: loader::Read = read;
}

/// The paragraphs of the slides, with empty lines between them.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    let mut package = Package::open(&file.bytes, KIND)?;
    let mut paragraphs = Vec::new();
    for slide in slides(&mut package)? {
        if let Some(xml) = package.part(&slide)? {
            read_slide(&xml, &mut paragraphs)?;
        }
    }
    Ok(loader::whole(paragraphs.join("\n\n")))
}

/// The slides' parts in the order of the presentation, which is not that of their names.
fn slides(package: &mut Package) -> Result<Vec<String>, Unreadable> {
    let mut shown = Vec::new();
    let presentation = package.required("ppt/presentation.xml")?;
    office::walk(&presentation, KIND, |node| {
        if let Node::Start(b"sldId", start) = node {
            shown.extend(attribute(start, b"r:id"));
        }
    })?;
    let mut places = HashMap::new();
    let relations = package.required("ppt/_rels/presentation.xml.rels")?;
    office::walk(&relations, KIND, |node| {
        if let Node::Start(b"Relationship", start) = node
            && let (Some(id), Some(target)) = (attribute(start, b"Id"), attribute(start, b"Target"))
        {
            let place = match target.strip_prefix('/') {
                Some(absolute) => absolute.to_owned(),
                None => format!("ppt/{target}"),
            };
            places.insert(id, place);
        }
    })?;
    Ok(shown.iter().filter_map(|id| places.get(id).cloned()).collect())
}

fn attribute(start: &quick_xml::events::BytesStart, name: &[u8]) -> Option<String> {
    let value = start.try_get_attribute(name).ok()??;
    String::from_utf8(value.value.into_owned()).ok()
}

fn read_slide(xml: &[u8], paragraphs: &mut Vec<String>) -> Result<(), Unreadable> {
    let (mut paragraph, mut said) = (String::new(), false);
    office::walk(xml, KIND, |node| match node {
        Node::Start(b"t", _) => said = true,
        Node::End(b"t") => said = false,
        Node::Text(text) if said => paragraph.push_str(text),
        Node::Start(b"br", _) => paragraph.push('\n'),
        Node::End(b"p") => {
            let text = std::mem::take(&mut paragraph);
            if !strip(&text).is_empty() {
                paragraphs.push(strip(&text).to_owned());
            }
        }
        _ => {}
    })
}

pub(crate) const ENTRY: Entry = Entry::of::<Loader<PowerPoint>>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::loader::tests;
    use crate::documents::office_files::archive;

    #[test]
    fn slides_stand_in_the_order_of_the_presentation() {
        let slide = |text: &str| format!("<p:sld><a:p><a:r><a:t>{text}</a:t></a:r></a:p><a:p/></p:sld>");
        let (one, two) = (slide("one"), slide("two &amp; more"));
        let order = r#"<p:sldIdLst><p:sldId id="1" r:id="rId9"/><p:sldId id="2" r:id="rId1"/></p:sldIdLst>"#;
        let places = r#"<Relationships><Relationship Id="rId1" Target="slides/slide1.xml"/>
            <Relationship Id="rId9" Target="/ppt/slides/slide2.xml"/></Relationships>"#;
        let file = archive(&[
            ("ppt/presentation.xml", order.as_bytes()),
            ("ppt/_rels/presentation.xml.rels", places.as_bytes()),
            ("ppt/slides/slide1.xml", one.as_bytes()),
            ("ppt/slides/slide2.xml", two.as_bytes()),
        ]);
        assert_eq!(tests::texts(read, "a.pptx", &file), ["two & more\n\none"]);
        let error = tests::read(read, "a.pptx", &archive(&[])).unwrap_err();
        assert_eq!(error, "it is no presentation (.pptx) that can be read");
    }
}
