//! A row of the table of operations, and how the document shows it.

use serde_json::{Map, Value, json};

use super::shared;

/// What one method of one path takes and answers.
///
/// Parameters of the path are not listed: they are those between its braces. Nor are the refusals that every
/// operation of its kind has.
pub(super) struct Operation {
    /// In lower case.
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) about: &'static str,
    /// Whether it takes no key.
    pub(super) open: bool,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Body>,
    /// What it answers where all is well.
    pub(super) answers: Vec<Answer>,
    /// What else it answers, besides what every operation of its kind does.
    pub(super) refusals: &'static [u16],
}

/// What a request brings.
pub(super) struct Body {
    pub(super) required: bool,
    pub(super) content: Vec<Content>,
}

/// A status, and what comes with it.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) about: &'static str,
    pub(super) content: Vec<Content>,
    /// Names of the shared headers.
    pub(super) headers: &'static [&'static str],
    /// Operations that take a value of the answer: their ids, the parameter, where the value stands.
    pub(super) links: &'static [(&'static str, &'static str, &'static str)],
}

/// A body of one content type.
pub(super) struct Content {
    pub(super) media_type: &'static str,
    pub(super) schema: Value,
    /// Null where none is shown.
    pub(super) example: Value,
}

impl Operation {
    /// A row with nothing but what it is called.
    pub(super) fn new(
        (method, path): (&'static str, &'static str),
        id: &'static str,
        tag: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            method,
            path,
            id,
            tag,
            summary,
            about: "",
            open: false,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            refusals: &[],
        }
    }

    /// As the document shows it.
    pub(super) fn to_json(&self) -> Value {
        let mut shown = json!({"operationId": self.id, "tags": [self.tag], "summary": self.summary});
        if !self.about.is_empty() {
            shown["description"] = self.about.into();
        }
        if self.open {
            shown["security"] = json!([]);
        }
        let in_path = self.path_parameters().map(|name| reference("parameters", name));
        let parameters: Vec<_> = in_path.chain(self.parameters.iter().cloned()).collect();
        if !parameters.is_empty() {
            shown["parameters"] = parameters.into();
        }
        if let Some(body) = &self.body {
            shown["requestBody"] = json!({"required": body.required, "content": contents(&body.content)});
        }
        shown["responses"] = self.responses();
        shown
    }

    /// The names between the braces of its path.
    pub(super) fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    fn responses(&self) -> Value {
        let answers = self.answers.iter().map(|answer| (answer.status, answer.to_json()));
        let mut all: Vec<_> = answers.collect();
        all.extend(self.all_refusals().map(|status| (status, reference("responses", shared::name(status)))));
        all.sort_by_key(|(status, _)| *status);
        all.dedup_by_key(|(status, _)| *status);
        all.into_iter().map(|(status, shown)| (status.to_string(), shown)).collect::<Map<_, _>>().into()
    }

    fn all_refusals(&self) -> impl Iterator<Item = u16> {
        let of_kind: &[u16] = if self.open { &[307] } else { &[307, 403, 429, 500, 503] };
        let of_body: &[u16] = if self.body.is_some() { &[400, 413, 422] } else { &[] };
        of_kind.iter().chain(of_body).chain(self.refusals).copied()
    }
}

impl Body {
    /// JSON of a schema with this name.
    pub(super) fn json(schema: &str, example: Value) -> Self {
        Self { required: true, content: vec![Content::json(named(schema), example)] }
    }

    /// A form, of fields by their schemas.
    pub(super) fn form(schema: &str) -> Self {
        Self { required: true, content: vec![Content::form(schema)] }
    }

    /// It may be left out.
    pub(super) fn or_none(self) -> Self {
        Self { required: false, ..self }
    }

    /// A body of another content type does as well.
    pub(super) fn or(mut self, other: Content) -> Self {
        self.content.push(other);
        self
    }
}

impl Answer {
    /// JSON.
    pub(super) fn json(status: u16, about: &'static str, schema: Value, example: Value) -> Self {
        Self { status, about, content: vec![Content::json(schema, example)], headers: &[], links: &[] }
    }

    fn to_json(&self) -> Value {
        let mut shown = json!({"description": self.about, "content": contents(&self.content)});
        if !self.headers.is_empty() {
            let headers = self.headers.iter().map(|name| ((*name).to_owned(), reference("headers", name)));
            shown["headers"] = headers.collect::<Map<_, _>>().into();
        }
        if !self.links.is_empty() {
            let link = |(id, parameter, place): &(&str, &str, &str)| {
                ((*id).to_owned(), json!({"operationId": id, "parameters": {*parameter: place}}))
            };
            shown["links"] = self.links.iter().map(link).collect::<Map<_, _>>().into();
        }
        shown
    }
}

impl Content {
    pub(super) fn json(schema: Value, example: Value) -> Self {
        Self { media_type: "application/json", schema, example }
    }

    pub(super) fn form(schema: &str) -> Self {
        Self { media_type: "multipart/form-data", schema: named(schema), example: Value::Null }
    }

    /// Text of this content type.
    pub(super) fn text(media_type: &'static str, example: Value) -> Self {
        Self { media_type, schema: json!({"type": "string"}), example }
    }
}

/// The schema of this name.
pub(super) fn named(schema: &str) -> Value {
    reference("schemas", schema)
}

/// A list of what the schema of this name says.
pub(super) fn list_of(schema: &str) -> Value {
    json!({"type": "array", "items": named(schema)})
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

fn contents(contents: &[Content]) -> Value {
    let shown = contents.iter().map(|content| {
        let mut shown = json!({"schema": content.schema});
        if !content.example.is_null() {
            shown["example"] = content.example.clone();
        }
        (content.media_type.to_owned(), shown)
    });
    shown.collect::<Map<_, _>>().into()
}
