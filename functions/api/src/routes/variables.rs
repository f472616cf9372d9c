//! A tenant's variables, which flows refer to by name (Langflow's global variables).
//!
//! The value of a credential is taken and never answered.

use axum::response::Response;
use http::StatusCode;
use millrace_store::{
    NewVariable, Principal, Secret, Store, StoreError, TenantId, VariableKind, VariablePatch, VariableRecord,
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::call_variables::{NAME_LIMIT, VALUE_LIMIT};
use crate::error::ApiError;
use crate::request::Incoming;
use crate::respond;
use crate::validation::{Fault, Fields};

/// Fields that an editor fills in with a variable, at most.
const FIELDS_LIMIT: usize = 100;

/// A variable as Langflow shows it.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub(crate) struct VariableRead {
    id: Uuid,
    name: String,
    /// `Generic` or `Credential`.
    #[cfg_attr(test, schema(value_type = String))]
    r#type: VariableKind,
    /// `null` for a credential.
    value: Option<String>,
    default_fields: Vec<String>,
}

/// `POST /api/v1/variables/`
pub(crate) async fn create(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let mut fields = Fields::of(incoming.body.into_value(), vec!["body".into()])?;
    let new = NewVariable {
        name: fields.text_within("name", NAME_LIMIT).unwrap_or_default(),
        value: value(&mut fields).unwrap_or_default().into(),
        kind: kind(&mut fields).unwrap_or(VariableKind::Credential),
        default_fields: default_fields(&mut fields).unwrap_or_default(),
    };
    fields.finish()?;
    filled(Some(&new.name), Some(&new.value))?;
    let store = incoming.app.runner.store();
    let made = store.create_variables(&caller.tenant, &[new]).await.map_err(taken)?;
    let made = made.into_iter().next().ok_or_else(|| ApiError::internal("no variable was made"))?;
    Ok(respond::created(&read(store, &caller.tenant, made).await?))
}

/// `GET /api/v1/variables/`
pub(crate) async fn list(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let store = incoming.app.runner.store();
    let mut reads = Vec::new();
    for record in store.variables(&caller.tenant).await? {
        reads.push(read(store, &caller.tenant, record).await?);
    }
    Ok(respond::ok(&reads))
}

/// `PATCH /api/v1/variables/{variable_id}`: a field that is null or left out stays as it is.
pub(crate) async fn update(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let id = variable_id(&incoming)?;
    let mut fields = Fields::of(incoming.body.into_value(), vec!["body".into()])?;
    let patch = VariablePatch {
        name: fields.text_within("name", NAME_LIMIT),
        value: value(&mut fields).map(Secret::from),
        default_fields: default_fields(&mut fields),
    };
    fields.finish()?;
    filled(patch.name.as_deref(), patch.value.as_ref())?;
    let store = incoming.app.runner.store();
    let changed = store.update_variable(&caller.tenant, id, &patch).await.map_err(taken)?;
    Ok(respond::ok(&read(store, &caller.tenant, changed.ok_or_else(unknown)?).await?))
}

/// `DELETE /api/v1/variables/{variable_id}`
pub(crate) async fn delete(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let id = variable_id(&incoming)?;
    if !incoming.app.runner.store().delete_variable(&caller.tenant, id).await? {
        return Err(unknown());
    }
    Ok(respond::nothing())
}

fn variable_id(incoming: &Incoming) -> Result<Uuid, ApiError> {
    Uuid::parse_str(incoming.param("variable_id")).map_err(|_| unknown())
}

fn unknown() -> ApiError {
    ApiError::not_found("Variable not found")
}

/// Langflow's sentences.
fn filled(name: Option<&str>, value: Option<&Secret>) -> Result<(), ApiError> {
    let refused =
        |what| Err(ApiError::new(StatusCode::BAD_REQUEST, format!("Variable {what} cannot be empty")));
    match (name == Some(""), value.is_some_and(|value| value.expose().is_empty())) {
        (true, true) => refused("name and value"),
        (true, false) => refused("name"),
        (false, true) => refused("value"),
        (false, false) => Ok(()),
    }
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict { what: "variable name" } => {
            ApiError::new(StatusCode::BAD_REQUEST, "Variable name already exists")
        }
        other => other.into(),
    }
}

/// The field `value`. A fault does not repeat it.
fn value(fields: &mut Fields) -> Option<String> {
    let place = fields.place("value");
    let refuse = |fields: &mut Fields, kind, message: String| {
        fields.push(Fault::new(kind, place.clone(), message, Value::Null));
        None
    };
    match fields.take("value")? {
        Value::String(text) if text.len() <= VALUE_LIMIT => Some(text),
        Value::String(_) => {
            refuse(fields, "string_too_long", format!("String should have at most {VALUE_LIMIT} bytes"))
        }
        _ => refuse(fields, "string_type", "Input should be a valid string".to_owned()),
    }
}

fn kind(fields: &mut Fields) -> Option<VariableKind> {
    fields.word("type", &[("Generic", VariableKind::Generic), ("Credential", VariableKind::Credential)])
}

fn default_fields(fields: &mut Fields) -> Option<Vec<String>> {
    let place = fields.place("default_fields");
    match fields.take("default_fields")? {
        Value::Array(items) if items.len() <= FIELDS_LIMIT => {
            let names =
                items.iter().map(|item| item.as_str().filter(|name| name.chars().count() <= NAME_LIMIT));
            let names: Option<Vec<String>> = names.map(|name| name.map(str::to_owned)).collect();
            names.or_else(|| {
                let rule = format!("the names of fields are texts of at most {NAME_LIMIT} characters");
                fields.push(Fault::rule(place, &rule, items.into()));
                None
            })
        }
        Value::Array(_) => {
            let rule = format!("there are at most {FIELDS_LIMIT} fields");
            fields.push(Fault::rule(place, &rule, Value::Null));
            None
        }
        other => {
            fields.push(Fault::new("list_type", place, "Input should be a valid list", other));
            None
        }
    }
}

async fn read(store: &Store, tenant: &TenantId, record: VariableRecord) -> Result<VariableRead, ApiError> {
    let value = match record.kind {
        VariableKind::Generic => store.variable_value(tenant, record.id).await?,
        VariableKind::Credential => None,
    };
    Ok(VariableRead {
        id: record.id,
        name: record.name,
        r#type: record.kind,
        value: value.map(|value| value.expose().to_owned()),
        default_fields: record.default_fields,
    })
}
