//! Requests to AWS: signed with Signature Version 4, sent by the one client that goes out.
//!
//! A request is signed where it is sent, within the effect: a signature holds for minutes only, so one that
//! was made in an earlier attempt would be of no use to a later one.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use millrace_engine::{Context, ErrorKind, RunError};
use millrace_outbound::Request;

/// Keys that a node brings along, in place of the function's own role.
#[derive(Clone)]
pub(crate) struct Keys {
    pub id: String,
    pub secret: String,
    /// Of keys that were lent for a while.
    pub session: Option<String>,
}

impl fmt::Debug for Keys {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// The keys that a node names: both or none.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] where one is missing.
    pub fn of(
        id: Option<String>,
        secret: Option<String>,
        session: Option<String>,
    ) -> Result<Option<Self>, RunError> {
        let given =
            |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        match (given(id), given(secret)) {
            (Some(id), Some(secret)) => Ok(Some(Self { id, secret, session: given(session) })),
            (None, None) => Ok(None),
            _ => {
                let message = "AWS keys are an access key id and a secret access key: one of them is missing";
                Err(RunError::new(ErrorKind::Flow, message))
            }
        }
    }
}

/// For which service, in which region and in whose name requests are signed.
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    /// The service's signing name, such as `bedrock`.
    pub service: &'static str,
    pub region: String,
    /// `None` for the function's own role.
    pub keys: Option<Keys>,
}

/// A region by the form of its name, since it becomes part of an address.
///
/// # Errors
/// [`ErrorKind::Flow`] where it is none.
pub(crate) fn region(name: &str) -> Result<&str, RunError> {
    let name = name.trim();
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (5..=32).contains(&name.len()) && name.chars().all(letters) {
        return Ok(name);
    }
    Err(RunError::new(ErrorKind::Flow, "the region is no AWS region, such as us-east-1"))
}

/// The request with the headers of its signature. Only within an effect: it reads the time, and may ask for
/// credentials.
///
/// # Errors
/// [`ErrorKind::Flow`] where neither the node nor the installation has credentials;
/// [`ErrorKind::Unavailable`] where the role's cannot be had just now.
pub(crate) async fn signed(
    cx: &Context,
    service: &str,
    region: &str,
    keys: Option<&Keys>,
    request: Request,
) -> Result<Request, RunError> {
    let credentials = match keys {
        Some(keys) => Credentials::new(&keys.id, &keys.secret, keys.session.clone(), None, "node"),
        None => own_role(cx).await?,
    };
    sign_at(SystemTime::now(), credentials, service, region, request)
}

async fn own_role(cx: &Context) -> Result<Credentials, RunError> {
    let Ok(provider) = cx.resource::<SharedCredentialsProvider>() else {
        let message = "no AWS credentials: fill in the node's keys; this installation has no role of its own";
        return Err(RunError::new(ErrorKind::Flow, message));
    };
    provider.provide_credentials().await.map_err(|_| {
        RunError::new(ErrorKind::Unavailable, "the AWS credentials of this installation cannot be had")
            .transient(true)
            .because("its role gave none")
    })
}

fn sign_at(
    time: SystemTime,
    credentials: Credentials,
    service: &str,
    region: &str,
    mut request: Request,
) -> Result<Request, RunError> {
    let fault = |step: &'static str| {
        RunError::new(ErrorKind::Internal, "a request to AWS could not be signed").because(step)
    };
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| fault("its parameters are incomplete"))?
        .into();
    let headers =
        request.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let body = SignableBody::Bytes(request.body.as_deref().unwrap_or_default());
    let signable = SignableRequest::new(request.method.as_str(), request.url.as_str(), headers, body)
        .map_err(|_| fault("it cannot be read"))?;
    let (instructions, _) = sign(signable, &params).map_err(|_| fault("the signer refused it"))?.into_parts();
    for (name, value) in instructions.headers() {
        request = request.secret_header(name, value).map_err(|_| fault("a signed header cannot be sent"))?;
    }
    // A redirect would need a signature of its own.
    request.follow_redirects = false;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::stand_in::Stand;

    fn credentials(session: Option<&str>) -> Credentials {
        // The key pair of AWS's own examples.
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        Credentials::new("AKIDEXAMPLE", secret, session.map(str::to_owned), None, "test")
    }

    fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
        let (_, value) = request.headers.iter().find(|(header, _)| header == name)?;
        value.to_str().ok()
    }

    /// `get-vanilla` of AWS's Signature Version 4 test suite.
    #[test]
    fn the_published_example_has_the_published_signature() {
        let time = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let request = Request::get("https://example.amazonaws.com/");
        let signed = sign_at(time, credentials(None), "service", "us-east-1", request).unwrap();
        assert_eq!(header(&signed, "x-amz-date"), Some("20150830T123600Z"));
        assert_eq!(
            header(&signed, "authorization").unwrap(),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        assert!(!signed.follow_redirects);
    }

    #[test]
    fn body_and_session_are_part_of_the_signature() {
        let sign = |body: &'static str, session| {
            let request = Request::post("https://example.amazonaws.com/model/a%3A0/converse").body(body);
            sign_at(UNIX_EPOCH, credentials(session), "bedrock", "us-east-1", request).unwrap()
        };
        let (plain, other, lent) = (sign("{}", None), sign("[]", None), sign("{}", Some("session")));
        assert_ne!(header(&plain, "authorization"), header(&other, "authorization"));
        assert_ne!(header(&plain, "authorization"), header(&lent, "authorization"));
        assert_eq!(header(&lent, "x-amz-security-token"), Some("session"));
        assert!(lent.headers.iter().all(|(_, value)| value.is_sensitive()));
    }

    #[tokio::test]
    async fn without_keys_the_role_signs_if_there_is_one() {
        let request = || Request::get("https://example.amazonaws.com/");
        let mut stand = Stand::offline();
        let error = signed(&stand.cx(), "s3vectors", "us-east-1", None, request()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Flow);
        let role = SharedCredentialsProvider::new(credentials(Some("role")));
        stand.services.resources = stand.services.resources.with(role);
        let request = signed(&stand.cx(), "s3vectors", "us-east-1", None, request()).await.unwrap();
        assert_eq!(header(&request, "x-amz-security-token"), Some("role"));
    }

    #[test]
    fn keys_come_in_pairs_and_regions_are_names() {
        let some = |text: &str| Some(text.to_owned());
        assert!(Keys::of(None, some(" "), None).unwrap().is_none());
        assert!(Keys::of(some("id"), some("secret"), None).unwrap().is_some());
        assert_eq!(Keys::of(some("id"), None, None).unwrap_err().kind, ErrorKind::Flow);
        for name in ["us-east-1", "ap-southeast-2", "us-gov-west-1"] {
            assert_eq!(region(name).unwrap(), name);
        }
        for name in ["", "evil.example.com/", "us-east-1.evil", "US-EAST-1"] {
            assert!(region(name).is_err(), "{name}");
        }
    }
}
