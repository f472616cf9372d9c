//! What a tenant's tasks use in a day (UTC), added up.
//!
//! Each process adds up what ended in it and puts that sum into a row of its own (`store/src/usage.rs`): at the end of a
//! batch, and in the api at most once in [`PAUSE`]. A process that is killed loses what it had not put yet, and tells
//! nobody: sums are for people and for budgets, bills are AWS's and the providers'. A task counts on the day on
//! which it ended, with what all its attempts used.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use millrace_store::{StoreError, TenantId, UsageShare};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::Runner;
use crate::usage::TaskUsage;

/// Between two puts of the same sum, and between two looks at the others'.
const PAUSE: Duration = Duration::from_secs(5);

/// Models that a sum names; what others used is told as `other`.
const MODELS: usize = 50;

/// What tasks used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Sum {
    succeeded: u64,
    failed: u64,
    cancelled: u64,
    used: TaskUsage,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Succeeded,
    Failed,
    Cancelled,
}

impl End {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Sum {
    fn count(&mut self, end: Option<End>, usage: &TaskUsage) {
        match end {
            Some(End::Succeeded) => self.succeeded += 1,
            Some(End::Failed) => self.failed += 1,
            Some(End::Cancelled) => self.cancelled += 1,
            None => {}
        }
        self.add(usage);
    }

    fn add(&mut self, usage: &TaskUsage) {
        let used = &mut self.used;
        used.input += usage.input;
        used.output += usage.output;
        used.effects += usage.effects;
        used.memory_mb = usage.memory_mb;
        used.spent = used.spent + usage.spent;
        used.cost += usage.cost;
        for (model, [input, output]) in &usage.models {
            let known = used.models.len() < MODELS || used.models.contains_key(model);
            let sum = used.models.entry(if known { model.as_str() } else { "other" }.to_owned()).or_default();
            *sum = [sum[0] + input, sum[1] + output];
        }
        for model in &usage.unpriced {
            if used.unpriced.len() < MODELS && !used.unpriced.contains(model) {
                used.unpriced.push(model.clone());
            }
        }
    }

    fn told(&self, day: Date) -> Json {
        let mut told = self.used.told();
        told["date"] = json!(day.to_string());
        told["tasks"] =
            json!({"succeeded": self.succeeded, "failed": self.failed, "cancelled": self.cancelled});
        told
    }
}

/// The sums of one process.
#[derive(Default)]
pub(crate) struct Ledger {
    process: std::sync::OnceLock<Uuid>,
    days: Mutex<BTreeMap<(TenantId, Date), Page>>,
    /// Puts of a page go one after the other, so that an older sum never replaces a newer one.
    putting: tokio::sync::Mutex<()>,
}

/// A day of a tenant.
#[derive(Default)]
struct Page {
    own: Sum,
    is_new: bool,
    put: Option<Instant>,
    /// What the other processes had put, in dollars, and when that was looked up.
    others: Option<(f64, Instant)>,
}

impl Runner {
    /// Counts the end of a task.
    ///
    /// With no end, only what a run used whose task had ended while it ran.
    pub(crate) fn account(&self, tenant: &TenantId, end: Option<End>, usage: &TaskUsage) {
        let today = self.today();
        let mut days = self.0.ledger.days();
        days.retain(|(_, day), page| *day == today || page.is_new);
        let page = days.entry((tenant.clone(), today)).or_default();
        page.own.count(end, usage);
        page.is_new = true;
    }

    /// Puts the sums that have changed; with `only_due` no sum that was put within the last seconds.
    pub async fn put_usage(&self, only_due: bool) {
        let _one_after_the_other = self.0.ledger.putting.lock().await;
        for (tenant, day) in self.0.ledger.changed(only_due) {
            let Some(sum) = self.0.ledger.taken(&tenant, day) else { continue };
            let share = UsageShare { process: self.process(), sum };
            if let Err(error) = self.store().put_usage(&tenant, day, &share).await {
                tracing::warn!(%error, "the sums of a day are put later");
                self.0.ledger.put_again(&tenant, day);
            }
        }
    }

    /// What the tasks of a tenant used on each of these days, of all processes, this one's latest included.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn usage_of(&self, tenant: &TenantId, days: &[Date]) -> Result<Vec<Json>, StoreError> {
        let told = days.iter().map(|day| async move { Ok(self.sum_of(tenant, *day).await?.told(*day)) });
        futures::future::try_join_all(told).await
    }

    /// Dollars that the tenant's tasks of today cost, as far as is known here.
    pub(crate) async fn spent_today(&self, tenant: &TenantId) -> Result<f64, StoreError> {
        let today = self.today();
        if let Some(spent) = self.0.ledger.spent(tenant, today) {
            return Ok(spent);
        }
        // What this process has spent is added when that is known: something may end here in the meantime.
        let others = self.put_sums(tenant, today, true).await?.used.cost;
        let mut days = self.0.ledger.days();
        let page = days.entry((tenant.clone(), today)).or_default();
        page.others = Some((others, Instant::now()));
        Ok(others + page.own.used.cost)
    }

    async fn sum_of(&self, tenant: &TenantId, day: Date) -> Result<Sum, StoreError> {
        let own = self.0.ledger.own(tenant, day);
        let mut sum = self.put_sums(tenant, day, own.is_some()).await?;
        sum.join(&own.unwrap_or_default());
        Ok(sum)
    }

    /// What processes have put; `of_others` leaves this one's out, which is not newer than what it knows.
    async fn put_sums(&self, tenant: &TenantId, day: Date, of_others: bool) -> Result<Sum, StoreError> {
        let mut sum = Sum::default();
        for share in self.store().usage(tenant, day).await? {
            if !of_others || share.process != self.process() {
                sum.join(&serde_json::from_value(share.sum).unwrap_or_default());
            }
        }
        Ok(sum)
    }

    /// Today, UTC.
    pub fn today(&self) -> Date {
        TimeZone::UTC.to_datetime(self.store().host().now()).date()
    }

    fn process(&self) -> Uuid {
        *self.0.ledger.process.get_or_init(|| {
            let mut bytes = [0; 16];
            self.store().host().random(&mut bytes);
            uuid::Builder::from_random_bytes(bytes).into_uuid()
        })
    }
}

impl Sum {
    fn join(&mut self, other: &Self) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.add(&other.used);
    }
}

impl Ledger {
    fn days(&self) -> MutexGuard<'_, BTreeMap<(TenantId, Date), Page>> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a sum is to be put.
    pub fn is_due(&self) -> bool {
        !self.changed(true).is_empty()
    }

    fn changed(&self, only_due: bool) -> Vec<(TenantId, Date)> {
        let is_due = |page: &Page| !only_due || page.put.is_none_or(|put| put.elapsed() >= PAUSE);
        let days = self.days();
        days.iter().filter(|(_, page)| page.is_new && is_due(page)).map(|(key, _)| key.clone()).collect()
    }

    fn taken(&self, tenant: &TenantId, day: Date) -> Option<Json> {
        let mut days = self.days();
        let page = days.get_mut(&(tenant.clone(), day)).filter(|page| page.is_new)?;
        (page.is_new, page.put) = (false, Some(Instant::now()));
        serde_json::to_value(&page.own).ok()
    }

    fn put_again(&self, tenant: &TenantId, day: Date) {
        if let Some(page) = self.days().get_mut(&(tenant.clone(), day)) {
            page.is_new = true;
        }
    }

    fn own(&self, tenant: &TenantId, day: Date) -> Option<Sum> {
        self.days().get(&(tenant.clone(), day)).map(|page| page.own.clone())
    }

    /// Dollars, where those of the other processes were looked up a moment ago.
    fn spent(&self, tenant: &TenantId, day: Date) -> Option<f64> {
        let days = self.days();
        let page = days.get(&(tenant.clone(), day))?;
        let (others, _) = page.others.filter(|(_, at)| at.elapsed() < PAUSE)?;
        Some(others + page.own.used.cost)
    }
}
