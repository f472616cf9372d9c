//! The client over a transport of the test's own, under a paused clock: faults, budgets, the guard's verdict.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod script;

use std::time::Duration;

use millrace_outbound::{OutboundError, Request, Retry, TransportError};
use tokio::time::Instant;

use script::Step::{Announces, Breaks, Busy, Drips, Fails, Hangs, Pieces, Slow, Stalls, Status, To};
use script::{Step, playing};

const URL: &str = "https://provider.example/v1";

/// What came back, in short.
#[derive(Debug, PartialEq)]
enum Came {
    Status(u16),
    /// Cut after so many seconds.
    TimedOut(f64),
    Unreachable(TransportError),
    Broken,
    TooLarge,
    Refused,
}

async fn send(steps: &[Step], request: Request) -> (Came, usize, f64) {
    let (outbound, script) = playing(steps);
    let began = Instant::now();
    let came = match outbound.send(request).await {
        Ok(response) => Came::Status(response.status),
        Err(OutboundError::TimedOut { seconds, .. }) => Came::TimedOut(seconds),
        Err(OutboundError::Unreachable { reason, .. }) => Came::Unreachable(reason),
        Err(OutboundError::BodyBroken { .. }) => Came::Broken,
        Err(OutboundError::TooLarge { .. }) => Came::TooLarge,
        Err(OutboundError::Blocked { .. } | OutboundError::InvalidUrl { .. }) => Came::Refused,
        Err(other) => panic!("unexpected {other:?}"),
    };
    (came, script.sent(), began.elapsed().as_millis() as f64 / 1000.0)
}

/// Three tries of 60 s, without a pause of our own.
fn request() -> Request {
    let retry = Retry { base_delay: Duration::ZERO, ..Retry::attempts(3) };
    Request::post(URL).timeout(Duration::from_secs(60)).retry(retry)
}

#[tokio::test(start_paused = true)]
async fn faults_are_tried_again_where_they_may_pass() {
    let closed = TransportError::ConnectionClosed;
    let cases: &[(&[Step], Came, usize)] = &[
        (&[Fails(closed), Status(200)], Came::Status(200), 2),
        (&[Fails(closed)], Came::Unreachable(closed), 3),
        (&[Breaks, Status(200)], Came::Status(200), 2),
        (&[Breaks], Came::Broken, 3),
        (&[Hangs, Stalls, Status(200)], Came::Status(200), 3),
        (&[Hangs], Came::TimedOut(60.0), 3),
        (&[Stalls], Came::TimedOut(60.0), 3),
        (&[Drips], Came::TimedOut(60.0), 3),
        (&[Fails(TransportError::AddressRefused("it is this machine"))], Came::Refused, 1),
        (&[Status(500), Breaks, Status(404)], Came::Status(404), 3),
        (&[Pieces(10)], Came::Status(200), 1),
        (&[Pieces(11)], Came::TooLarge, 1),
        (&[Pieces(usize::MAX)], Came::TooLarge, 1),
        (&[Announces(1001)], Came::TooLarge, 1),
    ];
    for (case, (steps, expected, sent)) in cases.iter().enumerate() {
        let (came, times, _) = send(steps, request()).await;
        assert_eq!((&came, times), (expected, *sent), "case {case}");
    }
}

/// Steps and budget in seconds; what came, how often it was sent, when it was over in seconds.
type Budgeted = (&'static [Step], Option<u64>, Came, usize, f64);

#[tokio::test(start_paused = true)]
async fn nothing_goes_past_the_budget() {
    let cases: &[Budgeted] = &[
        (&[Busy("7"), Status(200)], None, Came::Status(200), 2, 7.0),
        (&[Busy("7"), Status(200)], Some(8), Came::Status(200), 2, 7.0),
        (&[Busy("7"), Status(200)], Some(7), Came::Status(429), 1, 0.0),
        (&[Busy("30"), Status(200)], Some(120), Came::Status(200), 2, 30.0),
        (&[Busy("31"), Status(200)], Some(120), Came::Status(429), 1, 0.0),
        (&[Busy("31"), Status(200)], None, Came::Status(429), 1, 0.0),
        (&[Busy("7"), Hangs], Some(10), Came::TimedOut(3.0), 2, 10.0),
        (&[Hangs], None, Came::TimedOut(60.0), 3, 180.0),
        (&[Hangs], Some(120), Came::TimedOut(60.0), 2, 120.0),
        (&[Hangs], Some(90), Came::TimedOut(30.0), 2, 90.0),
        (&[Hangs], Some(20), Came::TimedOut(20.0), 1, 20.0),
        (&[Stalls], Some(20), Came::TimedOut(20.0), 1, 20.0),
        (&[Drips], Some(20), Came::TimedOut(20.0), 1, 20.0),
        (&[Slow(40, 500)], Some(100), Came::TimedOut(20.0), 3, 100.0),
        (&[Slow(40, 500)], Some(121), Came::Status(500), 3, 120.0),
        (&[Slow(40, 200)], Some(41), Came::Status(200), 1, 40.0),
        (&[Status(200)], Some(0), Came::TimedOut(0.0), 0, 0.0),
        (&[Busy("7"), Status(200)], Some(u64::MAX), Came::Status(200), 2, 7.0),
    ];
    for (case, (steps, budget, expected, sent, over)) in cases.iter().enumerate() {
        let budget = budget.map(Duration::from_secs);
        let (came, times, end) = send(steps, Request { budget, ..request() }).await;
        assert_eq!((&came, times, end), (expected, *sent, *over), "case {case}");
    }
}

#[tokio::test(start_paused = true)]
async fn our_own_pauses_count_against_the_budget() {
    // Pauses of 8 s less a quarter at most: the second cannot fit.
    let pause = Duration::from_secs(8);
    let retry = Retry { base_delay: pause, max_delay: pause, ..Retry::attempts(9) };
    let request = || Request::get(URL).retry(retry).within(Duration::from_secs(12));
    let (came, sent, _) = send(&[Status(503)], request()).await;
    assert_eq!((came, sent), (Came::Status(503), 2));
    let (again, once_more) = (send(&[Status(503)], request()).await, send(&[Status(503)], request()).await);
    assert_eq!(again, once_more, "the same request pauses as long");
}

#[tokio::test(start_paused = true)]
async fn redirects_are_judged_above_the_transport() {
    let (outbound, script) = playing(&[To("https://other.example/v2"), Status(200)]);
    let sent = Request::post(URL).bearer("secret").unwrap().body("text");
    assert_eq!(outbound.send(sent.clone()).await.unwrap().url.as_str(), "https://other.example/v2");
    assert_eq!(script.hosts(), ["provider.example", "other.example"]);
    let carried: Vec<_> =
        script.hops.lock().unwrap().iter().map(|hop| hop.headers.contains_key("authorization")).collect();
    assert_eq!(carried, [true, false]);
    assert!(!format!("{:?}", script.hops.lock().unwrap()).contains("secret"));
    for target in [
        "https://10.0.0.1/",
        "http://other.example/",
        "http://provider.example/v1",
        "https://user:pw@other.example/",
    ] {
        let (came, times, _) = self::send(&[To(target), Status(200)], sent.clone()).await;
        assert_eq!((came, times), (Came::Refused, 1), "{target}");
    }
}

/// Whatever is refused without a lookup is refused by the verdict alone, in the same words.
#[tokio::test(start_paused = true)]
async fn the_verdict_on_a_url_is_that_of_a_request() {
    let long = format!("https://hooks.example/{}", "a".repeat(70_000));
    let refused = [
        "",
        "hooks.example",
        "/path",
        "https://",
        "https://[::bad/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "http://hooks.example/",
        "https://user:pw@hooks.example/",
        "https://user@hooks.example/",
        "https://localhost/",
        "https://127.1/",
        "https://0xa9fea9fe/",
        "https://[::ffff:10.0.0.1]/",
        "https://[fd00:ec2::254]/",
        "https://metadata.google.internal/",
        "https://{hooks}.example/",
        &long,
    ];
    for url in refused {
        let (outbound, script) = playing(&[Status(200)]);
        let verdict = outbound.check(url).unwrap_err();
        assert_eq!(Some(verdict), outbound.send(Request::post(url)).await.err(), "{url}");
        assert_eq!(script.sent(), 0, "{url}");
    }
    for url in ["https://hooks.example/a?b={c}|d", "https://hooks.example.:8443/", "https://8.8.8.8/"] {
        let (outbound, script) = playing(&[Status(200)]);
        assert_eq!(outbound.check(url), Ok(()), "{url}");
        assert_eq!(script.sent(), 0, "a verdict sends nothing");
        assert_eq!(outbound.send(Request::post(url)).await.unwrap().status, 200, "{url}");
    }
}
