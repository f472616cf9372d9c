//! A task that was run while its caller waited.

use serde_json::Value;

use super::outcome::Ending;
use super::submit::{FIRST, same_task};
use super::{NewTask, Outcome, open};
use crate::Store;
use crate::error::StoreError;
use crate::item::{number, time};
use crate::schema::attr;

/// How large a task's row may get when it is written once and for all: one read unit.
const INLINE_LIMIT: usize = 4 * 1024;

impl Store {
    /// Records a task that was run while its caller waited, so that it can be polled like any other.
    ///
    /// One item, unless the outcome is large; it is never open but for a callback, for which its input is kept too. A repetition is harmless.
    /// `usage` is what the run used, a small object.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] before anything is written, [`StoreError::Conflict`] when the id is taken by
    /// another task, and those of the service.
    pub async fn record_sync(
        &self,
        task: &NewTask,
        outcome: &Outcome,
        usage: Option<&Value>,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let ending = Ending::new(outcome, usage)?;
        // The id was made when the call came in.
        let began = task.id.made_at().unwrap_or(now);
        let mut row = self
            .meta(task, outcome.state(), began, now)
            .with(attr::ATTEMPT, number(FIRST))
            .with(attr::STARTED, time(began))
            .with(attr::ENDED, time(now));
        if task.callback {
            // Where to is part of the input. It has ended, so that nothing keeps its secrets.
            self.put_input(&NewTask { secrets: Value::Null, ..task.clone() }, now).await?;
            row = open(row, task.id, now);
        }
        if row.bytes() + ending.bytes() <= INLINE_LIMIT {
            row = ending.attributes().fold(row, |row, (name, value)| row.with(name, value));
        } else {
            let separate = self.result_item(&task.tenant, task.id, FIRST, ending, now)?;
            self.put_beside(separate.beside).await?;
            self.put_if_absent(separate.item).await?;
        }
        match self.put_if_absent(row.within_limit("task")?).await? {
            Some(stored) => same_task(&stored, task, now),
            None => Ok(()),
        }
    }
}
