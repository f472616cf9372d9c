//! A value that is given as JSON on the command line, in a file, or on standard input.

use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Result;
use serde_json::Value as Json;

use crate::exit::Failure;

/// Where the JSON is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JsonArgument {
    Here(String),
    File(PathBuf),
    StandardInput,
}

impl FromStr for JsonArgument {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.strip_prefix('@') {
            Some(path) => Self::File(path.into()),
            None if text == "-" => Self::StandardInput,
            None => Self::Here(text.to_owned()),
        })
    }
}

impl JsonArgument {
    /// Reads it; `option` is what it was given for.
    ///
    /// # Errors
    /// It is not there, or is no JSON. What stands in it is not repeated: it may be a secret.
    pub fn read(&self, option: &str) -> Result<Json> {
        let text = match self {
            Self::Here(text) => text.clone(),
            Self::File(path) => std::fs::read_to_string(path).map_err(|error| {
                Failure::usage(format!("{option}: cannot read {}: {error}", path.display()))
            })?,
            Self::StandardInput => standard_input(option)?,
        };
        parse(&text).map_err(|why| Failure::usage(format!("{option} is no JSON: {why}")).into())
    }

    /// Reads an object.
    ///
    /// # Errors
    /// As [`read`](Self::read), and where it is something else.
    pub fn object(&self, option: &str) -> Result<Json> {
        let value = self.read(option)?;
        match value.is_object() {
            true => Ok(value),
            false => Err(Failure::usage(format!("{option} has to be a JSON object")).into()),
        }
    }
}

/// All of standard input as text.
pub(crate) fn standard_input(what: &str) -> Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("{what}: cannot read standard input: {error}")))?;
    Ok(text)
}

/// Reads JSON, a byte order mark before it or not. The error is the place, not the content.
pub(crate) fn parse(text: &str) -> Result<Json, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text).map_err(|error| {
        let what = if error.is_eof() { "it ends early" } else { "a syntax error" };
        format!("{what} at line {}, column {}", error.line(), error.column())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stands_in_three_places() {
        for (text, expected) in [
            ("-", JsonArgument::StandardInput),
            ("@a.json", JsonArgument::File("a.json".into())),
            ("{}", JsonArgument::Here("{}".to_owned())),
        ] {
            assert_eq!(text.parse(), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_json_is_said_without_repeating_it() {
        let error = JsonArgument::Here("{\"k\": canary}".to_owned()).read("--tweaks").unwrap_err();
        assert_eq!(error.to_string(), "--tweaks is no JSON: a syntax error at line 1, column 7");
        let error = JsonArgument::Here("[1]".to_owned()).object("--tweaks").unwrap_err();
        assert_eq!(error.to_string(), "--tweaks has to be a JSON object");
        let error = JsonArgument::File("/nowhere/x".into()).read("--inputs").unwrap_err();
        assert!(error.to_string().starts_with("--inputs: cannot read /nowhere/x: "), "{error}");
        assert_eq!(parse("\u{feff}[1]"), Ok(serde_json::json!([1])));
        assert_eq!(parse("{\"a\":"), Err("it ends early at line 1, column 5".to_owned()));
    }
}
