use std::sync::Arc;

use millrace_engine::{Document, ErrorKind, Role};
use serde_json::json;

use super::combine::{ChainType, Combination, Form};
use crate::stand_in::{Scripted, Stand};

fn documents(texts: &[&str]) -> Vec<Document> {
    let document = |(place, text): (usize, &&str)| Document {
        page_content: (*text).to_owned(),
        metadata: json!({"source": format!("s{place}")}).as_object().cloned().unwrap(),
    };
    texts.iter().enumerate().map(document).collect()
}

async fn answer(llm: &Arc<Scripted>, chain_type: ChainType, form: Form, documents: &[Document]) -> String {
    let combination = Combination { llm: llm.as_ref(), chain_type, form, question: "Which?" };
    combination.answer(&Stand::offline().cx(), documents).await.unwrap()
}

#[tokio::test]
async fn refining_hands_the_answer_on() {
    let llm = Scripted::saying(&["first", "second", "third"]);
    let said = answer(&llm, ChainType::Refine, Form::Plain, &documents(&["a1", "b2", "c3"])).await;
    assert_eq!(said, "third");
    let asked = llm.asked.lock().unwrap();
    let roles = |n: usize| asked[n].messages.iter().map(|m| m.role).collect::<Vec<_>>();
    assert_eq!(roles(0), [Role::System, Role::User]);
    assert_eq!(roles(1), [Role::User, Role::Assistant, Role::User]);
    assert!(asked[0].messages[0].content.contains("\na1\n"));
    let [question, answer, more] = asked[2].messages.as_slice() else { panic!("three messages") };
    assert_eq!((question.content.as_str(), answer.content.as_str()), ("Which?", "second"));
    assert!(more.content.contains("\nc3\n") && !more.content.contains("b2"));
}

#[tokio::test]
async fn the_best_score_wins() {
    let cases: [(&[&str], &str); 5] = [
        (&["a\nScore: 20", "b\nScore: 90", "c\nScore: 90"], "b"),
        (&["a\nScore: 0", "b\nScore: 100%", "c"], "b"),
        (&["no score", "none here"], "no score"),
        (&["first line\nlast line\nScore: 1"], "last line"),
        (&["a\nScore: ", "b\nScore: 1\nScore: 9"], "b"),
    ];
    for (replies, best) in cases {
        let texts: Vec<String> = (0..replies.len()).map(|n| n.to_string()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let llm = Scripted::saying(replies);
        let said = answer(&llm, ChainType::MapRerank, Form::Plain, &documents(&texts)).await;
        assert_eq!(said, best, "{replies:?}");
        let asked = llm.asked.lock().unwrap();
        assert!(asked.iter().all(|request| request.messages.len() == 1));
    }
}

#[tokio::test]
async fn without_documents_the_model_is_asked_once() {
    for chain_type in [ChainType::Stuff, ChainType::MapReduce, ChainType::Refine, ChainType::MapRerank] {
        let llm = Scripted::saying(&["I do not know"]);
        assert_eq!(answer(&llm, chain_type, Form::Plain, &[]).await, "I do not know", "{chain_type:?}");
    }
}

#[tokio::test]
async fn what_is_found_keeps_its_source() {
    let llm = Scripted::saying(&["from a", "from b", "both\nSOURCES: s0, s1"]);
    let said = answer(&llm, ChainType::MapReduce, Form::Sources, &documents(&["aa", "bb"])).await;
    assert_eq!(said, "both\nSOURCES: s0, s1");
    let prompts = llm.prompts();
    assert!(
        prompts[0].contains("\n\naa\n\nQuestion: Which?\n") && !prompts[0].contains("s0"),
        "{}",
        prompts[0]
    );
    assert!(prompts[2].contains("Content: from a\nSource: s0\n\nContent: from b\nSource: s1\n"));
}

/// Three findings of 1500 tokens each: two groups (of two, of one) are combined first.
#[tokio::test]
async fn what_is_too_long_is_combined_in_groups() {
    let long = |c: char| c.to_string().repeat(5500);
    let found = [long('a'), long('b'), long('c')];
    let replies = [found[0].as_str(), &found[1], &found[2], "ab", "c", "abc"];
    let llm = Scripted::saying(&replies);
    let said = answer(&llm, ChainType::MapReduce, Form::Sources, &documents(&["1", "2", "3"])).await;
    assert_eq!(said, "abc");
    let prompts = llm.prompts();
    assert_eq!(prompts.len(), 6);
    assert!(
        prompts[3].contains(&found[0]) && prompts[3].contains(&found[1]) && !prompts[3].contains(&found[2])
    );
    assert!(prompts[4].contains(&found[2]));
    assert!(prompts[5].contains("Content: ab\nSource: s0, s1\n\nContent: c\nSource: s2\n"), "{}", prompts[5]);
}

#[tokio::test]
async fn limits_are_told() {
    let many: Vec<&str> = vec!["x"; 101];
    let llm = Scripted::saying(&[]);
    let (chain_type, form) = (ChainType::Refine, Form::Plain);
    let combination = Combination { llm: llm.as_ref(), chain_type, form, question: "Which?" };
    let error = combination.answer(&Stand::offline().cx(), &documents(&many)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Flow);
    assert!(error.message.contains("at most 100"), "{}", error.message);
    let long = "x".repeat(20_000);
    let llm = Scripted::saying(&[long.as_str(); 6]);
    let combination =
        Combination { llm: llm.as_ref(), chain_type: ChainType::MapReduce, form, question: "Which?" };
    let error = combination.answer(&Stand::offline().cx(), &documents(&["x"])).await.unwrap_err();
    assert!(error.message.contains("longer than 3000 tokens"), "{}", error.message);
}
