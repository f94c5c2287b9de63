//! A TURN server, which answers Binding requests too. One listener per address of the node, as the crate wants it.

use crate::conn::{Closing, Socket, failed, next_command, started, unsupported};
use async_trait::async_trait;
use iut::{AsyncEndpoint, BoxFuture, Command, Credential, Host, Network, NodeConfig};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use turn17::auth::{AuthHandler, generate_auth_key};
use turn17::relay::RelayAddressGenerator;
use turn17::server::Server;
use turn17::server::config::{ConnConfig, ServerConfig};
use webrtc17_util::Conn;

pub(crate) struct Node(pub(crate) NodeConfig);

impl AsyncEndpoint for Node {
    fn run(self: Box<Self>, host: Host) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Host { network, mut inputs, emitter } = host;
            if !started(&mut inputs, &emitter).await {
                return;
            }
            let mut closing = Closing::default();
            let server = match listen(&self.0, &network, &mut closing).await {
                Ok(server) => server,
                Err(error) => return emitter.api(failed("start", error)),
            };
            while let Some(command) = next_command(&mut inputs).await {
                match command {
                    Command::Close => {
                        if let Err(error) = server.close().await {
                            emitter.api(failed("close", error));
                        }
                        return;
                    }
                    other => emitter.api(unsupported(&other)),
                }
            }
        })
    }
}

async fn listen(config: &NodeConfig, network: &Arc<dyn Network>, closing: &mut Closing) -> Result<Server, turn17::Error> {
    let relays = if config.relay_addresses.is_empty() { &config.addresses } else { &config.relay_addresses };
    let mut conn_configs = Vec::new();
    for address in &config.addresses {
        let socket = network.bind(SocketAddr::new(*address, config.port)).map_err(webrtc17_util::Error::from)?;
        closing.add(&socket);
        conn_configs.push(ConnConfig {
            conn: Arc::new(Socket::new(socket)),
            relay_addr_generator: Box::new(Relays { network: Arc::clone(network), addresses: relays.clone() }),
        });
    }
    Server::new(ServerConfig {
        conn_configs,
        realm: config.realm.clone(),
        auth_handler: Arc::new(Users(config.users.clone())),
        // Zero selects the crate's default.
        channel_bind_timeout: Duration::ZERO,
        alloc_close_notify: None,
    })
    .await
}

struct Users(Vec<Credential>);

impl AuthHandler for Users {
    fn auth_handle(&self, username: &str, realm: &str, _source: SocketAddr) -> Result<Vec<u8>, turn17::Error> {
        let user = self.0.iter().find(|user| user.username == username).ok_or(turn17::Error::ErrNoSuchUser)?;
        Ok(generate_auth_key(username, realm, &user.password))
    }
}

/// Gives out relayed transport addresses: the first relay address of the wanted family, and the wanted port or the next free one.
struct Relays {
    network: Arc<dyn Network>,
    addresses: Vec<IpAddr>,
}

#[async_trait]
impl RelayAddressGenerator for Relays {
    fn validate(&self) -> Result<(), turn17::Error> {
        if self.addresses.is_empty() { Err(turn17::Error::ErrRelayAddressInvalid) } else { Ok(()) }
    }

    async fn allocate_conn(&self, ipv4: bool, port: u16) -> Result<(Arc<dyn Conn + Send + Sync>, SocketAddr), turn17::Error> {
        let address = self.addresses.iter().find(|ip| ip.is_ipv4() == ipv4);
        let address = address.ok_or_else(|| webrtc17_util::Error::from(io::Error::from(io::ErrorKind::AddrNotAvailable)))?;
        let socket = self.network.bind(SocketAddr::new(*address, port)).map_err(webrtc17_util::Error::from)?;
        let local = socket.local_addr();
        Ok((Arc::new(Socket::new(socket)), local))
    }
}
