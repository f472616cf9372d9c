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

/// The prompt of an agent that looks things up in documents, with worked examples of our own.
pub(super) const DOCSTORE: &str = "Answer by looking things up, one step at a time. Search[term] opens the \
article on a term, Lookup[words] finds the next place in it where the words stand, Finish[answer] ends.

Question: Is the river that flows through Turin longer than the one that flows through Rome?
Thought: I need the rivers first. I search Turin.
Action: Search[Turin]
Observation: Turin is a city in the north of Italy, on the western bank of the Po.
Thought: The Po flows through Turin. I look for its length.
Action: Search[Po (river)]
Observation: The Po is a river that flows eastward across the north of Italy, for 652 km.
Thought: The Po is 652 km long. Rome lies on the Tiber. I search that.
Action: Search[Tiber]
Observation: The Tiber rises in the Apennines and reaches the sea after 406 km.
Thought: 652 km are more than 406 km, so the answer is yes.
Action: Finish[yes]

Question: {input}
{agent_scratchpad}";

/// The prompt of an agent that asks itself follow-up questions, with worked examples of our own.
pub(super) const SELF_ASK: &str = "Question: Was the architect of the Sagrada Familia older than Picasso?
Are followup questions needed here: Yes.
Follow up: Who was the architect of the Sagrada Familia?
Intermediate answer: Antoni Gaudi.
Follow up: When was Antoni Gaudi born?
Intermediate answer: In 1852.
Follow up: When was Pablo Picasso born?
Intermediate answer: In 1881.
So the final answer is: Yes

Question: {input}
Are followup questions needed here:{agent_scratchpad}";

/// Before the tools of a conversational agent.
pub(super) const CONVERSATIONAL_PREFIX: &str = "You are an assistant who talks with a person about anything \
and helps where you can. You answer from what you know and from what the conversation says, and use a tool \
where that is not enough.

TOOLS:
------

These tools are at your disposal:";

/// After the tools of a conversational agent; variable `tool_names`.
pub(super) const CONVERSATIONAL_FORMAT: &str = "To use a tool, write exactly this:

```
Thought: Do I need to use a tool? Yes
Action: the tool to use, one of [{tool_names}]
Action Input: what the tool is given
Observation: what the tool answers
```

To answer the person, or if you need no tool, you must write exactly this:

```
Thought: Do I need to use a tool? No
AI: [your answer]
```";

/// The end of a conversational agent's prompt.
pub(super) const CONVERSATIONAL_SUFFIX: &str = "Now begin.

The conversation so far:
{chat_history}

The person says: {input}
{agent_scratchpad}";

/// After the tools of a chat agent; variable `tool_names`.
pub(super) const CHAT_FORMAT: &str =
    "You use a tool by writing a JSON blob with two keys: `action`, the name \
of the tool, and `action_input`, what it is given.

The value of \"action\" must be one of: {tool_names}

A $JSON_BLOB holds ONE action, never a list. This is a valid one:

```
{{
  \"action\": $TOOL_NAME,
  \"action_input\": $INPUT
}}
```

Always write in this format:

Question: the question that is to be answered
Thought: what you think should be done next
Action:
```
$JSON_BLOB
```
Observation: what the tool answers
... (Thought, Action and Observation may repeat as often as needed)
Thought: I know the answer now
Final Answer: the answer to the question";

/// The end of a chat agent's instructions.
pub(super) const CHAT_SUFFIX: &str =
    "Now begin. Your last message must hold the exact words `Final Answer`, followed by a colon.";

/// Before what a chat agent did so far.
pub(super) const WORKED: &str =
    "This is what you did up to now. I saw none of it: I only see your final answer.\n";

/// Before the tools of a structured chat agent.
pub(super) const STRUCTURED_PREFIX: &str =
    "Help the person as well and as exactly as you can. These tools are at your disposal:";

/// After the tools of a structured chat agent; variable `tool_names`.
pub(super) const STRUCTURED_FORMAT: &str =
    "You name a tool in a JSON blob with two keys: `action`, its name, \
and `action_input`, its input.

Valid values of \"action\": \"Final Answer\" or {tool_names}

A $JSON_BLOB holds ONE action:

```
{{
  \"action\": $TOOL_NAME,
  \"action_input\": $INPUT
}}
```

Write in this format:

Question: the question that is to be answered
Thought: what came before and what should come next
Action:
```
$JSON_BLOB
```
Observation: what the action gave
... (Thought, Action and Observation may repeat as often as needed)
Thought: I know what to answer
Action:
```
{{
  \"action\": \"Final Answer\",
  \"action_input\": \"the answer to the person\"
}}
```";

/// The end of a structured chat agent's instructions.
pub(super) const STRUCTURED_SUFFIX: &str = "Now begin. Answer with one valid JSON blob, always, and with a \
single action in it. Use a tool if one is needed, else give the final answer at once: Action:, the blob \
between lines of three backticks, then Observation:.
Thought:";

/// The instructions of a conversational chat agent.
pub(super) const CONVERSATIONAL_CHAT_SYSTEM: &str = "You are an assistant who talks with a person about \
anything and helps where you can. You answer from what you know and from what the conversation says; where \
that is not enough, you ask for a tool to be used.";

/// How a conversational chat agent answers; variable `tool_names`.
pub(super) const CONVERSATIONAL_CHAT_FORMAT: &str = "HOW TO ANSWER
-------------

Answer in one of two forms.

**Form 1**, if a tool shall be used. Markdown of this shape:

```json
{{
    \"action\": string, \\\\ the tool, one of {tool_names}
    \"action_input\": string \\\\ what the tool is given
}}
```

**Form 2**, to answer the person. Markdown of this shape:

```json
{{
    \"action\": \"Final Answer\",
    \"action_input\": string \\\\ your answer
}}
```";

/// The person's message to a conversational chat agent; variables `tools`, `format_instructions`, `input`.
pub(super) const CONVERSATIONAL_CHAT_SUFFIX: &str = "TOOLS
-----
You can ask for these tools where they help to answer the person:

{tools}

{format_instructions}

THE PERSON'S MESSAGE
--------------------
This is it. Answer with one JSON blob in Markdown with a single action, and with NOTHING else:

{input}";

/// What a tool gave, to a conversational chat agent; variable `observation`.
pub(super) const TOOL_RESPONSE: &str = "WHAT THE TOOL ANSWERS:
----------------------
{observation}

THE PERSON'S MESSAGE
--------------------

What do you answer to my last message, then? I have forgotten all that tools answered: say what you take from \
it, without naming the tools. Answer with one JSON blob in Markdown with a single action, and with NOTHING \
else.";

/// The instructions of an agent that calls functions.
pub(super) const FUNCTIONS_SYSTEM: &str = "You are an assistant who helps.";

/// The instructions of a conversational agent that calls functions.
pub(super) const CONVERSATIONAL_AGENT_SYSTEM: &str = "Answer as well as you can. If what you know is not \
enough, look it up with the tools, but only then.";
