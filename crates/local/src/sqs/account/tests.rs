//! The queues as plain data.

use super::*;

fn account() -> Account {
    let mut account = Account::new(1);
    account.create_queue("q", &BTreeMap::new(), 0).unwrap();
    account
}

fn outgoing() -> Outgoing {
    Outgoing { body: "x".into(), ..Outgoing::default() }
}

#[test]
fn in_flight_messages_are_limited() {
    let mut account = account();
    for _ in 0..=MAX_IN_FLIGHT {
        account.send("q", outgoing(), 0).unwrap();
    }
    let received = account.receive("q", MAX_IN_FLIGHT, None, 0).unwrap();
    assert_eq!(received.len(), MAX_IN_FLIGHT);
    assert_eq!(account.receive("q", 1, None, 0).unwrap_err().code, ErrorCode::OverLimit);
    account.delete("q", &received[0].0, 0).unwrap();
    assert_eq!(account.receive("q", 1, None, 0).unwrap().len(), 1);
}

#[test]
fn visibility_ends_twelve_hours_after_the_receive() {
    let mut account = account();
    account.send("q", outgoing(), 0).unwrap();
    let (handle, _) = account.receive("q", 1, Some(100), 0).unwrap().remove(0);
    let refused = account.change_visibility("q", &handle, 43_200, 1).unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidParameterValue);
    account.change_visibility("q", &handle, 43_199, 1_000).unwrap();
    assert_eq!(account.queue("q").unwrap().next_due(), Some(MAX_VISIBILITY));
}

#[test]
fn a_name_is_free_again_a_minute_after_its_deletion() {
    let mut account = account();
    account.delete_queue("q", 1_000).unwrap();
    let refused = account.create_queue("q", &BTreeMap::new(), 60_999).unwrap_err();
    assert_eq!(refused.code, ErrorCode::QueueDeletedRecently);
    account.create_queue("q", &BTreeMap::new(), 61_000).unwrap();
}
