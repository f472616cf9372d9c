//! Exports of all forms, and exports that are no flow.

use millrace_engine::{Dialect, Flow, FlowError, FlowLimits, Warning, parse, parse_within};
use serde_json::{Value as Json, json};

use crate::stand::{self, answer, edge, flow, group, node, output_edge, output_node, plan};

/// Two vertices and an edge of this form between them.
fn pair(edge: Json) -> Json {
    flow(&[node("a", "Say", json!({"text": "A"})), node("root", "Ask", json!({"parts": []}))], &[edge])
}

#[tokio::test]
async fn an_edge_may_have_any_form_that_langflow_has_written() {
    let ends = |rest: Json| {
        let mut edge = json!({"source": "a", "target": "root"});
        edge.as_object_mut().unwrap().extend(stand::object(rest));
        edge
    };
    let forms = [
        json!({"sourceHandle": "Say|a|object", "targetHandle": "object|parts|root"}),
        json!({"sourceHandle": "{œidœ:œaœ}", "targetHandle": "{œfieldNameœ: œpartsœ, œidœ: œrootœ}"}),
        json!({"targetHandle": {"fieldName": "parts", "id": "root"}}),
        json!({"sourceHandle": "x", "targetHandle": "y", "data": {"targetHandle": {"fieldName": "parts", "id": "root"}}}),
    ];
    for form in forms {
        let data = pair(ends(form.clone()));
        assert_eq!(parse(&data).unwrap().dialect, Dialect::V0);
        let result = answer(&data, json!({"q": "x"}), json!({})).await.unwrap();
        assert_eq!(result["text"], "A | none | <second <first x>>", "{form}");
    }
    let parsed = parse(&pair(ends(
        json!({"sourceHandle": "{œnameœ:œoutœ}", "targetHandle": "{œfieldNameœ:œpartsœ}"}),
    )))
    .unwrap();
    assert_eq!(parsed.dialect, Dialect::V1);
    assert_eq!(parsed.edges[0].output.as_deref(), Some("out"));
}

#[test]
fn what_is_no_flow_is_refused_by_name() {
    let with = |nodes: &[Json], edges: &[Json]| flow(nodes, edges);
    let (a, b) = (node("a", "Say", json!({})), node("b", "Say", json!({})));
    let bare = json!({"id": "bare", "data": {"id": "bare", "type": "Say"}});
    let cases: &[(&str, Json, &str)] = &[
        ("null", json!(null), "Flow data is not an object with nodes and edges"),
        ("a list", json!([]), "Flow data is not an object with nodes and edges"),
        ("no nodes", json!({"edges": []}), "Flow data has no list of nodes"),
        ("no edges", json!({"nodes": []}), "Flow data has no list of edges"),
        (
            "nodes of text",
            json!({"nodes": ["x"], "edges": []}),
            "Flow data has an entry in nodes that is not an object",
        ),
        ("an empty drawing", with(&[], &[]), "No root vertex found"),
        ("no template", with(&[bare], &[]), "Node bare has no data.node.template"),
        ("no id", with(&[json!({"data": {"type": "Say"}})], &[]), "A node has no id"),
        ("an id twice", with(&[a.clone(), a.clone()], &[]), "Two nodes have the id a"),
        (
            "a handle without a field",
            with(&[a.clone(), b.clone()], &[json!({"source": "a", "target": "b", "targetHandle": "?"})]),
            "Edge from a to b does not say which field it feeds",
        ),
        (
            "nothing in common",
            with(&[a.clone(), b.clone()], &[]),
            "Say is not connected to any other components",
        ),
        (
            "a circle",
            with(&[a.clone(), b.clone()], &[edge("a", "b", "text"), edge("b", "a", "text")]),
            "The flow has a cycle: a -> b -> a",
        ),
        ("itself", with(std::slice::from_ref(&a), &[edge("a", "a", "text")]), "The flow has a cycle: a -> a"),
    ];
    for (title, data, message) in cases {
        let error = plan(data).err().unwrap_or_else(|| panic!("{title} passes"));
        assert_eq!(error.to_string(), *message, "{title}");
    }
}

#[test]
fn only_the_vertices_in_the_circle_are_named() {
    let nodes = ["in", "x", "y", "z", "out"].map(|id| node(id, "Say", json!({})));
    let edges =
        [("in", "x"), ("x", "y"), ("y", "z"), ("z", "x"), ("z", "out")].map(|(a, b)| edge(a, b, "text"));
    let Err(FlowError::Cycle(mut named)) = plan(&flow(&nodes, &edges)) else { panic!("the circle passes") };
    assert_eq!(named.first(), named.last());
    named.pop();
    named.sort();
    assert_eq!(named, ["x", "y", "z"]);
}

/// The limits hold exactly: one more is an error that names what and how many.
#[test]
fn nodes_edges_and_depth_have_limits() {
    let chain = |count: usize| {
        let nodes: Vec<Json> = (0..count).map(|i| node(&i.to_string(), "Say", json!({}))).collect();
        let edges: Vec<Json> =
            (1..count).map(|i| edge(&(i - 1).to_string(), &i.to_string(), "text")).collect();
        flow(&nodes, &edges)
    };
    assert_eq!(plan(&chain(2_000)).unwrap().flow().vertices.len(), 2_000);
    assert_eq!(refusal(&chain(2_001)), "The flow has 2001 nodes; the limit is 2000");

    let many = |count: usize| {
        let edges = vec![edge("a", "b", "parts"); count];
        flow(&[node("a", "Say", json!({})), node("b", "Say", json!({}))], &edges)
    };
    assert_eq!(plan(&many(10_000)).unwrap().flow().edges.len(), 10_000);
    assert_eq!(refusal(&many(10_001)), "The flow has 10001 edges; the limit is 10000");

    let nested = |levels: usize| {
        let inner = flow(&[node("core", "Say", json!({}))], &[]);
        (0..levels).fold(inner, |inner, level| flow(&[group(&format!("g{level}"), inner, &[])], &[]))
    };
    assert_eq!(plan(&nested(16)).unwrap().flow().vertices.len(), 1);
    assert_eq!(refusal(&nested(17)), "The flow has 17 levels of groups; the limit is 16");
}

/// What stands inside groups counts, before any group is taken apart; and groups count, even empty ones.
#[test]
fn limits_hold_for_what_groups_expand_to() {
    let limits = FlowLimits { vertices: 4, edges: 3 };
    let sized = |nodes: usize, edges: usize, groups: usize| {
        let inner: Vec<Json> = (0..nodes).map(|i| node(&i.to_string(), "Say", json!({}))).collect();
        let inner = flow(&inner, &vec![edge("0", "1", "text"); edges]);
        let empty = (1..groups).map(|i| group(&format!("e{i}"), flow(&[], &[]), &[]));
        let all: Vec<Json> = std::iter::once(group("g", inner, &[])).chain(empty).collect();
        parse_within(&flow(&all, &[]), &limits).map_err(|error| error.to_string())
    };
    assert_eq!(sized(4, 3, 4).unwrap().vertices.len(), 4);
    assert_eq!(sized(5, 3, 1).unwrap_err(), "The flow has 5 nodes; the limit is 4");
    assert_eq!(sized(4, 4, 1).unwrap_err(), "The flow has 4 edges; the limit is 3");
    assert_eq!(sized(4, 3, 5).unwrap_err(), "The flow has 5 groups; the limit is 4");
}

/// Fields that stand for others are found in bounded time: 2,000 nodes and 20,000 fields take no minutes.
#[test]
fn a_group_of_many_fields_is_taken_apart_at_once() {
    let inner: Vec<Json> = (0..2_000).map(|i| node(&i.to_string(), "Say", json!({}))).collect();
    let mut many = group("g", flow(&inner, &[]), &[]);
    let template = many["data"]["node"]["template"].as_object_mut().unwrap();
    for i in 0..20_000 {
        template.insert(format!("f{i}"), json!({"value": i, "proxy": {"id": "1999", "field": "text"}}));
    }
    let began = std::time::Instant::now();
    let parsed = parse(&flow(&[many], &[])).unwrap();
    assert_eq!(parsed.vertices.last().unwrap().field("text").unwrap().value, json!(19_999));
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

fn refusal(data: &Json) -> String {
    plan(data).err().map(|error| error.to_string()).unwrap_or_else(|| panic!("it passes"))
}

/// Depth is the parser's matter: it must refuse, and not use up the stack.
#[test]
fn ten_thousand_levels_are_an_error_of_the_parser() {
    for (open, close) in [("[", "]"), (r#"{"data":"#, "}")] {
        let text = format!("{}0{}", open.repeat(10_000), close.repeat(10_000));
        let error = serde_json::from_str::<Json>(&text).unwrap_err();
        assert!(error.to_string().contains("recursion limit"), "{error}");
    }
}

#[test]
fn notes_are_left_out() {
    let mut sticky = node("note-1", "note", json!({}));
    sticky["type"] = json!("noteNode");
    let inner_note = node("note-2", "note", json!({}));
    let data = flow(&[sticky, node("a", "Say", json!({})), inner_note], &[]);
    assert_eq!(ids(&parse(&data).unwrap()), ["a"]);
}

#[test]
fn the_first_vertex_that_feeds_no_other_is_the_root() {
    let nodes = ["a", "second", "first"].map(|id| node(id, "Say", json!({})));
    let plan = plan(&flow(&nodes, &[edge("a", "first", "text"), edge("a", "second", "text")])).unwrap();
    let roots: Vec<&str> = plan.roots().map(|i| plan.flow().vertices[i].id.as_str()).collect();
    assert_eq!(roots, ["second", "first"]);
    assert_eq!(plan.warnings(), [Warning::Roots(vec!["second".to_owned(), "first".to_owned()])]);
    assert_eq!(
        plan.warnings()[0].to_string(),
        "More than one node feeds no other (second, first); the first is run"
    );
}

#[test]
fn what_will_not_run_as_drawn_is_said_beforehand() {
    let coded = |id: &str, kind: &str, code: &str| {
        let mut node = node(id, kind, json!({}));
        node["data"]["node"]["template"]["_type"] = json!("CustomComponent");
        node["data"]["node"]["template"]["code"] = json!({"type": "code", "value": code, "show": true});
        node
    };
    let nodes = [
        coded("own", "Mine", "print(1)"),
        coded("drift", "Say", "changed"),
        node("unknown", "Flux", json!({})),
        coded("released", "Released", "changed"),
        node("root", "Say", json!({})),
    ];
    let edges = ["own", "drift", "unknown", "released"].map(|id| edge(id, "root", "text"));
    let warnings = |strict| -> Vec<String> {
        let plan =
            millrace_engine::Plan::new(parse(&flow(&nodes, &edges)).unwrap(), &stand::registry(), strict)
                .unwrap();
        plan.warnings().iter().map(ToString::to_string).collect()
    };
    let lax = [
        "Node own (Mine) will not run: it holds code of its own, which is never executed",
        "Node drift holds code that no release of Say has; the stock Say runs instead",
        "Node unknown will not run: its type Flux is not supported",
        "Node released will not run: its type Released is not supported",
    ];
    assert_eq!(warnings(false), lax);
    assert_eq!(warnings(true)[1], "Node drift will not run: it holds code that no release of Say has");
}

#[test]
fn a_report_says_what_runs_and_whom_it_calls() {
    let caller =
        |id: &str, address: Json| node(id, "Call", json!({"flow": "x", "text": "y", "address": address}));
    let nodes = [
        caller("a", json!("")),
        caller("b", json!("https://ann:secret@mine.example/v2?key=secret")),
        caller("c", json!("")),
        node("unknown", "Flux", json!({})),
        node("root", "Say", json!({})),
    ];
    let edges = ["a", "b", "c", "unknown"].map(|id| edge(id, "root", "parts"));
    let report = stand::plan(&flow(&nodes, &edges)).unwrap().report();
    assert!(!report.runs);
    let stuck: Vec<_> = report.nodes.iter().filter(|node| !node.runs).map(|node| node.id.as_str()).collect();
    assert_eq!(stuck, ["unknown"]);
    let service =
        |address: &str, nodes: &[&str]| json!({"service": "Elsewhere", "address": address, "nodes": nodes});
    let expected = json!([
        service("https://elsewhere.example/v1", &["a", "c"]),
        service("https://mine.example/v2", &["b"]),
    ]);
    assert_eq!(serde_json::to_value(&report.services).unwrap(), expected);
}

/// The code decides the component, whatever the node is called: users rename nodes, and copies keep their code.
#[tokio::test]
async fn a_component_is_known_by_its_code() {
    let mut renamed = node("a", "CustomComponent", json!({"text": "known"}));
    renamed["data"]["node"]["template"]["_type"] = json!("CustomComponent");
    renamed["data"]["node"]["template"]["code"] =
        json!({"type": "code", "value": "stock code", "show": true});
    let data = flow(&[renamed], &[]);
    assert_eq!(plan(&data).unwrap().warnings(), []);
    assert_eq!(answer(&data, json!({}), json!({})).await.unwrap(), "known");
}

fn grouped() -> Json {
    let inner = flow(
        &[
            node("say", "Say", json!({"text": "inside"})),
            node("ask", "Ask", json!({"parts": [], "extra": "e"})),
        ],
        &[edge("say", "ask", "parts")],
    );
    let proxies =
        [("text_say", "say", "text", json!("set on the group")), ("extra_ask", "ask", "extra", json!("E"))];
    flow(
        &[node("before", "Say", json!({"text": "before"})), group("g", inner, &proxies)],
        &[edge("before", "g", "extra_ask")],
    )
}

#[tokio::test]
async fn a_group_is_what_it_holds() {
    let parsed = parse(&grouped()).unwrap();
    assert_eq!(ids(&parsed), ["before", "say", "ask"], "inner vertices go last");
    let result = answer(&grouped(), json!({"q": "x"}), json!({})).await.unwrap();
    assert_eq!(result["text"], "set on the group | before | <second <first x>>");
    let tweaked = answer(&grouped(), json!({"q": "x"}), json!({"g": {"text_say": "tweaked"}})).await.unwrap();
    assert_eq!(tweaked["text"], "tweaked | before | <second <first x>>");
}

#[tokio::test]
async fn a_group_in_a_group_passes_fields_through() {
    let inner = flow(&[node("say", "Say", json!({"text": "deep"}))], &[]);
    let middle = group("middle", inner, &[("text_say", "say", "text", json!("middle"))]);
    let outer =
        group("outer", flow(&[middle], &[]), &[("text_say_middle", "middle", "text_say", json!("outer"))]);
    let data = flow(&[outer, node("root", "Ask", json!({"parts": []}))], &[edge("outer", "root", "parts")]);
    let said = |tweaks: Json| {
        let data = data.clone();
        async move { answer(&data, json!({"q": "x"}), tweaks).await.unwrap()["text"].as_str().unwrap().to_owned() }
    };
    assert_eq!(said(json!({"outer": {"text_say_middle": "T"}})).await, "T | none | <second <first x>>");
    assert_eq!(said(json!({"middle": {"text_say": "M"}})).await, "M | none | <second <first x>>");
    assert_eq!(said(json!({})).await, "outer | none | <second <first x>>");
    let mut fed = data.clone();
    fed["nodes"].as_array_mut().unwrap().insert(0, node("before", "Say", json!({"text": "before"})));
    let mut into = edge("before", "outer", "text_say_middle");
    into["data"]["targetHandle"]["proxy"] = json!({"id": "middle", "field": "text_say"});
    fed["edges"].as_array_mut().unwrap().push(into);
    let result = answer(&fed, json!({"q": "x"}), json!({})).await.unwrap();
    assert_eq!(result["text"], "before | none | <second <first x>>");
}

#[test]
fn an_output_that_is_listed_or_named_makes_it_the_later_dialect() {
    let listed = flow(&[output_node("a", "Enter", "Chat", &["message"], json!({}))], &[]);
    assert_eq!(parse(&listed).unwrap().dialect, Dialect::V1);
    assert_eq!(parse(&listed).unwrap().vertices[0].outputs, ["message"]);
    let nodes = [node("a", "Say", json!({})), node("b", "Say", json!({}))];
    assert_eq!(parse(&flow(&nodes, &[output_edge("a", "out", "b", "text")])).unwrap().dialect, Dialect::V1);
    assert_eq!(parse(&flow(&nodes, &[edge("a", "b", "text")])).unwrap().dialect, Dialect::V0);
}

#[tokio::test]
async fn fields_that_are_not_shown_do_not_count() {
    let hidden = node("a", "Say", json!({"text": {"show": false, "value": "hidden"}}));
    assert_eq!(answer(&flow(&[hidden], &[]), json!({}), json!({})).await.unwrap(), "");
    let variable = node("a", "Say", json!({"text": {"load_from_db": true, "value": "GREETING"}}));
    assert_eq!(answer(&flow(&[variable], &[]), json!({}), json!({})).await.unwrap(), "hello from a variable");
    let unset = node("a", "Say", json!({"text": {"load_from_db": true, "value": "NO_SUCH"}}));
    assert_eq!(
        answer(&flow(&[unset], &[]), json!({}), json!({})).await.unwrap(),
        "",
        "a variable's name is not its value"
    );
    let file = node(
        "a",
        "Say",
        json!({"text": {"type": "file", "value": "shown.txt", "file_path": "kept/by/id.txt"}}),
    );
    assert_eq!(answer(&flow(&[file], &[]), json!({}), json!({})).await.unwrap(), "kept/by/id.txt");
}

fn ids(flow: &Flow) -> Vec<&str> {
    flow.vertices.iter().map(|vertex| vertex.id.as_str()).collect()
}
