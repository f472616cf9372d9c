//! The tasks of a tenant, a page at a time.

mod cursor;

use jiff::Timestamp;

use super::{ROW, has_expired, state_of};
use crate::Store;
use crate::error::StoreError;
use crate::ids::{FlowId, TaskId, TenantId};
use crate::item::Row;
use crate::rows::{self, META};
use crate::schema::{LIST, attr};
use crate::size::Attributes;
use crate::state::State;
use crate::table::{IndexRange, IndexSort};

pub use cursor::{Cursor, InvalidCursor};

/// How many tasks one call may answer, and one page of the index may have.
const LIMIT: usize = 100;

/// How many pages of the index one call reads at most: a filter that fits nothing has an end.
const PAGES: usize = 10;

/// Which tasks to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskQuery {
    /// Only those of this flow.
    pub flow: Option<FlowId>,
    /// Only those in this state.
    pub state: Option<State>,
    /// How many at most, 1 to 100. 100 by default.
    pub limit: usize,
    /// Where the page before this one ended. From the newest when absent.
    pub cursor: Option<Cursor>,
}

impl Default for TaskQuery {
    fn default() -> Self {
        Self { flow: None, state: None, limit: LIMIT, cursor: None }
    }
}

impl TaskQuery {
    /// How many entries of the index to read next. Without a filter nearly every one of them is answered.
    fn page(&self, found: usize) -> usize {
        match (self.flow, self.state) {
            (None, None) => self.limit - found,
            _ => LIMIT,
        }
    }

    fn wants(&self, task: &TaskSummary) -> bool {
        self.flow.is_none_or(|flow| flow == task.flow) && self.state.is_none_or(|state| state == task.state)
    }
}

/// Tasks, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskPage {
    /// The tasks: fewer than asked for, even none, when the search was cut off or the list has ended.
    pub tasks: Vec<TaskSummary>,
    /// Where to go on. `None` at the end of the list.
    pub next: Option<Cursor>,
}

/// A task without what it returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSummary {
    /// Which task.
    pub id: TaskId,
    /// Where it is.
    pub state: State,
    /// The flow it runs.
    pub flow: FlowId,
    /// The conversation it belongs to.
    pub session: String,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When a worker first claimed it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How many times it was claimed.
    pub attempt: u64,
}

impl Store {
    /// The tasks of a tenant, newest first.
    ///
    /// The states are read strongly consistent. That a task is in the list is not: one that was accepted a
    /// moment ago may be missing. At most 1,000 tasks are looked at in one call; a filter that fits few of
    /// them gets a page that is not full, and where to go on.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a limit out of range, [`StoreError::Corrupt`], and those of the service.
    pub async fn tasks(&self, tenant: &TenantId, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        if !(1..=LIMIT).contains(&query.limit) {
            return Err(StoreError::Invalid { what: "the limit of a list of tasks is 1 to 100" });
        }
        let mut tasks = Vec::new();
        let mut next = query.cursor;
        for _ in 0..PAGES {
            let page = self.places(tenant, next, query.page(tasks.len())).await?;
            next = page.next;
            for (place, task) in self.summaries(tenant, &page.places).await? {
                if query.wants(&task) {
                    tasks.push(task);
                }
                if tasks.len() == query.limit {
                    let rest = page.next.is_some() || page.places.last() != Some(&place);
                    return Ok(TaskPage { tasks, next: rest.then_some(place) });
                }
            }
            if next.is_none() {
                break;
            }
        }
        Ok(TaskPage { tasks, next })
    }

    /// One page of the index. The partition is the tenant's, whatever the cursor says.
    async fn places(
        &self,
        tenant: &TenantId,
        below: Option<Cursor>,
        limit: usize,
    ) -> Result<Places, StoreError> {
        let range = IndexRange {
            index: LIST,
            pk: tenant.as_str().to_owned(),
            sort: IndexSort::DownFrom(below.map(|cursor| cursor.sort_key())),
            limit: i32::try_from(limit).unwrap_or(i32::MAX),
            after: None,
        };
        let page = self.query_index(range).await?;
        let places = page.entries.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        let next = places.last().copied().filter(|_| page.more);
        Ok(Places { places, next })
    }

    /// The tasks at these places; those whose retention is over are left out.
    async fn summaries(
        &self,
        tenant: &TenantId,
        places: &[Cursor],
    ) -> Result<Vec<(Cursor, TaskSummary)>, StoreError> {
        let keys = places.iter().map(|place| rows::task(tenant, place.task, META)).collect();
        let stored = self.batch_get(keys).await?;
        let now = self.now();
        let live = stored.iter().filter(|attributes| !has_expired(Row::new(ROW, attributes), now));
        live.map(summary).collect()
    }
}

/// A page of the index, newest first.
struct Places {
    places: Vec<Cursor>,
    /// The last one, when there may be more behind it.
    next: Option<Cursor>,
}

fn place(attributes: &Attributes) -> Result<Cursor, StoreError> {
    let row = Row::new(ROW, attributes);
    Cursor::from_sort_key(row.text(LIST.sk)?).ok_or_else(|| row.corrupt())
}

fn summary(attributes: &Attributes) -> Result<(Cursor, TaskSummary), StoreError> {
    let row = Row::new(ROW, attributes);
    let place = place(attributes)?;
    let task = TaskSummary {
        id: place.task,
        state: state_of(row)?,
        flow: row.parsed(attr::FLOW)?,
        session: row.text(attr::SESSION)?.to_owned(),
        created_at: row.time(attr::CREATED)?,
        started_at: row.opt_time(attr::STARTED),
        ended_at: row.opt_time(attr::ENDED),
        attempt: row.count(attr::ATTEMPT)?,
    };
    Ok((place, task))
}
