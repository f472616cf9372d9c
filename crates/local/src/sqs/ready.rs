//! The order in which waiting messages are received: round-robin between groups, oldest first within one.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A message group; messages without one are a group of their own.
pub(super) type Group = Option<Arc<str>>;

/// Waiting messages by group. **A group has a turn exactly if something of it waits.**
#[derive(Debug, Default)]
pub(super) struct Ready {
    waiting: HashMap<Group, VecDeque<u64>>,
    turns: VecDeque<Group>,
}

impl Ready {
    /// Adds a message, by its sequence number, behind what waits of its group.
    pub(super) fn push(&mut self, group: &Group, sequence: u64) {
        let waiting = self.waiting.entry(group.clone()).or_default();
        if waiting.is_empty() {
            self.turns.push_back(group.clone());
        }
        waiting.push_back(sequence);
    }

    /// Takes the first message of the group whose turn it is; the group goes to the end of the line.
    pub(super) fn pop(&mut self) -> Option<u64> {
        let group = self.turns.pop_front()?;
        let waiting = self.waiting.get_mut(&group)?;
        let sequence = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&group);
        } else {
            self.turns.push_back(group);
        }
        sequence
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.turns.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_take_turns_and_keep_their_own_order() {
        let mut ready = Ready::default();
        let [loud, quiet] = ["loud", "quiet"].map(|name| Some(Arc::from(name)));
        for sequence in 0..4 {
            ready.push(&loud, sequence);
        }
        ready.push(&quiet, 4);
        ready.push(&None, 5);
        ready.push(&quiet, 6);
        let order: Vec<u64> = std::iter::from_fn(|| ready.pop()).collect();
        assert_eq!(order, [0, 4, 5, 1, 6, 2, 3]);
    }
}
