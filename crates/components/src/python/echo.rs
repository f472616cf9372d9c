//! Python that is known without running it: one function that gives back what it gets.
//!
//! It is what Langflow puts into a fresh node, and what people leave there or rename. **Code is compared,
//! never executed.**

use millrace_engine::{ErrorKind, RunError};

/// Bytes of a node's code that are looked at, at most.
const MAX_LENGTH: usize = 10_000;

/// Takes a node's code if it is the function that gives back what it gets.
///
/// # Errors
/// [`ErrorKind::Flow`] for any other.
pub(super) fn require(code: Option<&str>) -> Result<(), RunError> {
    if code.is_some_and(echoes) {
        return Ok(());
    }
    let message = "field 'code': it holds Python of its own, which is never executed; \
                   only the function that gives back its text is known";
    Err(RunError::new(ErrorKind::Flow, message))
}

/// `def name(text: str) -> str:`, a comment or a description, and `return text`.
pub(super) fn echoes(code: &str) -> bool {
    if code.len() > MAX_LENGTH {
        return false;
    }
    let mut lines = code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(parameter) = lines.next().and_then(only_parameter) else { return false };
    let body = lines.collect::<Vec<_>>().join("\n");
    let statement = after_description(&body).map(str::trim);
    statement.and_then(|statement| statement.strip_prefix("return ")).map(str::trim) == Some(parameter)
}

/// The name of the only parameter of a function's head.
fn only_parameter(head: &str) -> Option<&str> {
    let (name, rest) = head.strip_prefix("def ")?.split_once('(')?;
    let (parameter, result) = rest.split_once(')')?;
    let result = result.trim().strip_suffix(':')?.trim();
    let typed = result.is_empty() || result.strip_prefix("->").is_some_and(plain);
    let (parameter, annotation) = parameter.split_once(':').unwrap_or((parameter, "str"));
    let parameter = parameter.trim();
    let fits = is_name(name.trim()) && is_name(parameter) && plain(annotation) && typed;
    fits.then_some(parameter)
}

/// What follows the description, if there is one; `None` if it does not end.
fn after_description(body: &str) -> Option<&str> {
    for quotes in ["\"\"\"", "'''", "\"", "'"] {
        if let Some(rest) = body.strip_prefix(quotes) {
            return rest.split_once(quotes).map(|(_, after)| after);
        }
    }
    Some(body)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// An annotation that is a name: anything more might do something.
fn plain(annotation: &str) -> bool {
    is_name(annotation.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_of_a_fresh_node_is_known_in_any_clothes() {
        for code in [
            "\ndef python_function(text: str) -> str:\n    \"\"\"This is a default python function that \
             returns the input text\"\"\"\n    return text\n",
            "def f(x):\n    return x",
            "def f(x: str):\n    '''two\n    lines'''\n\n    # as it is\n    return x\n",
        ] {
            assert!(require(Some(code)).is_ok(), "{code}");
        }
    }

    #[test]
    fn any_other_code_is_refused() {
        for code in [
            "",
            "def f(x):\n    return x.upper()",
            "def f(x, y):\n    return x",
            "def f(x=open('a')):\n    return x",
            "def f(x: open('a')):\n    return x",
            "def f(x):\n    import os\n    return x",
            "def f(x):\n    \"\"\"a\"\"\" + g()\n    return x",
            "def f(x):\n    \"\"\"a\"\"\"; g()\n    return x",
            "import os\ndef f(x):\n    return x",
            "@g\ndef f(x):\n    return x",
            "def f(x):\n    return x\nf('a')",
            "def f(x):\n    \"\"\"open\n    return x",
        ] {
            assert!(require(Some(code)).is_err(), "{code}");
        }
        assert_eq!(require(None).unwrap_err().kind, ErrorKind::Flow);
    }
}
