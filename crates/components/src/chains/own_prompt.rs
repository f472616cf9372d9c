//! Prompts that a chain or a memory brings along itself, and the call of a model with one.

use millrace_engine::{ChatMessage, ChatModel, ChatRequest, Context, ErrorKind, Role, RunError, Template};

/// A prompt that stands in the code: who says what, with `{variables}`. A braces character is written twice.
pub(crate) type OwnPrompt = &'static [(Role, &'static str)];

/// The prompt with its variables filled.
///
/// # Errors
/// [`ErrorKind::Internal`] when the prompt has a variable that `values` has not: a fault in the code.
pub(crate) fn fill(prompt: OwnPrompt, values: &[(&str, &str)]) -> Result<Vec<ChatMessage>, RunError> {
    let value =
        |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let message = |(role, text): &(Role, &str)| {
        let filled = Template::parse(text).and_then(|template| template.fill(value));
        let content = filled.map_err(|_| {
            RunError::new(ErrorKind::Internal, "A prompt of our own is broken").because("its template")
        })?;
        Ok(ChatMessage::new(*role, content))
    };
    prompt.iter().map(message).collect()
}

/// What a model says to the prompt.
///
/// # Errors
/// What [`fill`] and the model fail with.
pub(crate) async fn ask(
    cx: &Context,
    llm: &dyn ChatModel,
    prompt: OwnPrompt,
    values: &[(&str, &str)],
) -> Result<String, RunError> {
    let request = ChatRequest::of(fill(prompt, values)?);
    Ok(llm.generate(cx, request).await?.text)
}
