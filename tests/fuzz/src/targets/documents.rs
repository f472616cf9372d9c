//! Files of the other kinds, and texts that are cut to pieces.

use std::io::{Cursor, Write};

use millrace_components::fuzzing;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::halves;
use crate::Target;

pub(super) const LINES: Target = Target::of("lines", lines)
    .words(&[
        ",",
        "\"",
        "\"\"",
        "\n",
        "\t",
        ";",
        "# text = ",
        "1\tA\ta\tNOUN\t_\t_\t0\troot\t_\t_",
        "{\"type\": \"RECORD\"}",
        "\"messages\"",
        "\"sender_name\"",
        "\"timestamp_ms\"",
        "\"content\"",
        "00:00:01,000 --> 00:00:02,000",
        "Content-Type: multipart/mixed; boundary=\"b\"",
        "--b",
        "--b--",
        "Content-Transfer-Encoding: base64",
        "Content-Type: text/plain; charset=utf-7",
        "Content-Type: message/rfc822",
        "Subject: ",
        "=?utf-8?Q?",
        "?=",
        "\u{feff}",
    ])
    .seeds(&[
        "../shared/langflow-0.6/fixtures *.csv",
        "../shared/langflow-0.6/fixtures *.txt",
        "../shared/langflow-0.6/fixtures *.json",
    ]);

/// One file, as each kind that is text.
fn lines(input: &[u8]) {
    for kind in ["json", "jsonl", "conllu", "csv", "facebook", "srt", "txt", "eml"] {
        let _ = fuzzing::document(kind, input);
    }
}

pub(super) const PDF: Target = Target::of("pdf", pdf)
    .words(&[
        "%PDF-1.5",
        "obj",
        "endobj",
        "stream",
        "endstream",
        "xref",
        "trailer",
        "startxref",
        "%%EOF",
        "/Type",
        "/Page",
        "/Pages",
        "/Kids",
        "/Parent",
        "/Contents",
        "/Length",
        "/Filter",
        "/FlateDecode",
        "/LZWDecode",
        "/ASCII85Decode",
        "/DecodeParms",
        "/Predictor",
        "/Columns",
        "/ObjStm",
        "/XRef",
        "/W",
        "/Index",
        "/Root",
        "/Prev",
        "/Font",
        "/ToUnicode",
        "/Encoding",
        "/Encrypt",
        "<<",
        ">>",
        "[",
        "]",
        "1 0 R",
        "2 0 R",
        "/Count",
        "/MediaBox",
        "/Resources",
        "/XObject",
        "/Form",
        "/Type0",
        "/DescendantFonts",
        "/Widths",
        "/FirstChar",
        "beginbfchar",
    ])
    .limits(16 << 10, 6_000, 768)
    .seeds(&["../shared/langflow-0.6/fixtures *.pdf"]);

fn pdf(input: &[u8]) {
    let _ = fuzzing::document("pdf", input);
}

pub(super) const PDF_PAGE: Target = Target::of("pdf_page", pdf_page)
    .words(&[
        "BT",
        "ET",
        "(a) Tj",
        "[(a) 100 (b)] TJ",
        "'",
        "\"",
        "T*",
        "Td",
        "TD",
        "Tm",
        "Tf",
        "/A 12 Tf",
        "/F Do",
        "q",
        "Q",
        "cm",
        "re",
        "f",
        "BI",
        "ID",
        "EI",
        "<0041>",
        "\\(",
        "\\101",
        "1 0 0 1 0 0",
        "Tr",
        "Tz",
        "TL",
        "gs",
        "cs",
        "sc",
        "sh",
        "MP",
        "BDC",
        "EMC",
        "---",
        "/Encoding /WinAnsiEncoding",
        "/Encoding << /Differences [65 /a /b] >>",
        "/ToUnicode 7 0 R",
        "/Subtype /Type0",
        "/Subtype /TrueType",
        "/Widths [1 2 3]",
        "/FirstChar 65",
        "/LastChar 67",
        "/DescendantFonts [8 0 R]",
    ])
    .limits(16 << 10, 6_000, 768);

/// A page that draws the first part, with a form of the second, a font of the third and a map of characters of the
/// fourth, in a file that is otherwise in order.
fn pdf_page(input: &[u8]) {
    let mut parts = input.split(|byte| *byte == b'\0').map(<[u8]>::to_vec);
    let mut next = |usual: &str| parts.next().filter(|part| !part.is_empty()).unwrap_or_else(|| usual.into());
    let page = next("");
    let form = next("BT (f) Tj ET");
    let font = next("/Subtype /Type1 /BaseFont /Helvetica");
    let map = next("1 beginbfchar <41> <0042> endbfchar");
    let form_head = "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources 5 0 R";
    let objects = [
        dictionary(b"/Type /Catalog /Pages 2 0 R"),
        dictionary(b"/Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 600 800]"),
        dictionary(b"/Type /Page /Parent 2 0 R /Contents 4 0 R /Resources 5 0 R"),
        stream("", &page),
        dictionary(b"/Font << /A 6 0 R >> /XObject << /F 9 0 R >>"),
        dictionary(&[b"/Type /Font ", font.as_slice()].concat()),
        stream("", &map),
        dictionary(b"/Type /Font /Subtype /CIDFontType2 /BaseFont /A /CIDSystemInfo << /Registry (A) /Ordering (B) /Supplement 0 >>"),
        stream(form_head, &form),
    ];
    let _ = fuzzing::document("pdf", &bound(&objects));
}

fn dictionary(inside: &[u8]) -> Vec<u8> {
    [b"<< ", inside, b" >>"].concat()
}

fn stream(head: &str, inside: &[u8]) -> Vec<u8> {
    [format!("<< {head} /Length {} >>\nstream\n", inside.len()).as_bytes(), inside, b"\nendstream"].concat()
}

/// A file of these objects, the first being its catalogue.
fn bound(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"%PDF-1.5\n".to_vec();
    let mut places = String::new();
    for (number, object) in objects.iter().enumerate() {
        places += &format!("{:010} 00000 n \n", file.len());
        file.extend_from_slice(format!("{} 0 obj\n", number + 1).as_bytes());
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let (start, size) = (file.len(), objects.len() + 1);
    let end = format!(
        "xref\n0 {size}\n0000000000 65535 f \n{places}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    file.extend_from_slice(end.as_bytes());
    file
}

const OFFICE_KINDS: [&str; 3] = ["docx", "pptx", "xlsx"];

pub(super) const OFFICE: Target = Target::of("office", office).limits(32 << 10, 4_000, 768).words(&[
    "PK\u{1}\u{2}",
    "PK\u{3}\u{4}",
    "PK\u{5}\u{6}",
]);

/// An archive, as each kind of Office file.
fn office(input: &[u8]) {
    for kind in OFFICE_KINDS {
        let _ = fuzzing::document(kind, input);
    }
}

pub(super) const OFFICE_PARTS: Target =
    Target::of("office_parts", office_parts).limits(32 << 10, 4_000, 768).words(&[
        "<w:document>",
        "<w:body>",
        "<w:p>",
        "<w:r>",
        "<w:t>",
        "</w:t>",
        "</w:r>",
        "</w:p>",
        "<w:del>",
        "<w:tbl>",
        "<w:tr>",
        "<w:tc>",
        "<w:tab/>",
        "<a:t>",
        "<a:p>",
        "<p:sld>",
        "<row r=\"1\">",
        "<c r=\"A1\" t=\"s\">",
        "<v>0</v>",
        "</c>",
        "<sheetData>",
        "<dimension ref=\"A1:XFD1048576\"/>",
        "r=\"XFD1048576\"",
        "t=\"inlineStr\"",
        "<is><t>",
        "<si><t>",
        "s=\"1\"",
        "<cellXfs>",
        "<xf numFmtId=\"14\"/>",
        "<f>",
        "&amp;",
        "&#0;",
        "<![CDATA[",
        "<mergeCell ref=\"A1:B2\"/>",
    ]);

/// The parts of an archive, between zero bytes: the main one of each kind of file, then texts and styles of a workbook.
fn office_parts(input: &[u8]) {
    let mut parts = input.split(|byte| *byte == b'\0');
    let (main, texts, styles) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let _ = fuzzing::document("docx", &archive(&[("word/document.xml", main)]));
    let slides = [
        ("ppt/presentation.xml", SLIDES),
        ("ppt/_rels/presentation.xml.rels", SLIDE_PLACES),
        ("ppt/slides/slide1.xml", main),
    ];
    let _ = fuzzing::document("pptx", &archive(&slides));
    let book = [
        ("_rels/.rels", ROOT),
        ("[Content_Types].xml", b"<Types/>".as_slice()),
        ("xl/workbook.xml", BOOK),
        ("xl/_rels/workbook.xml.rels", SHEET_PLACES),
        ("xl/worksheets/sheet1.xml", main),
        ("xl/sharedStrings.xml", texts),
        ("xl/styles.xml", styles),
    ];
    let _ = fuzzing::document("xlsx", &archive(&book));
}

const SLIDES: &[u8] = br#"<p:presentation xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="rId1"/></p:sldIdLst></p:presentation>"#;
const SLIDE_PLACES: &[u8] =
    br#"<Relationships><Relationship Id="rId1" Target="slides/slide1.xml"/></Relationships>"#;
const ROOT: &[u8] = br#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Target="xl/workbook.xml" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>"#;
const BOOK: &[u8] = br#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="A" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
const SHEET_PLACES: &[u8] = br#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Target="worksheets/sheet1.xml" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"/></Relationships>"#;

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in parts {
        let written = writer.start_file(*name, options).map_err(|e| e.to_string());
        let written = written.and_then(|()| writer.write_all(bytes).map_err(|e| e.to_string()));
        assert_eq!(written, Ok(()), "an archive in memory can be written");
    }
    writer.finish().map(Cursor::into_inner).unwrap_or_default()
}

pub(super) const SPLIT: Target = Target::of("split", split).limits(32 << 10, 4_000, 512).words(&[
    "language:python",
    "language:html",
    "language:markdown",
    "language:latex",
    "language:c",
    "\\n\\n",
    "\\n",
    " ",
    "\\t",
    "\\x41",
    "\\N{DASH}",
    "**",
    "**/*.txt",
    "[a-z]",
    "[!a]",
    "?",
    "*",
    "[",
    "\n---\n",
    "class ",
    "def ",
    "\n# ",
]);

/// Sizes in two bytes, separators in lines, and behind a line of `---` the text; and the separators as patterns.
fn split(input: &[u8]) {
    let Some(([chunk, overlap], rest)) = input.split_first_chunk::<2>() else { return };
    let text = String::from_utf8_lossy(rest);
    let (separators, text) = halves(&text, "\n---\n");
    let separators: Vec<&str> = separators.lines().take(8).collect();
    for recursive in [false, true] {
        let sizes = (u32::from(*chunk) * 4, u32::from(*overlap));
        for piece in fuzzing::split(&separators, recursive, text, sizes).unwrap_or_default() {
            assert!(text.contains(piece.trim()) || recursive || piece.len() < 2 << 20);
        }
    }
    for separator in separators {
        fuzzing::glob(separator, &text[..text.floor_char_boundary(200)]);
    }
}
