//! What a statement is, before it is sent: that it is one, and of a kind that may run here.
//!
//! The database enforces that a read-only statement does not write; this check keeps out what a
//! transaction does not cover: second statements, transaction control, session settings, files.

use super::{Access, SqlDialect, SqlError};

/// Words that begin a statement that only reads; the database still decides what `WITH` and `EXPLAIN` do.
const READS: &[&str] =
    &["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "DESCRIBE", "DESC", "PRAGMA"];
/// Words that begin a statement that writes.
const WRITES: &[&str] = &[
    "ALTER", "ANALYZE", "CALL", "COMMENT", "CREATE", "DELETE", "DO", "DROP", "GRANT", "INSERT", "MERGE",
    "REINDEX", "RENAME", "REPLACE", "REVOKE", "TRUNCATE", "UPDATE",
];
/// Words that begin what no statement of a flow may do: control the transaction or the session, read the
/// server's files, open other databases.
const REFUSED: &[&str] = &[
    "ABORT",
    "ATTACH",
    "BEGIN",
    "CHECKPOINT",
    "CLOSE",
    "COMMIT",
    "COPY",
    "DEALLOCATE",
    "DECLARE",
    "DETACH",
    "DISCARD",
    "END",
    "EXECUTE",
    "FETCH",
    "FLUSH",
    "HANDLER",
    "INSTALL",
    "KILL",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MOVE",
    "NOTIFY",
    "PREPARE",
    "RELEASE",
    "RESET",
    "ROLLBACK",
    "SAVEPOINT",
    "SET",
    "SHUTDOWN",
    "START",
    "UNINSTALL",
    "UNLISTEN",
    "UNLOCK",
    "USE",
    "VACUUM",
    "XA",
];
/// SQLite's questions about a schema.
const PRAGMAS: &[&str] = &[
    "FOREIGN_KEY_LIST",
    "INDEX_INFO",
    "INDEX_LIST",
    "INDEX_XINFO",
    "TABLE_INFO",
    "TABLE_LIST",
    "TABLE_XINFO",
];

/// Refuses what may not be sent.
pub(crate) fn check(dialect: SqlDialect, access: Access, text: &str) -> Result<(), SqlError> {
    let forbidden = |reason| Err(SqlError::Forbidden { reason });
    if text.contains('\0') {
        return forbidden("it has a zero byte");
    }
    let Some(words) = words(dialect, text) else {
        return forbidden("a quote or a comment in it does not end");
    };
    let statement_end = words.iter().position(|word| word == ";").unwrap_or(words.len());
    if words[statement_end..].iter().any(|word| word != ";") {
        return forbidden("it is more than one statement");
    }
    let words: Vec<String> = words[..statement_end].iter().map(|word| word.to_ascii_uppercase()).collect();
    let Some(first) = words.iter().find(|word| *word != "(").map(String::as_str) else {
        return forbidden("it is empty");
    };
    if REFUSED.contains(&first) {
        return forbidden("it controls the session, or opens files or other databases");
    }
    if first == "PRAGMA" && !is_question(&words) {
        return forbidden("it sets an option of the database");
    }
    if access == Access::ReadOnly && !READS.contains(&first) {
        let is_write = WRITES.contains(&first);
        return if is_write {
            Err(SqlError::NotReadOnly)
        } else {
            forbidden("it begins with no word that reads")
        };
    }
    let writes_file =
        |pair: &[String]| pair[0] == "INTO" && matches!(pair[1].as_str(), "OUTFILE" | "DUMPFILE");
    if words.windows(2).any(writes_file) {
        return forbidden("it writes a file of the server");
    }
    Ok(())
}

/// `PRAGMA table_info(t)`, with or without a schema, and no assignment.
fn is_question(words: &[String]) -> bool {
    let name = match words {
        [_, _, dot, name, ..] if dot == "." => name,
        [_, name, ..] => name,
        _ => return false,
    };
    PRAGMAS.contains(&name.as_str()) && words.iter().all(|word| word != "=")
}

/// The words and signs outside quotes and comments; `None` if one of these does not end.
///
/// MySQL runs what stands in `/*! … */`, so there it counts as words.
fn words(dialect: SqlDialect, text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let quoted = match c {
            '\'' | '"' | '`' => Some(quoted(rest, c, backslash_escapes(dialect, c, &words))?),
            '$' if dialect == SqlDialect::Postgres => dollar_quoted(rest)?,
            '[' if dialect == SqlDialect::Sqlite => Some(rest.find(']')? + 1),
            _ => None,
        };
        if let Some(length) = quoted {
            words.push("''".to_owned());
            rest = &rest[length..];
        } else if let Some(length) = comment(dialect, rest)? {
            rest = &rest[length..];
        } else if c.is_alphanumeric() || c == '_' {
            let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
            let length = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
            words.push(rest[..length].to_owned());
            rest = &rest[length..];
        } else {
            if !c.is_whitespace() {
                words.push(c.to_string());
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    Some(words)
}

/// In MySQL's strings, and in Postgres' `E'…'`.
fn backslash_escapes(dialect: SqlDialect, quote: char, before: &[String]) -> bool {
    match dialect {
        SqlDialect::MySql => quote != '`',
        SqlDialect::Postgres => {
            quote == '\'' && before.last().is_some_and(|word| word.eq_ignore_ascii_case("e"))
        }
        SqlDialect::Sqlite => false,
    }
}

/// The length of a quoted text; a doubled quote simply begins the next one.
fn quoted(text: &str, quote: char, escapes: bool) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == '\\' && escapes {
            characters.next();
        } else if c == quote {
            return Some(at + 1);
        }
    }
    None
}

/// The length of `$tag$ … $tag$`; `Some(None)` where `$` begins none (a placeholder).
fn dollar_quoted(text: &str) -> Option<Option<usize>> {
    let Some(length) = text[1..].find('$').map(|at| at + 2) else { return Some(None) };
    let tag = &text[..length];
    let name = &tag[1..length - 1];
    if name.starts_with(|c: char| c.is_ascii_digit())
        || !name.chars().all(|c| c.is_alphanumeric() || c == '_')
    {
        return Some(None);
    }
    text[length..].find(tag).map(|at| Some(length + at + length))
}

/// The length of a comment that begins here.
fn comment(dialect: SqlDialect, text: &str) -> Option<Option<usize>> {
    let mysql = dialect == SqlDialect::MySql;
    let dashes = text.starts_with("--")
        && (!mysql || text[2..].chars().next().is_none_or(|c| c.is_whitespace() || c.is_control()));
    if dashes || (mysql && text.starts_with('#')) {
        return Some(Some(text.find('\n').unwrap_or(text.len())));
    }
    if !text.starts_with("/*") {
        return Some(None);
    }
    if mysql && (text.starts_with("/*!") || text.starts_with("/*M!")) {
        // Its end is two signs that begin nothing.
        return Some(Some(2));
    }
    if dialect != SqlDialect::Postgres {
        return text[2..].find("*/").map(|at| Some(at + 4));
    }
    nested_comment(text).map(Some)
}

/// Postgres' comments nest.
fn nested_comment(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += rest.chars().next()?.len_utf8();
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SqlDialect::{MySql, Postgres, Sqlite};

    fn read(dialect: SqlDialect, text: &str) -> Result<(), SqlError> {
        check(dialect, Access::ReadOnly, text)
    }

    #[test]
    fn what_reads_passes() {
        let cases = [
            (Sqlite, "SELECT 1;"),
            (Sqlite, "  -- all of them\n select * from t where a = ';' ; ; "),
            (Sqlite, "PRAGMA table_info('t')"),
            (Sqlite, "pragma main.table_info(t)"),
            (Sqlite, "SELECT [a;b] FROM t /* no; */"),
            (Postgres, "(SELECT 1) UNION (SELECT 2)"),
            (Postgres, "SELECT $$a;b$$, $x$;$$;$x$, $1"),
            (Postgres, "SELECT E'it\\'s; one' /* a /* b; */ ; */"),
            (Postgres, "WITH a AS (SELECT 1) SELECT * FROM a"),
            (MySql, "SELECT 'it\\'s; one' # ; two"),
            (MySql, "SHOW TABLES"),
            (MySql, "SELECT 1 --1"),
        ];
        for (dialect, text) in cases {
            assert_eq!(read(dialect, text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_does_not_is_refused() {
        let cases = [
            (Sqlite, "SELECT 1; DROP TABLE t"),
            (Sqlite, "ATTACH 'other.db' AS other"),
            (Sqlite, "PRAGMA query_only = 0"),
            (Sqlite, "PRAGMA query_only(0)"),
            (Sqlite, "PRAGMA table_info = 1"),
            (Sqlite, "DELETE FROM t"),
            (Sqlite, "/* a */ VACUUM INTO 'x'"),
            (Sqlite, "SELECT 'open"),
            (Sqlite, "SELECT 'a\\'; DELETE FROM t; --'"),
            (Sqlite, ""),
            (Sqlite, ";"),
            (Postgres, "COMMIT"),
            (Postgres, "COPY t TO PROGRAM 'sh'"),
            (Postgres, "SELECT 'a\\'; DELETE FROM t; --'"),
            (Postgres, "SELECT $$a$$; DROP TABLE t"),
            (Postgres, "SELECT 1 /* /* */ ; DROP TABLE t"),
            (MySql, "SELECT 1 INTO OUTFILE '/tmp/x'"),
            (MySql, "SELECT 1 /*!50000 INTO DUMPFILE '/tmp/x' */"),
            (MySql, "SELECT 1 /*! ; DROP TABLE t */"),
            (MySql, "SET SESSION TRANSACTION READ WRITE"),
        ];
        for (dialect, text) in cases {
            assert!(read(dialect, text).is_err(), "{text}");
        }
    }

    #[test]
    fn writing_needs_to_be_allowed_and_stays_one_statement() {
        let write = |text| check(Sqlite, Access::ReadWrite, text);
        assert_eq!(write("INSERT INTO t VALUES ('a;b')"), Ok(()));
        assert_eq!(read(Sqlite, "INSERT INTO t VALUES (1)"), Err(SqlError::NotReadOnly));
        for text in
            ["INSERT INTO t VALUES (1); DELETE FROM t", "ATTACH 'x' AS x", "COMMIT", "PRAGMA query_only=0"]
        {
            assert!(matches!(write(text), Err(SqlError::Forbidden { .. })), "{text}");
        }
    }
}
