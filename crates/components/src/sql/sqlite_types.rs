//! What SQLAlchemy takes a type that SQLite declares for: how it is written, and how its values are shown.

use super::sample::Shape;

/// A declared type in SQLAlchemy's words, and the shape of its values. `None` where it takes it for no type.
pub(super) fn resolve(declared: &str) -> Option<(String, Shape)> {
    let declared = declared.to_uppercase();
    let end =
        declared.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ' '))).unwrap_or(declared.len());
    let name = known(&declared[..end])?;
    let arguments = arguments(&declared[end..]);
    Some((written(name, &arguments), shape(name, &arguments)))
}

/// The types that have a name of their own; others by the affinity that SQLite gives them.
fn known(name: &str) -> Option<&'static str> {
    const OWN: &[&str] = &[
        "BIGINT",
        "BLOB",
        "BOOLEAN",
        "CHAR",
        "DATE",
        "DATETIME",
        "DECIMAL",
        "DOUBLE",
        "FLOAT",
        "INTEGER",
        "JSON",
        "NCHAR",
        "NUMERIC",
        "NVARCHAR",
        "REAL",
        "SMALLINT",
        "TEXT",
        "TIME",
        "TIMESTAMP",
        "VARCHAR",
    ];
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    Some(match name {
        "BOOL" => "BOOLEAN",
        "DATE_CHAR" => "DATE",
        "DATETIME_CHAR" => "DATETIME",
        "TIME_CHAR" => "TIME",
        _ if OWN.contains(&name) => OWN.iter().find(|own| **own == name)?,
        _ if has(&["INT"]) => "INTEGER",
        _ if has(&["CHAR", "CLOB", "TEXT"]) => "TEXT",
        _ if name.is_empty() || has(&["BLOB"]) => return None,
        _ if has(&["REAL", "FLOA", "DOUB"]) => "REAL",
        _ => "NUMERIC",
    })
}

/// The numbers in brackets after a type's name, without leading zeros.
fn arguments(rest: &str) -> Vec<String> {
    let inner = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or("", |(inner, _)| inner);
    let numbers = inner.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
    let plain = numbers.map(|number| number.trim_start_matches('0'));
    plain.map(|number| if number.is_empty() { "0".to_owned() } else { number.to_owned() }).collect()
}

fn written(name: &str, arguments: &[String]) -> String {
    match (name, arguments) {
        ("DECIMAL" | "NUMERIC", [precision]) => format!("{name}({precision})"),
        ("DECIMAL" | "NUMERIC", [precision, scale, ..]) => format!("{name}({precision}, {scale})"),
        ("CHAR" | "NCHAR" | "NVARCHAR" | "TEXT" | "VARCHAR", [length, ..]) if length != "0" => {
            format!("{name}({length})")
        }
        _ => name.to_owned(),
    }
}

fn shape(name: &str, arguments: &[String]) -> Shape {
    /// Where a type does not say how many.
    const PLACES: usize = 10;
    let places = |scale: &str| scale.parse().unwrap_or(usize::MAX);
    match (name, arguments) {
        ("BOOLEAN", _) => Shape::Bool,
        ("DATE", _) => Shape::Date,
        ("DATETIME" | "TIMESTAMP", _) => Shape::Timestamp,
        ("TIME", _) => Shape::Time,
        ("JSON", _) => Shape::Json,
        ("DECIMAL" | "NUMERIC", [_, scale, ..]) => Shape::Decimal(places(scale)),
        ("DECIMAL" | "NUMERIC", _) => Shape::Decimal(PLACES),
        // The second argument is taken for the wish to have decimals.
        ("DOUBLE" | "FLOAT" | "REAL", [_, wish]) if wish != "0" => Shape::Decimal(PLACES),
        _ => Shape::Own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_as_sqlalchemy_does() {
        let cases = [
            ("int", "INTEGER"),
            ("BIGINT", "BIGINT"),
            ("TINYINT(1)", "INTEGER"),
            ("INT(11)", "INTEGER"),
            ("BIGINT(20)", "BIGINT"),
            ("UNSIGNED BIG INT", "INTEGER"),
            ("VARCHAR", "VARCHAR"),
            ("varchar(20)", "VARCHAR(20)"),
            ("VARCHAR(0)", "VARCHAR"),
            ("CHAR(5)", "CHAR(5)"),
            ("NVARCHAR(100)", "NVARCHAR(100)"),
            ("CHARACTER(20)", "TEXT(20)"),
            ("VARYING CHARACTER(255)", "TEXT(255)"),
            ("LONGTEXT", "TEXT"),
            ("CLOB", "TEXT"),
            ("STRING", "NUMERIC"),
            ("BOOL", "BOOLEAN"),
            ("DATETIME(6)", "DATETIME"),
            ("TIMESTAMP", "TIMESTAMP"),
            ("DATE_CHAR", "DATE"),
            ("DOUBLE", "DOUBLE"),
            ("DOUBLE PRECISION", "REAL"),
            ("FLOAT(10,2)", "FLOAT"),
            ("NUMERIC(5)", "NUMERIC(5)"),
            ("DECIMAL(10,2)", "DECIMAL(10, 2)"),
            ("DECIMAL( 10 , 02 )", "DECIMAL(10, 2)"),
            // The blank before the bracket belongs to the name, which then is none that is known.
            ("DECIMAL (10,2)", "NUMERIC(10, 2)"),
            ("MONEY", "NUMERIC"),
            ("BLOB(100)", "BLOB"),
            ("JSONB", "NUMERIC"),
            ("POINT", "INTEGER"),
        ];
        for (declared, expected) in cases {
            assert_eq!(resolve(declared).unwrap().0, expected, "{declared}");
        }
        assert_eq!((resolve(""), resolve("MYBLOB"), resolve("(5)")), (None, None, None));
    }
}
