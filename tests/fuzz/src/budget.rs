//! What an input costs: processor time, so that a busy machine changes nothing, and memory of the whole process.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use crate::Limits;

/// Unoptimised code takes as many times as long.
const SLOWER: u32 = if cfg!(feature = "libfuzzer") { 1 } else { 10 };

static USED: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// Runs something within limits.
///
/// # Panics
/// Beyond one of them.
pub fn within(limits: Limits, run: impl FnOnce()) {
    let (took, most) = cost(run);
    let time = Duration::from_millis(limits.millis) * SLOWER;
    assert!(took <= time, "too slow: {took:?}, the limit is {time:?}");
    let memory = limits.mebibytes << 20;
    assert!(most <= memory, "too much memory: {most} bytes, the limit is {memory}");
}

/// What something takes: processor time, and bytes at any time.
pub fn cost(run: impl FnOnce()) -> (Duration, usize) {
    let (before, started) = (USED.load(Relaxed), processor_time());
    MOST.store(before, Relaxed);
    run();
    (processor_time() - started, MOST.load(Relaxed).saturating_sub(before))
}

#[allow(unsafe_code, reason = "the clock of processor time is a call of the system")]
mod system {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::time::Duration;

    use super::{MOST, Relaxed, USED};

    /// The processor time of this process.
    pub(super) fn processor_time() -> Duration {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the pointer is to a value of ours.
        unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
    }

    /// The system's allocator, counted.
    struct Counted;

    #[global_allocator]
    static ALLOCATOR: Counted = Counted;

    fn add(bytes: usize) {
        let used = USED.fetch_add(bytes, Relaxed) + bytes;
        MOST.fetch_max(used, Relaxed);
    }

    // SAFETY: all calls are passed on as they come.
    unsafe impl GlobalAlloc for Counted {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            add(layout.size());
            // SAFETY: the caller keeps the rules of it.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            USED.fetch_sub(layout.size(), Relaxed);
            // SAFETY: the caller keeps the rules of it.
            unsafe { System.dealloc(pointer, layout) }
        }

        unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            add(size);
            USED.fetch_sub(layout.size(), Relaxed);
            // SAFETY: the caller keeps the rules of it.
            unsafe { System.realloc(pointer, layout, size) }
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            add(layout.size());
            // SAFETY: the caller keeps the rules of it.
            unsafe { System.alloc_zeroed(layout) }
        }
    }
}

use system::processor_time;
