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
        if let Some((token, _)) = kept.as_ref().filter(|(_, until)| Instant::now() < *until) {
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

#[cfg(test)]
pub(super) mod tests {
    use millrace_outbound::{Answer, Hop};
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::Value as Json;

    use super::*;
    use crate::stand_in::Stand;

    /// A key that was made for these tests and opens nothing.
    const TEST_KEY: &str = "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDPR8eidkAQMFP/veiDy86lPqQTfQW1/dwfMBnncEqasyuy \
     /2KLj268BDmpKcZ7KU3vlp7PH4ccLWs3inv2sZ/NV4SQEI233UVpSqXIlYJ6ctYKkcV1Mr1JTkhtc5N8nFmz+b0jtxVq1ccl \
     w4xipNk4cXQKSM05qmiOKB36muaxO2hJIN/OeVNHZwAvCOG80rbVyEPb2xzv4NANH/mSyF0McE3SD+Z2sI94E5+aT80KzTNf \
     /YGLiqseORYWygw9aaAqCYQBeAwdxYekc+ZRSDDOZMcK8+8KrZJJHeCPWuOWYEA6833TQnR1qN1wApyPXg4a338IjzPipIBx \
     gKYZdCahAgMBAAECggEAKIDr/W7Sd2deLqHnKsPbUjZynN1IDac4yX5efXdXmLGstxpI4SEKwCIqO0hOwNfSIyBhUXNldSfZ \
     5N1CenL8mUVCAd2+N6C9FMVRrmequq8wbJnOBif/TXEG3Z5hQk8SB0VkhHNc88ao1tQGnWr9iFZBGNZfheZq7mZf702wCQ8K \
     p5k4NR+mzmlE4kQTVlVcQsDK2V3D8fEp6QaoBgUdbwhM8+zcLRx3ERATa6uj9ZePYrNVfBJhCqStEeyAnASxaEkbNaou0mD9 \
     1y8M3QL7f8i9y8gxU3ysODRt0+vIMiXHW4NV14dw+XWHyHNF/c5PuJzNIjyZSSl4+vgWSicyLQKBgQD65TAJPF/liBfjzq0X \
     XFRv8Ih7TXa8nNGceTGg2MdXPL92GvLmIullcMGrjyMrR8nKKarnhJ0hg7nSg+5HlrlwjSJ2ie/Hah67tiCZqsa8s4oVAJE6 \
     3pOzW2+BSSAow4nUBtlJTsC9JBCgjqD/WgHe2/we398Myoz5BRxgiko0PQKBgQDTf2t8tnRTYkhu5oD9hM58YxoFEtCtWknm \
     mL4LT5QEUGc73zKMeXJfPK+sQPeD5Y5ahOenui2WxtDuCI8+r6XWaCm8Mjkpie4/UOynUeUjv7Gorf7zSbEO0ACuay8l6abm \
     mRG3me+B5ZUTE4F1r6eB2hJsN6BLhWdDIL9NVewONQKBgE1hpJgko9sSR3P+iYo78tr3j9CfyrBPmaKuCm12jrzMQqz1kNcE \
     C4I67bCxHAK8SHNuuIRhdWkhzI0uHa68wQMCtI9k6axSgZoZiSJ79oG6yirCGwjSHzHhUJnKaP3JmVfoqNmgTXfIiMxMUUGQ \
     jCUlKjSHja7PRf2D4wWvgUVtAoGAclWu4POtvSojqDhaQTNbgSj99wIt55ko3E10Z570kMR6moZVyFUbPFsNSRyx8g7WPx8c \
     MLNYU+tVJWlhLu07xMX40fGAr3EOaBIybV27dvD5dQvjCNisrCpMQ/5TtbYzcPQM/Olt7hYT2gUwdlOoRW2DihckQ89xfHum \
     j4NEooUCgYBDKu3VpHcCYntCo0ea30z5Yti17RUhb3nZ0vcm59Np4LzNGOiUDV5qxa3SJVO1zY6MfVnPpicMOXxF8jNKrAOc \
     +TU1rmpkLUuvRYx6hlCZBGUhU5AwgsCLVwHViLbwFVhdw6Mb+nRx6HhAjyWeERi6Yibl7I0qI8ic3kYP5Oa46w==";

    /// A credentials file.
    pub fn file() -> String {
        let key = TEST_KEY.replace(' ', "");
        let rows: Vec<&str> =
            key.as_bytes().chunks(64).map(|row| std::str::from_utf8(row).unwrap()).collect();
        let label = ["PRIVATE", "KEY"].join(" ");
        let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", rows.join("\n"));
        json!({
            "type": "service_account", "project_id": "example", "private_key_id": "1", "private_key": pem,
            "client_email": "robot@example.iam.gserviceaccount.com",
            "token_uri": "https://oauth2.googleapis.com/token",
        })
        .to_string()
    }

    /// Google's answer to an assertion in order: a token.
    pub fn exchange(hop: &Hop) -> Answer {
        assert_eq!((hop.method.as_str(), hop.url.as_str()), ("POST", "https://oauth2.googleapis.com/token"));
        let body = std::str::from_utf8(hop.body.as_deref().unwrap()).unwrap();
        let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
        let assertion = body.strip_prefix(grant).unwrap();
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let account = ServiceAccount::read(file().as_bytes()).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, account.key.public().as_ref());
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let part = |at: usize| -> Json {
            let text = signed.split('.').nth(at).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
        };
        let (header, claims) = (part(0), part(1));
        assert_eq!((&header["alg"], &header["kid"]), (&json!("RS256"), &json!("1")));
        assert_eq!(claims["iss"], "robot@example.iam.gserviceaccount.com");
        assert_eq!(claims["aud"], "https://oauth2.googleapis.com/token");
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), HOLDS);
        Answer::new(200, r#"{"access_token": "sk-canary", "expires_in": 3599, "token_type": "Bearer"}"#)
    }

    #[test]
    fn a_file_that_is_none_is_named_and_not_quoted() {
        let cases = [
            ("{}".to_owned(), "is missing"),
            ("canary".to_owned(), "is missing"),
            (file().replace(&TEST_KEY[..4], "AAAA"), "no RSA key"),
            (file().replace(&TEST_KEY[..20], "canary!"), "not in PEM form"),
        ];
        for (text, expected) in cases {
            let error = ServiceAccount::read(text.as_bytes()).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Flow);
            assert!(error.message.contains(expected), "{error}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_kept_until_it_runs_out() {
        let exchanges = std::sync::Arc::new(std::sync::Mutex::new(0));
        let count = exchanges.clone();
        let stand = Stand::new(move |hop| {
            *count.lock().unwrap() += 1;
            exchange(hop)
        });
        let cx = stand.cx();
        let service = Service::new(&cx, "VertexAI", "Vertex AI's protocol");
        let account = ServiceAccount::read(file().as_bytes()).unwrap();
        for (wait, expected) in [(0, 1), (3500, 1), (100, 2)] {
            tokio::time::advance(Duration::from_secs(wait)).await;
            assert_eq!(account.token(&cx, &service).await.unwrap(), "sk-canary");
            assert_eq!(*exchanges.lock().unwrap(), expected, "after {wait} s");
        }
        assert!(!format!("{account:?}").contains("canary"));
    }

    #[tokio::test]
    async fn refused_credentials_are_final() {
        let stand = Stand::new(|_| Answer::new(401, r#"{"error": "invalid_grant"}"#));
        let cx = stand.cx();
        let service = Service::new(&cx, "VertexAI", "Vertex AI's protocol");
        let account = ServiceAccount::read(file().as_bytes()).unwrap();
        let error = account.token(&cx, &service).await.unwrap_err();
        assert_eq!((error.kind, error.transient), (ErrorKind::Upstream, false));
    }
}
