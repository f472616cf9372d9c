//! What a model is asked about documents, in our own words; variables and roles as in LangChain 0.1.16.

use millrace_engine::Role;

use super::own_prompt::OwnPrompt;

/// The prompts of the four ways to combine documents. All read `{context}` and `{question}`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wording {
    /// All documents at once.
    pub stuff: OwnPrompt,
    /// One document: what of it matters?
    pub map: OwnPrompt,
    /// What was found in all documents.
    pub reduce: OwnPrompt,
    /// The first document of several.
    pub first: OwnPrompt,
    /// Each further document; reads `{existing_answer}` too.
    pub refine: OwnPrompt,
    /// One document: an answer and how good it is.
    pub rerank: OwnPrompt,
}

/// For a plain answer.
pub(crate) const PLAIN: Wording = Wording {
    stuff: &[
        (
            Role::System,
            "Answer what the user asks by means of the passages below. Where they do not tell, say that you \
             do not know; invent nothing.\n----------------\n{context}",
        ),
        (Role::User, "{question}"),
    ],
    map: &[
        (
            Role::System,
            "Below is one part of a long document. Copy out, word for word, whatever in it helps to answer \
             what the user asks.\n----------------\n{context}",
        ),
        (Role::User, "{question}"),
    ],
    reduce: &[
        (
            Role::System,
            "Below is what was copied out of the parts of a long document. Make of it one answer to what the \
             user asks. Where it does not tell, say that you do not know; invent nothing.\
             \n----------------\n{context}",
        ),
        (Role::User, "{question}"),
    ],
    first: &[
        (
            Role::System,
            "This is what is known:\n----------------\n{context}\n----------------\nAnswer from it alone, \
             not from what you knew before.",
        ),
        (Role::User, "{question}"),
    ],
    refine: &[
        (Role::User, "{question}"),
        (Role::Assistant, "{existing_answer}"),
        (
            Role::User,
            "Here is more that may bear on the question:\n----------------\n{context}\n----------------\n\
             Improve your answer where this helps. Where it does not, give your answer again as it was.",
        ),
    ],
    rerank: &[(Role::User, RERANK)],
};

/// For an answer that names its sources.
pub(crate) const SOURCES: Wording = Wording {
    stuff: &[(Role::User, WITH_SOURCES)],
    map: &[(
        Role::User,
        "Below is one part of a long document. Copy out, word for word, whatever in it helps to answer the \
         question.\n\n{context}\n\nQuestion: {question}\nWhat helps, if anything:",
    )],
    reduce: &[(Role::User, WITH_SOURCES)],
    first: &[(
        Role::User,
        "This is what is known:\n----------------\n{context}\n----------------\nAnswer from it alone, not \
         from what you knew before. Question: {question}\n",
    )],
    refine: &[(
        Role::User,
        "The question is: {question}\nSo far the answer, with its sources, is: {existing_answer}\nHere is \
         more that may bear on it:\n----------------\n{context}\n----------------\nImprove the answer where \
         this helps, and bring the sources up to date with it. Where it does not help, give the answer again \
         as it was.",
    )],
    rerank: &[(Role::User, RERANK)],
};

/// The score line is what the answer is read by.
const RERANK: &str = "Answer the question by means of the passage below, and say how well your answer serves. \
Where the passage does not tell, say that you do not know; invent nothing.\n\n\
Write exactly two lines after \"Helpful Answer:\", the answer and its score:\n\n\
Helpful Answer: <the answer, in one line>\n\
Score: <a whole number from 0 to 100>\n\n\
100 is for a full answer with all that was asked, 0 for a passage that does not answer. Do not flatter \
yourself.\n\n\
For example, to \"Which colour has the barn?\" a passage that says \"The barn was painted red in May\" gives:\n\n\
Helpful Answer: red\n\
Score: 100\n\n\
and a passage that says \"The stable is blue\" gives:\n\n\
Helpful Answer: This passage does not tell\n\
Score: 0\n\n\
Passage:\n---------\n{context}\n---------\nQuestion: {question}\nHelpful Answer:";

/// The `SOURCES:` line is what the answer is split at.
const WITH_SOURCES: &str = "Answer the question from the extracts below, each of which names its source. End \
with a line that begins with \"SOURCES:\" and lists the sources that the answer rests on; leave the list empty \
if there are none. Where the extracts do not tell, say that you do not know; invent nothing.\n\n\
For example:\n\n\
QUESTION: When does the museum open?\n\
=========\n\
Content: The museum is closed on Mondays. On all other days it opens at ten.\n\
Source: guide-3\n\
Content: Tickets are sold online.\n\
Source: guide-7\n\
=========\n\
FINAL ANSWER: At ten, except on Mondays.\n\
SOURCES: guide-3\n\n\
QUESTION: {question}\n\
=========\n\
{context}\n\
=========\n\
FINAL ANSWER:";
