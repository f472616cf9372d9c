//! A child process that a task of its own waits for, so that anyone can end it and everyone learns its end.

use std::io;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

/// A running process; dropped, it is killed.
#[derive(Debug)]
pub(super) struct Running {
    handle: Handle,
    /// Owns the child, which kills on drop.
    _keeper: AbortOnDropHandle<()>,
}

/// What knows and ends a process. Clones are of the same one.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    pid: u32,
    signals: mpsc::UnboundedSender<Signal>,
    exit: watch::Receiver<Option<String>>,
}

impl Running {
    pub(super) fn new(child: Child) -> Self {
        let (signals, received) = mpsc::unbounded_channel();
        let (tell, exit) = watch::channel(None);
        let handle = Handle { pid: child.id().unwrap_or_default(), signals, exit };
        let keeper = tokio::spawn(keep(child, received, tell));
        Self { handle, _keeper: AbortOnDropHandle::new(keeper) }
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Handle {
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn is_alive(&self) -> bool {
        self.exit.has_changed().is_ok() && self.exit.borrow().is_none()
    }

    /// Waits for the end, and says how it ended.
    pub(super) async fn exited(&self) -> String {
        let mut exit = self.exit.clone();
        let status = exit.wait_for(Option::is_some).await.ok().and_then(|status| status.clone());
        status.unwrap_or_else(|| "dropped".to_owned())
    }

    /// SIGTERM, if it still runs.
    pub(super) fn terminate(&self) {
        // Nobody receives it any more: the process has ended.
        let _ = self.signals.send(Signal::TERM);
    }

    /// SIGKILL, if it still runs; returns when it is gone.
    pub(super) async fn kill(&self) {
        let _ = self.signals.send(Signal::KILL);
        self.exited().await;
    }
}

/// Signals go through here alone: until this task has waited for the child, its id cannot be another process's.
async fn keep(
    mut child: Child,
    mut signals: mpsc::UnboundedReceiver<Signal>,
    tell: watch::Sender<Option<String>>,
) {
    let status = loop {
        tokio::select! {
            biased;
            status = child.wait() => break status,
            Some(signal) = signals.recv() => send(&child, signal),
        }
    };
    tell.send_replace(Some(describe(status)));
}

fn send(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let Some(pid) = pid else { return };
    if let Err(error) = kill_process(pid, signal) {
        tracing::warn!(%error, ?signal, "a function's process could not be signalled");
    }
}

fn describe(status: io::Result<ExitStatus>) -> String {
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}
