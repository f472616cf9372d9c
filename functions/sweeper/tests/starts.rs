//! The real binary, started with a variable that is missing or wrong.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../../../tests/starts.rs"]
mod starts;

#[test]
fn it_ends_at_once_and_names_the_variable() {
    starts::ends_and_names_the_variable(env!("CARGO_BIN_EXE_sweeper"));
}
