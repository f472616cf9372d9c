//! What is wrong is named, with a code for scripts, and nothing is half done.

use crate::home::{Home, KEY, free_port};

#[test]
fn keys_flows_and_files_that_are_wrong() {
    let home = Home::new();
    let local = home.local(0);
    home.profile(&local);
    let flow = home.pushed();

    home.run(&["flow", "list", "--key", "sk-not-mine"]).failed(4, "refuses this key");
    let unknown = "00000000-0000-4000-8000-000000000000";
    home.run(&["run", unknown, "--inputs", "{}"]).failed(5, unknown);
    home.run(&["run", "no such flow", "--input", "x"]).failed(5, "no flow 'no such flow'");
    home.run(&["flow", "get", unknown]).failed(5, unknown);
    for action in ["get", "cancel", "retry", "tail"] {
        home.run(&["task", action, unknown]).failed(5, unknown);
    }

    home.run(&["push", "nowhere.json"]).failed(2, "nowhere.json");
    for (name, text) in [
        ("empty.json", ""),
        ("half.json", "{\"data\": "),
        ("list.json", "[1, 2]"),
        ("other.json", "{\"name\": \"not a flow\"}"),
        ("binary.json", "\u{0}\u{1}"),
    ] {
        home.file(name, text);
        home.run(&["push", name]).failed(2, name);
    }
    assert_eq!(home.run(&["flow", "list"]).ok().lines().count(), 1, "nothing of these was uploaded");

    home.run(&["run", &flow, "--inputs", "{\"text\": "]).failed(2, "--inputs");
    home.run(&["run", &flow, "--inputs", "5"]).failed(2, "--inputs");
    home.run(&["run", &flow, "--tweaks", "{'a': 1}"]).failed(2, "--tweaks");
    home.run(&["run", &flow, "--tweaks", "@nowhere.json"]).failed(2, "nowhere.json");
    home.run(&["run", &flow, "--inputs", "{}", "--tweaks", r#"{"Nobody-1": {}}"#]).failed(1, "Nobody-1");
    home.run(&["run", &flow, "--inputs", r#"{"text": "x"}"#, "--budget=-1"]).failed(1, "budget");
    home.run(&["task", "get", "seven"]).failed(2, "seven");
    home.run(&["task", "list", "--limit", "0"]).failed(2, "--limit");
    home.run(&["usage", "--from", "tomorrow"]).failed(2, "--from");
    assert_eq!(home.run(&["task", "list"]).ok(), "", "none of these made a task");
}

#[test]
fn nobody_there() {
    let home = Home::new();
    let url = format!("http://127.0.0.1:{}", free_port());
    home.run(&["flow", "list", "--url", &url, "--key", "k"]).failed(3, "cannot reach");
    // A name that is reserved for being none.
    home.run(&["flow", "list", "--url", "http://millrace.invalid", "--key", "k"])
        .failed(3, "millrace.invalid");
    home.run(&["flow", "list", "--url", "millrace", "--key", "k"]).failed(2, "millrace");
    home.run(&["flow", "list", "--url", "ftp://127.0.0.1", "--key", "k"]).failed(2, "ftp");
    home.run(&["flow", "list"]).failed(2, "key");
}

/// A profile's file that cannot be read stays as it is, and what stands in it is not shown.
#[test]
fn a_profile_file_that_is_broken() {
    let home = Home::new();
    home.run_with(&["profile", "set", "mine", "--key-stdin"], &format!("{KEY}\n")).ok();
    let file = home.profiles();
    for broken in [format!("{{\"key\": \"{KEY}\""), "[]".to_owned(), "\u{0}".to_owned()] {
        std::fs::write(&file, &broken).unwrap();
        for words in [["flow", "list"], ["profile", "list"], ["profile", "show"]] {
            home.run(&words).failed(2, "profiles.json");
        }
        home.run_with(&["profile", "set", "other", "--key-stdin"], "k\n").failed(2, "profiles.json");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), broken);
    }
    home.run(&["flow", "list", "--profile", "none"]).failed(2, "profiles.json");
    std::fs::remove_file(&file).unwrap();
    home.run(&["flow", "list", "--profile", "none"]).failed(5, "none");
    home.run_with(&["profile", "set", "a b", "--key-stdin"], "k\n").failed(2, "name");
    home.run_with(&["profile", "set", "a", "--key-stdin"], "\n").failed(2, "key");
    assert!(!file.exists(), "nothing is kept of what was refused");
}

/// A profile's key is for its own address.
#[test]
fn a_profiles_key_goes_to_no_other_address() {
    let home = Home::new();
    let local = home.local(0);
    home.run_with(
        &["profile", "set", "elsewhere", "--url", "http://127.0.0.1:1", "--key-stdin"],
        &format!("{KEY}\n"),
    )
    .ok();
    home.run(&["flow", "list", "--url", &local.url]).failed(2, "key");
    home.run(&["flow", "list", "--url", &local.url, "--key", KEY]).ok();
}
