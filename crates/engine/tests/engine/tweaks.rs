//! Tweaks: which are applied, and what is said of those that fit nothing.

use millrace_engine::{
    ErrorKind, InputType, Leniency, OutputSelection, ProcessInputs, TweakError, process, run_chat,
};
use serde_json::{Value as Json, json};

use crate::stand::{
    self, Outside, answer, edge, flow, node, object, output_edge, output_node, plan, resolve, services,
};

/// 0.x: says a text, a number and a flag.
fn said() -> Json {
    flow(
        &[
            node("Say-1", "Say", json!({"text": "drawn", "temperature": 0.9, "loud": true})),
            node("root", "Ask", json!({"parts": []})),
        ],
        &[edge("Say-1", "root", "parts")],
    )
}

async fn text(tweaks: Json) -> String {
    answer(&said(), json!({"q": "x"}), tweaks).await.unwrap()["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_tweak_stands_over_the_drawn_value_for_one_call() {
    let rest = " | none | <second <first x>>";
    let cases = [
        (json!({}), "drawn [0.9 true]"),
        (json!({"Say-1": {"text": "new"}}), "new [0.9 true]"),
        (json!({"Say-1": {}}), "drawn [0.9 true]"),
        // Langflow drops falsy values; here what is set is set.
        (json!({"Say-1": {"temperature": 0}}), "drawn [0 true]"),
        (json!({"Say-1": {"temperature": "0.25"}}), "drawn [0.25 true]"),
        (json!({"Say-1": {"loud": false}}), "drawn [0.9 false]"),
        // An empty value is none, as in the editor: the type's own default stands.
        (json!({"Say-1": {"text": ""}}), "[0.9 true]"),
        (json!({"Say-1": {"text": null}}), "[0.9 true]"),
        // A field that the type has and the drawing has not.
        (json!({"Say-1": {"calls": 1}}), "drawn [0.9 true] <Say-1 0>"),
        (json!({"root": {"extra": "more"}}), "drawn [0.9 true] | more"),
    ];
    for (tweaks, wanted) in cases {
        let text = text(tweaks.clone()).await;
        let wanted = if wanted.contains(" | ") {
            format!("{wanted} | <second <first x>>")
        } else {
            format!("{wanted}{rest}")
        };
        assert_eq!(text, wanted, "{tweaks}");
    }
}

#[test]
fn a_tweak_that_fits_nothing_is_named() {
    let plan = plan(&said()).unwrap();
    let unknown =
        |node: &str, field: &str| TweakError::UnknownField { node: node.into(), field: field.into() };
    let cases = [
        (json!({"Nobody": {"text": "x"}}), TweakError::UnknownNode("Nobody".into())),
        (json!({"Say": {"text": "x"}}), TweakError::UnknownNode("Say".into())),
        (json!({"text": "x"}), TweakError::UnknownNode("text".into())),
        (json!({"Say-1": {"voice": "x"}}), unknown("Say-1", "voice")),
        (json!({"Say-1": 5}), TweakError::NotAnObject("Say-1".into())),
        (json!({"Say-1": null}), TweakError::NotAnObject("Say-1".into())),
    ];
    for (tweaks, wanted) in cases {
        assert_eq!(resolve(&plan, tweaks.clone(), Leniency::Strict).unwrap_err(), wanted, "{tweaks}");
        assert!(resolve(&plan, tweaks, Leniency::Lenient).is_ok());
    }
}

#[tokio::test]
async fn a_lenient_caller_gets_what_fits() {
    let plan = plan(&said()).unwrap();
    let tweaks = json!({"Nobody": {"x": 1}, "Say-1": {"voice": "x", "text": "kept"}, "root": 5});
    let mut run = stand::run(&plan, services(&Outside::default()));
    run.tweaks = resolve(&plan, tweaks, Leniency::Lenient).unwrap();
    let output = process(&run, ProcessInputs::One(object(json!({"q": "x"})))).await.unwrap();
    assert_eq!(output.result["text"], "kept [0.9 true] | none | <second <first x>>");
}

#[test]
fn code_cannot_be_tweaked_by_anyone() {
    let v0 = plan(&said()).unwrap();
    let v1 = plan(&chat()).unwrap();
    for leniency in [Leniency::Strict, Leniency::Lenient] {
        for (plan, tweaks) in [
            (&v0, json!({"Say-1": {"code": "import os"}})),
            (&v1, json!({"Think-1": {"code": "import os"}})),
            (&v1, json!({"Thinker": {"code": {"value": "import os"}}})),
            (&v1, json!({"code": "import os"})),
        ] {
            let error = resolve(plan, tweaks.clone(), leniency).unwrap_err();
            assert_eq!(error, TweakError::Refused("code".into()), "{tweaks}");
        }
    }
}

#[tokio::test]
async fn a_tweak_of_the_wrong_kind_is_the_callers_fault_and_a_drawn_one_the_owners() {
    let error =
        answer(&said(), json!({"q": "x"}), json!({"Say-1": {"temperature": "hot"}})).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Tweak);
    assert_eq!(
        error.message,
        "Error building node Say(ID:Say-1): field 'temperature': expected a number, found text"
    );
    let drawn = flow(&[node("a", "Say", json!({"temperature": "hot"}))], &[]);
    assert_eq!(answer(&drawn, json!({}), json!({})).await.unwrap_err().kind, ErrorKind::Flow);
}

/// 1.x: chat in, thought, chat out.
fn chat() -> Json {
    let nodes = [
        output_node(
            "Enter-1",
            "Enter",
            "Chat Input",
            &["message"],
            json!({"input_value": "drawn", "session_id": ""}),
        ),
        output_node("Think-1", "Think", "Thinker", &["thought"], json!({"stream": false, "input_value": ""})),
        output_node(
            "Answer-1",
            "Answer",
            "Chat Output",
            &["message"],
            json!({"input_value": "", "session_id": ""}),
        ),
    ];
    let edges = [
        output_edge("Enter-1", "message", "Think-1", "input_value"),
        output_edge("Think-1", "thought", "Answer-1", "input_value"),
    ];
    flow(&nodes, &edges)
}

async fn chatted(tweaks: Json) -> (String, String) {
    let plan = plan(&chat()).unwrap();
    let mut run = stand::run(&plan, services(&Outside::default()));
    run.tweaks = resolve(&plan, tweaks, Leniency::Strict).unwrap();
    let input = millrace_engine::ChatInput { value: None, input_type: InputType::Chat };
    let answer = run_chat(&run, &input, &OutputSelection::Any).await.unwrap();
    let message = &answer.outputs[0]["outputs"][0]["results"]["message"];
    let text = |json: &Json| json.as_str().unwrap().to_owned();
    (text(&message["text"]), text(&message["properties"]["source"]["source"]))
}

#[tokio::test]
async fn the_later_dialect_knows_nodes_by_id_name_and_field() {
    let streaming = "mind, streaming".to_owned();
    for tweaks in [
        json!({"Think-1": {"stream": true}}),
        json!({"Thinker": {"stream": true}}),
        json!({"stream": true}),
        json!({"Think-1": {"stream": {"value": true}}}),
        json!({"Thinker": {"stream": {"value": true, "load_from_db": false}}}),
    ] {
        assert_eq!(chatted(tweaks.clone()).await, ("<drawn>".to_owned(), streaming.clone()), "{tweaks}");
    }
    assert_eq!(chatted(json!({"Chat Input": {"input_value": "new"}})).await.0, "<new>");
    // A bare field means every node that has it; what an edge brings is not overwritten.
    assert_eq!(chatted(json!({"input_value": "all"})).await.0, "<all>");
    let plan = plan(&chat()).unwrap();
    let unknown = resolve(&plan, json!({"voice": "x"}), Leniency::Strict).unwrap_err();
    assert_eq!(unknown, TweakError::UnknownNode("voice".into()));
}
