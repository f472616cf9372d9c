//! A reverse proxy in front of the local DynamoDB or SQS, at which a test lets single calls fail.
//!
//! ```text
//! client ──► hook(Before) ──► service ──► hook(After) ──► client
//!              │ Drop, Reply: the service      │ Drop, Reply: the service has
//!              ▼ never sees the call           ▼ done it, the client does not know
//! ```

mod exchange;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::LocalError;
use crate::listen::{Serving, address, bind};
use exchange::Exchange;

/// Where a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The service has not seen it.
    Before,
    /// The service has done it, or refused it; the client has no answer yet.
    After,
}

/// A call that passes, as the hook is shown it: twice, unless it ends before the service.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The operation, `PutItem` for example: what follows the dot of the `x-amz-target` header.
    pub operation: &'a str,
    /// The request's JSON, in both phases.
    pub body: &'a Bytes,
    /// Where it is.
    pub phase: Phase,
}

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Pass,
    /// The connection is closed without an answer.
    Drop,
    /// The client is answered this: an HTTP status and a JSON body.
    Reply(u16, Bytes),
}

/// Decides about a call, now or later: until the future is ready the call stands still.
type Hook = dyn Fn(&Call<'_>) -> BoxFuture<'static, Verdict> + Send + Sync;

/// A running proxy, on a loopback port of its own.
///
/// **A call that it has received goes on when its client is gone**, as it does in a network: a hook may kill the client
/// and still let the call pass. The exception is `ReceiveMessage`: a long poll ends with its client, so that no message goes
/// to nobody.
#[derive(Debug)]
pub struct FaultProxy {
    serving: Serving,
}

impl FaultProxy {
    /// Starts to listen, and passes on to `upstream` (`http://host:port`, no slash at its end) whatever the hook lets pass.
    /// A service that cannot be reached is to the client as one that closes the connection.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn start(
        upstream: impl Into<String>,
        hook: impl Fn(&Call<'_>) -> BoxFuture<'static, Verdict> + Send + Sync + 'static,
    ) -> Result<Self, LocalError> {
        let listener = bind(0, "a fault proxy").await?;
        let address = address(&listener)?;
        let exchange = Arc::new(Exchange::new(upstream.into(), Box::new(hook)));
        Ok(Self { serving: Serving::spawn(address, |stop| serve(listener, exchange, stop)) })
    }

    /// Where it listens: `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        self.serving.url()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.serving.address()
    }

    /// Takes no new call, lets those that it has received end (for ten seconds at most), and closes all connections.
    pub async fn stop(self) {
        self.serving.stop().await;
    }
}

async fn serve(listener: TcpListener, exchange: Arc<Exchange>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    let exchanges = TaskTracker::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, exchange.clone(), exchanges.clone()));
                }
                Err(error) => tracing::warn!(%error, "a connection could not be accepted"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
    exchanges.close();
    exchanges.wait().await;
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, exchange: Arc<Exchange>, exchanges: TaskTracker) {
    // Without it a small answer may wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request| {
        exchange::answer(exchange.clone(), exchanges.clone(), request)
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    // Its errors are the closed connections that were asked for, and clients that have gone.
    let _ = http.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}
