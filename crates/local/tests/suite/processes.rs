//! Real processes under the Runtime API: this test's own binary, started as a function.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures::FutureExt;
use http::Request;
use lambda_runtime::LambdaEvent;
use millrace_local::{
    FaultProxy, Function, FunctionError, LocalCloud, LocalConfig, LogLine, MAX_PAYLOAD_BYTES, Phase, Process,
    ProcessConfig, Verdict,
};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

use crate::http::send;

type Lines = Arc<Mutex<Vec<LogLine>>>;

/// [`child`], with variables and lines of its own.
fn config(variables: &[(&str, &str)], lines: &Lines) -> ProcessConfig {
    let mut config = ProcessConfig::new("child", std::env::current_exe().unwrap());
    config.args = ["--exact", "processes::child", "--ignored", "--nocapture"].map(str::to_owned).to_vec();
    config.environment = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    config.max_environments = 2;
    let lines = lines.clone();
    config.on_line = Some(Arc::new(move |line| lines.lock().unwrap().push(line.clone())));
    config
}

fn process(timeout: Duration, lines: &Lines) -> Process {
    Process::new(ProcessConfig { timeout, ..config(&[("MILLRACE_TABLE", "t")], lines) })
}

async fn call(process: &Process, event: Value) -> Result<Value, FunctionError> {
    let answer = process.invoke(event.to_string().into()).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

/// Waits until the function has written this. How soon is the computer's affair.
async fn written(lines: &Lines, text: &str) {
    for _ in 0..600 {
        if lines.lock().unwrap().iter().any(|line| line.text.contains(text)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("within 30 s there should be a line with {text:?}: {lines:?}");
}

/// How often the extension of [`child`] has finished its work.
static WORKED: AtomicUsize = AtomicUsize::new(0);

/// A function with an extension, where `EXTENSION` names its events.
#[tokio::test]
#[ignore = "the function that these tests start"]
async fn child() {
    if let Ok(events) = std::env::var("EXTENSION") {
        let id = register(&events).await;
        tokio::spawn(extension(id));
    }
    tokio::spawn(async {
        signal(SignalKind::terminate()).unwrap().recv().await;
        println!("asked to end");
        std::process::exit(0);
    });
    let function = lambda_runtime::service_fn(handle);
    lambda_runtime::run(function).await.unwrap();
}

#[expect(clippy::print_stdout, reason = "a function's log")]
async fn handle(event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    match event.payload["do"].as_str().unwrap_or_default() {
        "fail" => return Err(lambda_runtime::Error::from("as planned")),
        "exit" => std::process::exit(3),
        "hang" => {
            println!("hangs");
            std::future::pending().await
        }
        "send" => {
            let url = event.payload["url"].as_str().unwrap();
            let request = Request::post(url).header("x-amz-target", "AmazonSQS.SendMessage");
            let body = json!({"QueueUrl": event.payload["queue"], "MessageBody": "sent"}).to_string();
            send(request.header("content-type", "application/x-amz-json-1.0").body(body).unwrap()).await;
        }
        _ => {}
    }
    println!("hello from {}", event.context.request_id);
    let env: BTreeMap<String, String> = std::env::vars().collect();
    let worked = WORKED.load(Ordering::SeqCst);
    Ok(json!({"pid": std::process::id(), "env": env, "payload": event.payload, "worked": worked}))
}

fn extension_url(path: &str) -> String {
    format!("http://{}/2020-01-01/extension/{path}", std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap())
}

async fn register(events: &str) -> String {
    let request = Request::post(extension_url("register")).header("Lambda-Extension-Name", "inside");
    let answer = send(request.body(format!("{{\"events\":{events}}}")).unwrap()).await;
    answer.header("lambda-extension-identifier").to_owned()
}

/// Works on each event until `GATE` closes the connection.
async fn extension(id: String) {
    loop {
        let request = Request::get(extension_url("event/next")).header("Lambda-Extension-Identifier", &id);
        send(request.body("").unwrap()).await;
        let mut gate = TcpStream::connect(std::env::var("GATE").unwrap()).await.unwrap();
        gate.read_to_end(&mut Vec::new()).await.unwrap();
        WORKED.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn an_environment_is_reused_and_sees_only_what_it_is_given() {
    let lines = Arc::default();
    let process = process(Duration::from_secs(30), &lines);
    let first = call(&process, json!({"n": 1})).await.unwrap();
    let failed = call(&process, json!({"do": "fail"})).await.unwrap_err();
    let second = call(&process, json!({"n": 2})).await.unwrap();
    assert_eq!(failed.error_message, "as planned");
    assert_eq!(first["pid"], second["pid"]);
    assert_eq!(second["payload"], json!({"n": 2}));
    assert_eq!(process.start_times().len(), 1);
    let env = first["env"].as_object().unwrap();
    assert_eq!(env["MILLRACE_TABLE"], "t");
    assert_eq!(env["AWS_LAMBDA_FUNCTION_NAME"], "child");
    assert!(env.contains_key("PATH"));
    assert!(!env.keys().any(|name| name.starts_with("CARGO")), "{env:?}");
    process.stop().await;
    assert!(lines.lock().unwrap().iter().any(|line: &LogLine| line.text.contains("hello from")), "{lines:?}");
    assert_eq!(call(&process, json!({})).await.unwrap_err().error_type, "Lambda.Stopped");
}

#[tokio::test]
async fn a_crash_and_a_timeout_are_errors_and_the_next_event_has_a_new_environment() {
    let lines = Arc::default();
    let process = process(Duration::from_secs(2), &lines);
    let first = call(&process, json!({})).await.unwrap()["pid"].clone();
    let crashed = call(&process, json!({"do": "exit"})).await.unwrap_err();
    assert_eq!(crashed.error_type, "Runtime.ExitError");
    assert!(crashed.error_message.contains("exit status: 3"), "{crashed}");
    let second = call(&process, json!({})).await.unwrap()["pid"].clone();
    let timed_out = call(&process, json!({"do": "hang"})).await.unwrap_err();
    assert_eq!(timed_out.error_type, "Sandbox.Timedout");
    assert!(timed_out.error_message.ends_with("Task timed out after 2.00 seconds"), "{timed_out}");
    let third = call(&process, json!({})).await.unwrap()["pid"].clone();
    assert!(first != second && second != third && first != third);
    assert_eq!(process.start_times().len(), 3);
    process.stop().await;
}

#[tokio::test]
async fn what_cannot_run_is_said() {
    let missing = Process::new(ProcessConfig::new("missing", "/nowhere/to/be/found"));
    let error = call(&missing, json!({})).await.unwrap_err();
    assert_eq!(error.error_type, "Runtime.InvalidEntrypoint");
    assert!(error.error_message.contains("/nowhere/to/be/found"), "{error}");
    let too_large = missing.invoke(vec![b' '; MAX_PAYLOAD_BYTES + 1].into()).await.unwrap_err();
    assert_eq!(too_large.error_type, "RequestTooLargeException");
    let mut exits = ProcessConfig::new("exits", std::env::current_exe().unwrap());
    exits.args = vec!["--list".into()];
    let error = call(&Process::new(exits), json!({})).await.unwrap_err();
    assert_eq!(error.error_type, "Runtime.ExitError");
}

#[tokio::test]
async fn a_kill_takes_every_environment_and_the_next_event_starts_a_new_one() {
    let lines = Arc::default();
    let process = Arc::new(process(Duration::from_secs(30), &lines));
    let first = call(&process, json!({})).await.unwrap()["pid"].clone();
    let hanging = {
        let process = process.clone();
        tokio::spawn(async move { call(&process, json!({"do": "hang"})).await })
    };
    written(&lines, "hangs").await;
    let second = call(&process, json!({})).await.unwrap()["pid"].clone();
    assert_eq!(json!(process.pids()), json!([first, second]));
    process.kill().await;
    assert!(process.pids().is_empty());
    let killed = hanging.await.unwrap().unwrap_err();
    assert_eq!(killed.error_type, "Runtime.ExitError");
    assert!(killed.error_message.contains("signal: 9"), "{killed}");
    let third = call(&process, json!({})).await.unwrap()["pid"].clone();
    assert!(third != first && third != second);
    assert_eq!(json!(process.pids()), json!([third]));
    process.stop().await;
    assert!(process.pids().is_empty());
}

#[tokio::test]
async fn an_event_waits_for_what_an_extension_does_after_the_answer_before() {
    let (lines, gate) = (Arc::default(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = gate.local_addr().unwrap().to_string();
    let config = config(&[("EXTENSION", "[\"INVOKE\"]"), ("GATE", &address)], &lines);
    let process = Arc::new(Process::new(ProcessConfig { max_environments: 1, ..config }));
    let first = call(&process, json!({})).await.unwrap();
    assert_eq!(first["worked"], 0);
    let (working, _) = gate.accept().await.unwrap();
    let next = {
        let process = process.clone();
        tokio::spawn(async move { call(&process, json!({})).await.unwrap() })
    };
    // Time in which a wrong environment would have answered.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!next.is_finished());
    drop(working);
    let second = next.await.unwrap();
    assert_eq!((&second["pid"], &second["worked"]), (&first["pid"], &json!(1)));
    let (working, _) = gate.accept().await.unwrap();
    drop(working);
    process.stop().await;
}

#[tokio::test]
async fn an_extension_that_goes_on_for_longer_than_the_timeout_is_killed() {
    let (lines, gate) = (Arc::default(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = gate.local_addr().unwrap().to_string();
    let config = config(&[("EXTENSION", "[\"INVOKE\"]"), ("GATE", &address)], &lines);
    let timeout = Duration::from_secs(2);
    let process = Process::new(ProcessConfig { max_environments: 1, timeout, ..config });
    let first = call(&process, json!({})).await.unwrap();
    let (_never_ends, _) = gate.accept().await.unwrap();
    let second = call(&process, json!({})).await.unwrap();
    assert_ne!(first["pid"], second["pid"]);
    process.kill().await;
}

#[tokio::test]
async fn only_with_an_extension_a_process_is_asked_to_end() {
    let lines = Lines::default();
    let process = Process::new(config(&[("EXTENSION", "[]")], &lines));
    call(&process, json!({})).await.unwrap();
    process.stop().await;
    written(&lines, "asked to end").await;
    let lines = Lines::default();
    let process = Process::new(config(&[], &lines));
    call(&process, json!({})).await.unwrap();
    process.stop().await;
    written(&lines, "hello from").await;
    assert!(!lines.lock().unwrap().iter().any(|line| line.text.contains("asked to end")));
}

#[tokio::test]
async fn a_process_can_be_killed_between_the_effect_of_a_call_and_its_answer() {
    let cloud = LocalCloud::start(LocalConfig::default()).await.unwrap();
    let victim: Arc<OnceLock<Arc<Process>>> = Arc::default();
    for (phase, messages) in [(Phase::After, 1), (Phase::Before, 1)] {
        let killer = victim.clone();
        let proxy = FaultProxy::start(cloud.sqs_url(), move |call| {
            let (here, killer) = (call.operation == "SendMessage" && call.phase == phase, killer.clone());
            async move {
                if here {
                    killer.get().unwrap().kill().await;
                }
                if here && phase == Phase::Before { Verdict::Drop } else { Verdict::Pass }
            }
            .boxed()
        });
        let proxy = proxy.await.unwrap();
        let process = victim.get_or_init(|| Arc::new(Process::new(config(&[], &Arc::default())))).clone();
        let event = json!({"do": "send", "url": proxy.url(), "queue": cloud.queue_url()});
        let killed = call(&process, event).await.unwrap_err();
        assert!(killed.error_message.contains("signal: 9"), "{killed}");
        let sent = cloud.sqs().with(|account, _| Ok(account.queue("millrace-tasks")?.messages().count()));
        assert_eq!(sent.unwrap(), messages, "{phase:?}");
        proxy.stop().await;
    }
    cloud.shutdown().await;
}
