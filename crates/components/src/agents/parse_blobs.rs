//! Parsers of texts that hold a JSON blob with `action` and `action_input`, by LangChain 0.1's rules for each
//! kind of agent.

use serde_json::{Map, Value as Json};

use super::json_text;
use super::parse::{Unread, Wish};

const FINAL_ANSWER: &str = "Final Answer";

/// chat-zero-shot-react-description: `Final Answer:` outside any blob, else a fenced blob.
pub(crate) fn chat(text: &str) -> Result<Wish, Unread> {
    if let Some((_, answer)) = text.rsplit_once("Final Answer:") {
        return Ok(Wish::finish(answer.trim()));
    }
    let blob = fenced(text, |opened| opened.strip_prefix("json").unwrap_or(opened).strip_prefix('\n'));
    let fields = blob.and_then(|blob| object(json_text::read(blob.trim())));
    wish(fields).ok_or_else(|| "Invalid Format: Missing 'Final Answer:', or a JSON blob with 'action'".into())
}

/// structured-chat-zero-shot-react-description: a fenced blob, whose action `Final Answer` ends; a text
/// without any is the answer.
pub(crate) fn structured(text: &str) -> Result<Wish, Unread> {
    let Some(blob) = fenced(text, structured_blob) else { return Ok(Wish::finish(text)) };
    let fields = match json_text::read(blob.trim()) {
        // Some models list several actions; they were told to give one.
        Some(Json::Array(list)) => object(list.into_iter().next()),
        other => object(other),
    };
    blob_wish(fields)
}

/// chat-conversational-react-description: a blob, fenced or bare; the action `Final Answer` ends.
pub(crate) fn conversational_chat(text: &str) -> Result<Wish, Unread> {
    let fence = || {
        let opened = text.split_once("```")?.1;
        json_text::read_first(opened.strip_prefix("json").unwrap_or(opened).trim_start())
    };
    let fields = object(json_text::read_first(text.trim_start()).or_else(fence));
    blob_wish(fields.filter(|fields| fields.contains_key("action_input")))
}

fn blob_wish(fields: Option<Map<String, Json>>) -> Result<Wish, Unread> {
    let unread = || "Invalid Format: give one JSON blob with 'action' and 'action_input'".to_owned();
    match wish(fields).ok_or_else(unread)? {
        Wish::Act { tool, input } if tool == FINAL_ANSWER => Ok(Wish::Finish(input)),
        other => Ok(other),
    }
}

fn wish(fields: Option<Map<String, Json>>) -> Option<Wish> {
    let mut fields = fields?;
    let Json::String(tool) = fields.remove("action")? else { return None };
    let input = fields.remove("action_input").unwrap_or_else(|| Json::Object(Map::new()));
    Some(Wish::Act { tool, input })
}

fn object(json: Option<Json>) -> Option<Map<String, Json>> {
    match json? {
        Json::Object(fields) => Some(fields),
        _ => None,
    }
}

/// The inside of the first fence whose beginning `open` takes.
fn fenced<'a>(text: &'a str, open: impl Fn(&'a str) -> Option<&'a str>) -> Option<&'a str> {
    let mut fences = text.match_indices("```").map(|(at, fence)| &text[at + fence.len()..]);
    fences.find_map(|opened| Some(open(opened)?.split_once("```")?.0))
}

/// `json` and blanks, or anything but a word at once: a fence of another language is passed over.
fn structured_blob(opened: &str) -> Option<&str> {
    let named = opened.strip_prefix("json").filter(|rest| rest.starts_with(char::is_whitespace));
    let inside = named.map_or(opened, str::trim_start);
    inside.starts_with(|c: char| !c.is_alphanumeric() && c != '_').then_some(inside)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::parse::Parser;
    use super::*;

    fn act(tool: &str, input: Json) -> Wish {
        Wish::Act { tool: tool.to_owned(), input }
    }

    #[test]
    fn blobs_are_read() {
        let fields = json!({"a": 1});
        let cases: [(Parser, &str, Wish); 13] = [
            (chat, "Action:\n```\n{\"action\": \"T\", \"action_input\": \"x\"}\n```", act("T", json!("x"))),
            (chat, "```json\n{\"action\": \"T\"}\n``` more", act("T", json!({}))),
            (chat, "Final Answer: it is ", Wish::finish("it is")),
            (chat, "```\n{\"action\": \"T\"}\n```\nFinal Answer: 3", Wish::finish("3")),
            (structured, "```\n{\"action\": \"T\", \"action_input\": {\"a\": 1}}```", act("T", fields)),
            (structured, "```json\n[{\"action\": \"T\"}, 3]\n```", act("T", json!({}))),
            (
                structured,
                "```{\"action\": \"Final Answer\", \"action_input\": [1]}```",
                Wish::Finish(json!([1])),
            ),
            (structured, "plain", Wish::finish("plain")),
            (structured, "```python\nx\n``` says", Wish::finish("```python\nx\n``` says")),
            (
                conversational_chat,
                "{\"action\": \"Final Answer\", \"action_input\": \"a\nb\"}",
                Wish::finish("a\nb"),
            ),
            (
                conversational_chat,
                "Yes:\n```json\n{\"action\": \"T\", \"action_input\": 3}\n```\nso",
                act("T", json!(3)),
            ),
            (conversational_chat, "```\n{\"action\": \"T\", \"action_input\": \"x", act("T", json!("x"))),
            (
                conversational_chat,
                "```json{\"action\": \"T\", \"action_input\": \"```\"}```",
                act("T", json!("```")),
            ),
        ];
        for (parser, text, wish) in cases {
            assert_eq!(parser(text), Ok(wish), "{text}");
        }
    }

    #[test]
    fn what_is_no_blob_is_said_to_be_none() {
        let cases: [(Parser, &str); 6] = [
            (chat, "no idea"),
            (chat, "```\n[1]\n```"),
            (structured, "```\n{\"action\": 3}\n```"),
            (structured, "```\n{broken\n```"),
            (conversational_chat, "no idea"),
            (conversational_chat, "{\"action\": \"T\"}"),
        ];
        for (parser, text) in cases {
            assert!(parser(text).unwrap_err().starts_with("Invalid Format"), "{text}");
        }
    }
}
