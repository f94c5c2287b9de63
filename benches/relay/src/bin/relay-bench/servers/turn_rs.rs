//! turn-rs (`turn-server`) on a tokio runtime of one thread. It opens its socket itself: the buffers are the system's default ones.
//!
//! Its relayed addresses are virtual: data passes from client to client inside the server, and no other peer is reached.

use super::{Auth, REALM, SECRET, USER, free_port};
use std::net::SocketAddr;
use turn_server::config::{Auth as Credentials, Config, Interface, Server};

/// Seconds after which a client that sends nothing is forgotten: longer than any round takes to come back.
const IDLE: u32 = 86_400;

/// Tells the address and serves for ever.
pub(crate) fn serve(listen: SocketAddr, auth: Auth) -> anyhow::Result<()> {
    let listen = free_port(listen)?;
    let interface = Interface::Udp { listen, external: listen, idle_timeout: IDLE, mtu: 1500 };
    let server = Server { realm: REALM.into(), max_threads: 1, interfaces: vec![interface], ..Server::default() };
    let credentials = match auth {
        Auth::RestSecret => Credentials { static_auth_secret: Some(SECRET.into()), ..Credentials::default() },
        _ => Credentials { static_credentials: [(USER.into(), USER.into())].into(), ..Credentials::default() },
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    super::tell(listen)?;
    runtime.block_on(turn_server::start_server(Config { server, auth: credentials, ..Config::default() }))
}
