//! The corpus, and changes to it by chance that is the same each time. Which code they reach is not looked at; that is
//! what `.ci/run fuzz` does.
#![allow(missing_docs, reason = "a test")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use millrace_fuzz::mutate::Kitchen;
use millrace_fuzz::panics::{self, Then};
use millrace_fuzz::{TARGETS, Target, seeds};

/// For the changes to one target's inputs.
const TIME: Duration = Duration::from_millis(500);
/// Runs at most, so that a fast target does the same on every machine.
const RUNS: u64 = 2_000;
/// As a thread of a function has it, and more for what is not optimised.
const STACK: usize = 8 << 20;

/// One test, since memory and processor time are the process's.
#[test]
fn nothing_breaks() {
    if !seeds::is_shared() {
        println!("no folder `shared` beside the project: its files are no seeds");
    }
    panics::watch(Then::Fail);
    let everything = || TARGETS.iter().for_each(replay);
    std::thread::Builder::new().stack_size(STACK).spawn(everything).unwrap().join().unwrap();
}

#[test]
fn every_corpus_has_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(Target::named(&name).is_some(), "corpus/{name}");
    }
    for target in TARGETS {
        assert!(seeds::corpus(target).is_dir(), "{} has no corpus", target.name);
    }
}

fn replay(target: &Target) {
    let started = Instant::now();
    let inputs = seeds::committed(target).into_iter().chain(seeds::beside(target));
    let mut pool = vec![Vec::new()];
    for (path, bytes) in inputs {
        feed(target, &bytes, &path.display().to_string());
        pool.push(bytes);
    }
    let (inputs, replayed) = (pool.len(), started.elapsed());
    let kitchen = Kitchen { words: target.words, others: &pool, most: target.limits.bytes };
    let mut runs = 0;
    while runs < RUNS && started.elapsed() < replayed + TIME {
        let mut rng = Rng::with_seed(runs);
        let input = kitchen.mutated(&pool[rng.usize(0..pool.len())], &mut rng);
        feed(target, &input, &format!("change {runs}"));
        runs += 1;
    }
    println!("{:<14} {inputs:>4} inputs in {replayed:>9.1?}, {runs:>5} changes", target.name);
}

fn feed(target: &Target, input: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| target.feed(input))).is_err() {
        let kept = std::env::temp_dir().join(format!("fuzz-{}", target.name));
        let _ = std::fs::write(&kept, input);
        panic!("{}: {what} breaks it; the input is {}", target.name, kept.display());
    }
}
