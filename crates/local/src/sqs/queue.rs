//! One queue: its messages, what waits, and what is hidden until when.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::message::Place;
use super::ready::Ready;
use super::{Message, Millis, QueueAttributes};

/// How many messages a queue has, as the `Approximate…` attributes count them. Here they are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// `ApproximateNumberOfMessages`: can be received.
    pub visible: usize,
    /// `ApproximateNumberOfMessagesNotVisible`: in flight.
    pub in_flight: usize,
    /// `ApproximateNumberOfMessagesDelayed`: not yet received, and delayed.
    pub delayed: usize,
}

/// A standard queue.
///
/// **Each message is either [`Place::Ready`] and in `ready` once, or [`Place::Hidden`] and in `timers` once.** An entry
/// of `ready` whose message was deleted while it waited is skipped when its turn comes.
#[derive(Debug, Default)]
pub struct Queue {
    /// What was set on it.
    pub attributes: QueueAttributes,
    /// When it was created.
    pub created_at: Millis,
    /// When its attributes were last changed.
    pub modified_at: Millis,
    pub(super) purged_at: Option<Millis>,
    messages: BTreeMap<u64, Message>,
    sequences: HashMap<Uuid, u64>,
    ready: Ready,
    timers: BTreeSet<(Millis, u64)>,
}

impl Queue {
    pub(super) fn new(attributes: QueueAttributes, now: Millis) -> Self {
        Self { attributes, created_at: now, modified_at: now, ..Self::default() }
    }

    /// All messages in the order in which they came, by sequence number.
    pub fn messages(&self) -> impl Iterator<Item = (u64, &Message)> {
        self.messages.iter().map(|(sequence, message)| (*sequence, message))
    }

    /// The message of this sequence number.
    pub fn message(&self, sequence: u64) -> Option<&Message> {
        self.messages.get(&sequence)
    }

    /// Counts as of the last [`Queue::settle`].
    pub fn counts(&self) -> Counts {
        let in_flight = self.messages.values().filter(|m| m.is_in_flight()).count();
        Counts {
            visible: self.messages.len() - self.timers.len(),
            in_flight,
            delayed: self.timers.len() - in_flight,
        }
    }

    /// How many messages are hidden, in flight or delayed.
    pub(super) fn hidden(&self) -> usize {
        self.timers.len()
    }

    /// When the next hidden message can be received, if one is hidden.
    pub fn next_due(&self) -> Option<Millis> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// Brings the queue to `now`: makes visible what is due, drops what has outlived its retention and gives the ids of
    /// the dropped.
    pub(super) fn settle(&mut self, now: Millis) -> Vec<Uuid> {
        while let Some(&(due, sequence)) = self.timers.first().filter(|(due, _)| *due <= now) {
            self.timers.remove(&(due, sequence));
            if let Some(message) = self.messages.get_mut(&sequence) {
                message.place = Place::Ready;
                self.ready.push(&message.group, sequence);
            }
        }
        let mut dropped = Vec::new();
        while let Some((&sequence, message)) = self.messages.first_key_value()
            && self.has_expired(message, now)
        {
            dropped.extend(self.remove(sequence).map(|m| m.id));
        }
        dropped
    }

    /// Retention counts from the first sending, in a dead-letter queue too.
    pub(super) fn has_expired(&self, message: &Message, now: Millis) -> bool {
        message.sent_at + 1_000 * Millis::from(self.attributes.retention) <= now
    }

    /// The sequence number of a message.
    pub(super) fn sequence(&self, id: Uuid) -> Option<u64> {
        self.sequences.get(&id).copied()
    }

    /// The next message in turn, which is then nowhere: hide or remove it.
    pub(super) fn next_ready(&mut self) -> Option<u64> {
        while let Some(sequence) = self.ready.pop() {
            if self.messages.contains_key(&sequence) {
                return Some(sequence);
            }
        }
        None
    }

    pub(super) fn message_mut(&mut self, sequence: u64) -> Option<&mut Message> {
        self.messages.get_mut(&sequence)
    }

    /// Adds a message where its place says.
    pub(super) fn insert(&mut self, sequence: u64, message: Message) {
        match message.place {
            Place::Ready => self.ready.push(&message.group, sequence),
            Place::Hidden(until) => {
                self.timers.insert((until, sequence));
            }
        }
        self.sequences.insert(message.id, sequence);
        self.messages.insert(sequence, message);
    }

    /// Hides a message that is already hidden or was just taken by [`Queue::next_ready`].
    pub(super) fn hide(&mut self, sequence: u64, until: Millis) {
        if let Some(message) = self.messages.get_mut(&sequence) {
            if let Place::Hidden(before) = message.place {
                self.timers.remove(&(before, sequence));
            }
            message.place = Place::Hidden(until);
            self.timers.insert((until, sequence));
        }
    }

    pub(super) fn remove(&mut self, sequence: u64) -> Option<Message> {
        let message = self.messages.remove(&sequence)?;
        self.sequences.remove(&message.id);
        if let Place::Hidden(until) = message.place {
            self.timers.remove(&(until, sequence));
        }
        Some(message)
    }

    /// Drops every message and gives their ids.
    pub(super) fn clear(&mut self) -> Vec<Uuid> {
        self.messages.clear();
        self.ready.clear();
        self.timers.clear();
        std::mem::take(&mut self.sequences).into_keys().collect()
    }
}
