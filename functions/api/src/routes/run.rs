//! Calls of 1.x flows (1.13 contract 2.2).

use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use millrace_engine::{InputType, Message, OutputSelection};
use millrace_runner::{Accepted, Answer, Call, Executed, Job, Options, RunnerError};
use millrace_store::{FlowId, FlowRecord, Principal, Scope, SessionId, Store, TenantId};
use serde_json::{Map, Value, json};

use super::process::session;
use crate::answer;
use crate::body::{Body, json_body};
use crate::call_variables;
use crate::error::ApiError;
use crate::form;
use crate::idempotency::Name;
use crate::json;
use crate::options;
use crate::request::Incoming;
use crate::respond;
use crate::validation::{Fault, Fields};

/// The body of a call. Every field may be left out.
struct RunRequest {
    call: Call,
    session: Option<SessionId>,
    /// An addition to Langflow's: whether the caller waits for the result.
    sync: bool,
    options: Options,
}

/// `POST /api/v1/run/{flow}`, by the flow's id or its endpoint name
///
/// A call that is queued, or cannot be waited for to its end, is 202 with its task, streamed or not.
pub(crate) async fn run(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let flow = incoming.param("flow").to_owned();
    let stream = stream(incoming.query())?;
    let Incoming { app, body, headers, id: request_id, trace, .. } = incoming;
    let (runner, body) = (&app.runner, value(body).await?);
    let name = Name::read(&headers, body.as_ref())?;
    let variables = call_variables::read(&headers)?;
    let may_redirect = caller.terms.scopes.allow(Scope::Deploy);
    let request = RunRequest::read(fields(body)?, runner.store().config().max_task_timeout)?;
    let flow = find(runner.store(), &caller.tenant, &flow).await?;
    let session = match request.session {
        Some(session) => session,
        None => SessionId::try_from(flow.id.to_string())
            .map_err(|_| ApiError::internal("a session id of our own"))?,
    };
    let idempotency = name.map(|name| name.of("run", flow.id));
    let options = Options { idempotency, request_id, trace, variables, may_redirect, ..request.options };
    let job = Job { tenant: caller.tenant, flow, session, call: request.call, options };
    if !request.sync {
        return Ok(answer::accepted(&runner.submit(&job).await.map_err(refused)?));
    }
    let Executed { task, session, ran } = runner.run_now(job).await.map_err(refused)?;
    let response = match answer::outcome(ran) {
        Some(Ok(answer)) if stream => respond::events(frames(&answer)),
        Some(Ok(answer)) => respond::ok(&answer.result),
        // The stream has begun, as it were: its errors are events.
        Some(Err(error)) if stream => respond::events(frame("error", &json!({"error": error.detail()}))),
        Some(Err(error)) => return Err(component_error(error).of_task(task)),
        None => return Ok(answer::accepted(&Accepted { task, session })),
    };
    Ok(respond::of_task(response, task))
}

async fn find(store: &Store, tenant: &TenantId, name: &str) -> Result<FlowRecord, ApiError> {
    let flow = match name.parse::<FlowId>() {
        Ok(id) => store.flow(tenant, id).await?,
        Err(_) => store.flow_by_name(tenant, name).await?,
    };
    flow.ok_or_else(|| ApiError::not_found(format!("Flow identifier {name} not found")))
}

fn refused(error: RunnerError) -> ApiError {
    match error {
        RunnerError::Flow(error) => component_error(error.into()),
        other => other.into(),
    }
}

/// Langflow puts JSON into the text of the detail.
fn component_error(error: ApiError) -> ApiError {
    let wrap = |message| json!({"message": message, "traceback": null, "description": null, "code": null, "suggestion": null});
    error.reworded(|message| wrap(message).to_string().into())
}

/// The query's `stream`.
fn stream(mut query: Fields) -> Result<bool, Vec<Fault>> {
    let stream = query.flag("stream");
    query.finish()?;
    Ok(stream.unwrap_or(false))
}

/// The body. Langflow reads JSON here whatever the content type says; unlike it, what cannot be read is refused
/// and not replaced by the default.
async fn value(body: Body) -> Result<Option<Value>, ApiError> {
    match body {
        Body::Other { content_type, bytes } if form::is_form(&content_type) => {
            form_value(&content_type, bytes).await.map(Some)
        }
        Body::Other { bytes, .. } => json_body(&bytes).map(Some),
        body => Ok(body.into_value()),
    }
}

fn fields(body: Option<Value>) -> Result<Fields, Vec<Fault>> {
    match body {
        None | Some(Value::Null) => Ok(Fields::embedded(None)),
        body => Fields::of(body, vec!["body".into()]),
    }
}

/// A form as the JSON it stands for: everything is text, but for the tweaks.
async fn form_value(content_type: &str, bytes: Bytes) -> Result<Value, ApiError> {
    let mut object = Map::new();
    for form::Part { name, bytes, .. } in form::parts(content_type, bytes).await? {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let value = match name.as_str() {
            "tweaks" if text.is_empty() => Value::Null,
            "tweaks" => json::parse(&text)
                .map_err(|error| Fault::syntax(vec!["body".into(), "tweaks".into()], &error))?,
            _ => text.into(),
        };
        object.insert(name, value);
    }
    Ok(object.into())
}

#[derive(Clone, Copy)]
enum OutputType {
    Named(&'static str),
    Any,
    Debug,
}

impl RunRequest {
    fn read(mut fields: Fields, longest: Duration) -> Result<Self, Vec<Fault>> {
        const INPUTS: [(&str, InputType); 3] =
            [("chat", InputType::Chat), ("text", InputType::Text), ("any", InputType::Any)];
        const OUTPUTS: [(&str, OutputType); 4] = [
            ("chat", OutputType::Named("chat")),
            ("text", OutputType::Named("text")),
            ("any", OutputType::Any),
            ("debug", OutputType::Debug),
        ];
        let input_value = fields.text("input_value");
        let input_type = fields.word("input_type", &INPUTS).unwrap_or_default();
        let output_type = fields.word("output_type", &OUTPUTS).unwrap_or(OutputType::Named("chat"));
        let component = fields.text("output_component").filter(|name| !name.is_empty());
        let tweaks = fields.object("tweaks").unwrap_or_default();
        let session = session(&mut fields);
        let sync = fields.flag("sync").unwrap_or(true);
        let options = options::read(&mut fields, longest);
        fields.finish()?;
        let output = match (component, output_type) {
            (Some(component), _) => OutputSelection::Component(component),
            (None, OutputType::Named(word)) => OutputSelection::Named(word.to_owned()),
            (None, OutputType::Any) => OutputSelection::Any,
            (None, OutputType::Debug) => OutputSelection::Debug,
        };
        Ok(Self { call: Call::Run { input_value, input_type, output, tweaks }, session, sync, options })
    }
}

/// The events of a run that has ended. They are Langflow's: JSON without the `data:` of server-sent events.
fn frames(answer: &Answer) -> String {
    let added = answer.messages.iter().map(|message| frame("add_message", &message.to_json()));
    let spoken = answer.messages.iter().filter(|message| message.sender == "Machine");
    let tokens = spoken.map(|Message { text, id, timestamp, .. }| {
        frame("token", &json!({"chunk": text, "id": id, "timestamp": timestamp}))
    });
    let end = frame("end", &json!({"result": answer.result}));
    added.chain(tokens).chain([end]).collect()
}

fn frame(event: &str, data: &Value) -> String {
    format!("{}\n\n", json!({"event": event, "data": data}))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn read(body: Value) -> Result<RunRequest, Value> {
        let refused = |faults: Vec<Fault>| ApiError::from(faults).parts().1.clone();
        RunRequest::read(Fields::embedded(Some(body)), HOUR).map_err(refused)
    }

    fn output(body: Value) -> OutputSelection {
        match read(body).ok().unwrap().call {
            Call::Run { output, .. } => output,
            Call::Process { .. } => unreachable!("a run is a run"),
        }
    }

    #[test]
    fn the_output_is_selected_by_type_or_component() {
        assert_eq!(output(json!({})), OutputSelection::Named("chat".into()));
        assert_eq!(output(json!({"output_type": "text"})), OutputSelection::Named("text".into()));
        assert_eq!(output(json!({"output_type": "any", "output_component": ""})), OutputSelection::Any);
        assert_eq!(output(json!({"output_type": "debug"})), OutputSelection::Debug);
        let component = output(json!({"output_type": "any", "output_component": "ChatOutput-x"}));
        assert_eq!(component, OutputSelection::Component("ChatOutput-x".into()));
    }

    #[test]
    fn what_langflow_would_replace_by_the_default_is_refused() {
        for (body, kind, field) in [
            (json!({"input_value": 5}), "string_type", "input_value"),
            (json!({"input_type": "voice"}), "literal_error", "input_type"),
            (json!({"output_type": 1}), "literal_error", "output_type"),
            (json!({"tweaks": []}), "dict_type", "tweaks"),
            (json!({"sync": "later"}), "bool_parsing", "sync"),
            (json!({"timeout": 3_601}), "less_than_equal", "timeout"),
        ] {
            let faults = read(body).err().unwrap();
            assert_eq!((&faults[0]["type"], &faults[0]["loc"][1]), (&json!(kind), &json!(field)));
        }
        let stream = |text: &str| stream(Fields::query(&[("stream".to_owned(), text.to_owned())])).ok();
        assert_eq!([stream("true"), stream("0"), stream("maybe")], [Some(true), Some(false), None]);
    }

    #[tokio::test]
    async fn bodies_are_json_or_forms() {
        let other = |content_type: &str, text: &str| Body::Other {
            content_type: content_type.to_owned(),
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        };
        let part = |name: &str, text: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
        };
        let parts = [("input_value", "hi"), ("tweaks", "{\"a\": {}}"), ("sync", "false"), ("timeout", "60")];
        let form: String =
            parts.iter().map(|(name, text)| part(name, text)).chain(["--b--\r\n".into()]).collect();
        let json = json!({"input_value": "hi", "tweaks": {"a": {}}, "sync": false, "timeout": 60});
        for body in [
            Body::Json(json.clone()),
            other("application/x-www-form-urlencoded", &json.to_string()),
            other("multipart/form-data; boundary=b", &form),
        ] {
            let fields = fields(value(body).await.unwrap()).ok().unwrap();
            let request = RunRequest::read(fields, HOUR).ok().unwrap();
            let Call::Run { input_value, tweaks, .. } = request.call else { panic!() };
            assert_eq!((input_value.as_deref(), tweaks.len()), (Some("hi"), 1));
            assert_eq!((request.sync, request.options.timeout), (false, Some(Duration::from_secs(60))));
        }
        assert!(fields(value(Body::Absent).await.unwrap()).is_ok());
        assert!(fields(Some(json!([1]))).is_err());
        assert_eq!(value(other("text/plain", "input")).await.err().unwrap().parts().0, 422);
    }

    #[test]
    fn a_stream_is_messages_then_tokens_then_the_end() {
        let message = |sender: &str, text: &str| Message { sender: sender.into(), ..Message::of(text) };
        let messages = vec![message("User", "hi"), message("Machine", "hello")];
        let text = frames(&Answer { result: json!({"session_id": "s", "outputs": []}), messages });
        let frames: Vec<Value> =
            text.split_terminator("\n\n").map(|f| serde_json::from_str(f).unwrap()).collect();
        let events: Vec<_> = frames.iter().map(|frame| frame["event"].as_str().unwrap()).collect();
        assert_eq!(events, ["add_message", "add_message", "token", "end"]);
        assert_eq!(frames[2]["data"]["chunk"], "hello");
        assert_eq!(frames[3]["data"]["result"]["session_id"], "s");
    }

    #[test]
    fn a_component_s_error_is_json_in_the_text() {
        let error = component_error(ApiError::new(http::StatusCode::BAD_GATEWAY, "no model"));
        let (status, detail) = error.parts();
        let inner: Value = serde_json::from_str(detail.as_str().unwrap()).unwrap();
        assert_eq!((status, &inner["message"], &inner["traceback"]), (502, &json!("no model"), &json!(null)));
    }
}
