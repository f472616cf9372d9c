//! `millrace run`: a flow is called, and its end waited for or not.

use anyhow::Result;
use millrace_engine::{Dialect, parse};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::client::{Call, Client, find_flow};
use crate::client_args::Run as Args;
use crate::exit::{Failure, interruptible};
use crate::follow::{shown, wait};
use crate::json_argument::standard_input;
use crate::output::{self, Progress};
use crate::profile::{Variables, resolve};

/// What the caller gives the flow.
enum Input {
    /// By name, as the flow calls it.
    Named(Json),
    /// A text whose name the flow knows.
    Text(String),
}

pub(crate) async fn run(args: Args) -> Result<()> {
    // Everything that may be wrong with the command line is found before anything is sent.
    let client = Client::new(&resolve(&args.target, &Variables::read())?)?;
    let input = input(&args)?;
    let body = body(&args)?;
    let mut progress = Progress::new(&args.target);
    let called = async {
        progress.show("Calling the flow…");
        call(&client, &args, input, body).await
    };
    let interrupted =
        || "stopped waiting; a task that was made goes on: `millrace task list` shows it".to_owned();
    let answer = interruptible(called, interrupted).await;
    if let Err(error) = &answer
        && args.target.json
        && let Some(task) = Failure::task_of(error)
    {
        output::json(&json!({"task_id": task, "status": "FAILURE", "error": error.to_string()}))?;
    }
    let answer = answer?;
    finish(&client, &args, progress, answer).await
}

async fn call(client: &Client, args: &Args, input: Input, mut body: Map<String, Json>) -> Result<Json> {
    let (id, inputs) = match (args.flow.parse::<Uuid>(), input) {
        // Without a question to the installation, for which a key needs the scope `read`.
        (Ok(id), Input::Named(inputs)) => (id.to_string(), inputs),
        (_, input) => {
            let flow = find_flow(client, &args.flow).await?;
            let id = flow["id"].as_str().unwrap_or_default().to_owned();
            (id, named(input, &flow["data"]))
        }
    };
    body.insert("inputs".to_owned(), inputs);
    let own = Uuid::new_v4().to_string();
    let name = args.idempotency_key.as_deref().unwrap_or(&own);
    let body = Json::Object(body);
    client.send(Call::new("POST", format!("/api/v1/process/{id}")).body(&body).named(name)).await
}

/// A text under the name that flows of this dialect have for it.
fn named(input: Input, data: &Json) -> Json {
    match input {
        Input::Named(inputs) => inputs,
        Input::Text(text) => match parse(data).map(|flow| flow.dialect) {
            Ok(Dialect::V1) => json!({"input_value": text}),
            _ => json!({"input": text}),
        },
    }
}

fn input(args: &Args) -> Result<Input> {
    let text = match (args.input.as_deref(), &args.inputs) {
        (None, None) => return Ok(Input::Named(json!({}))),
        (None, Some(inputs)) => {
            let inputs = inputs.read("--inputs")?;
            let is_list = inputs.as_array().is_some_and(|list| list.iter().all(Json::is_object));
            return match inputs.is_object() || is_list {
                true => Ok(Input::Named(inputs)),
                false => Err(Failure::usage("--inputs has to be a JSON object or a list of objects").into()),
            };
        }
        // The newline at the end is the shell's, not the text's.
        (Some("-"), _) => standard_input("--input")?.trim_end_matches(['\n', '\r']).to_owned(),
        (Some(text), _) => text.to_owned(),
    };
    Ok(match &args.input_name {
        Some(name) => Input::Named(Json::Object(Map::from_iter([(name.clone(), text.into())]))),
        None => Input::Text(text),
    })
}

/// The body of the call but for its inputs.
fn body(args: &Args) -> Result<Map<String, Json>> {
    let tweaks = args.tweaks.as_ref().map(|tweaks| tweaks.object("--tweaks")).transpose()?;
    let fields = [
        ("sync", Some(json!(!args.detach))),
        ("session_id", args.session.clone().map(Json::from)),
        ("tweaks", tweaks),
        ("timeout", args.timeout.map(Json::from)),
        ("budget", args.budget.map(Json::from)),
        ("journal", args.journal.clone().map(Json::from)),
        ("callback_url", args.callback_url.clone().map(Json::from)),
    ];
    Ok(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

/// Prints what has come of the call, now or when the task has ended.
async fn finish(client: &Client, args: &Args, mut progress: Progress, answer: Json) -> Result<()> {
    let task = answer["task"]["id"].as_str().unwrap_or_default();
    let is_open = answer["status"] == "PENDING";
    if args.detach {
        progress.clear();
        let accepted =
            json!({"task_id": task, "session_id": answer["session_id"], "status": answer["status"]});
        return if args.target.json { output::json(&accepted) } else { output::line(task) };
    }
    if is_open {
        progress.say(format_args!("The call goes on as task {task}."));
        return wait(client, task, args.wait_seconds, (&args.target, progress)).await;
    }
    progress.say(format_args!("Session {}", answer["session_id"].as_str().unwrap_or_default()));
    drop(progress);
    match args.target.json {
        true => output::json(&json!({
            "task_id": task, "session_id": answer["session_id"], "status": "SUCCESS", "result": answer["result"],
        })),
        false => output::line(shown(&answer["result"])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Args {
        use clap::Parser;
        let words = [&["millrace", "run", "flow"], words].concat();
        match crate::args::Args::try_parse_from(words).unwrap().command {
            crate::args::Command::Run(run) => run,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_body_has_what_was_said() {
        let body = |words: &[&str]| Json::Object(body(&args(words)).unwrap());
        assert_eq!(body(&[]), json!({"sync": true}));
        assert_eq!(
            body(&["--detach", "--session", "s", "--tweaks", "{\"n\": {\"f\": 1}}", "--timeout", "9"]),
            json!({"sync": false, "session_id": "s", "tweaks": {"n": {"f": 1}}, "timeout": 9})
        );
        assert_eq!(
            body(&["--budget", "0.5", "--journal", "off", "--callback-url", "https://a.example"]),
            json!({"sync": true, "budget": 0.5, "journal": "off", "callback_url": "https://a.example"})
        );
    }

    #[test]
    fn a_text_has_the_name_that_the_flow_knows() {
        let named = |words: &[&str], data: &Json| super::named(input(&args(words)).unwrap(), data);
        let old: Json = serde_json::from_str(crate::demo::FLOW).unwrap();
        let new = include_str!("../../../tests/flows/v1_text_in_text_out/flow.json");
        let new: Json = serde_json::from_str(new).unwrap();
        assert_eq!(named(&["--input", "a"], &old["data"]), json!({"input": "a"}));
        assert_eq!(named(&["--input", "a"], &new["data"]), json!({"input_value": "a"}));
        assert_eq!(named(&["--input", "a", "--input-name", "text"], &old["data"]), json!({"text": "a"}));
        assert_eq!(named(&["--inputs", "[{\"x\": 1}]"], &old["data"]), json!([{"x": 1}]));
        assert_eq!(named(&[], &old["data"]), json!({}));
        let error = input(&args(&["--inputs", "[1]"])).err().unwrap();
        assert_eq!(error.to_string(), "--inputs has to be a JSON object or a list of objects");
    }
}
