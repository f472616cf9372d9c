//! Which panics are findings. One in our own code is, whoever would catch it; one of a library may be caught by who
//! calls it and knows it for that.

use std::panic;
use std::process;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static OURS: AtomicBool = AtomicBool::new(false);
static LAST: Mutex<String> = Mutex::new(String::new());

/// What happens at a panic of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The process ends at once.
    Abort,
    /// The target fails once it is done.
    Fail,
}

/// Looks at all panics from now on. Those of libraries are not printed.
pub fn watch(then: Then) {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let is_ours = panic.location().is_none_or(|place| !place.file().starts_with('/'));
        if !is_ours {
            LAST.lock().into_iter().for_each(|mut last| *last = panic.to_string());
            return;
        }
        usual(panic);
        OURS.store(true, Relaxed);
        if then == Then::Abort {
            process::abort();
        }
    }));
}

/// What the last panic in a library said.
pub fn last_of_a_library() -> String {
    LAST.lock().map(|last| last.clone()).unwrap_or_default()
}

/// Whether there was a panic of ours since this was asked last.
pub(crate) fn was_ours() -> bool {
    OURS.swap(false, Relaxed)
}
