//! Listening on loopback, and stopping cleanly.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::LocalError;

/// How long a stop waits for requests that are being answered.
const GRACE: Duration = Duration::from_secs(10);

/// Binds a port of 127.0.0.1; 0 lets the system choose one. `wanted_by` is named in the error.
pub(crate) async fn bind(port: u16, wanted_by: &str) -> Result<TcpListener, LocalError> {
    let wanted_by = || wanted_by.to_owned();
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => LocalError::PortTaken { port, wanted_by: wanted_by() },
        _ => LocalError::Listen { port, wanted_by: wanted_by(), source },
    })
}

/// The address that a listener was given.
pub(crate) fn address(listener: &TcpListener) -> Result<SocketAddr, LocalError> {
    let listen = |source| LocalError::Listen { port: 0, wanted_by: "a local server".to_owned(), source };
    listener.local_addr().map_err(listen)
}

/// A server that answers until it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    address: SocketAddr,
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl Serving {
    /// Serves `router`; handlers can ask for the peer's address (`ConnectInfo<SocketAddr>`).
    pub(crate) fn start(listener: TcpListener, router: Router) -> Result<Self, LocalError> {
        let address = address(&listener)?;
        let listener = listener.tap_io(|stream| {
            // Without it a small answer may wait for the acknowledgement of the one before.
            let _ = stream.set_nodelay(true);
        });
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        Ok(Self::spawn(address, |stop| async move {
            let served = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await;
            if let Err(error) = served {
                tracing::error!(%error, %address, "a local server failed");
            }
        }))
    }

    /// Runs `serve` until the token it is given is cancelled.
    pub(crate) fn spawn<F>(address: SocketAddr, serve: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(stop.clone()));
        Self { address, stop: stop.drop_guard(), task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connection, lets what is being answered finish (for ten seconds at most), and returns.
    pub(crate) async fn stop(self) {
        let Self { stop, mut task, .. } = self;
        drop(stop);
        if tokio::time::timeout(GRACE, &mut task).await.is_err() {
            task.abort();
        }
    }
}
