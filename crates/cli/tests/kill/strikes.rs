//! When the cloud is killed: after a random number of moments at the model provider, which the seed decides.

use std::sync::{Arc, Mutex};

use fastrand::Rng;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tokio::sync::{mpsc, oneshot};

/// A kill that is due. The call at the provider stands still until it is dropped.
pub type Strike = oneshot::Sender<()>;

/// Counts the moments.
pub struct Strikes {
    countdown: Mutex<Countdown>,
    due: mpsc::UnboundedSender<Strike>,
}

struct Countdown {
    random: Rng,
    between: (usize, usize),
    left: usize,
}

impl Strikes {
    /// So many moments at least, and at most, lie between two strikes.
    pub fn new(seed: u64, between: (usize, usize)) -> (Arc<Self>, mpsc::UnboundedReceiver<Strike>) {
        let (due, strikes) = mpsc::unbounded_channel();
        let mut random = Rng::with_seed(seed);
        let left = random.usize(between.0..=between.1);
        let countdown = Mutex::new(Countdown { random, between, left });
        (Arc::new(Self { countdown, due }), strikes)
    }

    /// One moment passes.
    pub fn moment(&self) -> BoxFuture<'static, ()> {
        let mut countdown = self.countdown.lock().unwrap();
        countdown.left -= 1;
        if countdown.left > 0 {
            return ready(()).boxed();
        }
        let (least, most) = countdown.between;
        countdown.left = countdown.random.usize(least..=most);
        let (strike, struck) = oneshot::channel();
        // Nobody waits for strikes any longer: then the call goes on.
        let _ = self.due.send(strike);
        struck.map(drop).boxed()
    }
}
