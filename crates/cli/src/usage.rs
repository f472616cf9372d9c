//! `millrace usage`: what the key's tenant used, by the day.

use anyhow::Result;
use serde_json::Value as Json;

use crate::client::{Client, with_query};
use crate::client_args::Usage as Args;
use crate::exit::interruptible;
use crate::output;
use crate::profile::{Variables, resolve};

pub(crate) async fn run(args: Args) -> Result<()> {
    let client = Client::new(&resolve(&args.target, &Variables::read())?)?;
    let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string());
    let path = with_query("/api/v1/usage", &[("from", day(args.from)), ("to", day(args.to))]);
    let usage = interruptible(client.get(path), || "interrupted".to_owned()).await?;
    if args.target.json {
        return output::json(&usage);
    }
    let days = usage["days"].as_array().map(Vec::as_slice).unwrap_or_default();
    output::line(
        "day         succeeded  failed  cancelled   tokens in  tokens out   billed ms  USD by estimate",
    )?;
    days.iter().try_for_each(|day| output::line(row(day)))
}

fn row(day: &Json) -> String {
    let number = |value: &Json| value.as_u64().unwrap_or_default();
    let tasks = &day["tasks"];
    format!(
        "{}  {:9}  {:6}  {:9}  {:10}  {:10}  {:10}  {:.6}",
        day["date"].as_str().unwrap_or_default(),
        number(&tasks["succeeded"]),
        number(&tasks["failed"]),
        number(&tasks["cancelled"]),
        number(&day["input"]),
        number(&day["output"]),
        number(&day["billed_ms"]),
        day["cost_usd"].as_f64().unwrap_or_default(),
    )
}
