//! What the 1.x model components share: a text and a system message in, the model or its answer out.

use std::sync::Arc;

use millrace_engine::{
    Capability, ChatMessage, ChatModel, ChatRequest, Context, ErrorKind, Input, Message, Output, Outputs,
    Role, RunError, Value, output, text,
};

/// The input that is the person's text.
pub(crate) const INPUT: Input = text("input_value", "The person's text.");

/// The input that is the instructions.
pub(crate) const SYSTEM: Input = text("system_message", "Instructions.");

/// The outputs of each of them.
pub(crate) const OUTPUTS: &[Output] = &[output("text_output"), output("model_output")];

/// Gives the outputs that are wanted: the model itself, and the answer only where something reads it.
pub(crate) async fn outputs(
    cx: &Context,
    model: Arc<dyn ChatModel>,
    system: Option<String>,
    input: Option<String>,
) -> Result<Outputs, RunError> {
    let mut outputs = Outputs::none();
    // A vertex that feeds no other is asked for all it has, but a model without an input has no answer.
    let asked = cx.wants("text_output") && (input.is_some() || !cx.wants("model_output"));
    if asked {
        let message = answer(cx, model.as_ref(), system, input).await?;
        outputs = outputs.and("text_output", Value::Message(Box::new(message)));
    }
    if cx.wants("model_output") {
        outputs = outputs.and("model_output", Value::Capability(Capability::ChatModel(model)));
    }
    Ok(outputs)
}

async fn answer(
    cx: &Context,
    model: &dyn ChatModel,
    system: Option<String>,
    input: Option<String>,
) -> Result<Message, RunError> {
    let system = system.map(|content| ChatMessage::new(Role::System, content));
    let user = input.map(|content| ChatMessage::new(Role::User, content));
    let messages: Vec<_> = system.into_iter().chain(user).collect();
    if messages.is_empty() {
        return Err(RunError::new(
            ErrorKind::Input,
            "there is nothing to send: input and system message are empty",
        ));
    }
    let reply = model.generate(cx, ChatRequest::of(messages)).await?;
    let mut message = Message::of(reply.text);
    message.source.source = Some(model.name().to_owned());
    message.usage = Some(reply.usage);
    Ok(message)
}

/// The output of a model of 0.x.
pub(crate) fn capability(model: Arc<dyn ChatModel>) -> Outputs {
    Outputs::one("model", Value::Capability(Capability::ChatModel(model)))
}
