//! Calls of 1.x flows (1.13 contract 2.2).

use axum::response::Response;
use bytes::Bytes;
use millrace_engine::{InputType, Message, OutputSelection};
use millrace_runner::{Answer, Call, Executed, Job, RunnerError};
use millrace_store::{FlowId, FlowRecord, Principal, SessionId, Store, TenantId};
use serde_json::{Map, Value, json};

use super::process::session;
use crate::body::{Body, json_body};
use crate::error::ApiError;
use crate::form;
use crate::json;
use crate::request::Incoming;
use crate::respond;
use crate::validation::{Fault, Fields, Lax, UNCLEAR_BOOL, lax_bool};

/// The body of a call. Every field may be left out.
struct RunRequest {
    call: Call,
    session: Option<SessionId>,
}

/// `POST /api/v1/run/{flow}`, by the flow's id or its endpoint name
pub(crate) async fn run(incoming: Incoming, caller: Principal) -> Result<Response, ApiError> {
    let name = incoming.param("flow").to_owned();
    let stream = stream(incoming.query("stream"))?;
    let runner = &incoming.app.runner;
    let request = RunRequest::read(fields(incoming.body).await?)?;
    let flow = find(runner.store(), &caller.tenant, &name).await?;
    let session = match request.session {
        Some(session) => session,
        None => SessionId::try_from(flow.id.to_string()).map_err(ApiError::internal)?,
    };
    let job = Job { tenant: caller.tenant, flow, session, call: request.call };
    let Executed { task, outcome } = match runner.run_now(job).await {
        Err(RunnerError::Flow(error)) => return Err(component_error(error.into())),
        other => other?,
    };
    let response = match outcome {
        Ok(answer) if stream => respond::events(frames(&answer)),
        Ok(answer) => respond::ok(&answer.result),
        // The stream has begun, as it were: its errors are events.
        Err(error) if stream => respond::events(frame("error", &json!({"error": error.message}))),
        Err(error) => return Err(component_error(error.into()).of_task(task)),
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

/// Langflow puts JSON into the text of the detail.
fn component_error(error: ApiError) -> ApiError {
    let wrap = |message| json!({"message": message, "traceback": null, "description": null, "code": null, "suggestion": null});
    error.reworded(|message| wrap(message).to_string().into())
}

/// The query's `stream`.
fn stream(text: Option<&str>) -> Result<bool, ApiError> {
    let Some(text) = text else { return Ok(false) };
    let place = || vec!["query".into(), "stream".into()];
    match lax_bool(&text.into()) {
        Lax::Bool(stream) => Ok(stream),
        _ => Err(Fault::new("bool_parsing", place(), UNCLEAR_BOOL, text.into()).into()),
    }
}

/// The body's fields. Langflow reads JSON here whatever the content type says; unlike it, what cannot be
/// read is refused and not replaced by the default.
async fn fields(body: Body) -> Result<Fields, ApiError> {
    let value = match body {
        Body::Other { content_type, bytes } if form::is_form(&content_type) => {
            Some(form_value(&content_type, bytes).await?)
        }
        Body::Other { bytes, .. } => Some(json_body(&bytes)?),
        body => body.into_value(),
    };
    match value {
        None | Some(Value::Null) => Ok(Fields::embedded(None)),
        value => Ok(Fields::of(value, vec!["body".into()])?),
    }
}

/// A form as the JSON it stands for: everything is text, but for the tweaks.
async fn form_value(content_type: &str, bytes: Bytes) -> Result<Value, ApiError> {
    let mut object = Map::new();
    for (name, bytes) in form::parts(content_type, bytes).await? {
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
    fn read(mut fields: Fields) -> Result<Self, Vec<Fault>> {
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
        fields.finish()?;
        let output = match (component, output_type) {
            (Some(component), _) => OutputSelection::Component(component),
            (None, OutputType::Named(word)) => OutputSelection::Named(word.to_owned()),
            (None, OutputType::Any) => OutputSelection::Any,
            (None, OutputType::Debug) => OutputSelection::Debug,
        };
        Ok(Self { call: Call::Run { input_value, input_type, output, tweaks }, session })
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

    fn read(body: Value) -> Result<RunRequest, Value> {
        let refused = |faults: Vec<Fault>| ApiError::from(faults).parts().1.clone();
        RunRequest::read(Fields::embedded(Some(body))).map_err(refused)
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
        ] {
            let faults = read(body).err().unwrap();
            assert_eq!((&faults[0]["type"], &faults[0]["loc"][1]), (&json!(kind), &json!(field)));
        }
        assert!(stream(Some("maybe")).is_err());
        for (text, expected) in [(Some("true"), true), (Some("0"), false), (None, false)] {
            assert_eq!(stream(text).ok(), Some(expected), "{text:?}");
        }
    }

    #[tokio::test]
    async fn bodies_are_json_or_forms() {
        let other = |content_type: &str, text: &str| Body::Other {
            content_type: content_type.to_owned(),
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        };
        let form = "--b\r\nContent-Disposition: form-data; name=\"input_value\"\r\n\r\nhi\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"tweaks\"\r\n\r\n{\"a\": {}}\r\n--b--\r\n";
        for body in [
            Body::Json(json!({"input_value": "hi", "tweaks": {"a": {}}})),
            other("application/x-www-form-urlencoded", "{\"input_value\": \"hi\", \"tweaks\": {\"a\": {}}}"),
            other("multipart/form-data; boundary=b", form),
        ] {
            let request = RunRequest::read(fields(body).await.unwrap()).ok().unwrap();
            let Call::Run { input_value, tweaks, .. } = request.call else { panic!() };
            assert_eq!((input_value.as_deref(), tweaks.len()), (Some("hi"), 1));
        }
        assert!(fields(Body::Absent).await.is_ok());
        assert_eq!(fields(Body::Json(json!([1]))).await.err().unwrap().parts().0, 422);
        assert_eq!(fields(other("text/plain", "input")).await.err().unwrap().parts().0, 422);
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
