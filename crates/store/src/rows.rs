//! The keys of every kind of row, in one place.
//!
//! **The tenant is part of every partition key** but for the lookup of an API key by its public id and
//! the index of open tasks. Tenants have no `#`, ids are hexadecimal and sessions are hashed, so that no
//! two rows can be confused whatever a client sends.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::ids::{FlowId, SessionId, TaskId, TenantId};
use crate::schema::{OPEN_SHARDS, PK, SK, sortable};
use crate::size::Attributes;

/// Sort key of a task's state. Every update of a task is one of this row.
pub(crate) const META: &str = "META";
/// Sort key of a task's input.
pub(crate) const INPUT: &str = "INPUT";
/// Sort key of what a task's worker says about its progress. It lies in the range that a poll reads.
pub(crate) const PROGRESS: &str = "PROGRESS";
/// What the sort keys of a task's journal begin with.
pub(crate) const JOURNAL: &str = "J#";
/// Sort key of a task's result, when it does not stand in META.
///
/// From `META` to `RESULT` is one range that has neither the input nor a journal (`J#…`): a poll is one query.
pub(crate) const RESULT: &str = "RESULT";

/// Longest key of a record, in bytes, that stands in a sort key as it is; 1,024 is DynamoDB's limit, and the
/// sort keys of its parts are longer.
const JOURNAL_KEY_LIMIT: usize = 900;

/// Partition and sort key of one row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RowKey {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl RowKey {
    pub(crate) fn attributes(self) -> Attributes {
        Attributes::from([
            (PK.to_owned(), AttributeValue::S(self.pk)),
            (SK.to_owned(), AttributeValue::S(self.sk)),
        ])
    }
}

fn row(pk: String, sk: impl Into<String>) -> RowKey {
    RowKey { pk, sk: sk.into() }
}

/// A row that is never there, for a read that asks for nothing. No tenant has its key.
pub(crate) fn nothing() -> RowKey {
    row("0".to_owned(), "0")
}

/// All rows of a task. Tenant and task together, so that no tenant makes a hot partition.
pub(crate) fn task_partition(tenant: &TenantId, task: TaskId) -> String {
    format!("T#{tenant}#{task}")
}

/// Whose partition it is, and which task's. `None` when it is not a task's.
pub(crate) fn task_of_partition(pk: &str) -> Option<(TenantId, TaskId)> {
    let (tenant, task) = pk.strip_prefix("T#")?.split_once('#')?;
    Some((tenant.parse().ok()?, task.parse().ok()?))
}

/// One row of a task: [`META`], [`INPUT`], [`PROGRESS`] or [`RESULT`].
pub(crate) fn task(tenant: &TenantId, id: TaskId, part: &'static str) -> RowKey {
    row(task_partition(tenant, id), part)
}

/// A record of a task's journal. Long keys are hashed; a key of the engine never begins with `sha256:`.
pub(crate) fn journal(tenant: &TenantId, id: TaskId, key: &str) -> RowKey {
    let sk = match key.len() {
        ..=JOURNAL_KEY_LIMIT => format!("{JOURNAL}{key}"),
        _ => format!("{JOURNAL}sha256:{}", URL_SAFE_NO_PAD.encode(Sha256::digest(key))),
    };
    row(task_partition(tenant, id), sk)
}

/// What the sort keys of a large value's parts begin with: `X#`, its owner's sort key, and its digest.
///
/// The digest has no `#` and a length of its own, so that no owner's parts are taken for another's.
pub(crate) fn parts_prefix(owner: &str, digest: &str) -> String {
    format!("X#{owner}#{digest}#")
}

/// Partition key of a task in the index of open tasks.
pub(crate) fn open_partition(task: TaskId) -> String {
    open_shard(task.0.as_bytes()[15] % OPEN_SHARDS)
}

/// One partition of the index of open tasks.
pub(crate) fn open_shard(shard: u8) -> String {
    format!("open#{shard}")
}

/// Sort key of a task in the index of its tenant's tasks.
pub(crate) fn list_sort(created: Timestamp, task: TaskId) -> String {
    format!("{}#{task}", sortable(created))
}

/// The metadata of all flows of a tenant.
pub(crate) fn flows_partition(tenant: &TenantId) -> String {
    format!("F#{tenant}")
}

/// The metadata of a flow.
pub(crate) fn flow(tenant: &TenantId, id: FlowId) -> RowKey {
    row(flows_partition(tenant), id.to_string())
}

/// The versions of a flow's data.
pub(crate) fn versions_partition(tenant: &TenantId, flow: FlowId) -> String {
    format!("F#{tenant}#{flow}")
}

/// One immutable version of a flow's data.
pub(crate) fn flow_version(tenant: &TenantId, flow: FlowId, version: &str) -> RowKey {
    row(versions_partition(tenant, flow), format!("V#{version}"))
}

/// Which flow an endpoint name stands for. A flow id is never `names`.
pub(crate) fn endpoint(tenant: &TenantId, name: &str) -> RowKey {
    row(format!("F#{tenant}#names"), name)
}

/// An API key, found by its public id alone: the tenant is what this row tells.
pub(crate) fn key(public_id: &str) -> RowKey {
    row(format!("K#{public_id}"), "KEY")
}

/// The API keys of a tenant. `KT` keeps them apart from every `K#` row.
pub(crate) fn keys_partition(tenant: &TenantId) -> String {
    format!("KT#{tenant}")
}

/// An API key in the list of its tenant.
pub(crate) fn listed_key(tenant: &TenantId, id: Uuid) -> RowKey {
    row(keys_partition(tenant), id.as_hyphenated().to_string())
}

/// The requests that were made with a key in one minute, counted from the epoch.
pub(crate) fn rate(tenant: &TenantId, key: Uuid, minute: i64) -> RowKey {
    row(format!("R#{tenant}#{}", key.as_hyphenated()), minute.to_string())
}

/// What the tasks of a tenant used on one day (UTC, `2026-01-31`): a row for each process that ran some.
pub(crate) fn usage_partition(tenant: &TenantId, day: &str) -> String {
    format!("U#{tenant}#{day}")
}

/// What they used in one process.
pub(crate) fn usage(tenant: &TenantId, day: &str, process: Uuid) -> RowKey {
    row(usage_partition(tenant, day), process.as_hyphenated().to_string())
}

/// All turns of a conversation with one flow.
pub(crate) fn session_partition(tenant: &TenantId, flow: FlowId, session: &SessionId) -> String {
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(session.as_str()));
    format!("S#{tenant}#{flow}#{hash}")
}

/// What an idempotency key of a tenant stands for. Hashed, so that no character in it has a meaning here.
pub(crate) fn idempotency(tenant: &TenantId, key: &str) -> RowKey {
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(key));
    row(format!("I#{tenant}#{hash}"), "KEY")
}

/// The slots of a tenant: as many tasks as it may run at once.
pub(crate) fn slots_partition(tenant: &TenantId) -> String {
    format!("C#{tenant}")
}

/// One slot, counted from 0.
pub(crate) fn slot(tenant: &TenantId, number: u32) -> RowKey {
    row(slots_partition(tenant), format!("S#{number:03}"))
}

/// The number of a slot, from its sort key.
pub(crate) fn slot_number(sort_key: &str) -> Option<u32> {
    sort_key.strip_prefix("S#")?.parse().ok()
}

/// A tenant's data key of one version, wrapped.
pub(crate) fn data_key(tenant: &TenantId, version: u32) -> RowKey {
    row(format!("D#{tenant}"), format!("KEY#{version:08}"))
}

/// The list of a tenant's variables, without their values.
pub(crate) fn variable_list(tenant: &TenantId) -> RowKey {
    row(format!("V#{tenant}"), "LIST")
}

/// The value of one variable.
pub(crate) fn variable(tenant: &TenantId, id: Uuid) -> RowKey {
    row(format!("V#{tenant}"), format!("VALUE#{}", id.as_hyphenated()))
}

/// What a tenant's callbacks are signed with.
pub(crate) fn callback_secret(tenant: &TenantId) -> RowKey {
    row(format!("W#{tenant}"), "SECRET")
}

/// What the sort keys of a scope's turns begin with.
///
/// The `#` that ends it is the first one, since those in the scope are escaped: one scope is never the
/// beginning of another.
pub(crate) fn scope_prefix(scope: &str) -> String {
    format!("{}#", scope.replace('%', "%25").replace('#', "%23"))
}

/// The sort key of what a scope keeps beside its turns.
///
/// In a scope's own prefix a `%` is always followed by a digit, so that no turn is ever taken for a state.
pub(crate) fn state_sort(scope: &str) -> String {
    format!("%state#{scope}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// **Every partition key of the table holds the tenant, whole and between `#`**, but for the lookup of a key. The index
    /// of open tasks, which has partitions of its own, is the other exception.
    #[test]
    fn every_partition_holds_the_tenant() {
        let tenant: TenantId = "acme".parse().unwrap();
        let other: TenantId = "acme-2".parse().unwrap();
        let (task, flow, id) = (TaskId(Uuid::from_u128(7)), FlowId(Uuid::from_u128(8)), Uuid::from_u128(9));
        let session = SessionId::try_from("s").unwrap();
        let partitions = |tenant: &TenantId| {
            vec![
                ("task_partition", task_partition(tenant, task)),
                ("task", super::task(tenant, task, META).pk),
                ("journal", journal(tenant, task, "k").pk),
                ("flows_partition", flows_partition(tenant)),
                ("flow", super::flow(tenant, flow).pk),
                ("versions_partition", versions_partition(tenant, flow)),
                ("flow_version", flow_version(tenant, flow, "v").pk),
                ("endpoint", endpoint(tenant, "name").pk),
                ("keys_partition", keys_partition(tenant)),
                ("listed_key", listed_key(tenant, id).pk),
                ("rate", rate(tenant, id, 1).pk),
                ("usage_partition", usage_partition(tenant, "2026-01-31")),
                ("usage", usage(tenant, "2026-01-31", id).pk),
                ("session_partition", session_partition(tenant, flow, &session)),
                ("idempotency", idempotency(tenant, "k").pk),
                ("slots_partition", slots_partition(tenant)),
                ("slot", slot(tenant, 1).pk),
                ("data_key", data_key(tenant, 1).pk),
                ("variable_list", variable_list(tenant).pk),
                ("variable", variable(tenant, id).pk),
                ("callback_secret", callback_secret(tenant).pk),
            ]
        };
        for ((name, ours), (_, theirs)) in partitions(&tenant).into_iter().zip(partitions(&other)) {
            assert_eq!(ours.split('#').nth(1), Some("acme"), "{name}: {ours}");
            assert_eq!(theirs.split('#').nth(1), Some("acme-2"), "{name}: {theirs}");
        }
        // A function that is not in the list above makes no partition, or none of a tenant's.
        let without = [
            "attributes",
            "row",
            "task_of_partition",
            "parts_prefix",
            "list_sort",
            "slot_number",
            "scope_prefix",
            "state_sort", // sort keys and readers
            "open_partition",
            "open_shard", // the sweeper's index
            "key",        // the lookup
            "nothing",    // never there
        ];
        let source = include_str!("rows.rs").split("#[cfg(test)]").next().unwrap();
        let functions = source
            .lines()
            .filter_map(|line| line.trim_start().split_once("fn "))
            .map(|(_, rest)| rest.split('(').next().unwrap());
        let listed: Vec<_> = partitions(&tenant).into_iter().map(|(name, _)| name).chain(without).collect();
        for function in functions {
            assert!(listed.contains(&function), "`{function}` is not in the test's list");
        }
    }

    #[test]
    fn a_scope_never_runs_into_its_turns() {
        assert_eq!(scope_prefix("chat"), "chat#");
        assert_ne!(scope_prefix("a") + "b#c", scope_prefix("a#b") + "c");
        assert_ne!(scope_prefix("a#"), scope_prefix("a%23"));
        for scope in ["", "%state", "%state#a", "#state#"] {
            assert!(!state_sort("a").starts_with(&scope_prefix(scope)), "{scope}");
        }
    }

    #[test]
    fn a_poll_reads_neither_input_nor_journal() {
        for other in [INPUT, "J#0/llm#000001", &parts_prefix(RESULT, "0"), &parts_prefix(INPUT, "0")] {
            assert!(!(META..=RESULT).contains(&other), "{other}");
        }
        assert!((META..=RESULT).contains(&PROGRESS));
    }

    #[test]
    fn a_partition_tells_its_task() {
        let (tenant, task) = ("acme".parse().unwrap(), TaskId(Uuid::from_u128(7)));
        assert_eq!(task_of_partition(&task_partition(&tenant, task)), Some((tenant, task)));
        for other in ["", "T#", "T#acme", "T#acme#7", "F#acme#67e55044-10b1-426f-9247-bb680e5fe0c8"] {
            assert_eq!(task_of_partition(other), None, "{other}");
        }
    }

    #[test]
    fn sort_keys_of_records_and_their_parts_are_never_too_long() {
        let (tenant, task) = ("acme".parse().unwrap(), TaskId(Uuid::from_u128(7)));
        for length in [1, 900, 901, 5_000] {
            let record = journal(&tenant, task, &"k".repeat(length)).sk;
            assert!(record.starts_with(JOURNAL) && record.len() <= 902, "{length}");
            assert!(parts_prefix(&record, &"0".repeat(32)).len() + 3 <= 1024, "{length}");
        }
        assert_ne!(journal(&tenant, task, &"a".repeat(901)), journal(&tenant, task, &"b".repeat(901)));
    }

    #[test]
    fn open_tasks_are_spread_over_all_shards() {
        let id = |last: u8| TaskId(Uuid::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]));
        assert_eq!(open_partition(id(0)), "open#0");
        assert_eq!(open_partition(id(0xff)), "open#15");
    }
}
