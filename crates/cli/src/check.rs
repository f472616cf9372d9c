//! `millrace check`: what of an export will not run.

use anyhow::{Context, Result, bail};
use millrace_engine::{Plan, parse};
use serde_json::Value as Json;

use crate::args::Check;

pub(crate) fn run(args: &Check) -> Result<()> {
    let text = std::fs::read_to_string(&args.file)
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    let export: Json =
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", args.file.display()))?;
    let flow = parse(export.get("data").unwrap_or(&export))?;
    let (nodes, edges, dialect) = (flow.vertices.len(), flow.edges.len(), flow.dialect);
    let plan = Plan::new(flow, &millrace_components::registry(), args.strict)?;
    println!("{nodes} nodes, {edges} edges, dialect {dialect:?}");
    let warnings = plan.warnings();
    for warning in &warnings {
        println!("warning: {warning}");
    }
    let refused = warnings.iter().filter(|warning| warning.stops()).count();
    match refused {
        0 => println!("it runs"),
        n => bail!("{n} of its nodes will not run"),
    }
    Ok(())
}
