//! Prompts: templates with open variables, and what they become.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::capability::{ChatMessage, Role};
use crate::python_text::python_str;

/// A template in Python's format-string form (`{name}`, `{{` and `}}` for braces) or with double braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Variable(String),
}

/// A template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A brace without its partner; the position counts characters from 0.
    #[error(
        "the template has a single '{brace}' at position {position}; write it twice to mean the character"
    )]
    Brace {
        /// `{` or `}`.
        brace: char,
        /// Where, in characters.
        position: usize,
    },
    /// A replacement field that is more than a name.
    #[error("the template has a field '{{{0}}}' that is not a plain name")]
    Field(String),
    /// Variables without a value.
    #[error("Missing some input keys: {{{}}}", .0.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", "))]
    Missing(Vec<String>),
}

impl Template {
    /// Parses Python's format-string form.
    ///
    /// # Errors
    /// [`TemplateError::Brace`] and [`TemplateError::Field`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Parts::default();
        let mut chars = text.chars().enumerate().peekable();
        while let Some((position, c)) = chars.next() {
            match c {
                '{' | '}' if chars.next_if(|(_, next)| *next == c).is_some() => parts.literal.push(c),
                '}' => return Err(TemplateError::Brace { brace: '}', position }),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match chars.next() {
                            Some((_, '}')) => break,
                            Some((_, '{')) | None => {
                                return Err(TemplateError::Brace { brace: '{', position });
                            }
                            Some((_, c)) => name.push(c),
                        }
                    }
                    parts.variable(plain_name(&name)?);
                }
                c => parts.literal.push(c),
            }
        }
        Ok(parts.finish())
    }

    /// Parses the double-brace form: `{{name}}` is a variable, single braces are text.
    pub fn parse_double(text: &str) -> Self {
        let mut parts = Parts::default();
        // Where what is not yet in a part begins, and the next ending from there on, which is looked for once.
        let (mut at, mut end) = (0, 0);
        while let Some(start) = text[at..].find("{{").map(|found| at + found + 2) {
            if end < start {
                let Some(found) = text[start..].find("}}") else { break };
                end = start + found;
            }
            let Some(name) = double_name(&text[start..end]) else {
                parts.literal.push_str(&text[at..start]);
                at = start;
                continue;
            };
            parts.literal.push_str(&text[at..start - 2]);
            parts.variable(name.to_owned());
            at = end + 2;
        }
        parts.literal.push_str(&text[at..]);
        parts.finish()
    }

    /// The variables in order of first appearance.
    pub fn variables(&self) -> Vec<&str> {
        let (mut names, mut known) = (Vec::new(), HashSet::new());
        for segment in &self.0 {
            if let Segment::Variable(name) = segment
                && known.insert(name.as_str())
            {
                names.push(name.as_str());
            }
        }
        names
    }

    /// Fills the variables in.
    ///
    /// # Errors
    /// [`TemplateError::Missing`] with all names for which `value` has nothing.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, TemplateError> {
        let mut text = String::new();
        let (mut missing, mut known) = (Vec::new(), HashSet::new());
        for segment in &self.0 {
            match segment {
                Segment::Literal(literal) => text.push_str(literal),
                Segment::Variable(name) => match value(name) {
                    Some(value) => text.push_str(&value),
                    None if known.insert(name) => missing.push(name.clone()),
                    None => {}
                },
            }
        }
        if missing.is_empty() { Ok(text) } else { Err(TemplateError::Missing(missing)) }
    }
}

/// `{{name}}`: a name without braces and blanks in it. **A brace is looked for first**, which many openings before one
/// ending have close by: what stands before the ending would be trimmed for each of them.
fn double_name(field: &str) -> Option<&str> {
    let name = Some(field).filter(|field| !field.contains(['{', '}']))?.trim();
    (!name.is_empty() && !name.contains(' ')).then_some(name)
}

/// `{name}`, `{name!s}`: a name without attributes, indexes or format specifications.
fn plain_name(field: &str) -> Result<String, TemplateError> {
    let name = field.strip_suffix("!s").unwrap_or(field).trim();
    let plain = !name.is_empty() && !name.contains(['.', '[', ']', '!', ':', '"', '\'', '\n']);
    if plain { Ok(name.to_owned()) } else { Err(TemplateError::Field(field.to_owned())) }
}

#[derive(Default)]
struct Parts {
    literal: String,
    segments: Vec<Segment>,
}

impl Parts {
    fn variable(&mut self, name: String) {
        if !self.literal.is_empty() {
            self.segments.push(Segment::Literal(std::mem::take(&mut self.literal)));
        }
        self.segments.push(Segment::Variable(name));
    }

    fn finish(mut self) -> Template {
        if !self.literal.is_empty() {
            self.segments.push(Segment::Literal(self.literal));
        }
        Template(self.segments)
    }
}

/// A prompt with open variables; what is wired in or typed in is filled already.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// Its parts, in order.
    pub parts: Vec<PromptPart>,
    /// Variables that have their value.
    pub filled: BTreeMap<String, String>,
    /// Values of variables for which the caller gives nothing: what is wired or typed into a message of a
    /// conversation (contract 1.5).
    pub defaults: BTreeMap<String, String>,
    /// Those of both that are wired.
    pub wired: BTreeSet<String>,
}

/// One part of a prompt.
#[derive(Debug, Clone)]
pub struct PromptPart {
    /// Who says it; `None` for a plain text prompt.
    pub role: Option<Role>,
    /// The text.
    pub template: Template,
}

/// A prompt with all variables filled.
#[derive(Debug, Clone, PartialEq)]
pub enum PromptText {
    /// One text.
    Text(String),
    /// A conversation.
    Messages(Vec<ChatMessage>),
}

impl PromptText {
    /// As messages: a plain text is the person's.
    pub fn into_messages(self) -> Vec<ChatMessage> {
        match self {
            Self::Text(content) => vec![ChatMessage::new(Role::User, content)],
            Self::Messages(messages) => messages,
        }
    }
}

impl Prompt {
    /// A plain text prompt.
    pub fn plain(template: Template) -> Self {
        Self::of(vec![PromptPart { role: None, template }])
    }

    /// A prompt of these parts, all of whose variables are open.
    pub fn of(parts: Vec<PromptPart>) -> Self {
        Self { parts, filled: BTreeMap::new(), defaults: BTreeMap::new(), wired: BTreeSet::new() }
    }

    /// The variables that are still open, in order of first appearance.
    pub fn variables(&self) -> Vec<String> {
        let (mut names, mut known) = (Vec::new(), HashSet::new());
        let has_value = |name: &str| self.filled.contains_key(name) || self.defaults.contains_key(name);
        for name in self.parts.iter().flat_map(|part| part.template.variables()) {
            if !has_value(name) && known.insert(name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// What the flow itself fills in, in a call with these inputs: Langflow puts it beside them (contract 1.5), and names
    /// the variables that are wired as `handle_keys`.
    pub fn beside(&self, inputs: &Map<String, Json>) -> Map<String, Json> {
        let open = |name: &str| !inputs.get(name).is_some_and(truthy);
        let filled = self.filled.iter().chain(&self.defaults).filter(|(name, _)| open(name));
        let mut beside: Map<String, Json> =
            filled.map(|(name, text)| (name.clone(), Json::String(text.clone()))).collect();
        if !self.wired.is_empty() {
            beside.insert("handle_keys".to_owned(), self.wired.iter().cloned().collect());
        }
        beside
    }

    /// Fills the open variables.
    ///
    /// # Errors
    /// [`TemplateError::Missing`].
    pub fn fill(&self, values: &Map<String, Json>) -> Result<PromptText, TemplateError> {
        let given = |name: &str| values.get(name).filter(|v| !self.defaults.contains_key(name) || truthy(v));
        let value = |name: &str| {
            let known = self.filled.get(name).cloned();
            known.or_else(|| given(name).map(variable_text)).or_else(|| self.defaults.get(name).cloned())
        };
        let mut messages = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let content = part.template.fill(value)?;
            match part.role {
                None if self.parts.len() == 1 => return Ok(PromptText::Text(content)),
                role => messages.push(ChatMessage::new(role.unwrap_or(Role::User), content)),
            }
        }
        Ok(PromptText::Messages(messages))
    }
}

/// Whether Python takes the value for something.
fn truthy(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(flag) => *flag,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(list) => !list.is_empty(),
        Json::Object(map) => !map.is_empty(),
    }
}

/// A variable's value in a text: a history of messages reads as lines, all else as Python prints it.
fn variable_text(value: &Json) -> String {
    let history: Option<Vec<ChatMessage>> = value
        .as_array()
        .filter(|list| !list.is_empty())
        .and_then(|list| list.iter().map(|item| serde_json::from_value(item.clone()).ok()).collect());
    match history {
        Some(messages) => messages.iter().map(line).collect::<Vec<_>>().join("\n"),
        None => python_str(value),
    }
}

fn line(message: &ChatMessage) -> String {
    let who = match message.role {
        Role::System => "System",
        Role::User => "Human",
        Role::Assistant => "AI",
        Role::Tool => "Tool",
    };
    format!("{who}: {}", message.content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fill(template: &Template) -> String {
        template.fill(|name| Some(format!("<{name}>"))).unwrap()
    }

    #[test]
    fn braces_and_variables() {
        let template = Template::parse("a {x} {{y}} {x}{z!s}").unwrap();
        assert_eq!(template.variables(), ["x", "z"]);
        assert_eq!(fill(&template), "a <x> {y} <x><z>");
    }

    #[test]
    fn double_braces() {
        let template = Template::parse_double("{\"a\": {{ x }}} {{y z}} {{");
        assert_eq!(template.variables(), ["x"]);
        assert_eq!(fill(&template), "{\"a\": <x>} {{y z}} {{");
    }

    /// Openings without an ending, endings behind blanks, and many variables: each was looked through again for each.
    #[test]
    fn long_templates_are_read_in_one_go() {
        let openings = "{{".repeat(500_000) + &" ".repeat(100_000) + "}}";
        assert_eq!(Template::parse_double(&openings).variables(), Vec::<&str>::new());
        let many: String = (0..100_000).map(|number| format!("{{{number}}}")).collect();
        let template = Template::parse(&many).unwrap();
        assert_eq!(Prompt::plain(template.clone()).variables().len(), 100_000);
        assert!(
            matches!(template.fill(|_| None), Err(TemplateError::Missing(names)) if names.len() == 100_000)
        );
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(Template::parse("a } b"), Err(TemplateError::Brace { brace: '}', position: 2 }));
        assert_eq!(Template::parse("a {b"), Err(TemplateError::Brace { brace: '{', position: 2 }));
        assert_eq!(Template::parse("{a.b}"), Err(TemplateError::Field("a.b".into())));
        assert_eq!(Template::parse("{}"), Err(TemplateError::Field(String::new())));
    }

    #[test]
    fn all_missing_variables_are_named_at_once() {
        let prompt = Prompt::plain(Template::parse("{a} {b} {c}").unwrap());
        let error = prompt.fill(json!({"b": 1}).as_object().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "Missing some input keys: {'a', 'c'}");
    }

    #[test]
    fn a_default_gives_way_to_what_the_caller_gives() {
        let template = Template::parse("{a} {b}").unwrap();
        let mut prompt = Prompt::of(vec![PromptPart { role: Some(Role::System), template }]);
        prompt.defaults.insert("a".to_owned(), "own".to_owned());
        assert_eq!(prompt.variables(), ["b"]);
        let cases = [
            (json!({"b": 1}), "own 1"),
            (json!({"a": "", "b": ""}), "own "),
            (json!({"a": "given", "b": 0}), "given 0"),
        ];
        for (values, text) in cases {
            let filled = prompt.fill(values.as_object().unwrap()).unwrap();
            assert_eq!(filled.into_messages(), [ChatMessage::new(Role::System, text)]);
        }
    }

    #[test]
    fn what_the_flow_fills_in_stands_beside_the_inputs() {
        let mut prompt = Prompt::plain(Template::parse("{a} {b} {c}").unwrap());
        prompt.filled =
            BTreeMap::from([("a".to_owned(), "wired".to_owned()), ("b".to_owned(), "typed".to_owned())]);
        prompt.wired = BTreeSet::from(["a".to_owned()]);
        let beside = |inputs: Json| Json::Object(prompt.beside(inputs.as_object().unwrap()));
        assert_eq!(
            beside(json!({"c": 1, "b": ""})),
            json!({"a": "wired", "b": "typed", "handle_keys": ["a"]})
        );
        assert_eq!(beside(json!({"a": "mine", "b": 2})), json!({"handle_keys": ["a"]}));
    }

    #[test]
    fn a_history_of_messages_reads_as_lines() {
        let prompt = Prompt::plain(Template::parse("{h}|{n}").unwrap());
        let values = json!({"h": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}], "n": 42});
        let text = prompt.fill(values.as_object().unwrap()).unwrap();
        assert_eq!(text, PromptText::Text("Human: hi\nAI: ho|42".into()));
    }
}
