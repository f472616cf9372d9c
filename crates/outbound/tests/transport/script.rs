//! A transport that plays a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use millrace_outbound::{Answer, Hop, Outbound, OutboundConfig, Transport, TransportError};

/// What happens to one hop.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// A status with a short body.
    Status(u16),
    /// 429, and the wish to be left alone for so many seconds.
    Busy(&'static str),
    /// A redirect by 307.
    To(&'static str),
    /// A status after so many seconds.
    Slow(u64, u16),
    /// No answer begins.
    Fails(TransportError),
    /// A piece of a body, then its end before its time.
    Breaks,
    /// Neither an answer nor an error.
    Hangs,
    /// A head and a piece of a body, then nothing.
    Stalls,
    /// A byte each second, without an end.
    Drips,
    /// A body of so many pieces of 100 bytes whose length is not announced.
    Pieces(usize),
    /// A head that announces so many bytes.
    Announces(u64),
}

/// Plays its steps in order, the last for good, and keeps the hops.
pub(crate) struct Script {
    steps: Mutex<VecDeque<Step>>,
    pub(crate) hops: Mutex<Vec<Hop>>,
}

impl Script {
    pub(crate) fn hosts(&self) -> Vec<String> {
        let hops = self.hops.lock().unwrap();
        hops.iter().map(|hop| hop.url.host_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn sent(&self) -> usize {
        self.hops.lock().unwrap().len()
    }
}

/// A client that reads up to 1,000 bytes of a body, over a script.
pub(crate) fn playing(steps: &[Step]) -> (Outbound, Arc<Script>) {
    let steps = Mutex::new(steps.iter().copied().collect());
    let script = Arc::new(Script { steps, hops: Mutex::default() });
    let config = OutboundConfig { max_response_bytes: 1000, ..OutboundConfig::default() };
    (Outbound::with_transport(config, Arc::clone(&script) as Arc<dyn Transport>), script)
}

#[async_trait]
impl Transport for Script {
    async fn exchange(&self, hop: &Hop) -> Result<Answer, TransportError> {
        self.hops.lock().unwrap().push(hop.clone());
        let step = {
            let mut steps = self.steps.lock().unwrap();
            if steps.len() > 1 { steps.pop_front().unwrap() } else { steps[0] }
        };
        let mut answer = Answer::new(200, "text");
        match step {
            Step::Status(status) => answer.status = status,
            Step::Busy(seconds) => {
                answer.status = 429;
                answer.headers.insert("retry-after", seconds.parse().unwrap());
            }
            Step::To(location) => {
                answer.status = 307;
                answer.headers.insert("location", location.parse().unwrap());
            }
            Step::Slow(seconds, status) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                answer.status = status;
            }
            Step::Fails(error) => return Err(error),
            Step::Breaks => {
                answer.body = answer.body.chain(stream::iter([Err(TransportError::BodyBroken)])).boxed();
            }
            Step::Hangs => std::future::pending().await,
            Step::Stalls => answer.body = answer.body.chain(stream::pending()).boxed(),
            Step::Drips => {
                answer.length = None;
                let drip = || async {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Ok(vec![b'x'].into())
                };
                answer.body = stream::repeat(()).then(move |()| drip()).boxed();
            }
            Step::Pieces(count) => {
                answer.length = None;
                answer.body =
                    stream::repeat([b'x'; 100].to_vec()).take(count).map(|it| Ok(it.into())).boxed();
            }
            Step::Announces(length) => answer.length = Some(length),
        }
        Ok(answer)
    }
}
