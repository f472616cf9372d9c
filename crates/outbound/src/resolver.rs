//! Name resolution with the guard in it: a connection is made to the very addresses that were checked.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::guard::{Guard, Route};

/// Finds the addresses of a name.
pub(crate) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The system's resolver.
#[expect(clippy::disallowed_methods, reason = "what it answers is checked before it is used")]
pub(crate) fn system_lookup() -> Lookup {
    Arc::new(|name| {
        async move {
            let addresses = tokio::net::lookup_host((name, 0)).await?;
            Ok(addresses.map(|address| address.ip()).collect())
        }
        .boxed()
    })
}

/// The guard's refusal, as it travels through the HTTP client's error chain.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct RefusedAddress {
    pub(crate) reason: &'static str,
}

/// Resolves for one route.
pub(crate) struct GuardedResolver {
    pub(crate) guard: Arc<Guard>,
    pub(crate) route: Route,
    pub(crate) lookup: Lookup,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, route) = (Arc::clone(&self.guard), self.route);
        let name = name.as_str().to_owned();
        let looking_up = (self.lookup)(name.clone());
        async move {
            let addresses = looking_up.await?;
            if route == Route::Guarded {
                // One bad address refuses the name: which one is connected to is not ours to choose.
                for address in &addresses {
                    guard.check_address(&name, *address).map_err(|reason| RefusedAddress { reason })?;
                }
            }
            if addresses.is_empty() {
                return Err(Box::<dyn Error + Send + Sync>::from(io::Error::from(io::ErrorKind::NotFound)));
            }
            // The port 0 stands for the URL's.
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        }
        .boxed()
    }
}
