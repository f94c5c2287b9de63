//! A TURN client, whose Binding transaction also makes it a STUN client.
//!
//! The crate installs a permission when it first sends to a peer, and binds a channel to that peer at the same time; there is no call for either. So
//! [`Command::CreatePermission`] sends an empty datagram to each peer, and [`Command::BindChannel`] is unsupported. [`Command::Refresh`] with a
//! lifetime of zero closes the relayed socket, which deletes the allocation; other lifetimes are the crate's own business, hence unsupported.

use crate::conn::{Closing, Socket, failed, next_command, started, unsupported};
use bytes::Bytes;
use iut::{ApiEvent, AsyncEndpoint, BoxFuture, Command, Credential, Emitter, Host, Network, NodeConfig};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinSet;
use turn17::client::{Client, ClientConfig};
use webrtc17_util::Conn;

/// Larger than any datagram.
const BUFFER: usize = 65_536;

pub(crate) struct Node(pub(crate) NodeConfig);

impl AsyncEndpoint for Node {
    fn run(self: Box<Self>, host: Host) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Host { network, mut inputs, emitter } = host;
            if !started(&mut inputs, &emitter).await {
                return;
            }
            let mut session = Session {
                config: self.0,
                network,
                emitter,
                allocation: None,
                receiving: JoinSet::new(),
                closing: Closing::default(),
                sockets: 0,
            };
            while let Some(command) = next_command(&mut inputs).await {
                let ends = command == Command::Close;
                session.on_command(command).await;
                if ends {
                    return;
                }
            }
        })
    }
}

struct Session {
    config: NodeConfig,
    network: Arc<dyn Network>,
    emitter: Emitter,
    allocation: Option<Allocation>,
    receiving: JoinSet<()>,
    closing: Closing,
    /// Sockets opened so far: each takes the next port.
    sockets: u16,
}

struct Allocation {
    client: Client,
    relay: Arc<dyn Conn + Send + Sync>,
}

type Result<T> = std::result::Result<T, turn17::Error>;

impl Session {
    async fn on_command(&mut self, command: Command) {
        let verb = command.verb().to_owned();
        let result = match command {
            Command::Bind { server } => self.bind(server).await,
            Command::Allocate { server } => self.allocate(server).await,
            Command::CreatePermission { peers } => self.create_permission(peers).await,
            Command::SendToPeer { peer, data } => self.send(peer, &data).await,
            Command::Refresh { lifetime: 0 } | Command::Close => self.close().await,
            other => return self.emitter.api(unsupported(&other)),
        };
        if let Err(error) = result {
            self.emitter.api(failed(&verb, error));
        }
    }

    async fn connect(&mut self, server: SocketAddr) -> Result<Client> {
        let address = self.config.addresses.iter().find(|ip| ip.is_ipv4() == server.is_ipv4());
        let address = *address.ok_or_else(|| turn17::Error::Other(format!("the node has no address to reach {server} from")))?;
        let local = SocketAddr::new(address, self.config.port.saturating_add(self.sockets));
        let socket = self.network.bind(local).map_err(webrtc17_util::Error::from)?;
        self.sockets += 1;
        self.closing.add(&socket);
        let Credential { username, password } = self.credential(server);
        let client = Client::new(ClientConfig {
            stun_serv_addr: server.to_string(),
            turn_serv_addr: server.to_string(),
            username,
            password,
            // The server's realm is learnt from its challenge.
            realm: String::new(),
            software: String::new(),
            // Zero selects the crate's default.
            rto_in_ms: 0,
            conn: Arc::new(Socket::new(socket)),
            vnet: None,
        })
        .await?;
        client.listen().await?;
        Ok(client)
    }

    fn credential(&self, server: SocketAddr) -> Credential {
        let known = self.config.servers.iter().filter(|known| known.address == server).find_map(|known| known.credential.clone());
        known.unwrap_or_else(|| Credential { username: String::new(), password: String::new() })
    }

    async fn bind(&mut self, server: SocketAddr) -> Result<()> {
        let client = self.connect(server).await?;
        let mapped = client.send_binding_request_to(&server.to_string()).await;
        client.close().await?;
        self.emitter.api(ApiEvent::MappedAddress(mapped?));
        Ok(())
    }

    async fn allocate(&mut self, server: SocketAddr) -> Result<()> {
        let client = self.connect(server).await?;
        let relay: Arc<dyn Conn + Send + Sync> = Arc::new(client.allocate().await?);
        self.emitter.api(ApiEvent::Allocated { relayed: relay.local_addr()?, mapped: None, lifetime: None });
        self.receiving.spawn(receive(Arc::clone(&relay), self.emitter.clone()));
        self.allocation = Some(Allocation { client, relay });
        Ok(())
    }

    fn relay(&self) -> Result<&Arc<dyn Conn + Send + Sync>> {
        self.allocation.as_ref().map(|allocation| &allocation.relay).ok_or_else(|| turn17::Error::Other("there is no allocation".into()))
    }

    async fn create_permission(&self, peers: Vec<SocketAddr>) -> Result<()> {
        for peer in peers {
            self.send(peer, &[]).await?;
            self.emitter.api(ApiEvent::PermissionCreated { peer });
        }
        Ok(())
    }

    async fn send(&self, peer: SocketAddr, data: &[u8]) -> Result<()> {
        self.relay()?.send_to(data, peer).await?;
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        if let Some(Allocation { client, relay }) = self.allocation.take() {
            relay.close().await?;
            client.close().await?;
        }
        Ok(())
    }
}

async fn receive(relay: Arc<dyn Conn + Send + Sync>, emitter: Emitter) {
    let mut buffer = vec![0; BUFFER];
    while let Ok((length, peer)) = relay.recv_from(&mut buffer).await {
        emitter.api(ApiEvent::PeerData { peer, bytes: Bytes::copy_from_slice(&buffer[..length]) });
    }
}
