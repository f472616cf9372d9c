//! `millrace key`: API keys, made and ended in the table itself. So a deployed stack gets its first one.
//!
//! A new key is alone on standard output; what is said besides goes to standard error.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use jiff::{SignedDuration, Timestamp};
use millrace_store::{
    Host as _, KeyRecord, KeyTerms, NewKey, Rotation, Scope, Store, StoreConfig, StoreError, SystemHost,
    TenantId,
};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::args::{Key, KeyAction, KeyCreate};
use crate::output::{self, remark};
use crate::profile::{self, Address, ApiKey, Profile, ProfileFile, Variables};

/// The keys of one tenant.
struct Keys {
    store: Store,
    tenant: TenantId,
    table: String,
    json: bool,
}

pub(crate) async fn run(args: Key) -> Result<()> {
    let tenant = args.tenant.context("name the tenant with --tenant")?;
    let table = args.table.or_else(|| std::env::var("MILLRACE_TABLE").ok()).filter(|table| !table.is_empty());
    let table = table.context("name the table with --table, or in the variable MILLRACE_TABLE")?;
    // No key has to do with the queue.
    let store = Store::connect(StoreConfig::new(table.as_str(), ""), None, Arc::new(SystemHost)).await;
    store.check_configured().await?;
    let keys = Keys { store, tenant, table, json: args.json };
    match args.action {
        KeyAction::Create(create) => keys.create(create).await,
        KeyAction::List => keys.list().await,
        KeyAction::Revoke { id } => keys.revoke(id).await,
        KeyAction::Rotate { id, grace_seconds } => keys.rotate(id, grace_seconds).await,
    }
}

impl Keys {
    async fn create(&self, create: KeyCreate) -> Result<()> {
        let terms = terms(&create, SystemHost.now())?;
        // What is wrong with the profile is said before there is a key.
        let place = place(&create)?;
        let made = self.store.create_key_with(&self.tenant, &create.name, &terms).await;
        let key = made.map_err(|error| self.failed(error))?;
        self.show(&key, json!({}))?;
        if let Some((file, name, url)) = place {
            profile::save(&file, name, Profile { url, key: ApiKey::parse(&key.text)? })?;
            remark(format_args!("Profile '{name}' is kept in {}.", file.path().display()));
        }
        Ok(())
    }

    async fn list(&self) -> Result<()> {
        let keys = self.store.keys(&self.tenant).await.map_err(|error| self.failed(error))?;
        if self.json {
            return output::json(&keys.iter().map(|key| self.described(key)).collect());
        }
        for key in &keys {
            let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("used {at:.0}"));
            let state = if key.is_active { "" } else { ", over" };
            let masked = shortened(&key.masked);
            output::line(format_args!(
                "{}  {masked}  {}: {}{state}, {used}",
                key.id,
                key.name,
                said(&key.terms)
            ))?;
        }
        remark(format_args!("{} keys of tenant {}.", keys.len(), self.tenant));
        Ok(())
    }

    async fn revoke(&self, id: Uuid) -> Result<()> {
        if !self.store.delete_key(&self.tenant, id).await.map_err(|error| self.failed(error))? {
            bail!("tenant {} has no key {id}", self.tenant);
        }
        match self.json {
            true => output::json(&json!({"id": id, "revoked": true})),
            false => {
                remark(format_args!(
                    "Key {id} is revoked. Functions that know it may take it for another minute."
                ));
                Ok(())
            }
        }
    }

    async fn rotate(&self, id: Uuid, grace_seconds: u64) -> Result<()> {
        let grace = Duration::from_secs(grace_seconds);
        match self.store.rotate_key(&self.tenant, id, grace).await.map_err(|error| self.failed(error))? {
            Rotation::Made { key, old_until } => {
                remark(format_args!("Key {id} goes on until {old_until:.0}."));
                self.show(&key, json!({"rotated": id, "rotated_expires_at": old_until}))
            }
            Rotation::NoKey => bail!("tenant {} has no key {id}", self.tenant),
            Rotation::Expired => bail!("key {id} has expired: make a new one"),
            Rotation::Rotated => bail!("key {id} has been rotated: rotate the one that took its place"),
        }
    }

    /// Prints a new key: the only time that it is seen.
    fn show(&self, key: &NewKey, besides: Json) -> Result<()> {
        if !self.json {
            let (id, terms) = (key.record.id, said(&key.record.terms));
            remark(format_args!("Key {id} of tenant {}, {terms}.\nIt is shown this once:", self.tenant));
            return output::line(&key.text);
        }
        let mut shown = self.described(&key.record);
        shown["key"] = json!(key.text);
        for (name, value) in besides.as_object().into_iter().flatten() {
            shown[name] = value.clone();
        }
        output::json(&shown)
    }

    fn described(&self, key: &KeyRecord) -> Json {
        json!({
            "id": key.id,
            "tenant": self.tenant,
            "name": key.name,
            "masked": key.masked,
            "scopes": key.terms.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
            "expires_at": key.terms.expires_at,
            "requests_per_minute": key.terms.requests_per_minute,
            "created_at": key.created_at,
            "last_used_at": key.last_used_at,
            "total_uses": key.total_uses,
            "is_active": key.is_active,
        })
    }

    /// The service's code says what is missing; its sentence for callers of the API does not.
    fn failed(&self, error: StoreError) -> anyhow::Error {
        let StoreError::Misconfigured(fault) = &error else { return error.into() };
        match fault.code.as_deref() {
            Some("ResourceNotFoundException") => {
                anyhow!("there is no table '{}' in this account, region and endpoint", self.table)
            }
            Some(code) => anyhow!("the table '{}' cannot be used with these credentials: {code}", self.table),
            None => anyhow!("the table '{}' cannot be reached: {fault}", self.table),
        }
    }
}

/// The profile that the key is to be kept in: its file, its name, and the address that goes with the key.
fn place(create: &KeyCreate) -> Result<Option<(ProfileFile, &str, Address)>> {
    let (Some(name), Some(url)) = (&create.save_profile, &create.url) else { return Ok(None) };
    profile::check_name(name)?;
    let (url, file) = (Address::parse(url)?, Variables::read().file()?);
    file.read()?;
    Ok(Some((file, name, url)))
}

fn terms(create: &KeyCreate, now: Timestamp) -> Result<KeyTerms> {
    let default = KeyTerms::default();
    let end = |days: u32| now.checked_add(SignedDuration::from_hours(i64::from(days) * 24));
    Ok(KeyTerms {
        scopes: match create.scopes.as_slice() {
            [] => default.scopes,
            scopes => scopes.iter().copied().collect(),
        },
        expires_at: create.expires_days.map(end).transpose()?,
        requests_per_minute: create.requests_per_minute,
    })
}

/// `run, read; until 2030-01-31T12:00:00Z; 60 requests a minute`
fn said(terms: &KeyTerms) -> String {
    let scopes: Vec<_> = terms.scopes.iter().map(Scope::as_str).collect();
    let mut said = scopes.join(", ");
    if let Some(end) = terms.expires_at {
        said += &format!("; until {end:.0}");
    }
    match terms.requests_per_minute {
        None => {}
        Some(0) => said += "; any number of requests",
        Some(limit) => said += &format!("; {limit} requests a minute"),
    }
    said
}

/// What tells keys apart: of their asterisks, three.
fn shortened(masked: &str) -> String {
    format!("{}***", masked.trim_end_matches('*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_said_in_words() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut create = KeyCreate {
            name: "n".into(),
            scopes: vec![],
            expires_days: None,
            requests_per_minute: None,
            save_profile: None,
            url: None,
        };
        assert_eq!(terms(&create, now).unwrap(), KeyTerms::default());
        assert_eq!(said(&KeyTerms::default()), "run, read, deploy, admin");
        create.scopes = vec![Scope::Read, Scope::Run];
        (create.expires_days, create.requests_per_minute) = (Some(31), Some(5));
        let terms = terms(&create, now).unwrap();
        assert_eq!(said(&terms), "run, read; until 2026-02-01T00:00:00Z; 5 requests a minute");
        assert_eq!(shortened("sk-01234*****"), "sk-01234***");
    }
}
