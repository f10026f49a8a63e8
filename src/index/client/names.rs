//! Addresses of hosts, looked up once each.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::OnceCell;

/// Looks a host up once, however many connections to it are opened at a time.
///
/// The first requests all open connections of their own. Were each to ask for the address, a single
/// answer that gets lost among dozens would hold everything up for the five seconds after which the system asks again.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    hosts: Mutex<HashMap<String, Arc<OnceCell<Vec<SocketAddr>>>>>,
}

impl Resolve for Lookups {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = Arc::clone(hosts.entry(host.clone()).or_default());
        drop(hosts);
        Box::pin(async move {
            // a failure is not kept
            let addresses = known
                .get_or_try_init(|| async move {
                    // the port is filled in by whoever connects
                    let found = tokio::net::lookup_host((host, 0)).await?;
                    Ok::<_, std::io::Error>(found.collect())
                })
                .await?;
            Ok(Box::new(addresses.clone().into_iter()) as Addrs)
        })
    }
}
