//! The page `docs/cost.md`, and the shorter print for a terminal. **No figure that is counted or priced is typed.**

use anyhow::{Result, bail};
use millrace_runner::heartbeat_period;

use super::model::{LEASE, RETENTION_DAYS, ROUND_TRIP_MS};
use super::print::{number, usd};
use super::report::{Report, low};
use super::terms::{Front, Terms};

const PAGE: &str = include_str!("page.md");
/// What a million tasks of the usual terms are meant to cost at most, in dollars.
const TARGET: f64 = 20.0;
/// What a synchronous call is meant to take of a core at most, engine, store and HTTP included. Milliseconds.
const CPU_BOUND_MS: f64 = 0.4;

/// The page.
///
/// # Errors
/// As the report's; and a place of the page that nothing fills.
pub(super) fn markdown(report: &Report<'_>) -> Result<String> {
    let (model, terms) = (report.model, report.terms);
    let (counts, cpu) = (&model.counts, model.measured.cpu_ms);
    let total = |terms: &Terms| Ok::<_, anyhow::Error>(usd(model.per_million(terms)?.total));
    let url = Terms { front: Front::FunctionUrl, ..terms };
    let slot = counts.slot()?;
    let filled = [
        ("terms", said(&terms)),
        ("region", model.prices.region.clone()),
        ("as_of", model.prices.as_of.clone()),
        ("total", total(&terms)?),
        ("fixed_total", usd(model.fixed(&terms)?.total)),
        ("target", usd(TARGET)),
        ("met", met(report)?),
        ("without_slots", total(&Terms { slots: false, ..terms })?),
        ("behind_url", total(&url)?),
        ("without_both", total(&Terms { slots: false, ..url })?),
        ("lowest", total(&low(terms))?),
        ("slot_units", number(slot.write_units)),
        ("beat_units", number(counts.heartbeat.write_units)),
        ("beat_seconds", number(heartbeat_period(LEASE).as_secs_f64())),
        ("lease_seconds", number(LEASE.as_secs_f64())),
        ("beats", number(model.billed(&terms)?.heartbeats)),
        ("log_bytes", number(model.billed(&terms)?.log_bytes.round())),
        ("stored_bytes", number(counts.stored_bytes)),
        ("metrics", counts.metrics.to_string()),
        ("round_trip", number(ROUND_TRIP_MS)),
        ("retention", number(RETENTION_DAYS)),
        ("measured_how", model.measured.how.clone()),
        ("cpu_task", number(cpu.task)),
        ("cpu_submit", number(cpu.submit)),
        ("cpu_poll", number(cpu.poll)),
        ("cpu_sync", number(cpu.sync)),
        ("cpu_bound", number(CPU_BOUND_MS)),
        ("key_minutes", usd(key_minutes(report)?)),
        ("parts_table", report.parts()?.markdown()),
        ("grid_table", report.grid()?.markdown()),
        ("sync_table", report.sync()?.markdown()),
        ("variants_table", report.variants()?.markdown()),
        ("fixed_table", report.fixed()?.markdown()),
        ("servers_table", report.servers()?.markdown()),
        ("counts_table", report.counts()?.markdown()),
        ("prices_table", report.prices().markdown()),
    ];
    let page = filled
        .iter()
        .fold(PAGE.to_owned(), |page, (name, value)| page.replace(&format!("<<{name}>>"), value));
    if let Some((_, rest)) = page.split_once("<<") {
        bail!("nothing fills <<{} of the page", rest.split('\n').next().unwrap_or_default());
    }
    Ok(page)
}

/// For a terminal.
///
/// # Errors
/// As the report's.
pub(super) fn text(report: &Report<'_>) -> Result<String> {
    let tables = [report.parts()?, report.fixed()?, report.servers()?, report.grid()?];
    let tables: Vec<String> = tables.iter().map(super::print::Table::text).collect();
    let prices = &report.model.prices;
    Ok(format!(
        "{}; prices of {}, {}\n\n{}\n\nThe last table is $ a million over wait, batch and polls. \
         --markdown tells how it is worked out and what is not counted.",
        said(&report.terms),
        prices.region,
        prices.as_of,
        tables.join("\n\n")
    ))
}

/// The terms, in words.
fn said(terms: &Terms) -> String {
    let front = match terms.front {
        Front::HttpApi => "an HTTP API",
        Front::FunctionUrl => "a Function URL",
    };
    let architecture = match terms.architecture {
        super::Architecture::Arm64 => "arm64",
        super::Architecture::X86_64 => "x86_64",
    };
    let (wait, memory) = (number(terms.wait), terms.memory);
    match terms.sync {
        true => format!("synchronous calls of {wait} s, {memory} MB, {architecture}, behind {front}"),
        false => format!(
            "queued tasks of {wait} s, batches of {}, polls: {}, {memory} MB, {architecture}, behind {front}, journal {}{}",
            terms.batch,
            terms.polls,
            terms.journal,
            if terms.slots { "" } else { ", no limit of tasks at once" },
        ),
    }
}

fn met(report: &Report<'_>) -> Result<String> {
    let total = report.model.per_million(&report.terms)?.total;
    Ok(match total <= TARGET {
        true => "met".to_owned(),
        false => format!("missed by {} $", usd(total - TARGET)),
    })
}

/// What a month costs in which a key is used every minute: a read and a write a minute, in each environment of the api.
fn key_minutes(report: &Report<'_>) -> Result<f64> {
    let prices = &report.model.prices;
    Ok((prices.of("dynamodb_write_unit")? + prices.of("dynamodb_read_unit")?) * 730.0 * 60.0)
}
