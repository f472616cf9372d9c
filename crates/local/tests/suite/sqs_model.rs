//! The queues against a naive model, over random histories: a message is never received while it is hidden, receive counts
//! are right, every handle but the last is stale, nothing is lost and nothing appears twice.

use std::collections::BTreeMap;

use millrace_local::sqs::{Account, Outgoing};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use uuid::Uuid;

const MAX_RECEIVE_COUNT: u32 = 3;

#[derive(Debug, Clone)]
enum Step {
    Send { group: Option<u8>, delay: u32 },
    Receive { max: usize, visibility: u32 },
    Delete { handle: usize },
    ChangeVisibility { handle: usize, seconds: u32 },
    Wait { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (prop::option::of(0..3u8), prop_oneof![3 => Just(0), 1 => 1..20u32])
            .prop_map(|(group, delay)| Step::Send { group, delay }),
        4 => (1..=10usize, 0..20u32).prop_map(|(max, visibility)| Step::Receive { max, visibility }),
        2 => (0..20usize).prop_map(|handle| Step::Delete { handle }),
        1 => (0..20usize, 0..20u32).prop_map(|(handle, seconds)| Step::ChangeVisibility { handle, seconds }),
        3 => (0..15_000u64).prop_map(|millis| Step::Wait { millis }),
    ]
}

#[derive(Debug)]
struct Modelled {
    visible_at: u64,
    receive_count: u32,
}

struct Test {
    account: Account,
    now: u64,
    model: BTreeMap<Uuid, Modelled>,
    /// The handles of all receives, with what they were given for.
    handles: Vec<(String, Uuid, u32)>,
}

impl Test {
    fn new() -> Self {
        let mut account = Account::new(7);
        account.create_queue("dead", &BTreeMap::new(), 0).unwrap();
        let arn = Account::arn("dead");
        let redrive = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{MAX_RECEIVE_COUNT}}}"#);
        account.create_queue("q", &BTreeMap::from([("RedrivePolicy".to_owned(), redrive)]), 0).unwrap();
        Self { account, now: 1_000, model: BTreeMap::new(), handles: Vec::new() }
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Send { group, delay } => self.send(group, delay),
            Step::Receive { max, visibility } => self.receive(max, visibility),
            Step::Delete { handle } => self.delete(handle),
            Step::ChangeVisibility { handle, seconds } => self.change_visibility(handle, seconds),
            Step::Wait { millis } => self.now += millis,
        }
    }

    fn send(&mut self, group: Option<u8>, delay: u32) {
        let group = group.map(|g| g.to_string());
        let outgoing =
            Outgoing { body: "x".into(), group, delay_seconds: Some(delay), ..Outgoing::default() };
        let id = self.account.send("q", outgoing, self.now).unwrap();
        let visible_at = self.now + 1_000 * u64::from(delay);
        assert!(self.model.insert(id, Modelled { visible_at, receive_count: 0 }).is_none(), "an id twice");
    }

    fn receive(&mut self, max: usize, visibility: u32) {
        let deliverable = |m: &Modelled, now| m.visible_at <= now && m.receive_count < MAX_RECEIVE_COUNT;
        let waiting = self.model.values().filter(|m| deliverable(m, self.now)).count();
        let received = self.account.receive("q", max, Some(visibility), self.now).unwrap();
        assert_eq!(received.len(), waiting.min(max));
        for (handle, message) in received {
            let modelled = self.model.get_mut(&message.id).expect("a deleted message was received");
            assert!(deliverable(modelled, self.now), "a hidden or dead message was received");
            modelled.receive_count += 1;
            modelled.visible_at = self.now + 1_000 * u64::from(visibility);
            assert_eq!(message.receive_count, modelled.receive_count);
            self.handles.push((handle, message.id, message.receive_count));
        }
        self.move_dead_letters();
    }

    /// When a message that may not be received again is moved is left open: the next receive that comes to it does it.
    fn move_dead_letters(&mut self) {
        let dead: Vec<Uuid> = self.account.queue("dead").unwrap().messages().map(|(_, m)| m.id).collect();
        for id in dead {
            if let Some(modelled) = self.model.remove(&id) {
                assert!(modelled.receive_count >= MAX_RECEIVE_COUNT && modelled.visible_at <= self.now);
            }
        }
    }

    fn delete(&mut self, handle: usize) {
        let Some((handle, id, count)) = self.handles.get(handle) else {
            return;
        };
        self.account.delete("q", handle, self.now).unwrap();
        if self.model.get(id).is_some_and(|m| m.receive_count == *count) {
            self.model.remove(id);
        }
    }

    fn change_visibility(&mut self, handle: usize, seconds: u32) {
        let Some((handle, id, count)) = self.handles.get(handle) else {
            return;
        };
        let changed = self.account.change_visibility("q", handle, seconds, self.now);
        let now = self.now;
        let in_flight = self.model.get_mut(id).filter(|m| m.receive_count == *count && m.visible_at > now);
        assert_eq!(changed.is_ok(), in_flight.is_some(), "{changed:?}");
        if let Some(modelled) = in_flight {
            modelled.visible_at = now + 1_000 * u64::from(seconds);
        }
    }

    /// What the queue holds is what the model holds.
    fn check(&mut self) {
        let queue = self.account.settled("q", self.now).unwrap();
        let held: BTreeMap<Uuid, u32> = queue.messages().map(|(_, m)| (m.id, m.receive_count)).collect();
        let expected: BTreeMap<Uuid, u32> = self.model.iter().map(|(id, m)| (*id, m.receive_count)).collect();
        assert_eq!(held, expected);
        let counts = queue.counts();
        let hidden = |m: &&Modelled| m.visible_at > self.now;
        assert_eq!(counts.visible, self.model.values().filter(|m| !hidden(m)).count());
        assert_eq!(
            counts.in_flight,
            self.model.values().filter(hidden).filter(|m| m.receive_count > 0).count()
        );
        assert_eq!(
            counts.delayed,
            self.model.values().filter(hidden).filter(|m| m.receive_count == 0).count()
        );
        let due = self.model.values().filter(hidden).map(|m| m.visible_at).min();
        assert_eq!(queue.next_due(), due);
    }
}

/// The same histories on every run.
fn config() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        cases: 500,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn histories_agree_with_the_model(steps in prop::collection::vec(step(), 1..80)) {
        let mut test = Test::new();
        for step in &steps {
            test.apply(step);
            test.check();
        }
    }
}
