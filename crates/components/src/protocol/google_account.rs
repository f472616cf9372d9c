//! Service accounts of Google's cloud: an assertion signed with the account's key is exchanged for a token.
//!
//! Rules: RFC 7523, and Google's "Using OAuth 2.0 for Server to Server Applications". The exchange is part of
//! the effect that needs the token: a token must not stand in a journal, and one that was had in an earlier
//! attempt would have run out.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use millrace_engine::{Context, ErrorKind, RunError};
use millrace_outbound::{Outbound, Request, Retry};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::service::Service;

/// What a token may be used for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Bytes of a credentials file at most.
pub(crate) const FILE_LIMIT: u64 = 64 * 1024;

/// Seconds an assertion holds: the longest that is allowed.
const HOLDS: u64 = 3600;

/// A token is had anew this long before it runs out.
const EARLY: Duration = Duration::from_secs(60);

/// The account of a credentials file. Keeps its token until that runs out.
pub(crate) struct ServiceAccount {
    /// The project of the file.
    pub project: String,
    email: String,
    key_id: String,
    token_uri: String,
    key: RsaKeyPair,
    token: Mutex<Option<(String, Instant)>>,
}

impl fmt::Debug for ServiceAccount {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").field("project", &self.project).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct CredentialsFile {
    project_id: String,
    client_email: String,
    #[serde(default)]
    private_key_id: String,
    private_key: String,
    #[serde(default = "usual_token_uri")]
    token_uri: String,
}

fn usual_token_uri() -> String {
    "https://oauth2.googleapis.com/token".to_owned()
}

#[derive(Deserialize)]
struct TokenReply {
    access_token: String,
    #[serde(default = "usual_lifetime")]
    expires_in: u64,
}

fn usual_lifetime() -> u64 {
    HOLDS
}

impl ServiceAccount {
    /// The account of a credentials file's text.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] where it is no service account's.
    pub fn read(text: &[u8]) -> Result<Self, RunError> {
        let fault = |problem: &str| {
            let message = format!("field 'credentials': the file is no service account's JSON: {problem}");
            RunError::new(ErrorKind::Flow, message)
        };
        // The parser's own sentence could quote the file.
        let file: CredentialsFile = serde_json::from_slice(text)
            .map_err(|_| fault("project_id, client_email or private_key is missing"))?;
        let der = pem(&file.private_key).ok_or_else(|| fault("its private_key is not in PEM form"))?;
        let key = RsaKeyPair::from_pkcs8(&der).map_err(|_| fault("its private_key is no RSA key"))?;
        Ok(Self {
            project: file.project_id,
            email: file.client_email,
            key_id: file.private_key_id,
            token_uri: file.token_uri,
            key,
            token: Mutex::new(None),
        })
    }

    /// A token that holds. Only within an effect.
    pub async fn token(&self, cx: &Context, service: &Service) -> Result<String, RunError> {
        let mut kept = self.token.lock().await;
        if let Some((token, until)) = kept.as_ref().filter(|(_, until)| Instant::now() < *until) {
            tracing::trace!(left = ?until.duration_since(Instant::now()), "token kept");
            return Ok(token.clone());
        }
        let assertion = self.assertion(SystemTime::now())?;
        let form =
            format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
        let request = Request::post(&self.token_uri)
            .header("content-type", "application/x-www-form-urlencoded")
            .map_err(|error| service.failed(&error))?
            .body(form)
            .timeout(Duration::from_secs(20))
            .retry(Retry::attempts(3))
            .within(Duration::from_secs(40));
        let outbound: &Outbound = cx.resource()?;
        let response = outbound.send(request).await.map_err(|error| service.failed(&error))?;
        if !response.is_success() {
            let message = format!("the credentials were refused with {}", response.status);
            return Err(service.fault(&message).transient(matches!(response.status, 429 | 500..)));
        }
        let reply: TokenReply = service.json(&response)?;
        let until = Instant::now() + Duration::from_secs(reply.expires_in.min(HOLDS)).saturating_sub(EARLY);
        *kept = Some((reply.access_token.clone(), until));
        Ok(reply.access_token)
    }

    /// The JWT that asks for a token.
    fn assertion(&self, now: SystemTime) -> Result<String, RunError> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.key_id});
        let claims = json!({
            "iss": self.email, "scope": SCOPE, "aud": self.token_uri, "iat": now, "exp": now + HOLDS,
        });
        let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| RunError::new(ErrorKind::Internal, "the assertion could not be signed"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// What stands between the lines of a PEM text.
fn pem(text: &str) -> Option<Vec<u8>> {
    let body: String =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("-----")).collect();
    STANDARD.decode(body).ok().filter(|der| !der.is_empty())
}
