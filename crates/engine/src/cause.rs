//! What the log is told of the cause of an error.

use std::io;

use tokio::task::JoinError;

/// A cause that may stand in the log. **Not every error may**: those of parsers quote what they parse, and a panic quotes
/// what it was about. So this is implemented for what holds no payload, or is told here without it.
pub trait Cause {
    /// The cause in words, without payloads.
    fn told(self) -> String;
}

/// A sentence of the program's own.
impl Cause for &'static str {
    fn told(self) -> String {
        self.to_owned()
    }
}

/// A sentence of the program's own, and the id or the code that it is about.
impl Cause for (&'static str, &str) {
    fn told(self) -> String {
        let (what, id) = self;
        format!("{what} {id}")
    }
}

/// Kind and place; the error itself quotes values.
impl Cause for serde_json::Error {
    fn told(self) -> String {
        format!("JSON: {:?} at line {} column {}", self.classify(), self.line(), self.column())
    }
}

/// The kind; the error itself may be made of any text.
impl Cause for io::Error {
    fn told(self) -> String {
        self.kind().told()
    }
}

impl Cause for io::ErrorKind {
    fn told(self) -> String {
        self.to_string()
    }
}

/// Whether it was a panic; what it said is left out.
impl Cause for JoinError {
    fn told(self) -> String {
        if self.is_panic() { "it panicked" } else { "it was cancelled" }.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_cause_quotes_what_it_is_about() {
        let json = serde_json::from_str::<u8>(r#""canary""#).unwrap_err();
        assert!(json.to_string().contains("canary"), "{json}");
        assert_eq!(json.told(), "JSON: Data at line 1 column 8");
        let io = io::Error::other("canary");
        assert_eq!(io.told(), "other error");
        let panicked = tokio::task::spawn_blocking(|| panic!("{}", "canary")).await.unwrap_err();
        assert_eq!(panicked.told(), "it panicked");
        assert_eq!(("record at", "call/00000").told(), "record at call/00000");
    }
}
