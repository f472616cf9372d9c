//! CSVLoader: each row of a table as a document (0.x).

use millrace_engine::{Document, Entry, Example, File, Spec, output};
use serde_json::{Map, Value as Json, json};

use super::loader::{self, Format, Loader, MAX_DOCUMENTS, Unreadable};
use super::plain_text::{decode, strip};

/// Comma-separated values.
pub(crate) struct Csv;

impl Format for Csv {
    const SPEC: Spec = Spec {
        names: &["CSVLoader"],
        about: "Each row of a CSV file as a document of `column: value` lines, with its number.",
        inputs: loader::INPUTS,
        outputs: &[output("documents")],
        examples: &[Example {
            title: "a row is a document",
            inputs: r#"{"file_path": "mills.csv", "metadata": {"kind": "mill"}}"#,
            output: r#"{"documents": [
                {"page_content": "name: Upper mill\nstones: 2", "type": "Document",
                 "metadata": {"source": "mills.csv", "row": 0, "kind": "mill"}},
                {"page_content": "name: Lower mill, new\nstones: 3", "type": "Document",
                 "metadata": {"source": "mills.csv", "row": 1, "kind": "mill"}}
            ]}"#,
        }],
        ..Spec::SUPPORTED
    };
    const READ: loader::Read = read;
}

/// The rows, by the rules of Python's `csv.DictReader`: the first row names the columns, a value that a short
/// row lacks is `None`, of columns with one name the last counts, and a row that is too long is a fault.
pub(super) fn read(file: &File) -> Result<Vec<Document>, Unreadable> {
    let text = decode(&file.bytes);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = reader.records().map(|row| row.map_err(|_| Unreadable::Broken("CSV file")));
    let Some(columns) = rows.next().transpose()? else { return Ok(Vec::new()) };
    let columns: Vec<&str> = columns.iter().collect();
    let mut documents = Vec::new();
    for (number, row) in rows.enumerate() {
        if number == MAX_DOCUMENTS {
            return Err(Unreadable::TooMuch { limit: MAX_DOCUMENTS, what: "rows" });
        }
        let row = row?;
        if row.len() > columns.len() {
            let (found, named) = (row.len(), columns.len());
            let message = format!("row {number} has {found} values, but the first row names {named} columns");
            return Err(Unreadable::Malformed(message));
        }
        let values: Vec<Option<&str>> = (0..columns.len()).map(|column| row.get(column)).collect();
        documents.push(loader::with(lines(&columns, &values), [("row", json!(number))]));
    }
    Ok(documents)
}

/// A row as lines of `column: value`.
pub(super) fn lines(columns: &[&str], values: &[Option<&str>]) -> String {
    let value = |value: &Option<&str>| Json::from(value.map_or("None", strip));
    let row: Map<String, Json> =
        columns.iter().zip(values).map(|(column, v)| ((*column).to_owned(), value(v))).collect();
    let line = |(column, value): (&String, &Json)| {
        format!("{}: {}", strip(column), value.as_str().unwrap_or_default())
    };
    row.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(crate) const ENTRY: Entry = Entry::of::<Loader<Csv>>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::loader::tests as loader;

    #[test]
    fn rows_are_read_as_python_reads_them() {
        let cases: [(&[u8], &[&str]); 8] = [
            (b"a,b\n1,2\n", &["a: 1\nb: 2"]),
            (b"\xef\xbb\xbfa,b\r\n1, 2 \r\n\r\n3,\r\n", &["a: 1\nb: 2", "a: 3\nb: "]),
            (b"a,b\n1\n", &["a: 1\nb: None"]),
            (b"a,b,a\n1,2,3\n", &["a: 3\nb: 2"]),
            (b"a\n\"x, \"\"y\"\"\nz\"\n", &["a: x, \"y\"\nz"]),
            (b"a\nx\"y\r\"p\"q\n", &["a: x\"y", "a: pq"]),
            (b"caf\xe9\n\x80\n", &["café: €"]),
            (b"", &[]),
        ];
        for (bytes, rows) in cases {
            assert_eq!(loader::texts(read, "t.csv", bytes), rows, "{}", decode(bytes));
        }
    }

    #[test]
    fn a_row_that_is_too_long_is_named() {
        let error = loader::read(read, "t.csv", b"a,b\n1,2\n1,2,3\n").unwrap_err();
        assert_eq!(error, "row 1 has 3 values, but the first row names 2 columns");
    }
}
