//! How a run goes: what is ready runs at once, the first failure ends it and is named.

use millrace_engine::{ErrorKind, ProcessInputs, RunError, process};
use serde_json::{Value as Json, json};

use crate::stand::{
    Outside, answer, edge, flow, journaled, node, object, output_edge, output_node, plan, run, services,
};

#[tokio::test(start_paused = true)]
async fn vertices_that_are_ready_run_at_the_same_time() {
    let nodes = [
        node("m1", "Meet", json!({})),
        node("m2", "Meet", json!({})),
        node("root", "Ask", json!({"parts": []})),
    ];
    let data = flow(&nodes, &[edge("m1", "root", "parts"), edge("m2", "root", "parts")]);
    let result = answer(&data, json!({"q": "x"}), json!({})).await.unwrap();
    assert_eq!(result["text"], "met,met | none | <second <first x>>");

    // One behind the other can never meet: the same components tell the difference.
    let mut second = node("m2", "Meet", json!({}));
    second["data"]["node"]["template"]["after"] = json!({"type": "str", "show": true, "value": ""});
    let chained = flow(
        &[nodes[0].clone(), second, nodes[2].clone()],
        &[edge("m1", "m2", "after"), edge("m2", "root", "parts")],
    );
    let error = answer(&chained, json!({"q": "x"}), json!({})).await.unwrap_err();
    assert_eq!(error.message, "Error building node Meet(ID:m1): nobody came");
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_ends_the_run_and_names_node_and_cause() {
    let nodes = [
        node("b", "Break", json!({"why": "the server said no"})),
        node("slow", "Meet", json!({})),
        node("root", "Ask", json!({"parts": []})),
    ];
    let data = flow(&nodes, &[edge("b", "root", "parts"), edge("slow", "root", "parts")]);
    let started = tokio::time::Instant::now();
    let error = answer(&data, json!({"q": "x"}), json!({})).await.unwrap_err();
    assert_eq!(error.message, "Error building node Break(ID:b): the server said no");
    assert_eq!((error.kind, error.transient), (ErrorKind::Upstream, true));
    // Virtual time: the vertex that would wait a minute was not waited for.
    assert!(started.elapsed().as_secs() < 60);
}

#[tokio::test]
async fn the_later_dialect_names_a_failure_in_its_own_words() {
    let nodes = [
        output_node("b", "Break", "Breaker", &["out"], json!({"why": "no"})),
        output_node("o", "Answer", "Chat Output", &["message"], json!({"input_value": ""})),
    ];
    let plan = plan(&flow(&nodes, &[output_edge("b", "out", "o", "input_value")])).unwrap();
    let run = run(&plan, services(&Outside::default()));
    let input = millrace_engine::ChatInput::default();
    let error =
        millrace_engine::run_chat(&run, &input, &millrace_engine::OutputSelection::Any).await.unwrap_err();
    assert_eq!(error.message, "Error running graph: Error building Component Breaker: \n\nno");
}

#[tokio::test]
async fn a_vertex_that_will_not_run_is_an_error_only_when_it_is_needed() {
    let missing = node("x", "Flux", json!({}));
    let needed = flow(&[missing.clone(), node("root", "Say", json!({}))], &[edge("x", "root", "text")]);
    let error = answer(&needed, json!({}), json!({})).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Flow, "Error building node Flux(ID:x): Could not find: Flux")
    );

    // Behind the second root: what the first root does not need is not built.
    let nodes = [node("a", "Say", json!({"text": "fine"})), node("first", "Say", json!({})), missing];
    let unneeded = flow(&nodes, &[edge("a", "first", "text"), edge("a", "x", "text")]);
    assert_eq!(answer(&unneeded, json!({}), json!({})).await.unwrap(), "fine");
}

#[tokio::test(start_paused = true)]
async fn a_list_of_inputs_is_a_list_of_answers_in_order() {
    for count in [0, 1, 40, 1_000] {
        let outcome = many(count).await.unwrap();
        let answers = outcome.as_array().unwrap();
        assert_eq!(answers.len(), count);
        for (i, answer) in answers.iter().enumerate() {
            assert_eq!(answer["q"], format!("q{i}"));
            assert_eq!(answer["text"], format!(" | none | <second <first q{i}>>"));
        }
    }
    let error = many(1_001).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Input, "Error: inputs has 1001 entries; the limit is 1000")
    );
}

async fn many(count: usize) -> Result<Json, RunError> {
    let plan = plan(&flow(&[node("root", "Ask", json!({}))], &[])).unwrap();
    let run = run(&plan, services(&Outside::seeded(7)));
    let inputs = (0..count).map(|i| object(json!({"q": format!("q{i}")}))).collect();
    Ok(process(&run, ProcessInputs::Many(inputs)).await?.result)
}

#[tokio::test]
async fn a_missing_input_is_named_before_anything_is_performed() {
    let outside = Outside::default();
    let plan = plan(&flow(&[node("root", "Ask", json!({}))], &[])).unwrap();
    let run = journaled(&plan, &outside, std::sync::Arc::new(millrace_engine::MemoryJournal::default()));
    let error = process(&run, ProcessInputs::One(object(json!({"Q": "x"})))).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Input, "Error: Missing some input keys: {'q'}")
    );
    assert_eq!(outside.performed(), 0);
}

/// The last edge wins in a field of one value; a list takes all of them in edge order.
#[tokio::test]
async fn several_edges_into_one_field() {
    let nodes = |parts: Json| {
        [
            node("a", "Say", json!({"text": "A"})),
            node("b", "Say", json!({"text": "B"})),
            node("root", "Ask", json!({"parts": parts})),
        ]
    };
    let edges = [edge("b", "root", "parts"), edge("a", "root", "parts")];
    let said = |data: Json| async move {
        answer(&data, json!({"q": "x"}), json!({})).await.unwrap()["text"].clone()
    };
    assert_eq!(said(flow(&nodes(json!([])), &edges)).await, "B,A | none | <second <first x>>");
    assert_eq!(said(flow(&nodes(json!("")), &edges)).await, "A | none | <second <first x>>");
}

#[tokio::test]
async fn a_root_that_is_no_chain_answers_what_it_is() {
    assert_eq!(
        answer(&flow(&[node("a", "Say", json!({"text": "just this"}))], &[]), json!({}), json!({}))
            .await
            .unwrap(),
        "just this"
    );
    let plan = plan(&flow(&[node("a", "Say", json!({}))], &[])).unwrap();
    let error =
        process(&run(&plan, services(&Outside::default())), ProcessInputs::Many(vec![])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Input);
}
