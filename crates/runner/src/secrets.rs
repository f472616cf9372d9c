//! What a call brings that nothing may keep after its end: keys in tweaks, and variables of its own.

use std::collections::BTreeMap;

use millrace_engine::Plan;
use millrace_store::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::RunnerError;
use crate::session_tweaks::over;

/// The names of fields that hold a secret whatever the flow says of them, by how they end.
const SECRET_NAMES: [&str; 12] = [
    "access_key",
    "api_key",
    "apikey",
    "appid",
    "authorization",
    "credentials",
    "headers",
    "passwd",
    "password",
    "secret",
    "secret_key",
    "token",
];

/// Names of headers whose value is a secret, in small letters.
const SECRET_HEADERS: [&str; 6] =
    ["authorization", "cookie", "proxy-authorization", "x-api-key", "api-key", "x-auth-token"];

/// What stands within the names of fields that hold a secret, also where a group has added the id of a node.
const SECRET_PARTS: [&str; 5] = ["api_key", "apikey", "passwd", "password", "secret"];

/// Words of the names of fields that say where something is.
const ADDRESS_WORDS: [&str; 11] =
    ["address", "base", "domain", "endpoint", "host", "location", "proxy", "server", "uri", "url", "urls"];

/// How the names of fields end that editors show as dots and that are no secrets: names of keys of objects.
const PLAIN_NAMES: [&str; 6] =
    ["collection_name", "input_key", "memory_key", "output_key", "payload_key", "text_key"];

/// Shorter values of a request's variables are hidden only where their name says that they are secret.
const LOOKS_RANDOM: usize = 16;

/// Variables that a caller gives to one run, by name.
pub type CallVariables = BTreeMap<String, Secret>;

/// What is sealed with a task's input and erased with its end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// By node, as tweaks are.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tweaks: Map<String, Json>,
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

/// What was erased, by name: it is kept, so that a retry can say what it needs again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Erased {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tweaks: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
}

impl Secrets {
    /// Takes the secrets out of a call's tweaks. What is left may be kept.
    pub fn taken_from(
        tweaks: &Map<String, Json>,
        variables: &CallVariables,
        plan: Option<&Plan>,
    ) -> (Self, Map<String, Json>) {
        let (mut secret, mut kept) = (Map::new(), Map::new());
        for (node, fields) in tweaks {
            // A bare field, as 1.x knows it, stands for itself.
            let Json::Object(fields) = fields else {
                let place = if is_secret(node, fields, plan) { &mut secret } else { &mut kept };
                place.insert(node.clone(), fields.clone());
                continue;
            };
            let (hidden, shown): (Map<_, _>, Map<_, _>) =
                fields.clone().into_iter().partition(|(field, value)| is_secret(field, value, plan));
            if !hidden.is_empty() {
                secret.insert(node.clone(), hidden.into());
            }
            if !shown.is_empty() || fields.is_empty() {
                kept.insert(node.clone(), shown.into());
            }
        }
        let exposed = |(name, value): (&String, &Secret)| (name.clone(), value.expose().to_owned());
        (Self { tweaks: secret, variables: variables.iter().map(exposed).collect() }, kept)
    }

    /// As the store takes them: null where there are none.
    pub fn into_json(self) -> Json {
        if self == Self::default() {
            return Json::Null;
        }
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What the store had.
    pub fn of(json: Json) -> Self {
        serde_json::from_value(json).unwrap_or_default()
    }

    /// A call's tweaks with those that were taken out.
    pub fn tweaks_over(&self, kept: Map<String, Json>) -> Map<String, Json> {
        over(kept, self.tweaks.clone())
    }

    pub fn call_variables(&self) -> CallVariables {
        let secret = |(name, value): (&String, &String)| (name.clone(), Secret::from(value.clone()));
        self.variables.iter().map(secret).collect()
    }

    pub fn names(&self) -> Erased {
        let fields = |(node, fields): (&String, &Json)| match fields {
            Json::Object(fields) => fields.keys().map(|field| (node.clone(), field.clone())).collect(),
            _ => vec![(String::new(), node.clone())],
        };
        Erased {
            tweaks: self.tweaks.iter().flat_map(fields).collect(),
            variables: self.variables.keys().cloned().collect(),
        }
    }

    /// What must not be shown of it. A request's variables have no kind: those that are named like a secret, or look like
    /// one, are taken for it.
    pub fn texts(&self) -> Vec<&str> {
        let looks_secret = |text: &str| text.len() >= LOOKS_RANDOM && !text.contains(char::is_whitespace);
        let own = self.variables.iter().filter(|(name, value)| is_secret_name(name) || looks_secret(value));
        let mut texts: Vec<_> = own.map(|(_, value)| value.as_str()).collect();
        self.tweaks.values().for_each(|value| collect(value, &mut texts));
        texts
    }
}

impl Erased {
    /// Of what is given again, what was erased; what is not given again is an error that names it.
    ///
    /// # Errors
    /// [`RunnerError::Erased`]
    pub fn given_again(
        &self,
        tweaks: &Map<String, Json>,
        variables: &CallVariables,
    ) -> Result<Secrets, RunnerError> {
        let (mut secrets, mut missing) = (Secrets::default(), Vec::new());
        for name in &self.variables {
            match variables.get(name) {
                Some(value) => drop(secrets.variables.insert(name.clone(), value.expose().to_owned())),
                None => missing.push(format!("variable {name}")),
            }
        }
        for (node, field) in &self.tweaks {
            let (given, shown) = match node.is_empty() {
                true => (tweaks.get(field), field.clone()),
                false => (tweaks.get(node).and_then(|fields| fields.get(field)), format!("{node}.{field}")),
            };
            match (given, node.is_empty()) {
                (Some(value), true) => drop(secrets.tweaks.insert(field.clone(), value.clone())),
                (Some(value), false) => {
                    let fields = secrets.tweaks.entry(node.as_str()).or_insert_with(|| Map::new().into());
                    fields[field.as_str()] = value.clone();
                }
                (None, _) => missing.push(format!("tweak {shown}")),
            }
        }
        if missing.is_empty() { Ok(secrets) } else { Err(RunnerError::Erased(missing.join(", "))) }
    }
}

/// Whether a field's value is a secret: by its name, by what the flow says of it, or by a password in its address.
fn is_secret(field: &str, value: &Json, plan: Option<&Plan>) -> bool {
    let told = match value {
        // Nothing is no secret.
        Json::Null => return false,
        Json::String(text) if text.is_empty() => return false,
        Json::String(text) => has_password(text) || is_secret_name(field),
        Json::Object(_) | Json::Array(_) => is_secret_name(field),
        _ => false,
    };
    let vertices = || plan.into_iter().flat_map(|plan| &plan.flow().vertices);
    let marked = || vertices().any(|vertex| vertex.field(field).is_some_and(|field| field.secret));
    told || (!is_plain_name(field) && marked())
}

/// Whether a field of this name is no secret although an editor may show it as dots: 0.6 marks whatever has `key` or `api`
/// in its name.
pub(crate) fn is_plain_name(field: &str) -> bool {
    is_address_name(field) || PLAIN_NAMES.iter().any(|name| field.ends_with(name))
}

/// Whether a field of this name says where something is; a group adds the id of a node to it.
fn is_address_name(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    field.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| ADDRESS_WORDS.contains(&word))
}

pub(crate) fn is_secret_header(name: &str) -> bool {
    SECRET_HEADERS.contains(&name.to_ascii_lowercase().as_str())
}

/// The first address that a call sets. The flow's keys would go there: a key that the call brings may be another than
/// the one that the flow uses.
pub(crate) fn redirection(tweaks: &Map<String, Json>, variables: &CallVariables) -> Option<String> {
    let of_node = |(node, fields): (&String, &Json)| match fields {
        Json::Object(fields) => {
            let address = fields.keys().find(|field| is_address_name(field));
            address.map(|address| format!("{node}.{address}"))
        }
        _ => is_address_name(node).then(|| node.clone()),
    };
    let named = variables.keys().find(|name| is_address_name(name)).cloned();
    tweaks.iter().find_map(of_node).or(named)
}

/// Whether a field of this name holds a secret.
pub(crate) fn is_secret_name(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|name| field.ends_with(name))
        || SECRET_PARTS.iter().any(|part| field.contains(part))
}

/// The password of an address: `scheme://user:password@host`.
pub(crate) fn password_of(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (_, password) = authority.rsplit_once('@')?.0.split_once(':')?;
    Some(password).filter(|password| !password.is_empty())
}

pub(crate) fn has_password(text: &str) -> bool {
    password_of(text).is_some()
}

fn collect<'a>(value: &'a Json, texts: &mut Vec<&'a str>) {
    match value {
        Json::String(text) => texts.push(text),
        Json::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        // Of headers, those that authorize.
        Json::Object(fields) => fields.iter().for_each(|(name, field)| {
            if field.is_object() || is_secret_header(name) || is_secret_name(name) || name.contains("_uri") {
                collect(field, texts);
            }
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(json: Json) -> Map<String, Json> {
        json.as_object().cloned().unwrap()
    }

    #[test]
    fn keys_are_taken_out_of_tweaks_and_the_rest_is_kept() {
        let tweaks = object(json!({
            "ChatOpenAI-x": {"openai_api_key": "sk-1", "temperature": 0.5, "max_tokens": "256"},
            "Get-y": {"headers": {"Authorization": "Bearer t"}},
            "SQLDatabase-z": {"database_uri": "postgresql://ann:word@db/shop"},
            "Prompt-p": {"template": "x", "memory_key": "history"},
            "api_key": "sk-2",
            "Empty-e": {},
            "Open-o": {"api_key": "", "token": null},
        }));
        let (secrets, kept) = Secrets::taken_from(&tweaks, &CallVariables::new(), None);
        let expected = json!({
            "ChatOpenAI-x": {"openai_api_key": "sk-1"},
            "Get-y": {"headers": {"Authorization": "Bearer t"}},
            "SQLDatabase-z": {"database_uri": "postgresql://ann:word@db/shop"},
            "api_key": "sk-2",
        });
        assert_eq!(Json::Object(secrets.tweaks.clone()), expected);
        let expected = json!({
            "ChatOpenAI-x": {"temperature": 0.5, "max_tokens": "256"},
            "Prompt-p": {"template": "x", "memory_key": "history"},
            "Empty-e": {},
            "Open-o": {"api_key": "", "token": null},
        });
        assert_eq!(Json::Object(kept.clone()), expected);
        assert_eq!(secrets.tweaks_over(kept), tweaks);
        assert_eq!(secrets.texts().len(), 4);
    }

    #[test]
    fn what_is_no_secret_is_not_hidden() {
        let tweaks =
            object(json!({"Get-y": {"headers": {"Accept": "application/json", "X-API-Key": "hidden-1"}}}));
        let variable = |text: &str| Secret::from(text.to_owned());
        let variables = CallVariables::from([
            ("CITY".to_owned(), variable("Zurich")),
            ("PASSWORD".to_owned(), variable("hidden-2")),
            ("X".to_owned(), variable("hidden-3-0123456789")),
        ]);
        let (secrets, _) = Secrets::taken_from(&tweaks, &variables, None);
        let mut texts = secrets.texts();
        texts.sort_unstable();
        assert_eq!(texts, ["hidden-1", "hidden-2", "hidden-3-0123456789"]);
    }

    #[test]
    fn an_address_leads_elsewhere_whatever_comes_with_it() {
        let none = CallVariables::new();
        for (tweaks, redirected) in [
            (json!({"A": {"openai_api_base": "https://e.example"}}), Some("A.openai_api_base")),
            (
                json!({"A": {"openai_api_base": "https://e.example", "openai_api_key": "k"}}),
                Some("A.openai_api_base"),
            ),
            (
                json!({"G": {"openai_api_base_ChatOpenAI-x": "https://e.example"}}),
                Some("G.openai_api_base_ChatOpenAI-x"),
            ),
            (json!({"A": {"database": "shop"}}), None),
            (json!({"base_url": "https://e.example"}), Some("base_url")),
            (json!({"A": {"temperature": 0}}), None),
        ] {
            assert_eq!(redirection(&object(tweaks), &none).as_deref(), redirected);
        }
        let named = CallVariables::from([("OPENAI_BASE_URL".to_owned(), Secret::from("x".to_owned()))]);
        assert_eq!(redirection(&Map::new(), &named).as_deref(), Some("OPENAI_BASE_URL"));
    }

    #[test]
    fn keys_within_groups_are_keys() {
        for (name, secret) in
            [("openai_api_key_ChatOpenAI-x", true), ("token_limit", false), ("memory_key", false)]
        {
            assert_eq!(is_secret_name(name), secret, "{name}");
        }
    }

    #[test]
    fn what_was_erased_has_to_be_given_again() {
        let tweaks = object(json!({"A": {"api_key": "k", "x": 1}, "token": "t"}));
        let variables = CallVariables::from([("V".to_owned(), Secret::from("v".to_owned()))]);
        let (secrets, _) = Secrets::taken_from(&tweaks, &variables, None);
        let erased = secrets.names();
        assert_eq!(erased.given_again(&tweaks, &variables).unwrap(), secrets);
        let error = erased.given_again(&Map::new(), &CallVariables::new()).unwrap_err().to_string();
        assert!(error.contains("variable V, tweak A.api_key, tweak token"), "{error}");
        assert_eq!(Secrets::default().into_json(), Json::Null);
        assert_eq!(Secrets::of(secrets.clone().into_json()), secrets);
    }

    #[test]
    fn passwords_in_addresses_are_seen() {
        for (text, has) in [
            ("postgresql+psycopg2://ann:w@db/x", true),
            ("https://u:p@h", true),
            ("https://u@h", false),
            ("https://h/a:b@c", false),
            ("sqlite:///shop.db", false),
            ("a:b@c", false),
        ] {
            assert_eq!(has_password(text), has, "{text}");
        }
    }
}
