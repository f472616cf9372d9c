//! Credentials that were typed into an export, moved into variables before it is stored.
//!
//! **A stored flow holds the names of its credentials and never their values.** What counts as one: the text of a
//! field that the editor shows as dots, or whose name says so; an address with a password in it; headers that
//! authorize.

use millrace_store::{NewVariable, Secret, Store, StoreError, TenantId, VariableKind, VariableRecord};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::Runner;
use crate::secrets::{has_password, is_plain_name, is_secret_header, is_secret_name};

/// The longest name of a variable, in characters.
const NAME_LIMIT: usize = 256;

/// A credential that was moved: the field of the node now refers to the variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The id of the node.
    pub node: String,
    /// The field.
    pub field: String,
    /// The name of the variable.
    pub variable: String,
}

/// What moving has done.
#[derive(Debug, Default)]
pub struct Moves {
    /// All that was moved.
    pub moved: Vec<Moved>,
    /// The variables that were made for it, not those that were there.
    made: Vec<VariableRecord>,
}

impl Runner {
    /// Moves the credentials of an export into variables of its tenant. A value that one of them has already is not
    /// kept twice.
    ///
    /// # Errors
    /// Those of the store; then nothing of the export may be stored.
    pub async fn move_credentials(&self, tenant: &TenantId, data: &mut Json) -> Result<Moves, StoreError> {
        let mut moves = Moves::default();
        match self.move_each(tenant, data, &mut moves).await {
            Ok(()) => Ok(moves),
            Err(error) => {
                self.undo_moves(tenant, moves).await;
                Err(error)
            }
        }
    }

    async fn move_each(
        &self,
        tenant: &TenantId,
        data: &mut Json,
        moves: &mut Moves,
    ) -> Result<(), StoreError> {
        for found in fields_of(data) {
            let value = Secret::from(found.text());
            let variable = match self.store().credential_of_value(tenant, &value).await? {
                Some(known) => known.name,
                None => {
                    let made = made(self.store(), tenant, &found, value).await?;
                    moves.made.push(made.clone());
                    made.name
                }
            };
            found.field.insert("value".to_owned(), variable.as_str().into());
            found.field.insert("load_from_db".to_owned(), true.into());
            moves.moved.push(Moved { node: found.node, field: found.name, variable });
        }
        Ok(())
    }

    /// Takes back variables that were made for an export that could not be stored.
    pub async fn undo_moves(&self, tenant: &TenantId, moves: Moves) {
        for made in moves.made {
            if let Err(error) = self.store().delete_variable(tenant, made.id).await {
                tracing::warn!(%error, "a variable of a flow that was not stored is left");
            }
        }
    }
}

/// A new variable, named after its field; a name that is taken gets a number.
async fn made(
    store: &Store,
    tenant: &TenantId,
    found: &Found<'_>,
    value: Secret,
) -> Result<VariableRecord, StoreError> {
    let base: String = format!("{}.{}", found.node, found.name).chars().take(NAME_LIMIT - 4).collect();
    let taken: Vec<String> = store.variables(tenant).await?.into_iter().map(|known| known.name).collect();
    let numbered = (2..1000).map(|number| format!("{base}-{number}"));
    let name =
        std::iter::once(base.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(base);
    let new = NewVariable { name, kind: VariableKind::Credential, value, default_fields: Vec::new() };
    let made = store.create_variables(tenant, &[new]).await?;
    made.into_iter().next().ok_or(StoreError::Corrupt { what: "variable" })
}

/// A field with a credential in it.
struct Found<'a> {
    node: String,
    name: String,
    field: &'a mut Map<String, Json>,
}

impl Found<'_> {
    /// The value as a variable holds it.
    fn text(&self) -> String {
        match self.field.get("value") {
            Some(Json::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }
}

/// The fields with credentials, in nodes and in the nodes of groups.
fn fields_of(data: &mut Json) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    walk(data, "", &mut found);
    found
}

fn walk<'a>(value: &'a mut Json, node: &str, found: &mut Vec<Found<'a>>) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(|item| walk(item, node, found)),
        Json::Object(object) => {
            let own = object.get("id").and_then(Json::as_str).map(str::to_owned);
            let node = own.as_deref().unwrap_or(node).to_owned();
            for (name, inner) in object.iter_mut() {
                if name != "template" {
                    walk(inner, &node, found);
                } else if let Json::Object(template) = inner {
                    credentials(template, &node, found);
                }
            }
        }
        _ => {}
    }
}

fn credentials<'a>(template: &'a mut Map<String, Json>, node: &str, found: &mut Vec<Found<'a>>) {
    for (name, field) in template.iter_mut() {
        if let Json::Object(field) = field
            && is_credential(name, field)
        {
            found.push(Found { node: node.to_owned(), name: name.clone(), field });
        }
    }
}

fn is_credential(name: &str, field: &Map<String, Json>) -> bool {
    let flag = |name: &str| field.get(name).and_then(Json::as_bool).unwrap_or(false);
    if flag("load_from_db") {
        return false;
    }
    match field.get("value") {
        Some(Json::String(text)) if text.trim().is_empty() => false,
        Some(Json::String(text)) => {
            has_password(text) || is_secret_name(name) || (flag("password") && !is_plain_name(name))
        }
        Some(Json::Object(headers)) => {
            headers.iter().any(|(name, value)| is_secret_header(name) && value.as_str() != Some(""))
        }
        // Rows of a table of headers, as 1.x has them.
        Some(Json::Array(rows)) => rows.iter().any(|row| row["key"].as_str().is_some_and(is_secret_header)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_are_found_wherever_they_are_typed() {
        let mut data = json!({"nodes": [
            {"id": "A", "data": {"id": "A", "node": {"template": {
                "openai_api_key": {"value": "sk-1", "password": true},
                "headers": {"value": {"Authorization": "Bearer x"}},
                "header_rows": {"value": [{"key": "Authorization", "value": "Bearer x"}]},
                "openai_api_base": {"value": "https://a.example/v1", "password": true},
                "plain_headers": {"value": {"Accept": "text/plain"}},
                "database_uri": {"value": "mysql://u:p@h/d"},
                "empty": {"value": " ", "password": true},
                "known": {"value": "MY_KEY", "password": true, "load_from_db": true},
                "memory_key": {"value": "history"},
                "max_tokens": {"value": "256"},
                "_type": "ChatOpenAI",
            }}}},
            {"id": "G", "data": {"node": {"flow": {"data": {"nodes": [
                {"id": "B", "data": {"node": {"template": {"token": {"value": "t"}}}}},
            ]}}, "template": {"token_B": {"value": "t", "password": true}}}}},
        ]});
        let found = fields_of(&mut data);
        let names: Vec<_> = found.iter().map(|found| (found.node.as_str(), found.name.as_str())).collect();
        let expected = [
            ("A", "openai_api_key"),
            ("A", "headers"),
            ("A", "header_rows"),
            ("A", "database_uri"),
            ("B", "token"),
            ("G", "token_B"),
        ];
        assert_eq!(names, expected);
        assert_eq!(found[1].text(), r#"{"Authorization":"Bearer x"}"#);
    }
}
