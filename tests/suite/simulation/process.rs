//! A process that can die or stand still at any point.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An environment of the api function.
    Api,
    /// An environment of the worker function.
    Worker,
    /// An environment of the sweeper function.
    Sweeper,
    /// What belongs to AWS: event sources and the schedule.
    Aws,
    /// Whoever prepares and inspects; nothing of it ever fails.
    Operator,
}

impl Kind {
    /// Its name in a transcript.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Sweeper => "sweeper",
            Self::Aws => "aws",
            Self::Operator => "operator",
        }
    }
}

/// A process. Everything that it does runs inside [`Process::live`], and every call it makes asks [`Process::gate`].
#[derive(Debug)]
pub struct Process {
    /// `worker 3`.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    dead: CancellationToken,
    late: AtomicBool,
    paused: Mutex<Option<Instant>>,
}

impl Process {
    /// A process that lives.
    pub fn new(kind: Kind, number: usize) -> Arc<Self> {
        let name = match kind {
            Kind::Operator | Kind::Aws => kind.name().to_owned(),
            _ => format!("{} {number}", kind.name()),
        };
        let (dead, late) = (CancellationToken::new(), AtomicBool::new(false));
        Arc::new(Self { name, kind, dead, late, paused: Mutex::new(None) })
    }

    /// Kills it: whatever it was doing is dropped where it stands.
    pub fn crash(&self) {
        self.dead.cancel();
    }

    /// The same, because its time was over.
    pub fn kill_late(&self) {
        self.late.store(true, Ordering::Relaxed);
        self.crash();
    }

    /// Whether it was killed because its time was over.
    pub fn was_killed_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }

    /// Whether it was killed.
    pub fn is_dead(&self) -> bool {
        self.dead.is_cancelled()
    }

    /// It stands still from now on, as after `SIGSTOP`: no future of it is polled, and time goes on.
    pub fn pause(&self, time: Duration) {
        *self.paused.lock().unwrap() = Some(Instant::now() + time);
    }

    /// Returns when the process may go on; never, if it is dead.
    pub async fn gate(&self) {
        if let Some(until) = self.paused_until() {
            sleep_until(until).await;
        }
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    fn paused_until(&self) -> Option<Instant> {
        let mut paused = self.paused.lock().unwrap();
        *paused = paused.filter(|until| *until > Instant::now());
        *paused
    }

    /// Runs something in this process. `None` when it died before the end.
    pub fn live<F: Future + Send + 'static>(self: &Arc<Self>, work: F) -> Live<F> {
        let died = Box::pin(self.dead.clone().cancelled_owned());
        Live { process: self.clone(), died, pause: None, work: Some(Box::pin(work)) }
    }
}

/// Work inside a process.
pub struct Live<F> {
    process: Arc<Process>,
    died: Pin<Box<WaitForCancellationFutureOwned>>,
    pause: Option<Pin<Box<Sleep>>>,
    work: Option<Pin<Box<F>>>,
}

impl<F: Future> Live<F> {
    /// Pending while the process stands still.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = self.process.paused_until() else {
            self.pause = None;
            return Poll::Ready(());
        };
        let timer = self.pause.insert(Box::pin(sleep_until(until)));
        timer.as_mut().poll(cx)
    }
}

impl<F: Future> Future for Live<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            if this.died.as_mut().poll(cx).is_ready() {
                this.work = None;
                return Poll::Ready(None);
            }
            if this.poll_pause(cx).is_pending() {
                return Poll::Pending;
            }
            let Some(work) = &mut this.work else { return Poll::Ready(None) };
            let done = work.as_mut().poll(cx);
            let stopped = this.process.is_dead() || this.process.paused_until().is_some();
            match done {
                Poll::Ready(output) if !this.process.is_dead() => return Poll::Ready(Some(output)),
                Poll::Pending if !stopped => return Poll::Pending,
                // It died or was stopped within this poll.
                _ => {}
            }
        }
    }
}
