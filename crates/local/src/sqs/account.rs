//! The queues of one account, and every operation on them. Time is an argument; nothing waits, nothing is random.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::identity::{handle, message_id, parse_handle};
use super::message::Place;
use super::{ACCOUNT_ID, ErrorCode, Message, Millis, Outgoing, Queue, QueueAttributes, Redrive, SqsError};
use crate::REGION;

/// Messages of one queue that can be in flight at once.
const MAX_IN_FLIGHT: usize = 120_000;
/// The longest time between a receive and the end of its visibility timeout: 12 hours.
const MAX_VISIBILITY: Millis = 43_200_000;
/// A deleted queue's name, and a purge, are blocked for this long.
const COOL_DOWN: Millis = 60_000;

/// What changed, for whoever keeps the account: the state to keep is in the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A queue was created or its attributes were set.
    QueueSet(String),
    /// A queue was deleted, with its messages.
    QueueDeleted(String),
    /// A message came into a queue, under this sequence number.
    MessageAdded(String, u64),
    /// A message's receive count or visibility changed.
    MessageTouched(String, u64),
    /// A message left its queue.
    MessageRemoved(Uuid),
}

/// All queues of an account.
#[derive(Debug)]
pub struct Account {
    queues: BTreeMap<String, Queue>,
    deleted: BTreeMap<String, Millis>,
    next_sequence: u64,
    seed: u64,
    /// `None` while nobody keeps the account.
    changes: Option<Vec<Change>>,
}

impl Account {
    /// An account without queues. The same seed and the same operations give the same message ids and handles.
    pub fn new(seed: u64) -> Self {
        Self { queues: BTreeMap::new(), deleted: BTreeMap::new(), next_sequence: 0, seed, changes: None }
    }

    /// Starts to note changes for [`Account::take_changes`].
    pub fn note_changes(&mut self) {
        self.changes.get_or_insert_default();
    }

    /// What changed since the last call.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.changes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The ARN of a queue.
    pub fn arn(name: &str) -> String {
        format!("arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}")
    }

    /// All queue names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.queues.keys().map(String::as_str)
    }

    /// The queue of this name, as it was after the last operation.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub fn queue(&self, name: &str) -> Result<&Queue, SqsError> {
        self.queues.get(name).ok_or_else(SqsError::no_queue)
    }

    /// The queue of this name, brought to `now`.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub fn settled(&mut self, name: &str, now: Millis) -> Result<&mut Queue, SqsError> {
        let queue = self.queues.get_mut(name).ok_or_else(SqsError::no_queue)?;
        let dropped = queue.settle(now);
        note(&mut self.changes, dropped.into_iter().map(Change::MessageRemoved));
        Ok(queue)
    }

    /// Creates a queue. One that exists with the same values for what is given is left as it is.
    ///
    /// # Errors
    /// `QueueNameExists` for other values, `QueueDeletedRecently` within a minute of its deletion, an invalid name or
    /// attribute, `UnsupportedOperation` for a FIFO queue.
    pub fn create_queue(
        &mut self,
        name: &str,
        given: &BTreeMap<String, String>,
        now: Millis,
    ) -> Result<(), SqsError> {
        check_name(name, given)?;
        if let Some(queue) = self.queues.get(name) {
            let mut wanted = queue.attributes.clone();
            wanted.apply(given)?;
            let message = "A queue already exists with the same name and a different value for an attribute.";
            let same = wanted == queue.attributes;
            return if same { Ok(()) } else { Err(SqsError::new(ErrorCode::QueueNameExists, message)) };
        }
        if self.deleted.get(name).is_some_and(|at| now < at + COOL_DOWN) {
            let message = "You must wait 60 seconds after deleting a queue before you can create another with the same name.";
            return Err(SqsError::new(ErrorCode::QueueDeletedRecently, message));
        }
        let mut attributes = QueueAttributes::default();
        attributes.apply(given)?;
        self.check_redrive(attributes.redrive.as_ref())?;
        self.deleted.remove(name);
        self.queues.insert(name.to_owned(), Queue::new(attributes, now));
        note(&mut self.changes, [Change::QueueSet(name.to_owned())]);
        Ok(())
    }

    /// Deletes a queue with its messages.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub fn delete_queue(&mut self, name: &str, now: Millis) -> Result<(), SqsError> {
        self.queues.remove(name).ok_or_else(SqsError::no_queue)?;
        self.deleted.insert(name.to_owned(), now);
        note(&mut self.changes, [Change::QueueDeleted(name.to_owned())]);
        Ok(())
    }

    /// Changes attributes of a queue.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, `InvalidAttributeName`, `InvalidAttributeValue`, a dead-letter queue that does not exist.
    pub fn set_attributes(
        &mut self,
        name: &str,
        given: &BTreeMap<String, String>,
        now: Millis,
    ) -> Result<(), SqsError> {
        let mut attributes = self.queue(name)?.attributes.clone();
        attributes.apply(given)?;
        self.check_redrive(attributes.redrive.as_ref())?;
        let queue = self.settled(name, now)?;
        queue.attributes = attributes;
        queue.modified_at = now;
        note(&mut self.changes, [Change::QueueSet(name.to_owned())]);
        Ok(())
    }

    /// Drops all messages of a queue.
    ///
    /// # Errors
    /// `QueueDoesNotExist`; `PurgeQueueInProgress` within a minute of the last purge.
    pub fn purge(&mut self, name: &str, now: Millis) -> Result<(), SqsError> {
        let queue = self.settled(name, now)?;
        if queue.purged_at.is_some_and(|at| now < at + COOL_DOWN) {
            let message = format!("Only one PurgeQueue operation on {name} is allowed every 60 seconds.");
            return Err(SqsError::new(ErrorCode::PurgeQueueInProgress, message));
        }
        queue.purged_at = Some(now);
        let dropped = queue.clear();
        note(&mut self.changes, dropped.into_iter().map(Change::MessageRemoved));
        Ok(())
    }

    /// Sends a message and gives its id.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, `InvalidMessageContents`, `InvalidParameterValue` (size among them).
    pub fn send(&mut self, name: &str, outgoing: Outgoing, now: Millis) -> Result<Uuid, SqsError> {
        let attributes = &self.queue(name)?.attributes;
        outgoing.check()?;
        let limit = attributes.maximum_message_size;
        if outgoing.size() > limit as usize {
            let message = format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
            );
            return Err(SqsError::new(ErrorCode::InvalidParameterValue, message));
        }
        let delay = outgoing.delay_seconds.unwrap_or(attributes.delay_seconds);
        let sequence = self.take_sequence();
        let message = Message {
            id: message_id(self.seed, sequence),
            body: outgoing.body.into(),
            attributes: Arc::new(outgoing.attributes),
            group: outgoing.group.map(Arc::from),
            trace_header: outgoing.trace_header,
            sent_at: now,
            receive_count: 0,
            first_received_at: None,
            received_at: None,
            dead_letter_source: None,
            place: if delay == 0 { Place::Ready } else { Place::Hidden(now + 1_000 * Millis::from(delay)) },
        };
        let id = message.id;
        self.add(name, sequence, message);
        Ok(id)
    }

    /// Receives up to `max` messages, each hidden for `visibility` seconds (the queue's own timeout for `None`), with the
    /// handle of this receive. What has been received too often moves to the dead-letter queue instead.
    ///
    /// # Errors
    /// `QueueDoesNotExist`; `OverLimit` while 120,000 messages are in flight.
    pub fn receive(
        &mut self,
        name: &str,
        max: usize,
        visibility: Option<u32>,
        now: Millis,
    ) -> Result<Vec<(String, Message)>, SqsError> {
        let redrive = self.redrive_of(name)?;
        let queue = self.settled(name, now)?;
        if queue.counts_in_flight_at_least(MAX_IN_FLIGHT) {
            let message = "The maximum number of in flight messages is reached.";
            return Err(SqsError::new(ErrorCode::OverLimit, message));
        }
        let until = now + 1_000 * Millis::from(visibility.unwrap_or(queue.attributes.visibility_timeout));
        let limit = redrive.as_ref().map_or(u32::MAX, |(_, max)| *max);
        let mut received = Vec::new();
        let mut dead = Vec::new();
        let mut changes = Vec::new();
        while received.len() < max
            && let Some(sequence) = queue.next_ready()
        {
            match queue.take(sequence, limit, until, now) {
                Taken::Delivered(message) => {
                    changes.push(Change::MessageTouched(name.to_owned(), sequence));
                    received.push((handle(name, &message), message));
                }
                Taken::Dead(message) => dead.push(message),
                Taken::Expired(id) => changes.push(Change::MessageRemoved(id)),
            }
        }
        note(&mut self.changes, changes);
        if let Some((target, _)) = redrive {
            self.bury(name, &target, dead);
        }
        Ok(received)
    }

    /// Deletes the message of a handle. A stale handle (the message was received again since) and that of a message
    /// which is gone are accepted and change nothing, as the service does on standard queues.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, `ReceiptHandleIsInvalid`.
    pub fn delete(&mut self, name: &str, handle: &str, now: Millis) -> Result<(), SqsError> {
        let queue = self.settled(name, now)?;
        let (id, receive_count) = parse_handle(name, handle)?;
        let current = queue.sequence(id).filter(|sequence| {
            queue.message(*sequence).is_some_and(|message| message.receive_count == receive_count)
        });
        if let Some(sequence) = current {
            queue.remove(sequence);
            note(&mut self.changes, [Change::MessageRemoved(id)]);
        }
        Ok(())
    }

    /// Hides a message in flight for `seconds` from now; 0 makes it visible at once.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, `ReceiptHandleIsInvalid`; `MessageNotInflight` if it is visible or was received again since;
    /// `InvalidParameterValue` if it is gone, or if it would be hidden for more than 12 hours in all.
    pub fn change_visibility(
        &mut self,
        name: &str,
        handle: &str,
        seconds: u32,
        now: Millis,
    ) -> Result<(), SqsError> {
        if seconds > 43_200 {
            return Err(SqsError::parameter("VisibilityTimeout", seconds, "Must be between 0 and 43200."));
        }
        let queue = self.settled(name, now)?;
        let (id, receive_count) = parse_handle(name, handle)?;
        let sequence = queue.sequence(id).ok_or_else(|| {
            let reason = "Message does not exist or is not available for visibility timeout change.";
            SqsError::parameter("ReceiptHandle", handle, reason)
        })?;
        let until = now + 1_000 * Millis::from(seconds);
        match queue.message(sequence) {
            Some(message) if message.is_in_flight() && message.receive_count == receive_count => {
                if until > message.received_at.unwrap_or(now) + MAX_VISIBILITY {
                    let reason =
                        "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].";
                    return Err(SqsError::parameter("VisibilityTimeout", seconds, reason));
                }
            }
            _ => {
                let message = "The specified message isn't in flight.";
                return Err(SqsError::new(ErrorCode::MessageNotInflight, message));
            }
        }
        queue.hide(sequence, until);
        note(&mut self.changes, [Change::MessageTouched(name.to_owned(), sequence)]);
        Ok(())
    }

    /// Puts back a queue that was kept.
    pub(super) fn restore_queue(&mut self, name: String, queue: Queue) {
        self.queues.insert(name, queue);
    }

    /// Puts back a message that was kept, under the sequence number that it had.
    pub(super) fn restore_message(&mut self, name: &str, sequence: u64, message: Message) {
        self.next_sequence = self.next_sequence.max(sequence + 1);
        if let Some(queue) = self.queues.get_mut(name) {
            queue.insert(sequence, message);
        }
    }

    fn take_sequence(&mut self) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        sequence
    }

    fn add(&mut self, name: &str, sequence: u64, message: Message) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.insert(sequence, message);
            note(&mut self.changes, [Change::MessageAdded(name.to_owned(), sequence)]);
        }
    }

    /// The dead-letter queue's name and the limit, if the queue has one that (still) exists.
    fn redrive_of(&self, name: &str) -> Result<Option<(String, u32)>, SqsError> {
        Ok(self.queue(name)?.attributes.redrive.as_ref().and_then(|redrive| {
            let target = queue_of(&redrive.dead_letter_arn);
            self.queues.contains_key(target).then(|| (target.to_owned(), redrive.max_receive_count))
        }))
    }

    fn bury(&mut self, source: &str, target: &str, dead: Vec<Message>) {
        for mut message in dead {
            note(&mut self.changes, [Change::MessageRemoved(message.id)]);
            message.place = Place::Ready;
            message.dead_letter_source = Some(Self::arn(source));
            let sequence = self.take_sequence();
            self.add(target, sequence, message);
        }
    }

    fn check_redrive(&self, redrive: Option<&Redrive>) -> Result<(), SqsError> {
        match redrive {
            Some(Redrive { dead_letter_arn, .. }) if !self.queues.contains_key(queue_of(dead_letter_arn)) => {
                Err(SqsError::parameter(
                    "RedrivePolicy",
                    dead_letter_arn,
                    "Dead letter target does not exist.",
                ))
            }
            _ => Ok(()),
        }
    }
}

/// What became of a message whose turn it was.
enum Taken {
    Delivered(Message),
    Dead(Message),
    Expired(Uuid),
}

impl Queue {
    fn take(&mut self, sequence: u64, limit: u32, until: Millis, now: Millis) -> Taken {
        let unknown = Taken::Expired(Uuid::nil());
        let Some(message) = self.message(sequence) else {
            return unknown;
        };
        let (expired, exhausted) = (self.has_expired(message, now), message.receive_count >= limit);
        if expired || exhausted {
            let Some(message) = self.remove(sequence) else {
                return unknown;
            };
            return if expired { Taken::Expired(message.id) } else { Taken::Dead(message) };
        }
        self.hide(sequence, until);
        let Some(message) = self.message_mut(sequence) else {
            return unknown;
        };
        message.receive_count += 1;
        message.received_at = Some(now);
        message.first_received_at.get_or_insert(now);
        Taken::Delivered(message.clone())
    }

    fn counts_in_flight_at_least(&self, limit: usize) -> bool {
        self.hidden() >= limit && self.counts().in_flight >= limit
    }
}

fn note(changes: &mut Option<Vec<Change>>, new: impl IntoIterator<Item = Change>) {
    if let Some(changes) = changes {
        changes.extend(new);
    }
}

/// The queue's name is the last part of its ARN.
fn queue_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

fn check_name(name: &str, given: &BTreeMap<String, String>) -> Result<(), SqsError> {
    if name.ends_with(".fifo") || given.get("FifoQueue").is_some_and(|v| v == "true") {
        return Err(SqsError::new(
            ErrorCode::UnsupportedOperation,
            "Only standard queues can be created here.",
        ));
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if !(1..=80).contains(&name.len()) || !name.bytes().all(allowed) {
        let reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.";
        return Err(SqsError::parameter("QueueName", name, reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
