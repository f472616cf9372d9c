//! What models say: to agents, and to chains that calculate.

use millrace_components::fuzzing;

use crate::Target;

pub(super) const AGENT: Target = Target::of("agent", agent).words(&[
    "Action:",
    "Action Input:",
    "Action 1:",
    "Final Answer:",
    "Thought:",
    "Observation:",
    "AI:",
    "```",
    "```json",
    "\n",
    "\"action\"",
    "\"action_input\"",
    "Finish[",
    "]",
    "Follow up:",
    "So the final answer is: ",
    "SOURCES:",
    "Answer:",
    "```text",
    "<|>",
    "NONE",
    "SQLQuery:",
    "SQLResult:",
    "```sql",
]);

fn agent(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    fuzzing::agents(&text);
    fuzzing::reply(&text);
    fuzzing::python(&text);
}

pub(super) const ARITHMETIC: Target = Target::of("arithmetic", arithmetic).words(&[
    "+", "-", "*", "/", "//", "%", "**", "(", ")", ",", ".5", "1e3", "sqrt(", "sin(", "log(", "abs(", "pi",
    "e", "max(", "where(", "<", ">=", "==", "&", "|", "~", "True", "^",
]);

fn arithmetic(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(value) = fuzzing::arithmetic(&text) {
        assert!(!value.is_empty() && value.len() < 10_000);
    }
}
