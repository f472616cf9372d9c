//! `millrace profile`: address and key of an installation, typed once.

mod address;
mod file;
mod resolve;

use std::io::{BufRead, IsTerminal, stdin};

use anyhow::{Context, Result};
use serde_json::{Value as Json, json};

pub(crate) use address::{Address, ApiKey};
pub(crate) use file::{Profile, ProfileFile, Profiles};
pub(crate) use resolve::{Installation, Variables, resolve};

use crate::client_args::{Profile as Args, ProfileAction, ProfileSet};
use crate::exit::{Exit, Failure};
use crate::output;

/// Characters of a name, at most.
const LONGEST_NAME: usize = 64;

pub(crate) fn run(args: &Args) -> Result<()> {
    let file = Variables::read().file()?;
    match &args.action {
        ProfileAction::Set(set) => self::set(&file, set, args.json),
        ProfileAction::List => list(&file, args.json),
        ProfileAction::Show { name } => show(&file, name.as_deref(), args.json),
        ProfileAction::Use { name } => {
            file.change(|profiles| {
                profiles.get(name)?;
                profiles.current = Some(name.clone());
                Ok(())
            })?;
            said(args.json, json!({"current": name}), &format!("Profile '{name}' is in use."))
        }
        ProfileAction::Remove { name } => {
            file.change(|profiles| {
                profiles.get(name)?;
                profiles.profiles.remove(name);
                profiles.current.take_if(|current| current == name);
                Ok(())
            })?;
            said(args.json, json!({"removed": name}), &format!("Profile '{name}' is forgotten."))
        }
    }
}

/// Whether a profile may be called so.
///
/// # Errors
/// It may not.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(is_plain) {
        true => Ok(()),
        false => Err(Failure::usage(format!(
            "a profile's name has 1 to {LONGEST_NAME} letters, digits, hyphens and underscores"
        ))
        .into()),
    }
}

/// Keeps a profile, and uses it where there is no other in use.
pub(crate) fn save(file: &ProfileFile, name: &str, profile: Profile) -> Result<()> {
    file.change(|profiles| {
        profiles.profiles.insert(name.to_owned(), profile);
        profiles.current.get_or_insert_with(|| name.to_owned());
        Ok(())
    })
}

fn set(file: &ProfileFile, set: &ProfileSet, as_json: bool) -> Result<()> {
    check_name(&set.name)?;
    let before = file.read()?.profiles.remove(&set.name);
    let url = match (&set.url, &before) {
        (Some(text), _) => Address::parse(text)?,
        (None, Some(before)) => before.url.clone(),
        (None, None) => Address::local(),
    };
    let key = key(set, before.as_ref().filter(|before| before.url == url))?;
    if url.is_exposed() {
        output::remark(format_args!("Warning: the key goes to {url} without encryption."));
    }
    let profile = Profile { url, key };
    save(file, &set.name, profile.clone())?;
    if as_json {
        return output::json(&described(&set.name, &profile, &file.read()?));
    }
    output::remark(format_args!("Profile '{}' is kept in {}.", set.name, file.path().display()));
    Ok(())
}

/// The key: from where the options say, else from the terminal, else as it was.
fn key(set: &ProfileSet, before: Option<&Profile>) -> Result<ApiKey> {
    let mut text = String::new();
    match (&set.key, before) {
        (Some(key), _) => return ApiKey::parse(key),
        (None, Some(before)) if !set.key_stdin => return Ok(before.key.clone()),
        (None, _) if set.key_stdin => {}
        (None, _) if stdin().is_terminal() => {
            output::remark("API key (it is seen while you type or paste it), then Enter:");
        }
        (None, _) => {
            return Err(Failure::usage("say --key-stdin to have the key read from standard input").into());
        }
    }
    stdin().lock().read_line(&mut text).context("cannot read the key from standard input")?;
    ApiKey::parse(&text)
}

fn list(file: &ProfileFile, as_json: bool) -> Result<()> {
    let profiles = file.read()?;
    if as_json {
        let shown = profiles.profiles.iter().map(|(name, profile)| described(name, profile, &profiles));
        return output::json(&shown.collect());
    }
    for (name, profile) in &profiles.profiles {
        let mark = if profiles.current.as_ref() == Some(name) { '*' } else { ' ' };
        output::line(format_args!("{mark} {name}  {}  {}", profile.url, profile.key.masked()))?;
    }
    Ok(())
}

fn show(file: &ProfileFile, name: Option<&str>, as_json: bool) -> Result<()> {
    let profiles = file.read()?;
    let (name, profile) = match name {
        Some(name) => (name, profiles.get(name)?),
        None => profiles.current().ok_or_else(|| {
            Failure::new(Exit::NotFound, "no profile is in use: `millrace profile use NAME`")
        })?,
    };
    if as_json {
        return output::json(&described(name, profile, &profiles));
    }
    output::line(format_args!("name  {name}\nurl   {}\nkey   {}", profile.url, profile.key.masked()))
}

fn described(name: &str, profile: &Profile, profiles: &Profiles) -> Json {
    let is_current = profiles.current.as_deref() == Some(name);
    json!({"name": name, "url": profile.url.as_str(), "key": profile.key.masked(), "current": is_current})
}

fn said(as_json: bool, value: Json, sentence: &str) -> Result<()> {
    match as_json {
        true => output::json(&value),
        false => {
            output::remark(sentence);
            Ok(())
        }
    }
}
