//! One target, fed by libFuzzer: `fuzz TARGET [libFuzzer's options] [folders]`. `fuzz --list` names the targets,
//! `fuzz --seeds TARGET FOLDER` puts what the target begins with into a folder, and `fuzz --scale TARGET ROUNDS` looks for
//! what is not linear.

#![allow(unsafe_code, reason = "libFuzzer is C++: it calls and is called")]

use std::ffi::{CString, c_char, c_int};
use std::path::Path;
use std::sync::{Once, OnceLock};
use std::time::Duration;
use std::{env, fs, panic, process, slice};

use libfuzzer_sys as _;
use millrace_fuzz::budget;
use millrace_fuzz::mutate::Kitchen;
use millrace_fuzz::panics::{self, Then};
use millrace_fuzz::{TARGETS, Target, seeds};

unsafe extern "C" {
    fn LLVMFuzzerRunDriver(
        argc: *mut c_int,
        argv: *mut *mut *mut c_char,
        run: unsafe extern "C" fn(*const u8, usize) -> c_int,
    ) -> c_int;
    fn LLVMFuzzerMutate(data: *mut u8, size: usize, most: usize) -> usize;
}

struct Running {
    target: &'static Target,
    others: Vec<Vec<u8>>,
}

static RUNNING: OnceLock<Running> = OnceLock::new();

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match arguments.iter().skip(1).map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--list"] => TARGETS.iter().for_each(|target| println!("{}", target.name)),
        ["--seeds", target, folder] => lay_out(named(target), Path::new(folder)),
        ["--scale", target, rounds] => scale(named(target), rounds.parse().unwrap_or(0)),
        // libFuzzer starts this program again, with all of its arguments, to merge or to minimise.
        [target, ..] => run(named(target), &arguments),
        [] => refuse("which target? `--list` names them"),
    }
}

fn named(name: &str) -> &'static Target {
    Target::named(name.trim_start_matches("--target="))
        .unwrap_or_else(|| refuse(&format!("there is no target {name}")))
}

fn refuse(why: &str) -> ! {
    eprintln!("{why}");
    process::exit(2);
}

fn lay_out(target: &Target, folder: &Path) {
    let inputs = seeds::committed(target).into_iter().chain(seeds::beside(target));
    for (number, (_, bytes)) in inputs.enumerate() {
        if let Err(error) = fs::write(folder.join(format!("seed-{number}")), bytes) {
            refuse(&error.to_string());
        }
    }
}

/// Looks for what takes more than its size says: parts of inputs, and two of a target's words, over and over. Twice as much
/// may take twice as long, and a little more.
fn scale(target: &Target, rounds: u64) {
    const ENOUGH: Duration = Duration::from_millis(300);
    panics::watch(Then::Abort);
    let inputs: Vec<_> = seeds::committed(target).into_iter().chain(seeds::beside(target)).collect();
    for round in 0..rounds {
        let mut rng = fastrand::Rng::with_seed(round);
        let Some((_, input)) = rng.choice(&inputs) else { return };
        let (head, part, tail) = repeated(input, target, &mut rng);
        let of = |size: usize| [head, &part.repeat(size / part.len().max(1)), tail].concat();
        let time = |size| budget::cost(|| (target.run)(&of(size))).0;
        let (half, whole) = (time(1 << 17), time(1 << 18));
        if whole > ENOUGH && whole > half * 3 {
            let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(200).collect::<String>();
            println!(
                "{} {half:?} {whole:?}: {:?} + {:?} * n + {:?}",
                target.name,
                shown(head),
                shown(&part),
                shown(tail)
            );
        }
    }
}

fn repeated<'a>(input: &'a [u8], target: &Target, rng: &mut fastrand::Rng) -> (&'a [u8], Vec<u8>, &'a [u8]) {
    let start = rng.usize(0..=input.len());
    let end = (start + rng.usize(0..40)).min(input.len());
    let mut word = || rng.choice(target.words).copied().unwrap_or_default();
    let (first, second) = (word(), word());
    let part = match rng.u8(0..3) {
        0 => [first, second].concat().into_bytes(),
        1 => [first.as_bytes(), &input[start..end]].concat(),
        _ => input[start..end].to_vec(),
    };
    (&input[..start], part, if rng.bool() { &input[end..] } else { &[] })
}

fn run(target: &'static Target, arguments: &[String]) {
    let inputs = seeds::committed(target).into_iter().chain(seeds::beside(target));
    let others = inputs.map(|(_, bytes)| bytes).collect();
    RUNNING.get_or_init(|| Running { target, others });
    let mut own: Vec<CString> = Vec::new();
    own.extend(CString::new(arguments[0].as_str()));
    own.extend(CString::new(format!("--target={}", target.name)));
    own.extend(CString::new(format!("-max_len={}", target.limits.bytes)));
    own.extend(arguments[2..].iter().filter_map(|argument| CString::new(argument.as_str()).ok()));
    let mut pointers: Vec<*mut c_char> = own.iter().map(|text| text.as_ptr().cast_mut()).collect();
    pointers.push(std::ptr::null_mut());
    widen_signal_stack();
    let (mut argc, mut argv) = (own.len() as c_int, pointers.as_mut_ptr());
    // SAFETY: the texts and the array outlive the call, which is how `main` of a C program would be called.
    process::exit(unsafe { LLVMFuzzerRunDriver(&raw mut argc, &raw mut argv, feed) });
}

/// An overflow of the stack is noticed on a stack of its own, and libFuzzer needs more of it to write down the input than
/// the standard library has put aside.
fn widen_signal_stack() {
    let room = vec![0_u8; 1 << 20].leak();
    let stack = libc::stack_t { ss_sp: room.as_mut_ptr().cast(), ss_flags: 0, ss_size: room.len() };
    // SAFETY: the memory stays for as long as the process.
    unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) };
}

unsafe extern "C" fn feed(data: *const u8, size: usize) -> c_int {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| panics::watch(Then::Abort));
    // SAFETY: libFuzzer hands over a slice; it may be empty and its pointer null.
    let input = if size == 0 { &[] } else { unsafe { slice::from_raw_parts(data, size) } };
    let fed = panic::catch_unwind(|| RUNNING.get().map(|running| running.target.feed(input)));
    if fed.is_err() {
        eprintln!("{}", panics::last_of_a_library());
        process::abort();
    }
    0
}

/// libFuzzer's own changes half of the time; else ours.
#[unsafe(no_mangle)]
unsafe extern "C" fn LLVMFuzzerCustomMutator(data: *mut u8, size: usize, most: usize, seed: u32) -> usize {
    let mut rng = fastrand::Rng::with_seed(u64::from(seed));
    let Some(running) = RUNNING.get().filter(|_| rng.bool()) else {
        // SAFETY: as we were called.
        return unsafe { LLVMFuzzerMutate(data, size, most) };
    };
    // SAFETY: `most` bytes are there, of which `size` are set.
    let input = unsafe { slice::from_raw_parts(data, size) };
    let kitchen = Kitchen { words: running.target.words, others: &running.others, most };
    let mutated = kitchen.mutated(input, &mut rng);
    // SAFETY: it is at most as long as there is room, and of our own memory.
    unsafe { std::ptr::copy_nonoverlapping(mutated.as_ptr(), data, mutated.len()) };
    mutated.len()
}

/// The door of the crate `libfuzzer-sys`, which is not used: [`feed`] is called instead.
#[unsafe(no_mangle)]
fn rust_fuzzer_test_input(_: &[u8]) -> i32 {
    0
}
