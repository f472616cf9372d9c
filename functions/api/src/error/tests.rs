//! Which error is which response.

use http::header::RETRY_AFTER;
use millrace_engine::ErrorKind;
use millrace_outbound::OutboundError;
use millrace_store::{Fault, State};

use super::*;

fn fault() -> Fault {
    Fault { kind: "service", code: Some("ThrottlingException".into()) }
}

#[test]
fn errors_of_the_store_have_a_status() {
    for (error, status) in [
        (StoreError::Throttled(fault()), 503),
        (StoreError::Unavailable(fault()), 503),
        (StoreError::TooLarge { what: "flow", size: 500_000, limit: 400_000 }, 413),
        (StoreError::Conflict { what: "endpoint name" }, 409),
        (StoreError::Invalid { what: "the name is too long" }, 422),
        (StoreError::Corrupt { what: "task" }, 500),
        (StoreError::Misconfigured(fault()), 500),
    ] {
        let text = error.to_string();
        let response = ApiError::from(error).into_response();
        assert_eq!(response.status(), status, "{text}");
        assert_eq!(response.headers().contains_key(RETRY_AFTER), status == 503, "{text}");
    }
}

#[test]
fn failed_runs_say_who_has_to_act() {
    for (kind, status) in [
        (ErrorKind::Input, 400),
        (ErrorKind::Tweak, 400),
        (ErrorKind::Flow, 500),
        (ErrorKind::Internal, 500),
        (ErrorKind::Upstream, 502),
        (ErrorKind::Timeout, 504),
        (ErrorKind::Unavailable, 503),
        (ErrorKind::Cancelled, 409),
        (ErrorKind::OutputTooLarge, 500),
        (ErrorKind::Version, 500),
        (ErrorKind::Limit, 422),
    ] {
        let error = ApiError::from(RunError::new(kind, "a sentence").because("for the log"));
        assert_eq!(error.parts(), (status, &json!("a sentence")));
        // Read from its task, it is the same.
        let kept = TaskError { kind: kind.code().into(), message: "a sentence".into(), retryable: false };
        assert_eq!(ApiError::from(kept).parts(), (status, &json!("a sentence")));
    }
}

#[test]
fn what_keeps_a_call_from_being_a_task_has_a_status() {
    let blocked = OutboundError::Blocked { host: "10.0.0.1".into(), reason: "private" };
    for (error, status, retry_after) in [
        (RunnerError::OtherRequest, 409, None),
        (RunnerError::InProgress { seconds: 17 }, 409, Some("17")),
        (RunnerError::NotFailed(State::Running), 409, None),
        (RunnerError::NotKept, 409, None),
        (RunnerError::Ended(State::Succeeded), 409, None),
        (RunnerError::NoTask, 404, None),
        (RunnerError::Callback(blocked), 422, None),
        (RunnerError::Store(StoreError::Throttled(fault())), 503, Some("1")),
    ] {
        let text = error.to_string();
        let response = ApiError::from(error).into_response();
        let header = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap());
        assert_eq!((response.status().as_u16(), header), (status, retry_after), "{text}");
    }
}

#[test]
fn a_tweak_of_code_is_refused_in_the_form_of_1_x() {
    let error = ApiError::from(TweakError::Refused("code".into()));
    let (status, detail) = error.parts();
    assert_eq!(
        (status, &detail["code"], &detail["fields"]),
        (422, &json!("TWEAKS_REFUSED"), &json!(["code"]))
    );
    let error = ApiError::from(TweakError::UnknownNode("X".into()));
    assert_eq!(error.parts(), (400, &json!("Tweak for unknown node 'X'")));
}

#[test]
fn the_log_s_sentence_is_not_the_caller_s() {
    let error = ApiError::from(StoreError::Unavailable(fault()));
    assert!(!error.detail.to_string().contains("ThrottlingException"));
    assert_eq!(error.internal.as_deref(), Some("store, service: ThrottlingException"));
}
