//! `turn` 0.17 on a tokio runtime of one thread, with sockets that buffer as much as those of the null relay.

use super::{Auth, REALM, SECRET, USER};
use anyhow::Context as _;
use async_trait::async_trait;
use relay_bench::io::{Mode, Port};
use relay_bench::null::relay_ip;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use turn17::auth::{AuthHandler, LongTermAuthHandler, generate_auth_key};
use turn17::relay::RelayAddressGenerator;
use turn17::server::Server;
use turn17::server::config::{ConnConfig, ServerConfig};
use webrtc17_util::Conn;
use wire::stun::AddressFamily;

/// Serves for ever.
pub(crate) fn serve(listener: Port, auth: Auth) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let relay_ip = listener.socket.local_addr()?.ip();
        let conn = Arc::new(UdpSocket::from_std(listener.socket)?);
        let config = ServerConfig {
            conn_configs: vec![ConnConfig { conn, relay_addr_generator: Box::new(Relays(relay_ip)) }],
            realm: REALM.into(),
            auth_handler: match auth {
                Auth::RestSecret => Arc::new(LongTermAuthHandler::new(SECRET.into())),
                _ => Arc::new(OneUser),
            },
            // Zero selects the crate's default.
            channel_bind_timeout: Duration::ZERO,
            alloc_close_notify: None,
        };
        let _server = Server::new(config).await.context("the server does not start")?;
        std::future::pending().await
    })
}

struct OneUser;

impl AuthHandler for OneUser {
    fn auth_handle(&self, username: &str, realm: &str, _source: SocketAddr) -> Result<Vec<u8>, turn17::Error> {
        let known = username == USER;
        known.then(|| generate_auth_key(username, realm, USER)).ok_or(turn17::Error::ErrNoSuchUser)
    }
}

struct Relays(IpAddr);

#[async_trait]
impl RelayAddressGenerator for Relays {
    fn validate(&self) -> Result<(), turn17::Error> {
        Ok(())
    }

    async fn allocate_conn(&self, ipv4: bool, port: u16) -> Result<(Arc<dyn Conn + Send + Sync>, SocketAddr), turn17::Error> {
        let family = if ipv4 { AddressFamily::IPV4 } else { AddressFamily::IPV6 };
        let ip = relay_ip(self.0, family).ok_or(turn17::Error::ErrRelayAddressInvalid)?;
        let failed = |error| turn17::Error::from(webrtc17_util::Error::from(error));
        let port = Port::bind(SocketAddr::new(ip, port), Mode::Plain).map_err(failed)?;
        let address = port.socket.local_addr().map_err(failed)?;
        Ok((Arc::new(UdpSocket::from_std(port.socket).map_err(failed)?), address))
    }
}
