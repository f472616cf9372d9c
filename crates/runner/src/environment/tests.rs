use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
    let required = [
        ("MILLRACE_TABLE", "tasks"),
        ("MILLRACE_QUEUE_URL", "http://queue/q"),
        ("MILLRACE_KMS_KEY_ID", "alias/millrace"),
    ];
    let all: BTreeMap<_, _> = required.iter().chain(variables).copied().collect();
    Environment::read(|name| all.get(name).map(|value| (*value).to_owned()))
}

#[test]
fn only_table_queue_and_key_are_required() {
    let environment = read(&[]).unwrap();
    assert_eq!((environment.table.as_str(), environment.queue_url.as_str()), ("tasks", "http://queue/q"));
    assert_eq!(environment.max_body_bytes, 5_000_000);
    assert_eq!(environment.lease, Duration::from_secs(30));
    assert_eq!((&environment.bucket, &environment.files_root), (&None, &None));
    assert!(!environment.plain_keys && !environment.allow_loopback && environment.variables.is_empty());
    assert_eq!(environment.store_config().master_key, MasterKey::Kms("alias/millrace".to_owned()));
    for name in ["MILLRACE_TABLE", "MILLRACE_QUEUE_URL", "MILLRACE_KMS_KEY_ID"] {
        assert_eq!(read(&[(name, "")]).unwrap_err(), EnvironmentError::Missing(name));
    }
    for name in UNWANTED {
        assert_eq!(read(&[(name, "x")]).unwrap_err(), EnvironmentError::Unwanted(name));
    }
}

#[test]
fn what_is_set_reaches_the_part_it_is_for() {
    let environment = read(&[
        ("MILLRACE_LEASE_SECONDS", "5"),
        ("MILLRACE_RETENTION_DAYS", "2"),
        ("MILLRACE_TASK_TIMEOUT_SECONDS", "60"),
        ("MILLRACE_MAX_TASK_TIMEOUT_SECONDS", "120"),
        ("MILLRACE_MAX_FAILURES", "7"),
        ("MILLRACE_TENANT_CONCURRENCY", "9"),
        ("MILLRACE_REQUESTS_PER_MINUTE", "0"),
        ("MILLRACE_SYNC_SECONDS", "890"),
        ("MILLRACE_PLAIN_KEYS", "true"),
        ("MILLRACE_FILES_ROOT", "/data"),
        ("MILLRACE_BUCKET", "objects"),
        ("MILLRACE_MAX_UPLOAD_BYTES", "7"),
        ("MILLRACE_MAX_VERTICES", "11"),
        ("MILLRACE_MAX_EDGES", "12"),
        ("MILLRACE_MAX_EFFECTS", "13"),
        ("MILLRACE_MAX_TOKENS", "14"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("MILLRACE_LENIENT_TWEAKS", "1"),
        ("MILLRACE_ALLOW_HOSTS", "ollama.lan:11434, 10.0.0.1"),
        ("MILLRACE_PRICES", r#"{"models": {"our-own": {"input": 3, "output": 4}}}"#),
        ("MILLRACE_TASK_BUDGET", "0.5"),
        ("MILLRACE_TENANT_BUDGET", "0"),
        ("MILLRACE_METRICS_NAMESPACE", "Flows"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example/otlp"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=k%201,other=2"),
        ("OPENAI_API_KEY", "sk-secret"),
        ("HOME", "/root"),
    ])
    .unwrap();
    let store = environment.store_config();
    assert_eq!((store.lease, store.retention), (Duration::from_secs(5), Duration::from_secs(172_800)));
    assert_eq!((store.task_timeout.as_secs(), store.max_task_timeout.as_secs()), (60, 120));
    assert_eq!((store.max_failures, store.tenant_concurrency), (7, 9));
    assert_eq!((store.requests_per_minute, read(&[]).unwrap().requests_per_minute), (0, 1_200));
    assert_eq!(environment.runner_config().sync_timeout, Duration::from_secs(890));
    assert!(store.plain_keys);
    let runner = environment.runner_config();
    assert_eq!(runner.flow_limits, FlowLimits { vertices: 11, edges: 12 });
    assert_eq!(runner.run_limits, RunLimits { effects: 13, tokens: 14 });
    assert_eq!(environment.runner_config().tweaks, Leniency::Lenient);
    assert_eq!(environment.runner_config().variables.keys().collect::<Vec<_>>(), ["OPENAI_API_KEY"]);
    assert_eq!((environment.bucket.as_deref(), store.max_upload_bytes), (Some("objects"), 7));
    assert_eq!(environment.runner_config().index_bytes, 128 * 1024 * 1024);
    assert_eq!(environment.runner_config().files_root, Some(PathBuf::from("/data")));
    assert_eq!(environment.outbound_config().allow.len(), 2);
    assert_eq!(runner.prices.model("our-own").map(|price| (price.input, price.output)), Some((3.0, 4.0)));
    assert_eq!((runner.task_budget, runner.tenant_budget, runner.memory_mb), (Some(0.5), None, 512));
    assert_eq!(runner.metrics_namespace.as_deref(), Some("Flows"));
    let exporter = environment.exporter.clone().unwrap();
    assert_eq!(exporter.endpoint, "https://collector.example/otlp");
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(exporter.headers, [header("x-key", "k 1"), header("other", "2")]);
    let shown = format!("{environment:?} {exporter:?}");
    assert!(!shown.contains("sk-secret") && !shown.contains("k 1"));
}

#[test]
fn headers_of_a_collector_are_read_only_where_there_is_one() {
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "no header");
    assert_eq!(read(&[headers]).unwrap().exporter, None);
    let error = read(&[headers, ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")]).unwrap_err();
    assert!(matches!(error, EnvironmentError::Invalid { name: "OTEL_EXPORTER_OTLP_HEADERS", .. }), "{error}");
    assert!(!error.to_string().contains("no header"));
}

#[test]
fn a_key_file_has_32_bytes() {
    let file = std::env::temp_dir().join(format!("millrace-key-{}", std::process::id()));
    let read = || read(&[("MILLRACE_KMS_KEY_ID", ""), ("MILLRACE_KEY_FILE", file.to_str().unwrap())]);
    for (bytes, good) in [(31, false), (32, true), (33, false)] {
        std::fs::write(&file, vec![7; bytes]).unwrap();
        match read() {
            Ok(environment) => assert!(good && environment.master_key == MasterKey::local([7; 32])),
            Err(error) => assert!(!good && error.to_string().contains("MILLRACE_KEY_FILE"), "{error}"),
        }
    }
    std::fs::remove_file(&file).unwrap();
    assert!(read().is_err());
}

#[test]
fn what_cannot_be_read_is_named() {
    for (name, value) in [
        ("MILLRACE_LEASE_SECONDS", "a minute"),
        ("MILLRACE_RETENTION_DAYS", "-1"),
        ("MILLRACE_MAX_FAILURES", "many"),
        ("MILLRACE_MAX_BODY_BYTES", "5MB"),
        ("MILLRACE_REQUESTS_PER_MINUTE", "-1"),
        ("MILLRACE_MAX_VERTICES", "-1"),
        ("MILLRACE_MAX_TOKENS", "1e6"),
        ("MILLRACE_STRICT_CODE", "maybe"),
        ("MILLRACE_ALLOW_HOSTS", "http://a"),
        ("MILLRACE_PRICES", r#"{"models": {"gpt-4o": {"input": -1, "output": 0}}}"#),
        ("MILLRACE_PRICES", r#"{"model": {}}"#),
        ("MILLRACE_PRICES", "cheap"),
        ("MILLRACE_TASK_BUDGET", "-1"),
        ("MILLRACE_TASK_BUDGET", "NaN"),
        ("MILLRACE_TENANT_BUDGET", "lots"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much"),
    ] {
        let error = read(&[(name, value)]).unwrap_err();
        assert!(matches!(error, EnvironmentError::Invalid { name: n, .. } if n == name), "{name}");
        assert!(!error.to_string().contains(value), "{name}");
    }
}
