//! `millrace check`: what of an export runs, what does not and why, and which services it calls.

use anyhow::{Context, Result, bail};
use millrace_engine::{Plan, Report, ServiceReport, Warning, parse};
use serde_json::Value as Json;

use crate::args::Check;
use crate::output;

pub(crate) fn run(args: &Check) -> Result<()> {
    let text = std::fs::read_to_string(&args.file)
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    let export: Json =
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", args.file.display()))?;
    let report = report(export.get("data").unwrap_or(&export), args.strict);
    if args.json {
        output::line(serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&report)?;
    }
    match report.nodes.iter().filter(|node| !node.runs).count() {
        0 if report.runs => Ok(()),
        0 => bail!("this flow does not run"),
        n => bail!("{n} of its {} nodes will not run", report.nodes.len()),
    }
}

pub(crate) fn report(data: &Json, strict: bool) -> Report {
    let planned = parse(data).map_err(|error| (None, error)).and_then(|flow| {
        let dialect = flow.dialect;
        Plan::new(flow, &millrace_components::registry(), strict).map_err(|error| (Some(dialect), error))
    });
    match planned {
        Ok(plan) => plan.report(),
        Err((dialect, error)) => Report::broken(dialect, &Warning::Broken(error)),
    }
}

fn print(report: &Report) -> Result<()> {
    output::line(format_args!("{} nodes, dialect {}", report.nodes.len(), report.dialect))?;
    for node in &report.nodes {
        let mark = if node.runs { "runs" } else { "REFUSED" };
        let why = node.why.as_deref().unwrap_or(&node.id);
        output::line(format_args!("  {mark:7} {} {why}", node.kind))?;
    }
    for warning in &report.warnings {
        output::line(format_args!("warning: {warning}"))?;
    }
    if report.services.is_empty() {
        output::line("calls no service outside")?;
    }
    report.services.iter().try_for_each(print_service)?;
    if report.runs { output::line("it runs") } else { Ok(()) }
}

fn print_service(service: &ServiceReport) -> Result<()> {
    let address = service.address.as_deref().unwrap_or("an address that only the run tells");
    output::line(format_args!("calls {} at {address} ({})", service.service, service.nodes.join(", ")))
}
