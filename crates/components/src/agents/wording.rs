//! What the agents tell their models, in our own words; variables and roles as in LangChain 0.1.

/// Before the tools of a zero-shot agent.
pub(super) const ZERO_SHOT_PREFIX: &str =
    "Answer the question below as well as you can. These tools are at your disposal:";

/// After the tools of a zero-shot agent; variable `tool_names`.
pub(super) const ZERO_SHOT_FORMAT: &str = "Write in this format:

Question: the question that is to be answered
Thought: what you think should be done next
Action: the tool to use, one of [{tool_names}]
Action Input: what the tool is given
Observation: what the tool answers
... (Thought, Action, Action Input and Observation may repeat as often as needed)
Thought: I know the answer now
Final Answer: the answer to the question";

/// The end of a zero-shot agent's prompt.
pub(super) const ZERO_SHOT_SUFFIX: &str = "Now begin.\n\nQuestion: {input}\nThought:{agent_scratchpad}";

/// Asks for a text to be put right; variables `error` and `completion`.
pub(super) const REPAIR: &str = "A program was to read the text below, and could not.

What the program expects: one JSON blob between lines of three backticks, with the keys \"action\" and \
\"action_input\".

The text:
--------------
{completion}
--------------

What the program says:
--------------
{error}
--------------

Write the text again so that it can be read, and nothing else:";
