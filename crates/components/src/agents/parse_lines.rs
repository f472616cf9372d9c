//! Parsers of texts in lines: `Action:`, `Action Input:`, `Final Answer:` and the like, by LangChain 0.1's
//! rules for each kind of agent.

use std::ops::Range;

use super::parse::{Unread, Wish};

const FINAL_ANSWER: &str = "Final Answer:";

/// zero-shot-react-description: an action with its input, or a final answer, anywhere in the text.
pub(crate) fn zero_shot(text: &str) -> Result<Wish, Unread> {
    let answer = text.find(FINAL_ANSWER);
    match (action(text), answer) {
        (Some(action), Some(answer)) if answer < action.start => {
            // The action after the answer was made up; the answer ends with its paragraph.
            let after = &text[answer + FINAL_ANSWER.len()..action.start];
            Ok(Wish::finish(after.split("\n\n").next().unwrap_or(after).trim()))
        }
        (Some(_), Some(_)) => {
            Err("Invalid Format: give either an 'Action:' or a 'Final Answer:', not both".to_owned())
        }
        (Some(action), None) => Ok(Wish::act(action.tool, unquoted(action.input))),
        (None, Some(_)) => Ok(Wish::finish(last_after(text, FINAL_ANSWER).trim())),
        (None, None) if label(text, 0, &["Action"]).is_none() => {
            Err("Invalid Format: Missing 'Action:' after 'Thought:'".to_owned())
        }
        (None, None) => Err("Invalid Format: Missing 'Action Input:' after 'Action:'".to_owned()),
    }
}

/// conversational-react-description: what follows the last `AI:` is the answer.
pub(crate) fn conversational(text: &str) -> Result<Wish, Unread> {
    if text.contains("AI:") {
        return Ok(Wish::finish(last_after(text, "AI:").trim()));
    }
    let found = text.split_once("Action: ").and_then(|(_, rest)| rest.split_once("Action Input: "));
    match found {
        Some((tool, input)) => Ok(Wish::act(tool.trim(), input.trim_matches(' ').trim_matches('"'))),
        None => Err("Invalid Format: Missing 'AI:', or 'Action:' and 'Action Input:'".to_owned()),
    }
}

/// react-docstore: the last line is `Action: Tool[input]`; the tool `Finish` ends.
pub(crate) fn docstore(text: &str) -> Result<Wish, Unread> {
    let last = text.trim().lines().last().unwrap_or_default();
    let found = last.strip_prefix("Action: ").and_then(|action| action.split_once('['));
    let found = found.and_then(|(tool, rest)| Some((tool, rest.split_once(']')?.0)));
    match found {
        Some(("Finish", answer)) => Ok(Wish::finish(answer)),
        Some((tool, input)) => Ok(Wish::act(tool, input)),
        None => Err("Invalid Format: the last line must be 'Action: Tool[input]'".to_owned()),
    }
}

/// self-ask-with-search: the last line asks a follow-up question, or gives the answer.
pub(crate) fn self_ask(text: &str) -> Result<Wish, Unread> {
    const ANSWER: &str = "So the final answer is: ";
    let last = text.lines().last().unwrap_or_default();
    if last.contains("Follow up:") || last.contains("Followup:") {
        return Ok(Wish::act("Intermediate Answer", last_after(text, ":").trim()));
    }
    match last.split_once(ANSWER) {
        Some((_, answer)) => Ok(Wish::finish(answer.trim())),
        None => Err(format!("Invalid Format: the last line must hold 'Follow up:' or '{}'", ANSWER.trim())),
    }
}

fn last_after<'a>(text: &'a str, mark: &str) -> &'a str {
    text.rsplit_once(mark).map_or(text, |(_, after)| after)
}

/// Blanks around an input go, and so do quotation marks unless it is SQL, where they may belong.
fn unquoted(input: &str) -> &str {
    let input = input.trim_matches(' ');
    if input.starts_with("SELECT ") { input } else { input.trim_matches('"') }
}

struct Found<'a> {
    start: usize,
    tool: &'a str,
    input: &'a str,
}

/// `Action:` … `Action Input:` …, where a number may stand before the colons.
fn action(text: &str) -> Option<Found<'_>> {
    let name = label(text, 0, &["Action"])?;
    let input = label(text, name.end, &["Action", "Input"])?;
    let (tool, rest) = (text[name.end..input.start].trim(), text[input.end..].trim_start());
    Some(Found { start: name.start, tool, input: rest })
}

/// The first place from `from` on where these words stand, each with an optional number, before a colon.
fn label(text: &str, from: usize, words: &[&str]) -> Option<Range<usize>> {
    let (first, others) = words.split_first()?;
    let mut starts = text[from..].match_indices(first).map(|(at, _)| from + at);
    starts.find_map(|start| {
        let mut rest = numbered(&text[start + first.len()..]);
        for word in others {
            rest = numbered(rest.strip_prefix(word)?);
        }
        rest.strip_prefix(':').map(|rest| start..text.len() - rest.len())
    })
}

fn numbered(text: &str) -> &str {
    text.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_shot_reads_actions_and_answers() {
        let cases = [
            ("I search\nAction: Search\nAction Input: cats", Ok(Wish::act("Search", "cats"))),
            ("Action 1: Search\nAction 1 Input 2: \"cats\" ", Ok(Wish::act("Search", "cats"))),
            ("Action:\n Search \n\nAction Input:\n a\nb", Ok(Wish::act("Search", "a\nb"))),
            ("Action: sql\nAction Input: SELECT \"a\"", Ok(Wish::act("sql", "SELECT \"a\""))),
            ("I know\nFinal Answer: 42\nyes ", Ok(Wish::finish("42\nyes"))),
            ("Final Answer: 1\nFinal Answer: 2", Ok(Wish::finish("2"))),
            ("Final Answer: 1\n\nAction: a\nAction Input: b", Ok(Wish::finish("1"))),
            ("Final Answer: é\nAction: a\nAction Input: b", Ok(Wish::finish("é"))),
        ];
        for (text, wish) in cases {
            assert_eq!(zero_shot(text), wish, "{text}");
        }
        let unread = [
            ("no idea", "Missing 'Action:' after 'Thought:'"),
            ("Action: Search", "Missing 'Action Input:' after 'Action:'"),
            ("Action: a\nAction Input: b\nFinal Answer: c", "not both"),
        ];
        for (text, why) in unread {
            assert!(zero_shot(text).unwrap_err().contains(why), "{text}");
        }
    }

    #[test]
    fn the_other_line_formats() {
        let cases: [(super::super::parse::Parser, &str, Wish); 7] = [
            (conversational, "Thought: no tool\nAI: Hi: Bob ", Wish::finish("Hi: Bob")),
            (conversational, "Thought: Yes\nAction: Search\nAction Input: \"x\"", Wish::act("Search", "x")),
            (docstore, "Thought: look\nAction: Lookup[cats] now", Wish::act("Lookup", "cats")),
            (docstore, "Action: Finish[yes, 3]", Wish::finish("yes, 3")),
            (self_ask, "Yes.\nFollow up: How old?", Wish::act("Intermediate Answer", "How old?")),
            (self_ask, "Followup: How: old?", Wish::act("Intermediate Answer", "old?")),
            (self_ask, "x\nSo the final answer is: 7", Wish::finish("7")),
        ];
        for (parser, text, wish) in cases {
            assert_eq!(parser(text), Ok(wish), "{text}");
        }
        for parser in [conversational, docstore, self_ask] {
            assert!(parser("no idea").is_err());
            assert!(parser("").is_err());
        }
    }
}
