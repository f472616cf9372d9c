//! Prompt Template: a text with variables (1.x), filled at once.

use millrace_engine::{
    Component, Context, Default, Entry, ErrorKind, Example, LazyValue, Message, Outputs, RunError, Spec,
    Template, Value, flag, output, python_str, rest, text,
};
use serde::Deserialize;

/// The node's fields.
#[derive(Deserialize)]
pub(crate) struct PromptComponent {
    template: String,
    use_double_brackets: bool,
    variables: Vec<(String, LazyValue)>,
}

impl Component for PromptComponent {
    const SPEC: Spec = Spec {
        names: &["Prompt Template", "Prompt"],
        about: "A text with variables in braces, filled from the fields of the same names.",
        inputs: &[
            text("template", "The text.").or(Default::Text("")),
            flag("use_double_brackets", "Whether variables stand in double braces.").or(Default::Flag(false)),
            rest("variables", "A field for each variable: text, a message or data."),
        ],
        outputs: &[output("prompt")],
        examples: &[
            Example {
                title: "a variable without a value is empty",
                inputs: r#"{"template": "Hi {name}{mark}", "name": "Ann"}"#,
                output: r#"{"prompt": "Hi Ann"}"#,
            },
            Example {
                title: "double braces leave single ones alone",
                inputs: r#"{"template": "{\"a\": \"{{name}}\"}", "use_double_brackets": true, "name": "Ann"}"#,
                output: r#"{"prompt": "{\"a\": \"Ann\"}"}"#,
            },
        ],
        ..Spec::SUPPORTED
    };

    async fn run(self, _cx: &Context) -> Result<Outputs, RunError> {
        let template = match self.use_double_brackets {
            true => Template::parse_double(&self.template),
            false => Template::parse(&self.template)
                .map_err(|e| RunError::new(ErrorKind::Flow, format!("field 'template': {e}")))?,
        };
        let value = |name: &str| {
            let given = self.variables.iter().find(|(variable, _)| variable == name);
            Some(given.map(|(_, value)| shown(&value.0)).unwrap_or_default())
        };
        let text = template.fill(value).map_err(|e| RunError::new(ErrorKind::Flow, e.to_string()))?;
        Ok(Outputs::one("prompt", Value::Message(Box::new(Message::of(text)))))
    }
}

/// A value in a text: what has a text is that, all else as Python prints it; nothing is empty.
fn shown(value: &Value) -> String {
    match value {
        Value::Json(serde_json::Value::Null) => String::new(),
        other => other.as_text().unwrap_or_else(|| python_str(&other.to_json())),
    }
}

pub(crate) const ENTRY: Entry = Entry::of::<PromptComponent>();
