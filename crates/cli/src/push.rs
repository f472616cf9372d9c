//! `millrace push`: exported flows onto an installation.
//!
//! An installation gives a flow an id of its own, so the same export is recognised by that of its flow there which has,
//! in this order, the id in the export, its endpoint name, its name.

mod export;

use anyhow::Result;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use self::export::Export;
use crate::check;
use crate::client::{Call, Client, find_flow, flow_named, flows};
use crate::client_args::Push as Args;
use crate::exit::{Exit, Failure, interruptible};
use crate::output::{self, Progress};
use crate::profile::{Variables, resolve};

pub(crate) async fn run(args: Args) -> Result<()> {
    let client = Client::new(&resolve(&args.target, &Variables::read())?)?;
    let exports = export::read(&args.file, args.name.as_deref())?;
    if args.flow.is_some() && exports.len() > 1 {
        let sentence = format!("{} has {} flows; --flow names one", args.file.display(), exports.len());
        return Err(Failure::usage(sentence).into());
    }
    if args.strict {
        exports.iter().try_for_each(must_run)?;
    }
    interruptible(push(&client, &args, &exports), || {
        "interrupted; `millrace flow list` shows what is there".to_owned()
    })
    .await
}

async fn push(client: &Client, args: &Args, exports: &[Export]) -> Result<()> {
    let mut progress = Progress::new(&args.target);
    progress.show("Looking for the flow…");
    // Where one cannot be told from others, none is uploaded.
    let places = places(client, args, exports).await?;
    let mut pushed = Vec::new();
    for (number, (export, place)) in exports.iter().zip(&places).enumerate() {
        progress.show(format!("Uploading {} ({} of {})…", export.name(), number + 1, exports.len()));
        let flow = upload(client, export, place.as_deref()).await.map_err(|error| {
            let before = if number > 0 { format!(" ({number} before it are there)") } else { String::new() };
            error.context(format!("'{}' is not uploaded{before}", export.name()))
        })?;
        for line in told(&flow, place.is_none()) {
            progress.say(line);
        }
        match args.target.json {
            true => pushed.push(described(&flow, place.is_none())),
            false => output::line(flow["id"].as_str().unwrap_or_default())?,
        }
    }
    match pushed.as_slice() {
        [] => Ok(()),
        [one] => output::json(one),
        _ => output::json(&Json::Array(pushed)),
    }
}

/// For each export the id of the flow that it updates, if it is no new one.
async fn places(client: &Client, args: &Args, exports: &[Export]) -> Result<Vec<Option<String>>> {
    if args.new {
        return Ok(vec![None; exports.len()]);
    }
    if let Some(name) = &args.flow {
        let flow = find_flow(client, name).await?;
        return Ok(vec![flow["id"].as_str().map(str::to_owned)]);
    }
    let there = flows(client).await?;
    let id =
        |export: &Export| Ok(place(&there, export)?.and_then(|flow| flow["id"].as_str()).map(str::to_owned));
    exports.iter().map(id).collect()
}

/// The flow that an export is a version of.
fn place<'a>(there: &'a [Json], export: &Export) -> Result<Option<&'a Json>> {
    let same = export.id.as_ref().and_then(|id| there.iter().find(|flow| flow["id"] == id.as_str()));
    if same.is_some() {
        return Ok(same);
    }
    let endpoint = export.body["endpoint_name"].as_str().filter(|name| !name.is_empty());
    let served = endpoint.and_then(|name| there.iter().find(|flow| flow["endpoint_name"] == name));
    match served {
        Some(flow) => Ok(Some(flow)),
        None => {
            // A flow that another endpoint leads to is another flow.
            let free: Vec<Json> = there
                .iter()
                .filter(|flow| endpoint.is_none() || flow["endpoint_name"].is_null())
                .cloned()
                .collect();
            let id = flow_named(&free, export.name()).map_err(ambiguous)?.map(|flow| flow["id"].clone());
            Ok(id.and_then(|id| there.iter().find(|flow| flow["id"] == id)))
        }
    }
}

fn ambiguous(error: anyhow::Error) -> anyhow::Error {
    Failure::usage(format!("{error}. Say which with --flow, or --new")).into()
}

async fn upload(client: &Client, export: &Export, place: Option<&str>) -> Result<Json> {
    match place.and_then(|id| id.parse::<Uuid>().ok()) {
        Some(id) => client.send(Call::new("PATCH", format!("/api/v1/flows/{id}")).body(&export.body)).await,
        None => client.send(Call::new("POST", "/api/v1/flows/").body(&export.body)).await,
    }
}

/// Refuses what will not run, by what this command knows.
fn must_run(export: &Export) -> Result<()> {
    let report = check::report(export.data(), false);
    if report.runs {
        return Ok(());
    }
    let why = report
        .nodes
        .iter()
        .filter(|node| !node.runs)
        .map(|node| format!("{}: {}", node.kind, node.why.as_deref().unwrap_or("it does not run")));
    let why: Vec<String> = why.chain(report.warnings).collect();
    let sentence = format!("'{}' will not run, and nothing is uploaded: {}", export.name(), why.join("; "));
    Err(Failure::new(Exit::Failed, sentence).into())
}

/// What the installation says of a flow, line by line.
fn told(flow: &Json, is_new: bool) -> Vec<String> {
    let (name, report) = (flow["name"].as_str().unwrap_or_default(), &flow["report"]);
    let list = |part: &str| report[part].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |value: &Json, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let mut lines = vec![format!("'{name}' is {}.", if is_new { "new" } else { "updated" })];
    for node in list("nodes").iter().filter(|node| node["runs"] == false) {
        lines.push(format!("  REFUSED {} {}", text(node, "type"), text(node, "why")));
    }
    let warnings = list("warnings").iter().filter_map(Json::as_str);
    lines.extend(warnings.map(|warning| format!("  warning: {warning}")));
    for service in list("services") {
        let address = service["address"].as_str().unwrap_or("an address that only the run tells");
        lines.push(format!("  calls {} at {address}", text(service, "service")));
    }
    for moved in flow["moved_credentials"].as_array().into_iter().flatten() {
        let values = moved.as_object().into_iter().flatten();
        let values: Vec<String> =
            values.map(|(name, value)| format!("{name} {}", crate::follow::shown(value))).collect();
        lines.push(format!("  a credential is a variable now: {}", values.join(", ")));
    }
    lines.push(format!("  it {}", if report["runs"] == true { "runs" } else { "DOES NOT RUN" }));
    lines
}

/// What a script is told: all but the data.
fn described(flow: &Json, is_new: bool) -> Json {
    json!({
        "id": flow["id"],
        "name": flow["name"],
        "endpoint_name": flow["endpoint_name"],
        "created": is_new,
        "warnings": flow.get("warnings").unwrap_or(&json!([])),
        "report": flow["report"],
        "moved_credentials": flow.get("moved_credentials").unwrap_or(&json!([])),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(id: Option<&str>, name: &str, endpoint: Option<&str>) -> Export {
        Export { id: id.map(str::to_owned), body: json!({"name": name, "endpoint_name": endpoint}) }
    }

    #[test]
    fn the_same_export_is_the_same_flow() {
        let there = [
            json!({"id": "1", "name": "a", "endpoint_name": "ea"}),
            json!({"id": "2", "name": "b"}),
            json!({"id": "3", "name": "b", "endpoint_name": "eb"}),
            json!({"id": "4", "name": "c"}),
        ];
        let id = |export: Export| place(&there, &export).map(|flow| flow.map(|flow| flow["id"].clone()));
        for (export, expected) in [
            (export(Some("4"), "a", Some("ea")), Some("4")),
            (export(Some("elsewhere"), "x", Some("ea")), Some("1")),
            (export(None, "a", None), Some("1")),
            (export(None, "a", Some("new")), None),
            (export(None, "b", Some("new")), Some("2")),
            (export(None, "c", None), Some("4")),
            (export(None, "d", None), None),
        ] {
            assert_eq!(id(export.clone()).unwrap(), expected.map(Json::from), "{export:?}");
        }
        let error = id(export(None, "b", None)).unwrap_err();
        assert_eq!(Failure::exit_of(&error), Exit::Usage);
        assert!(error.to_string().contains("name one by its id: 2, 3"), "{error}");
    }

    #[test]
    fn a_report_names_what_does_not_run() {
        let flow = json!({
            "name": "a",
            "report": {
                "runs": false,
                "nodes": [{"type": "Good", "runs": true}, {"type": "Bad", "runs": false, "why": "no reason"}],
                "warnings": ["careful"],
                "services": [{"service": "OpenAI", "address": null, "nodes": ["x"]}],
            },
        });
        let lines = told(&flow, true);
        assert_eq!(
            lines,
            [
                "'a' is new.",
                "  REFUSED Bad no reason",
                "  warning: careful",
                "  calls OpenAI at an address that only the run tells",
                "  it DOES NOT RUN"
            ]
        );
    }
}
