//! Every line that can be logged: its fields against the list, its message a constant.

use millrace_runner::logs::FIELDS;

use crate::source::{Source, deployed};

const EVENTS: &[&str] = &["trace", "debug", "info", "warn", "error"];

/// One call of a macro of `tracing`.
struct Call {
    place: String,
    is_span: bool,
    arguments: Vec<String>,
}

#[test]
fn fields_are_on_the_list_and_messages_are_constants() {
    let calls: Vec<Call> = deployed().iter().flat_map(calls).collect();
    assert!(calls.len() > 40, "only {} lines are found", calls.len());
    let mut wrong = Vec::new();
    for Call { place, is_span, arguments } in calls {
        let literal = |argument: &String| argument.starts_with('"');
        let message = if is_span { arguments.first() } else { arguments.last() };
        match message.filter(|message| literal(message)) {
            Some(message) if message.contains('{') => {
                wrong.push(format!("{place}: {message} is put together"))
            }
            Some(_) => {}
            None => wrong.push(format!("{place}: no message")),
        }
        for field in arguments.iter().filter(|argument| !literal(argument)) {
            let name = name(field);
            if !FIELDS.contains(&name) {
                wrong.push(format!("{place}: {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// All lines are found by the full names of the macros, so there is no other way to write one.
#[test]
fn lines_are_written_by_the_full_names_of_the_macros() {
    for source in deployed() {
        assert!(!source.text.contains("#[instrument"), "{}: it logs arguments", source.path);
        for (at, _) in source.text.match_indices("!(") {
            let name: String =
                source.text[..at].chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let name: String = name.chars().rev().collect();
            let before = &source.text[..at - name.len()];
            let logs = EVENTS.contains(&name.as_str()) || name.ends_with("_span") || name == "event";
            assert!(!logs || before.ends_with("tracing::"), "{}: {name}!", source.path);
        }
    }
}

/// `%task`, `?stop` and `what` are shorthands; `task_id = %id` has its name in front.
fn name(field: &str) -> &str {
    let name = field.split('=').next().unwrap().trim();
    name.trim_start_matches(['%', '?'])
}

fn calls(source: &Source) -> Vec<Call> {
    let mut found = Vec::new();
    for (at, _) in source.text.match_indices("tracing::") {
        let rest = &source.text[at + "tracing::".len()..];
        let Some((macro_name, rest)) = rest.split_once("!(") else { continue };
        let is_span = macro_name.ends_with("_span");
        if is_span || EVENTS.contains(&macro_name) {
            let line = source.text[..at].lines().count();
            let place = format!("{} near line {line}", source.path);
            found.push(Call { place, is_span, arguments: arguments(rest) });
        }
    }
    found
}

/// What stands between commas up to the bracket that closes the call.
fn arguments(text: &str) -> Vec<String> {
    let (mut all, mut one, mut depth) = (Vec::new(), String::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                all.push(std::mem::take(&mut one).trim().to_owned());
                continue;
            }
            _ => {}
        }
        one.push(c);
    }
    all.push(one.trim().to_owned());
    all.retain(|argument| !argument.is_empty());
    all
}
