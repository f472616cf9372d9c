//! A connection to an address that the guard checked, handed to the driver as a socket of our own.
//!
//! The driver resolves names itself and takes one string as address and TLS name alike. So the TCP
//! connection is made here, and relayed through a Unix socket that only this process can open and that takes
//! one connection: the driver connects there and still speaks TLS with the name of the URL. What comes back
//! is counted on the way, so that no single value can fill the memory.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::JoinHandle;
use url::Host;

use super::SqlError;
use super::database::Server;
use crate::OutboundError;
use crate::guard::{Guard, Route};
use crate::resolver::Lookup;

/// What a result may take on the wire beyond its values: framing, catalogue queries of the driver.
const FRAMING: usize = 4 * 1024 * 1024;

/// One relayed connection; dropping it cuts it.
pub(super) struct Link {
    folder: Folder,
    state: Arc<State>,
    relay: JoinHandle<()>,
}

struct State {
    open: AtomicBool,
    received: AtomicUsize,
    limit: AtomicUsize,
    exceeded: AtomicBool,
}

impl Link {
    /// The socket that the driver connects to, once.
    pub(super) fn socket(&self) -> &Path {
        &self.folder.socket
    }

    /// The folder of the socket: for Postgres, whose sockets have a fixed name.
    pub(super) fn folder(&self) -> &Path {
        &self.folder.path
    }

    /// Whether both ends are there.
    pub(super) fn is_open(&self) -> bool {
        self.state.open.load(Ordering::Relaxed)
    }

    /// Starts counting for a statement whose values may take `bytes`.
    pub(super) fn expect(&self, bytes: usize) {
        self.state.received.store(0, Ordering::Relaxed);
        // Text takes more room on the wire than as a number, and the row that goes beyond is read whole.
        self.state.limit.store(bytes.saturating_mul(2).saturating_add(FRAMING), Ordering::Relaxed);
    }

    /// Whether the connection was cut because more came than was expected.
    pub(super) fn is_exceeded(&self) -> bool {
        self.state.exceeded.load(Ordering::Relaxed)
    }

    /// The folder has served once the driver is connected.
    pub(super) fn connected(&self) {
        self.folder.remove();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

/// A folder that only this user can enter, with the socket in it.
struct Folder {
    path: PathBuf,
    socket: PathBuf,
}

impl Folder {
    fn new(port: u16) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        for _ in 0..64 {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("millrace-sql-{}-{number}", std::process::id()));
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(Self { socket: path.join(format!(".s.PGSQL.{port}")), path }),
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// One that stays behind is private, and soon empty.
    fn remove(&self) {
        let _ = fs::remove_file(&self.socket);
        let _ = fs::remove_dir(&self.path);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Connects to a checked address of `server`.
pub(super) async fn link(guard: &Guard, lookup: &Lookup, server: &Server) -> Result<Link, SqlError> {
    guard.check_url(&server.url).map_err(refused)?;
    let remote = connect(guard, lookup, server).await?;
    let unreachable = |_| SqlError::Unreachable { host: server.host.clone() };
    let folder = Folder::new(server.port).map_err(unreachable)?;
    let listener = UnixListener::bind(&folder.socket).map_err(unreachable)?;
    let state = Arc::new(State {
        open: AtomicBool::new(true),
        received: AtomicUsize::new(0),
        limit: AtomicUsize::new(FRAMING),
        exceeded: AtomicBool::new(false),
    });
    let relay = tokio::spawn(relay(listener, remote, Arc::clone(&state)));
    Ok(Link { folder, state, relay })
}

fn refused(error: OutboundError) -> SqlError {
    match error {
        OutboundError::Blocked { host, reason } => SqlError::Blocked { host, reason },
        _ => SqlError::InvalidUrl { reason: "its host is not valid" },
    }
}

#[expect(clippy::disallowed_methods, reason = "to addresses that the guard has checked")]
async fn connect(guard: &Guard, lookup: &Lookup, server: &Server) -> Result<TcpStream, SqlError> {
    let unreachable = || SqlError::Unreachable { host: server.host.clone() };
    let addresses = match server.url.host() {
        Some(Host::Ipv4(address)) => vec![address.into()],
        Some(Host::Ipv6(address)) => vec![address.into()],
        _ => {
            let addresses = lookup(server.host.clone()).await.map_err(|_| unreachable())?;
            if guard.route(&server.url) == Route::Guarded {
                // One bad address refuses the name, as for HTTP.
                for address in &addresses {
                    guard
                        .check_address(&server.host, *address)
                        .map_err(|reason| SqlError::Blocked { host: server.host.clone(), reason })?;
                }
            }
            addresses
        }
    };
    for address in addresses {
        if let Ok(stream) = TcpStream::connect((address, server.port)).await {
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
    }
    Err(unreachable())
}

async fn relay(listener: UnixListener, remote: TcpStream, state: Arc<State>) {
    if let Ok((local, _)) = listener.accept().await {
        drop(listener);
        exchange(local, remote, &state).await;
    }
    state.open.store(false, Ordering::Relaxed);
}

/// Until either side ends: a database session has no use for half a connection.
async fn exchange(local: UnixStream, remote: TcpStream, state: &State) {
    let (mut from_driver, mut to_driver) = local.into_split();
    let (mut from_server, mut to_server) = remote.into_split();
    let up = async { tokio::io::copy(&mut from_driver, &mut to_server).await.map(|_| ()) };
    let down = async {
        let mut buffer = vec![0; 32 * 1024];
        loop {
            let count = from_server.read(&mut buffer).await?;
            let received = state.received.fetch_add(count, Ordering::Relaxed) + count;
            if count == 0 || received > state.limit.load(Ordering::Relaxed) {
                state.exceeded.store(count > 0, Ordering::Relaxed);
                return io::Result::Ok(());
            }
            to_driver.write_all(&buffer[..count]).await?;
        }
    };
    tokio::select! {
        _ = up => {}
        _ = down => {}
    }
}
