//! Which installation a command calls, and with which key.
//!
//! | goes before | address | key |
//! |---|---|---|
//! | 1 | `--url` | `--key` |
//! | 2 | the profile of `--profile` | the same |
//! | 3 | `MILLRACE_URL` | `MILLRACE_API_KEY` |
//! | 4 | the profile of `MILLRACE_PROFILE`, else the one in use | the same |
//! | 5 | `http://127.0.0.1:7860` | none: an error |
//!
//! **A profile's key goes to the profile's address and to no other**: who names another address names its key too.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::address::{Address, ApiKey};
use super::file::{Profile, ProfileFile};
use crate::client_args::Target;
use crate::exit::{Exit, Failure};

/// What the environment says; an empty variable is as none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables {
    pub url: Option<String>,
    pub key: Option<String>,
    pub profile: Option<String>,
    /// `MILLRACE_CONFIG`, else below `XDG_CONFIG_HOME` or `HOME`.
    pub file: Option<PathBuf>,
}

impl Variables {
    /// Reads the variables of this process.
    pub fn read() -> Self {
        Self::of(|name| std::env::var_os(name))
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).map(|value| value.to_string_lossy().into_owned());
        let folder = || {
            let own = set("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
            own.or_else(|| Some(PathBuf::from(set("HOME")?).join(".config")))
        };
        let file = set("MILLRACE_CONFIG").map(PathBuf::from);
        Self {
            url: text("MILLRACE_URL"),
            key: text("MILLRACE_API_KEY"),
            profile: text("MILLRACE_PROFILE"),
            file: file.or_else(|| Some(folder()?.join("millrace/profiles.json"))),
        }
    }

    /// The file of profiles.
    ///
    /// # Errors
    /// No variable says where it is.
    pub fn file(&self) -> Result<ProfileFile> {
        let path = self
            .file
            .clone()
            .context("no profile file: MILLRACE_CONFIG, XDG_CONFIG_HOME and HOME are unset")?;
        Ok(ProfileFile::new(path))
    }
}

/// What is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installation {
    pub url: Address,
    pub key: ApiKey,
}

/// Decides by the table above.
///
/// # Errors
/// What is named cannot be used or is not there, or no key is to be found.
pub(crate) fn resolve(target: &Target, variables: &Variables) -> Result<Installation> {
    let profile = profile(target, variables)?;
    let of_profile = profile.as_ref();
    let named = target.profile.is_some();
    let variable = |value: &Option<String>| value.clone().filter(|_| !named);
    let url = match target.url.clone().or_else(|| variable(&variables.url)) {
        Some(text) => Address::parse(&text)?,
        None => of_profile.map_or_else(Address::local, |profile| profile.url.clone()),
    };
    if let Some(text) = target.key.clone().or_else(|| variable(&variables.key)) {
        return Ok(Installation { key: ApiKey::parse(&text)?, url });
    }
    match of_profile {
        Some(profile) if profile.url == url => Ok(Installation { key: profile.key.clone(), url }),
        _ => {
            let sentence = format!(
                "no key for {url}: make a profile with `millrace profile set NAME --url {url}`, or set MILLRACE_API_KEY"
            );
            Err(Failure::new(Exit::Usage, sentence).into())
        }
    }
}

/// The profile that counts, if one does. The file is not looked at where nothing of it would be used.
fn profile(target: &Target, variables: &Variables) -> Result<Option<Profile>> {
    let has_both = |url: &Option<String>, key: &Option<String>| url.is_some() && key.is_some();
    let of_both = has_both(
        &target.url.clone().or_else(|| variables.url.clone()),
        &target.key.clone().or_else(|| variables.key.clone()),
    );
    if target.profile.is_none() && of_both {
        return Ok(None);
    }
    match target.profile.as_ref().or(variables.profile.as_ref()) {
        Some(name) => Ok(Some(variables.file()?.read()?.get(name)?.clone())),
        None if variables.file.is_none() => Ok(None),
        None => Ok(variables.file()?.read()?.current().map(|(_, profile)| profile.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"current": "home", "profiles": {
        "home": {"url": "http://127.0.0.1:1", "key": "home-key"},
        "work": {"url": "https://work.example/prod", "key": "work-key"}}}"#;

    /// Variables with a file of profiles of their own.
    fn variables(name: &str, text: &str) -> Variables {
        let file = std::env::temp_dir().join(format!("millrace-resolve-{name}-{}.json", std::process::id()));
        std::fs::write(&file, text).unwrap();
        Variables { file: Some(file), ..Variables::default() }
    }

    fn resolved(target: &Target, variables: &Variables) -> Result<String> {
        resolve(target, variables).map(|found| format!("{} {}", found.url, found.key.expose()))
    }

    fn owned(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    #[test]
    fn what_is_nearer_goes_before() {
        let file = variables("order", FILE);
        // --url, --key, --profile; MILLRACE_URL, MILLRACE_API_KEY, MILLRACE_PROFILE.
        for ([url, key, profile], [env_url, env_key, env_profile], expected) in [
            (["", "", ""], ["", "", ""], "http://127.0.0.1:1 home-key"),
            (["", "", ""], ["", "", "work"], "https://work.example/prod work-key"),
            (["", "", "work"], ["", "", "home"], "https://work.example/prod work-key"),
            (["", "", "work"], ["http://127.0.0.1:2", "env-key", ""], "https://work.example/prod work-key"),
            (["", "", ""], ["http://127.0.0.1:2", "env-key", ""], "http://127.0.0.1:2 env-key"),
            (["", "", ""], ["", "env-key", ""], "http://127.0.0.1:1 env-key"),
            (
                ["http://127.0.0.1:3", "k", ""],
                ["http://127.0.0.1:2", "env-key", "work"],
                "http://127.0.0.1:3 k",
            ),
            (["", "k", "work"], ["", "", ""], "https://work.example/prod k"),
            (["https://WORK.example/prod/", "", "work"], ["", "", ""], "https://work.example/prod work-key"),
        ] {
            let target =
                Target { url: owned(url), key: owned(key), profile: owned(profile), ..Target::default() };
            let variables = Variables {
                url: owned(env_url),
                key: owned(env_key),
                profile: owned(env_profile),
                ..file.clone()
            };
            assert_eq!(resolved(&target, &variables).unwrap(), expected);
        }
    }

    #[test]
    fn a_key_goes_to_no_other_address() {
        let file = variables("other", FILE);
        let elsewhere = Target { url: owned("https://elsewhere.example"), ..Target::default() };
        let error = resolved(&elsewhere, &file).unwrap_err();
        assert_eq!(Failure::exit_of(&error), Exit::Usage);
        assert!(error.to_string().starts_with("no key for https://elsewhere.example: "), "{error}");
        let variables = Variables { url: owned("http://127.0.0.1:2"), ..file };
        assert!(resolved(&Target::default(), &variables).is_err());
    }

    #[test]
    fn without_a_profile_the_local_cloud_is_called() {
        let none = Variables::default();
        let target = Target { key: owned("my-key"), ..Target::default() };
        assert_eq!(resolved(&target, &none).unwrap(), "http://127.0.0.1:7860 my-key");
        assert!(
            resolved(&Target::default(), &none)
                .unwrap_err()
                .to_string()
                .contains("no key for http://127.0.0.1:7860")
        );
    }

    #[test]
    fn a_file_that_is_not_needed_is_not_looked_at() {
        let broken = variables("broken", "{");
        let both = Target { url: owned("http://a.example"), key: owned("k"), ..Target::default() };
        assert!(resolved(&both, &broken).is_ok());
        let key = Target { key: owned("k"), ..Target::default() };
        assert!(resolved(&key, &broken).unwrap_err().to_string().contains("is broken"));
        let unknown = Target { profile: owned("nobody"), ..Target::default() };
        let error = resolved(&unknown, &variables("unknown", FILE)).unwrap_err();
        assert_eq!(error.to_string(), "no profile 'nobody'; there are: home, work");
    }

    #[test]
    fn the_file_is_where_variables_say() {
        let file = |pairs: &[(&str, &str)]| {
            let find = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
            Variables::of(find).file
        };
        let home = ("HOME", "/home/me");
        assert_eq!(file(&[home]), Some("/home/me/.config/millrace/profiles.json".into()));
        assert_eq!(file(&[home, ("XDG_CONFIG_HOME", "/c")]), Some("/c/millrace/profiles.json".into()));
        assert_eq!(
            file(&[home, ("XDG_CONFIG_HOME", "")]),
            Some("/home/me/.config/millrace/profiles.json".into())
        );
        assert_eq!(file(&[home, ("MILLRACE_CONFIG", "p.json")]), Some("p.json".into()));
        assert_eq!(file(&[]), None);
    }
}
