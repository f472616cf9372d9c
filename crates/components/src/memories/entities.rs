//! Which people, places and things a person speaks of, as a model reads it out.

use millrace_engine::{ChatModel, Context, Role, RunError};

use crate::chains::own_prompt::{OwnPrompt, ask};

/// Names taken of one turn at most, the first: each may cost a call.
const MAX_NAMES: usize = 20;

/// Our own words; variables and role as in LangChain. `NONE` and commas are what the answer is read by.
const PROMPT: OwnPrompt = &[(
    Role::User,
    "Read the conversation of a person and an AI, and list the proper names in what the person said last: of \
     people, places, products, anything that is written with a capital. What was said before is there only \
     because a word such as \"she\" or \"it\" may stand for a name in it; names that occur there alone are not \
     listed.\n\nAnswer with the names alone, in one line, separated by commas, or with NONE if there are none.\n\n\
     For example:\nSaid before:\nHuman: How was the trip?\nAI: I do not travel. How was yours?\n\
     Said last:\nHuman: Long. I met Ada in Turin and we ate at Lungo Po.\n\
     Names: Ada, Turin, Lungo Po\n(end of the example)\n\n\
     Said before:\n{history}\nSaid last:\nHuman: {input}\n\nNames:",
)];

/// The names in an input, in order, each once.
///
/// # Errors
/// What the model fails with.
pub(crate) async fn named(
    cx: &Context,
    llm: &dyn ChatModel,
    history: &str,
    input: &str,
) -> Result<Vec<String>, RunError> {
    let reply = ask(cx, llm, PROMPT, &[("history", history), ("input", input)]).await?;
    Ok(listed(&reply))
}

pub(super) fn listed(reply: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    if reply.trim() == "NONE" {
        return names;
    }
    for name in reply.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if names.len() < MAX_NAMES && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn names_stand_between_commas() {
        let cases: [(&str, &[&str]); 4] =
            [(" NONE\n", &[]), ("", &[]), ("Ada, Turin,Ada , ", &["Ada", "Turin"]), ("a\nb", &["a\nb"])];
        for (reply, names) in cases {
            assert_eq!(listed(reply), names, "{reply}");
        }
        let many = (0..30).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(listed(&many).len(), 20);
    }
}
