//! PDF files, page by page.
//!
//! The libraries that read them trust their files: they unpack without a limit, follow forms into forms, and
//! panic at what they do not know. So a file is looked at before it is given to them, and what panics is one
//! page.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use flate2::bufread;
use flate2::read::DeflateDecoder;
use lopdf::{Dictionary, Document as Pdf, LoadOptions, Object, ObjectId, Stream};
use millrace_engine::{Document, File};
use pdf_extract::{PlainTextOutput, output_doc_page};
use serde_json::json;

use super::loader::{self, Unreadable};
use super::plain_text::strip;

#[path = "pdf_text.rs"]
mod pdf_text;

/// Pages at most.
const MAX_PAGES: usize = 2000;
/// Bytes of all text, drawings and tables, unpacked. Pictures do not count: they are not unpacked.
const MAX_UNPACKED: u64 = 128 << 20;
/// Bytes of all text at most.
const MAX_TEXT: usize = 32 << 20;
/// Bytes that are packed by LZW, as files of the last century are: their size can only be told by unpacking.
const MAX_LZW: usize = 1 << 20;
/// How often something may be packed in itself.
const MAX_LAYERS: u32 = 3;
/// How often a file's bytes are unpacked to learn its size, on average. Once for each layer, unless streams overlap.
const MAX_READ: usize = 8;
/// Forms in forms, and nodes above a page, at most.
const MAX_DEPTH: usize = 16;

/// Each page as a document with its number, from 0.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    let mut pdf = open(&file.bytes)?;
    let pages = pdf.get_pages();
    if pages.is_empty() {
        return Err(Unreadable::Empty);
    }
    if pages.len() > MAX_PAGES {
        return Err(Unreadable::TooMuch { limit: MAX_PAGES, what: "pages" });
    }
    let mut left = MAX_TEXT;
    let mut documents = Vec::with_capacity(pages.len());
    for (index, (number, id)) in pages.into_iter().enumerate() {
        let unread = || Unreadable::Malformed(format!("page {number} cannot be read"));
        let text = page_text(&mut pdf, number, id).ok_or_else(unread)?;
        left = left
            .checked_sub(text.len())
            .ok_or(Unreadable::TooMuch { limit: MAX_TEXT >> 20, what: "MiB of text" })?;
        documents.push(loader::with(strip(&text).to_owned(), [("page", json!(index))]));
    }
    Ok(documents)
}

fn open(bytes: &[u8]) -> Result<Pdf, Unreadable> {
    if bytes.is_empty() {
        return Err(Unreadable::Empty);
    }
    // Encrypted files are not unpacked before they are opened: nothing could be said of their size.
    if is_encrypted(bytes) {
        return Err(Unreadable::Encrypted);
    }
    check_sizes(bytes)?;
    let options = LoadOptions::with_filter(without_pictures);
    let mut pdf = Pdf::load_mem_with_options(bytes, options).map_err(|_| Unreadable::Broken("PDF file"))?;
    if pdf.is_encrypted() || pdf.was_encrypted() {
        return Err(Unreadable::Encrypted);
    }
    untangle_forms(&mut pdf);
    Ok(pdf)
}

/// The text of a page: by its layout, or as it stands in the file where that cannot be told.
fn page_text(pdf: &mut Pdf, number: u32, id: ObjectId) -> Option<String> {
    if !has_a_top(pdf, id) || !is_bounded(pdf, id) {
        return None;
    }
    pdf_text::with_lines(pdf, id, |pdf| extracted(pdf, number))
}

fn extracted(pdf: &Pdf, number: u32) -> Option<String> {
    let laid_out = catch_unwind(AssertUnwindSafe(|| {
        let mut text = String::new();
        output_doc_page(pdf, &mut PlainTextOutput::new(&mut text), number).map(|()| text).ok()
    }));
    laid_out.ok().flatten().or_else(|| {
        let parts = catch_unwind(AssertUnwindSafe(|| pdf.extract_text_chunks(&[number]))).ok()?;
        let parts: Vec<String> = parts.into_iter().filter_map(Result::ok).collect();
        (!parts.is_empty()).then(|| parts.concat())
    })
}

/// Whether the file has an entry for its encryption; it stands outside of what is packed.
fn is_encrypted(bytes: &[u8]) -> bool {
    let mark = b"/Encrypt";
    let after = |at: usize| bytes.get(at + mark.len()).is_some_and(|b| b.is_ascii_whitespace() || *b == b'<');
    places(bytes, mark).any(after)
}

/// Whether everything but pictures is small enough, unpacked.
fn check_sizes(bytes: &[u8]) -> Result<(), Unreadable> {
    let (mut size, mut lzw, mut taken) = (0, 0, 0);
    for at in places(bytes, b"stream").filter(|at| !bytes[..*at].ends_with(b"end")) {
        let dictionary = dictionary(bytes, at);
        if has(dictionary, b"/Image") && !has(dictionary, b"/XRef") && !has(dictionary, b"/Root") {
            continue;
        }
        let data = bytes[at + b"stream".len()..].trim_ascii_start();
        if has(dictionary, b"/LZW") {
            lzw += places(data, b"endstream").next().unwrap_or(data.len());
        }
        for layers in 1..=MAX_LAYERS {
            let (unpacked, packed) = layer_size(data, layers);
            (size, taken) = (size + unpacked, taken + packed);
        }
        if taken > bytes.len() * MAX_READ {
            return Err(Unreadable::Broken("PDF file"));
        }
        if size > MAX_UNPACKED {
            let limit = (MAX_UNPACKED >> 20) as usize;
            return Err(Unreadable::TooMuch { limit, what: "MiB when it is unpacked" });
        }
        if lzw > MAX_LZW {
            return Err(Unreadable::TooMuch { limit: MAX_LZW >> 20, what: "MiB packed by LZW" });
        }
    }
    Ok(())
}

/// The size of what is packed this often, and how many bytes it is packed in. Whether it is packed at all, the library does
/// not ask either.
fn layer_size(data: &[u8], layers: u32) -> (u64, usize) {
    let mut rest = data;
    let size = unpacked_size(&mut rest, layers);
    (size, data.len() - rest.len())
}

fn unpacked_size(data: &mut &[u8], layers: u32) -> u64 {
    // The two bytes at the head say nothing of the size.
    let mut head = [0; 2];
    if data.read_exact(&mut head).is_err() {
        return 0;
    }
    let mut reader: Box<dyn Read + '_> = Box::new(bufread::DeflateDecoder::new(data));
    for _ in 1..layers {
        if reader.read_exact(&mut head).is_err() {
            return 0;
        }
        reader = Box::new(DeflateDecoder::new(reader));
    }
    let (mut size, mut buffer) = (0, [0; 16 << 10]);
    while let Ok(read @ 1..) = reader.read(&mut buffer) {
        size += read as u64;
        if size > MAX_UNPACKED {
            break;
        }
    }
    size
}

/// The dictionary before a stream.
fn dictionary(bytes: &[u8], stream: usize) -> &[u8] {
    let before = &bytes[stream.saturating_sub(2048)..stream];
    let start = before.windows(4).rposition(|window| window == b" obj").unwrap_or(0);
    &before[start..]
}

fn has(bytes: &[u8], mark: &'static [u8]) -> bool {
    places(bytes, mark).next().is_some()
}

fn places<'a>(bytes: &'a [u8], mark: &'static [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = mark[0];
    let starts =
        move |(at, byte): (usize, &u8)| (*byte == first && bytes[at..].starts_with(mark)).then_some(at);
    bytes.iter().enumerate().filter_map(starts)
}

/// Takes a picture's data away while the file is loaded: it would be read as drawing instructions. So for what
/// only passed for one when the sizes were checked.
fn without_pictures(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
    if let Object::Stream(stream) = object
        && (is_picture(stream)
            || (1..=MAX_LAYERS).any(|layers| layer_size(&stream.content, layers).0 > MAX_UNPACKED))
    {
        blank(stream);
    }
    Some((id, object.clone()))
}

fn is_picture(stream: &Stream) -> bool {
    stream.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == b"Image")
}

fn blank(stream: &mut Stream) {
    stream.dict.remove(b"Filter");
    stream.dict.remove(b"DecodeParms");
    stream.dict.remove(b"Type");
    stream.content = b" ".to_vec();
}

/// Blanks forms that draw themselves, or stand too deep in others. A form that names no resources gets none:
/// it would draw with those of whoever draws it.
fn untangle_forms(pdf: &mut Pdf) {
    let mut inner: HashMap<ObjectId, Vec<ObjectId>> = HashMap::new();
    let mut forms: Vec<ObjectId> =
        pdf.objects.iter().filter(|(_, o)| is_form(o)).map(|(id, _)| *id).collect();
    forms.sort_unstable();
    for id in &forms {
        inner.insert(*id, drawn_by(pdf, *id));
    }
    let mut sound: HashSet<ObjectId> = HashSet::new();
    for _ in 0..MAX_DEPTH {
        let known = sound.clone();
        let is_sound =
            |id: &&ObjectId| inner[*id].iter().all(|i| known.contains(i) || !inner.contains_key(i));
        sound.extend(forms.iter().filter(is_sound));
    }
    for id in forms {
        let Some(Object::Stream(form)) = pdf.objects.get_mut(&id) else { continue };
        if !sound.contains(&id) {
            blank(form);
        }
        if form.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == b"Form") {
            pdf_text::rewrite_form(form);
        }
        if !form.dict.has(b"Resources") {
            form.dict.set("Resources", Dictionary::new());
        }
    }
}

/// What may be drawn where a page or a form says so: a form by its type or by mistake.
fn is_form(object: &Object) -> bool {
    matches!(object, Object::Stream(stream) if !is_picture(stream))
}

/// The objects that a form's resources let it draw.
fn drawn_by(pdf: &Pdf, form: ObjectId) -> Vec<ObjectId> {
    let resolve = |object: &Object| pdf.dereference(object).ok().and_then(|(_, o)| o.as_dict().ok().cloned());
    let dict = pdf.get_object(form).and_then(Object::as_stream).map(|stream| &stream.dict);
    let resources = dict.ok().and_then(|dict| dict.get(b"Resources").ok()).and_then(resolve);
    let drawn = resources.and_then(|resources| resources.get(b"XObject").ok().and_then(resolve));
    let end = |object: &Object| pdf.dereference(object).ok().and_then(|(id, _)| id);
    drawn.map(|drawn| drawn.iter().filter_map(|(_, object)| end(object)).collect()).unwrap_or_default()
}

/// Whether the nodes above a page come to an end.
fn has_a_top(pdf: &Pdf, page: ObjectId) -> bool {
    let mut node = pdf.get_dictionary(page).ok();
    for _ in 0..MAX_DEPTH * 4 {
        let parent =
            node.and_then(|node| node.get(b"Parent").ok()).and_then(|parent| parent.as_reference().ok());
        match parent {
            Some(parent) => node = pdf.get_dictionary(parent).ok(),
            None => return true,
        }
    }
    false
}

/// Whether a page's instructions are small enough; it may name the same ones many times.
fn is_bounded(pdf: &Pdf, page: ObjectId) -> bool {
    let mut times: HashMap<ObjectId, u64> = HashMap::new();
    for id in pdf.get_page_contents(page) {
        *times.entry(id).or_default() += 1;
    }
    // Each once was counted when the file was opened.
    let repeated = times.into_iter().filter(|(_, times)| *times > 1);
    let size = |(id, times)| {
        let stream = pdf.get_object(id).and_then(Object::as_stream);
        let plain = stream.and_then(|stream| Ok(stream.get_plain_content()?.len() as u64));
        plain.unwrap_or_default() * times
    };
    repeated.map(size).sum::<u64>() <= MAX_UNPACKED
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use lopdf::dictionary;

    use super::*;
    use crate::documents::loader::tests;

    /// A file whose pages draw these, with a form `F` of this content that may draw itself.
    fn pdf(pages: &[&str], form: &str) -> Pdf {
        let mut pdf = Pdf::with_version("1.5");
        let tree = pdf.new_object_id();
        let font = pdf.add_object(dictionary! {
            "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding",
        });
        let own = pdf.new_object_id();
        let resources = pdf.add_object(dictionary! {
            "Font" => dictionary! { "A" => font }, "XObject" => dictionary! { "F" => own },
        });
        let dictionary = dictionary! {
            "Type" => "XObject", "Subtype" => "Form", "BBox" => vec![0.into(), 0.into(), 9.into(), 9.into()],
            "Resources" => resources,
        };
        pdf.objects.insert(own, Stream::new(dictionary, form.as_bytes().to_vec()).into());
        let mut kids = Vec::new();
        for page in pages {
            let content = pdf.add_object(Stream::new(dictionary! {}, page.as_bytes().to_vec()));
            let page = dictionary! { "Type" => "Page", "Parent" => tree, "Contents" => content };
            kids.push(pdf.add_object(page).into());
        }
        let nodes = dictionary! {
            "Type" => "Pages", "Count" => kids.len() as i64, "Kids" => kids, "Resources" => resources,
            "MediaBox" => vec![0.into(), 0.into(), 600.into(), 800.into()],
        };
        pdf.objects.insert(tree, nodes.into());
        let catalog = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
        pdf.trailer.set("Root", catalog);
        pdf
    }

    fn saved(mut pdf: Pdf) -> Vec<u8> {
        let mut bytes = Vec::new();
        pdf.save_to(&mut bytes).unwrap();
        bytes
    }

    fn line(text: &str) -> String {
        format!("BT /A 12 Tf 72 700 Td ({text}) Tj ET")
    }

    #[test]
    fn pages_are_read_one_by_one() {
        let mut file = pdf(&[&line("Mill by the river."), "", &line("Caf\\351")], "");
        file.compress();
        let documents = tests::read(read, "a.pdf", &saved(file)).unwrap();
        let pages: Vec<_> =
            documents.iter().map(|d| (d.page_content.as_str(), &d.metadata["page"])).collect();
        assert_eq!(pages, [("Mill by the river.", &json!(0)), ("", &json!(1)), ("Café", &json!(2))]);
    }

    #[test]
    fn a_page_that_the_library_panics_at_is_read_without_its_layout() {
        let file = pdf(&[&format!("/Nothing cs {}", line("Still here")), &line("Next")], "");
        let texts = tests::texts(read, "a.pdf", &saved(file));
        assert_eq!(texts, ["Still here", "Next"]);
    }

    #[test]
    fn lines_that_are_shown_by_quotes_are_read() {
        let lines = "BT /A 12 Tf 14 TL 72 700 Td (One) Tj (it's) ' 3 0 (Three \\(3\\)) \" ET /F Do";
        let mut file = pdf(&[lines, lines], "BT /A 12 Tf 14 TL 72 600 Td (Form) Tj (line)' ET");
        // Without the form itself, which it would not be drawn with.
        let fonts = file.objects.values().find_map(|o| o.as_dict().ok()?.get(b"Font").ok().cloned()).unwrap();
        let form = file.objects.values_mut().filter_map(|o| o.as_stream_mut().ok());
        for form in form.filter(|form| form.dict.has(b"Subtype")) {
            form.dict.set("Resources", dictionary! { "Font" => fonts.clone() });
        }
        file.compress();
        let texts = tests::texts(read, "a.pdf", &saved(file));
        assert_eq!(texts, ["One\nit's\nThree (3)\n\nForm\nline"; 2]);
    }

    #[test]
    fn what_turns_in_circles_comes_to_an_end() {
        let text = line("Round");
        let file = pdf(&[&format!("{text} /F Do")], "/F Do");
        assert_eq!(tests::texts(read, "a.pdf", &saved(file)), ["Round"]);
        let mut file = pdf(&[&text], "");
        let tree = file.catalog().and_then(|catalog| catalog.get(b"Pages")?.as_reference()).unwrap();
        let Ok(nodes) = file.get_dictionary_mut(tree) else { panic!("no pages") };
        nodes.set("Parent", tree);
        nodes.remove(b"MediaBox");
        assert_eq!(tests::read(read, "a.pdf", &saved(file)).unwrap_err(), "page 1 cannot be read");
    }

    #[test]
    fn a_page_that_repeats_itself_without_end_is_not_read() {
        let mut file = pdf(&[&format!("{}{}", line("Once"), " ".repeat(1 << 20)), ""], "");
        let ids: Vec<ObjectId> = file.get_pages().into_values().collect();
        let content = file.get_page_contents(ids[0])[0];
        let repeated = |times| Object::Array(vec![content.into(); times]);
        file.get_dictionary_mut(ids[1]).unwrap().set("Contents", repeated(2));
        file.compress();
        assert_eq!(tests::texts(read, "a.pdf", &saved(file.clone())), ["Once", "OnceOnce"]);
        file.get_dictionary_mut(ids[1]).unwrap().set("Contents", repeated(200));
        assert_eq!(tests::read(read, "a.pdf", &saved(file)).unwrap_err(), "page 2 cannot be read");
    }

    /// Packed data whose every part begins another stream, with much between them that unpacks to nothing: each was
    /// unpacked to the end of all.
    #[test]
    fn streams_within_streams_are_not_unpacked_again_and_again() {
        let stored = [b"\0\x08\0\xf7\xffstreamxx".as_slice(), &b"\0\0\0\xff\xff".repeat(2_000)].concat();
        let file = [b"%PDF-1.4\n1 0 obj <<>> streamxx".as_slice(), &stored.repeat(2_000)].concat();
        assert_eq!(tests::read(read, "a.pdf", &file).unwrap_err(), "it is no PDF file that can be read");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let packed = |bytes: &[u8]| {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(bytes).unwrap();
            writer.finish().unwrap()
        };
        let with = |packed: Vec<u8>, filter: Object| {
            let mut file = pdf(&[""], "");
            file.add_object(Stream::new(dictionary! { "Filter" => filter }, packed));
            saved(file)
        };
        let zeros = vec![0; 129 << 20];
        let once = with(packed(&zeros), "FlateDecode".into());
        let twice = with(packed(&packed(&zeros)), vec!["FlateDecode".into(), "FlateDecode".into()].into());
        let lzw = with(zeros[..2 << 20].to_vec(), "LZWDecode".into());
        let mut encrypted = pdf(&[""], "");
        encrypted.trailer.set("Encrypt", dictionary! { "Filter" => "Standard" });
        let cases = [
            (Vec::new(), "it is empty"),
            (b"%PDF-1.4 and then nothing".to_vec(), "it is no PDF file that can be read"),
            (saved(pdf(&[], "")), "it is empty"),
            (once, "it has more than 128 MiB when it is unpacked"),
            (twice, "it has more than 128 MiB when it is unpacked"),
            (lzw, "it has more than 1 MiB packed by LZW"),
            (saved(encrypted), "it is encrypted; save it without a password"),
        ];
        for (bytes, message) in cases {
            assert_eq!(tests::read(read, "a.pdf", &bytes).unwrap_err(), message);
        }
    }
}
