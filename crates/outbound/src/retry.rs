//! When a request is tried again, and after how long.
//!
//! The rules are those of the OpenAI client, which Langflow's model components use: connection errors,
//! timeouts, 408, 409, 429 and 5xx are tried again, `x-should-retry` overrules the status, and the server's
//! `retry-after-ms` or `Retry-After` goes before the back-off. A wish that is too long
//! ends the tries: to come back early is what the server asked not to do.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use http::HeaderMap;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::{OutboundError, Request, Response};

/// How often a request is tried, and how long the pauses are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Tries in all; 0 and 1 both mean a single one.
    pub attempts: u32,
    /// The first pause; each further one is twice as long. Up to a quarter is taken off to spread requests.
    pub base_delay: Duration,
    /// The longest pause of our own choice.
    pub max_delay: Duration,
    /// The longest pause that a server may ask for; a longer wish ends the tries, and the outcome stands.
    pub max_retry_after: Duration,
}

impl Retry {
    /// A single try.
    pub fn never() -> Self {
        Self::attempts(1)
    }

    /// Up to `attempts` tries in all, with pauses of 0.5 s doubling to 8 s, or up to 30 s where the server
    /// says so.
    pub fn attempts(attempts: u32) -> Self {
        Self {
            attempts,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(8),
            max_retry_after: Duration::from_secs(30),
        }
    }

    /// The pause before the next try, or `None` where the outcome stands.
    ///
    /// `attempt` is the number of the try that just ended, from 1; `spread` is in 0..1; `left` is what the
    /// request may still take, `None` where nothing limits it.
    pub(crate) fn pause_after(
        &self,
        attempt: u32,
        outcome: &Result<Response, OutboundError>,
        spread: f64,
        left: Option<Duration>,
    ) -> Option<Duration> {
        if attempt >= self.attempts || !is_worth_retrying(outcome) {
            return None;
        }
        let pause = match outcome.as_ref().ok().and_then(Response::retry_after) {
            Some(asked) if asked > self.max_retry_after => return None,
            Some(asked) => asked,
            None => self.back_off(attempt, spread),
        };
        // A pause that takes all that is left would leave the next try nothing.
        left.is_none_or(|left| pause < left).then_some(pause)
    }

    fn back_off(&self, attempt: u32, spread: f64) -> Duration {
        let doubled = self.base_delay.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        doubled.min(self.max_delay).mul_f64(1.0 - 0.25 * spread)
    }
}

impl Default for Retry {
    /// A single try.
    fn default() -> Self {
        Self::never()
    }
}

fn is_worth_retrying(outcome: &Result<Response, OutboundError>) -> bool {
    match outcome {
        Ok(response) => match response.header("x-should-retry") {
            Some("true") => true,
            Some("false") => false,
            _ => matches!(response.status, 408 | 409 | 429 | 500..),
        },
        Err(error) => error.is_transient(),
    }
}

/// How long the server asks to wait.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |text: &str| text.parse().ok().and_then(|number| Duration::try_from_secs_f64(number).ok());
    if let Some(millis) = text("retry-after-ms").and_then(seconds) {
        return Some(millis / 1000);
    }
    let asked = text("retry-after")?;
    seconds(asked).or_else(|| until(asked, text("date")?))
}

/// The time from `now` to `then`, both HTTP dates of the same server: its clock need not agree with ours.
fn until(then: &str, now: &str) -> Option<Duration> {
    const DATES: DateTimeParser = DateTimeParser::new();
    let then = DATES.parse_timestamp(then).ok()?;
    let now = DATES.parse_timestamp(now).ok()?;
    Some(Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// A fraction in 0..1 that differs between requests and is the same when a run is repeated.
pub(crate) fn spread(request: &Request, attempt: u32) -> f64 {
    let mut hasher = DefaultHasher::new();
    (&request.url, &request.body, attempt).hash(&mut hasher);
    f64::from((hasher.finish() >> 32) as u32) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TransportError;
    use bytes::Bytes;
    use http::{HeaderName, HeaderValue};

    const RETRY: Duration = Duration::from_millis(500);

    fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> Result<Response, OutboundError> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let url = url::Url::parse("https://example.com").unwrap();
        Ok(Response { status, headers, body: Bytes::new(), url, attempts: 1 })
    }

    #[test]
    fn statuses_as_the_openai_client_retries_them() {
        for status in [408, 409, 429, 500, 502, 503, 504, 529] {
            assert_eq!(
                Retry::attempts(3).pause_after(1, &answer(status, &[]), 0.0, None),
                Some(RETRY),
                "{status}"
            );
        }
        for status in [200, 204, 302, 304, 400, 401, 403, 404, 410, 422] {
            assert_eq!(Retry::attempts(3).pause_after(1, &answer(status, &[]), 0.0, None), None, "{status}");
        }
        let overruled =
            [(400, "true", true), (429, "false", false), (429, "maybe", true), (400, "maybe", false)];
        for (status, wish, expected) in overruled {
            let outcome = answer(status, &[("x-should-retry", wish)]);
            assert_eq!(
                Retry::attempts(3).pause_after(1, &outcome, 0.0, None).is_some(),
                expected,
                "{status} {wish}"
            );
        }
    }

    #[test]
    fn errors_are_retried_where_they_are_transient() {
        let host = || "example.com".to_owned();
        let cases = [
            (OutboundError::Unreachable { host: host(), reason: TransportError::ConnectionClosed }, true),
            (OutboundError::TimedOut { host: host(), seconds: 1.0 }, true),
            (OutboundError::BodyBroken { host: host() }, true),
            (OutboundError::Blocked { host: host(), reason: "" }, false),
            (OutboundError::TooLarge { host: host(), limit: 1 }, false),
            (OutboundError::TooManyRedirects { host: host(), limit: 5 }, false),
            (OutboundError::InvalidUrl { reason: "" }, false),
        ];
        for (error, expected) in cases {
            assert_eq!(
                Retry::attempts(2).pause_after(1, &Err(error.clone()), 0.0, None).is_some(),
                expected,
                "{error}"
            );
        }
    }

    #[test]
    fn the_last_attempt_is_final() {
        for (attempts, attempt, expected) in
            [(0, 1, false), (1, 1, false), (2, 1, true), (2, 2, false), (3, 2, true)]
        {
            let pause = Retry::attempts(attempts).pause_after(attempt, &answer(500, &[]), 0.0, None);
            assert_eq!(pause.is_some(), expected, "{attempt} of {attempts}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_limit_and_are_spread_by_a_quarter() {
        let millis = |attempt, spread| Retry::attempts(99).back_off(attempt, spread).as_millis();
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 60].map(|attempt| millis(attempt, 0.0)),
            [500, 1000, 2000, 4000, 8000, 8000, 8000]
        );
        assert_eq!([millis(1, 0.5), millis(2, 1.0)], [437, 750]);
    }

    /// Headers of a 429; the pause in milliseconds.
    type Wish<'a> = (&'a [(&'static str, &'static str)], Option<u64>);

    #[test]
    fn the_servers_wish_goes_first() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let cases: [Wish; 12] = [
            (&[("retry-after", "7")], Some(7000)),
            (&[("retry-after", "1.5")], Some(1500)),
            (&[("retry-after", "0")], Some(0)),
            (&[("retry-after", "30")], Some(30_000)),
            (&[("retry-after", "30.001")], None),
            (&[("retry-after", "-1")], Some(500)),
            (&[("retry-after", "soon")], Some(500)),
            (&[("retry-after-ms", "250"), ("retry-after", "7")], Some(250)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:49 GMT"), date], Some(12_000)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT"), date], Some(0)),
            (&[("retry-after", "Mon, 07 Nov 1994 08:49:37 GMT"), date], None),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:49 GMT")], Some(500)),
        ];
        for (headers, expected) in cases {
            let outcome = answer(429, headers);
            let pause = Retry::attempts(2).pause_after(1, &outcome, 0.0, None);
            assert_eq!(pause, expected.map(Duration::from_millis), "{headers:?}");
        }
    }

    #[test]
    fn a_pause_fits_into_what_is_left_or_there_is_none() {
        let seven = answer(429, &[("retry-after", "7")]);
        let own = answer(500, &[]);
        let cases = [
            (&seven, None, Some(7000)),
            (&seven, Some(7001), Some(7000)),
            (&seven, Some(7000), None),
            (&seven, Some(0), None),
            (&own, Some(501), Some(500)),
            (&own, Some(500), None),
        ];
        for (outcome, left, expected) in cases {
            let left = left.map(Duration::from_millis);
            let pause = Retry::attempts(2).pause_after(1, outcome, 0.0, left);
            assert_eq!(pause, expected.map(Duration::from_millis), "{left:?}");
        }
    }

    #[test]
    fn the_spread_is_a_function_of_the_request() {
        let request = |body: &'static str| Request::post("https://example.com").body(body);
        assert_eq!(spread(&request("a"), 1), spread(&request("a"), 1));
        assert_ne!(spread(&request("a"), 1), spread(&request("b"), 1));
        assert_ne!(spread(&request("a"), 1), spread(&request("a"), 2));
        assert!((0..100).all(|attempt| (0.0..1.0).contains(&spread(&request("a"), attempt))));
    }
}
