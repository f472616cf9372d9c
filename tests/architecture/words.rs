//! Words that stand in few places or in none.

use crate::source::deployed;

const ENVIRONMENT: &str = "crates/runner/src/environment.rs";
const CONNECTIONS: &str = "crates/outbound/src/connections.rs";
const RESOLVER: &str = "crates/outbound/src/resolver.rs";
const LINK: &str = "crates/outbound/src/sql/connect.rs";
const SQL: &str = "crates/outbound/src/sql";
const STORE: &str = "crates/store/src";

/// A word, and the beginnings of the paths where it may stand.
type Rule = (&'static str, &'static [&'static str]);

/// **No process is ever started.** Flows that ask for one (MCP over stdio) get none.
const PROCESSES: &[Rule] = &[
    ("process::Command", &[]),
    ("Command::new", &[]),
    ("CommandExt", &[]),
    ("posix_spawn", &[]),
    ("libloading", &[]),
    ("dlopen", &[]),
];

/// **Nothing below `main` reads the environment.** What the one file reads, it hands on as a struct.
const VARIABLES: &[Rule] =
    &[("env::var", &[ENVIRONMENT]), ("env::set_var", &[]), ("env::remove_var", &[]), ("env::args", &[])];

/// **Every connection is made behind the address guard**, or by the store to the services of AWS.
const CONNECTIONS_MADE: &[Rule] = &[
    ("TcpStream", &[LINK]),
    ("TcpSocket", &[]),
    ("UnixStream", &[LINK]),
    ("UdpSocket", &[]),
    ("lookup_host", &[RESOLVER]),
    ("ToSocketAddrs", &[]),
    ("to_socket_addrs", &[]),
    ("reqwest", &[CONNECTIONS, RESOLVER]),
    ("hyper::", &[]),
    ("hyper_util", &[]),
    ("sqlx", &[SQL]),
    ("rusqlite", &[]),
    ("aws_sdk_", &[STORE]),
    ("aws_config", &[STORE]),
    ("aws_smithy_http_client", &[STORE]),
];

#[test]
fn no_process_is_started() {
    hold(PROCESSES);
}

#[test]
fn the_environment_is_read_in_one_file() {
    hold(VARIABLES);
}

#[test]
fn connections_are_made_in_one_crate() {
    hold(CONNECTIONS_MADE);
}

/// The client goes through no proxy, and follows no redirect by itself.
#[test]
fn the_one_client_is_built_without_what_would_lead_it_astray() {
    let sources = deployed();
    let client = sources.iter().find(|source| source.path == CONNECTIONS).unwrap();
    for setting in
        [".no_proxy()", ".redirect(Policy::none())", ".dns_resolver(", ".retry(reqwest::retry::never())"]
    {
        assert!(client.text.contains(setting), "{setting}");
    }
    let builders: usize = sources.iter().map(|source| source.text.matches("Client::builder()").count()).sum();
    assert_eq!(builders, 1, "one client is built, in one place");
}

fn hold(rules: &[Rule]) {
    let mut broken = Vec::new();
    for source in deployed() {
        for (word, places) in rules {
            let allowed = places.iter().any(|place| source.path.starts_with(place));
            if source.text.contains(word) && !allowed {
                broken.push(format!("{}: {word}", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
