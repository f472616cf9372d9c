//! Excel workbooks, as FileLoader reads them.

use std::io::Cursor;

use calamine::{DataRef, ExcelDateTime, Reader, Xlsx, XlsxError};
use millrace_engine::{Document, File};
use serde_json::json;

use super::csv_loader::lines;
use super::loader::{self, MAX_DOCUMENTS, Unreadable};
use super::office::Package;

const KIND: &str = "Excel workbook (.xlsx)";
/// Columns of a sheet at most, of the 16384 that there may be.
const MAX_COLUMNS: usize = 1000;

/// Each row of each sheet as a document of `column: value` lines; the first row of a sheet names its columns.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    Package::open(&file.bytes, KIND)?.check()?;
    let mut workbook = Xlsx::new(Cursor::new(&file.bytes[..])).map_err(broken)?;
    let mut documents = Vec::new();
    for sheet in workbook.sheet_names() {
        let rows = rows(&mut workbook, &sheet)?;
        let mut rows = rows.iter();
        let Some(columns) = rows.next() else { continue };
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        for (number, row) in rows.enumerate() {
            if documents.len() == MAX_DOCUMENTS {
                return Err(Unreadable::TooMuch { limit: MAX_DOCUMENTS, what: "rows" });
            }
            let values: Vec<Option<&str>> =
                (0..columns.len()).map(|at| Some(row.get(at).map_or("", String::as_str))).collect();
            let metadata = [("sheet", json!(sheet)), ("row", json!(number))];
            documents.push(loader::with(lines(&columns, &values), metadata));
        }
    }
    Ok(documents)
}

/// The rows of a sheet that have a cell. Read cell by cell: a sheet's size is what it says of itself.
fn rows(workbook: &mut Xlsx<Cursor<&[u8]>>, sheet: &str) -> Result<Vec<Vec<String>>, Unreadable> {
    let mut cells = workbook.worksheet_cells_reader(sheet).map_err(broken)?;
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut last = None;
    while let Some(cell) = cells.next_cell().map_err(broken)? {
        let (row, column) = cell.get_position();
        let text = shown(cell.get_value());
        if text.is_empty() {
            continue;
        }
        if column as usize >= MAX_COLUMNS {
            return Err(Unreadable::TooMuch { limit: MAX_COLUMNS, what: "columns" });
        }
        if last != Some(row) {
            rows.push(Vec::new());
            last = Some(row);
        }
        if let Some(row) = rows.last_mut() {
            row.resize(row.len().max(column as usize + 1), String::new());
            row[column as usize] = text;
        }
    }
    Ok(rows)
}

fn broken(_: XlsxError) -> Unreadable {
    Unreadable::Broken(KIND)
}

fn shown(value: &DataRef) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::DateTime(time) => moment(time),
        DataRef::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Error(error) => error.to_string(),
    }
}

/// A date without a time where that is midnight; a duration as days.
fn moment(time: &ExcelDateTime) -> String {
    if !time.is_datetime() {
        return time.as_f64().to_string();
    }
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    match (hour, minute, second) {
        (0, 0, 0) => date,
        _ => format!("{date} {hour:02}:{minute:02}:{second:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::loader::tests;
    use crate::documents::office_files::archive;

    fn workbook(cells: &str) -> Vec<u8> {
        let types = r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#;
        let root = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
            <Relationship Id="rId1" Target="xl/workbook.xml"
            Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>"#;
        let book = r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
            xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">
            <sheets><sheet name="Mills" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
        let places = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
            <Relationship Id="rId1" Target="worksheets/sheet1.xml"
            Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"/></Relationships>"#;
        let sheet = format!(
            r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{cells}</sheetData></worksheet>"#
        );
        archive(&[
            ("_rels/.rels", root.as_bytes()),
            ("[Content_Types].xml", types.as_bytes()),
            ("xl/workbook.xml", book.as_bytes()),
            ("xl/_rels/workbook.xml.rels", places.as_bytes()),
            ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
        ])
    }

    #[test]
    fn rows_read_as_those_of_a_csv_file() {
        let text = |at: &str, text: &str| format!(r#"<c r="{at}" t="inlineStr"><is><t>{text}</t></is></c>"#);
        let cells = format!(
            r#"<row r="1">{}{}</row><row r="3">{}<c r="B3"><v>2</v></c></row><row r="4"><c r="B4" t="b"><v>1</v></c></row>"#,
            text("A1", "name"),
            text("B1", "stones"),
            text("A3", "Upper mill")
        );
        let documents = tests::read(read, "a.xlsx", &workbook(&cells)).unwrap();
        let said: Vec<_> =
            documents.iter().map(|d| (d.page_content.as_str(), json!(d.metadata["row"]))).collect();
        assert_eq!(said, [("name: Upper mill\nstones: 2", json!(0)), ("name: \nstones: True", json!(1))]);
        assert_eq!(documents[0].metadata["sheet"], "Mills");
    }

    #[test]
    fn a_sheet_that_says_it_is_huge_is_refused() {
        let far = r#"<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>"#;
        let error = tests::read(read, "a.xlsx", &workbook(far)).unwrap_err();
        assert_eq!(error, "it has more than 1000 columns");
        let error = tests::read(read, "a.xlsx", b"PK").unwrap_err();
        assert_eq!(error, "it is no Excel workbook (.xlsx) that can be read");
    }
}
