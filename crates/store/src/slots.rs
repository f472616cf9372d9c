//! How many tasks of one tenant may run at once: numbered slots, each a row that ends by itself.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::condition::{Change, Condition};
use crate::error::StoreError;
use crate::ids::{TaskId, TenantId};
use crate::item::{Item, Row, epoch_seconds, text, time};
use crate::rows::{self, RowKey};
use crate::schema::{EXPIRES, SK, attr};
use crate::table::{Range, Sort, Updated};
use crate::{Store, after};

/// What the row is called in errors.
const ROW: &str = "slot";

/// How many slots are tried blindly, and again after all of them were read.
const PROBES: usize = 3;

/// A tenant's right to run one more task, until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot(Option<Taken>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Taken {
    tenant: TenantId,
    number: u32,
    /// Tells this holder from every other one, earlier ones of the same task included.
    nonce: String,
}

impl Taken {
    fn key(&self) -> RowKey {
        rows::slot(&self.tenant, self.number)
    }

    fn is_ours(&self) -> Condition {
        Condition::equals(attr::HOLDER, text(&self.nonce))
    }
}

impl Store {
    /// Takes one of the tenant's slots for as long as a lease. `None` when the cap is reached.
    ///
    /// Without a cap ([`crate::StoreConfig::tenant_concurrency`] is 0) the slot is empty and costs nothing.
    /// With one, up to three slots are tried, from one that the task id leads to; only when all of them are
    /// taken are the others looked at. Since a slot is a row, and a row is taken by a conditional put, there
    /// are never more holders than slots.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], and those of the service. A slot may then have been taken; its end frees it.
    pub async fn take_slot(&self, tenant: &TenantId, task: TaskId) -> Result<Option<Slot>, StoreError> {
        let cap = self.config().tenant_concurrency;
        if cap == 0 {
            return Ok(Some(Slot(None)));
        }
        let nonce = self.request_token();
        let taken = |number| Taken { tenant: tenant.clone(), number, nonce: nonce.clone() };
        for number in ring(task, cap).take(PROBES) {
            if let Some(slot) = self.try_slot(taken(number)).await? {
                return Ok(Some(slot));
            }
        }
        let live = self.live_slots(tenant).await?;
        for number in ring(task, cap).filter(|number| !live.contains(number)).take(PROBES) {
            if let Some(slot) = self.try_slot(taken(number)).await? {
                return Ok(Some(slot));
            }
        }
        Ok(None)
    }

    /// Keeps a slot for another lease. `false` when it has ended and somebody else has it.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn renew_slot(&self, slot: &Slot) -> Result<bool, StoreError> {
        let Some(taken) = &slot.0 else { return Ok(true) };
        let (until, expires) = self.slot_times(self.now());
        let change =
            Change::when(taken.is_ours()).set(attr::UNTIL, time(until)).set(EXPIRES, epoch_seconds(expires));
        Ok(matches!(self.update(taken.key(), change).await?, Updated::Applied(_)))
    }

    /// Gives a slot back. One that was lost meanwhile is left to its new holder.
    ///
    /// # Errors
    /// Those of the service; the slot is then free when its lease ends.
    pub async fn free_slot(&self, slot: Slot) -> Result<(), StoreError> {
        if let Some(taken) = slot.0 {
            self.delete_when(taken.key(), taken.is_ours()).await?;
        }
        Ok(())
    }

    async fn try_slot(&self, taken: Taken) -> Result<Option<Slot>, StoreError> {
        let now = self.now();
        let (until, expires) = self.slot_times(now);
        let row = Item::new(taken.key())
            .with(attr::HOLDER, text(&taken.nonce))
            .with(attr::UNTIL, time(until))
            .with(EXPIRES, epoch_seconds(expires));
        let free = Condition::absent().or(Condition::at_most(attr::UNTIL, time(now)));
        let ours = match self.put_when(row.within_limit(ROW)?, free).await? {
            None => true,
            // The reply to the same put was lost.
            Some(stored) => Row::new(ROW, &stored).opt_text(attr::HOLDER) == Some(&taken.nonce),
        };
        Ok(ours.then_some(Slot(Some(taken))))
    }

    /// The slots that somebody holds.
    async fn live_slots(&self, tenant: &TenantId) -> Result<BTreeSet<u32>, StoreError> {
        let range = Range { pk: rows::slots_partition(tenant), sort: Sort::Any, newest: None };
        let slots = self.query(range).await?;
        let now = self.now();
        let mut live = BTreeSet::new();
        for row in slots.iter().map(|attributes| Row::new(ROW, attributes)) {
            if row.time(attr::UNTIL)? > now {
                live.insert(rows::slot_number(row.text(SK)?).ok_or_else(|| row.corrupt())?);
            }
        }
        Ok(live)
    }

    /// When a slot that is taken at `now` ends, and when its row may go: later, since that is in whole
    /// seconds.
    fn slot_times(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let until = after(now, self.config().lease);
        (until, self.expiry(until))
    }
}

/// All slots in the order in which a task tries them. Tasks begin at different ones.
fn ring(task: TaskId, cap: u32) -> impl Iterator<Item = u32> {
    let start = task.0.as_u128() % u128::from(cap.max(1));
    (0..cap).map(move |step| {
        let number = (start + u128::from(step)) % u128::from(cap);
        u32::try_from(number).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_task_tries_every_slot_once() {
        for (id, cap, expected) in [(0, 1, vec![0]), (5, 3, vec![2, 0, 1]), (u128::MAX, 4, vec![3, 0, 1, 2])]
        {
            assert_eq!(ring(TaskId(Uuid::from_u128(id)), cap).collect::<Vec<_>>(), expected);
        }
    }
}
