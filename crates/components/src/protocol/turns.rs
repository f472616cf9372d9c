//! A conversation for the protocols that keep instructions apart and want its sides to take turns.

use millrace_engine::{ChatMessage, Role, ToolCall};
use serde_json::{Map, Value as Json};

/// What one side says before the other does.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    /// Whether it is the model; else the person, or a tool on the person's side.
    pub model: bool,
    /// Its messages, at least one.
    pub messages: Vec<&'a ChatMessage>,
}

/// The instructions, joined by blank lines, and the turns. Instructions alone are the person's turn: there
/// is nothing to answer otherwise.
pub(crate) fn turns(messages: &[ChatMessage]) -> (Option<String>, Vec<Turn<'_>>) {
    let mut system: Vec<&str> = Vec::new();
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for message in messages {
        let model = match message.role {
            Role::System => {
                system.push(&message.content);
                continue;
            }
            Role::Assistant => true,
            Role::User | Role::Tool => false,
        };
        match turns.last_mut().filter(|turn| turn.model == model) {
            Some(turn) => turn.messages.push(message),
            None => turns.push(Turn { model, messages: vec![message] }),
        }
    }
    if turns.is_empty() && !messages.is_empty() {
        return (None, vec![Turn { model: false, messages: messages.iter().collect() }]);
    }
    let system = system.join("\n\n");
    (Some(system).filter(|system| !system.is_empty()), turns)
}

/// The arguments of a call as an object: protocols that want one cannot be sent what a model wrote askew.
pub(crate) fn arguments(call: &ToolCall) -> Json {
    match serde_json::from_str(&call.arguments) {
        Ok(Json::Object(fields)) => Json::Object(fields),
        _ if call.arguments.trim().is_empty() => Json::Object(Map::new()),
        _ => Json::Object(Map::from_iter([("__arg1".to_owned(), Json::from(call.arguments.as_str()))])),
    }
}

/// The id of a call; its name where it was made without one.
pub(crate) fn call_id(call: &ToolCall) -> &str {
    if call.id.is_empty() { &call.name } else { &call.id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_take_turns_and_instructions_stand_apart() {
        let call = ToolCall { id: "1".into(), name: "t".into(), arguments: String::new() };
        let messages = [
            ChatMessage::new(Role::System, "be brief"),
            ChatMessage::new(Role::User, "a"),
            ChatMessage::new(Role::User, "b"),
            ChatMessage::new(Role::Assistant, "c"),
            ChatMessage::tool_result(call, "d"),
            ChatMessage::new(Role::System, "and kind"),
            ChatMessage::new(Role::User, "e"),
        ];
        let (system, turns) = turns(&messages);
        assert_eq!(system.as_deref(), Some("be brief\n\nand kind"));
        let texts: Vec<(bool, Vec<&str>)> = turns
            .iter()
            .map(|turn| (turn.model, turn.messages.iter().map(|message| message.content.as_str()).collect()))
            .collect();
        assert_eq!(texts, [(false, vec!["a", "b"]), (true, vec!["c"]), (false, vec!["d", "e"])]);
    }

    #[test]
    fn instructions_alone_are_the_question() {
        let messages = [ChatMessage::new(Role::System, "hello")];
        let (system, turns) = turns(&messages);
        assert_eq!((system, turns.len(), turns[0].model), (None, 1, false));
    }

    #[test]
    fn arguments_become_an_object() {
        let of = |arguments: &str| {
            arguments_of(ToolCall { id: String::new(), name: "t".into(), arguments: arguments.into() })
        };
        fn arguments_of(call: ToolCall) -> String {
            arguments(&call).to_string()
        }
        assert_eq!(of(r#"{"a": 1}"#), r#"{"a":1}"#);
        assert_eq!(of(" "), "{}");
        assert_eq!(of("[1]"), r#"{"__arg1":"[1]"}"#);
    }
}
