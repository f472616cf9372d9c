//! `millrace flow`: what is kept on the installation.

use anyhow::Result;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::client::{Call, Client, find_flow, flows};
use crate::client_args::{Flow as Args, FlowAction, Target};
use crate::exit::interruptible;
use crate::output::{self, Progress};
use crate::profile::{Variables, resolve};

pub(crate) async fn run(args: Args) -> Result<()> {
    let client = Client::new(&resolve(&args.target, &Variables::read())?)?;
    let work = async {
        match &args.action {
            FlowAction::List => list(&client, &args.target).await,
            FlowAction::Get { flow } => output::json(&find_flow(&client, flow).await?),
            FlowAction::Delete { flow } => delete(&client, &args.target, flow).await,
        }
    };
    interruptible(work, || "interrupted".to_owned()).await
}

async fn list(client: &Client, target: &Target) -> Result<()> {
    let flows = flows(client).await?;
    if target.json {
        let named = ["id", "name", "endpoint_name", "description", "updated_at", "warnings"];
        let short = |flow: &Json| -> Json {
            named.iter().map(|name| ((*name).to_owned(), flow[*name].clone())).collect()
        };
        return output::json(&flows.iter().map(short).collect());
    }
    for flow in &flows {
        let text = |name: &str| flow[name].as_str().unwrap_or_default();
        let endpoint = match text("endpoint_name") {
            "" => String::new(),
            name => format!("  ({name})"),
        };
        output::line(format_args!("{}  {}  {}{endpoint}", text("id"), text("updated_at"), text("name")))?;
    }
    Ok(())
}

async fn delete(client: &Client, target: &Target, name: &str) -> Result<()> {
    let flow = find_flow(client, name).await?;
    let id = flow["id"].as_str().and_then(|id| id.parse::<Uuid>().ok()).unwrap_or_default();
    client.send(Call::new("DELETE", format!("/api/v1/flows/{id}"))).await?;
    if target.json {
        return output::json(&json!({"id": id, "deleted": true}));
    }
    Progress::new(target).say(format_args!("Flow {id}, {}, is deleted.", flow["name"]));
    Ok(())
}
