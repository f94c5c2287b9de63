//! A DTLS 1.2 client, and a server for any number of clients.
//!
//! Certificates are the fixture ones and are not verified against anything: the crate would want an authority. The server asks for the client's certificate
//! and does not insist. A server's data goes to the client whose handshake began last.

use crate::conn::{Closing, Socket, failed, next_command, started, unsupported};
use async_trait::async_trait;
use bytes::Bytes;
use dtls17::config::{ClientAuthType, Config};
use dtls17::conn::DTLSConn;
use dtls17::crypto::{Certificate, CryptoPrivateKey};
use dtls17::extension::extension_use_srtp::SrtpProtectionProfile;
use iut::{
    ApiEvent, AsyncEndpoint, BoxFuture, BuildError, CertificateChoice, Command, ConnectionState, DatagramSocket, Emitter, Host, Network,
    NodeConfig, Role,
};
use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use webrtc17_util::{Conn, Error};

/// Larger than any datagram, and so than any record.
const BUFFER: usize = 65_536;

/// Content type of handshake records, and the length of a record header (RFC 6347 section 4.1).
const HANDSHAKE: u8 = 22;
const RECORD_HEADER: usize = 13;

/// What the server agrees to when a client offers SRTP, as WebRTC stacks always do: without a shared profile the crate refuses the handshake, which RFC 5764
/// section 4.1.1 leaves to the server. A client that offers none is served as well.
const PROFILES: [SrtpProtectionProfile; 2] =
    [SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm, SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80];

pub(crate) struct Node {
    config: NodeConfig,
    dtls: Config,
}

impl Node {
    pub(crate) fn new(config: NodeConfig) -> Result<Self, BuildError> {
        let certificate = fixture(config.dtls.certificate).map_err(|error| BuildError::Failed(error.to_string()))?;
        let dtls = Config {
            certificates: vec![certificate],
            insecure_skip_verify: true,
            client_auth: ClientAuthType::RequestClientCert,
            srtp_protection_profiles: if config.role == Role::DtlsServer { PROFILES.to_vec() } else { Vec::new() },
            // Zero selects the crate's default.
            mtu: config.dtls.mtu.map_or(0, usize::from),
            ..Default::default()
        };
        Ok(Self { config, dtls })
    }
}

fn fixture(choice: CertificateChoice) -> Result<Certificate, dtls17::Error> {
    let key = rcgen17::KeyPair::try_from(choice.private_key_der()).map_err(|error| dtls17::Error::Other(error.to_string()))?;
    Ok(Certificate { certificate: vec![choice.certificate_der().to_vec().into()], private_key: CryptoPrivateKey::from_key_pair(&key)? })
}

impl AsyncEndpoint for Node {
    fn run(self: Box<Self>, host: Host) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Host { network, mut inputs, emitter } = host;
            if !started(&mut inputs, &emitter).await {
                return;
            }
            let (arrivals, mut arriving) = mpsc::unbounded_channel();
            let mut endpoint = Endpoint::new(*self, network, emitter);
            if let Err(error) = endpoint.listen(&arrivals) {
                return endpoint.emitter.api(failed("start", error));
            }
            loop {
                tokio::select! {
                    biased;
                    Some(client) = arriving.recv() => endpoint.associate(Arc::new(client), false),
                    command = next_command(&mut inputs) => match command {
                        Some(Command::Close) | None => break,
                        Some(command) => endpoint.on_command(command),
                    },
                }
            }
            endpoint.close().await;
        })
    }
}

/// What the node tells an association to do.
enum Order {
    Send(Bytes),
    Close,
}

struct Endpoint {
    node: Node,
    network: Arc<dyn Network>,
    emitter: Emitter,
    /// In the order of their handshakes' beginnings; those that have ended have dropped their receiver.
    orders: Vec<UnboundedSender<Order>>,
    associations: JoinSet<()>,
    listeners: JoinSet<()>,
    closing: Closing,
}

impl Endpoint {
    fn new(node: Node, network: Arc<dyn Network>, emitter: Emitter) -> Self {
        let (associations, listeners) = (JoinSet::new(), JoinSet::new());
        Self { node, network, emitter, orders: Vec::new(), associations, listeners, closing: Closing::default() }
    }

    fn on_command(&mut self, command: Command) {
        let result = match &command {
            Command::Connect { remote } if self.node.config.role == Role::DtlsClient => self.connect(*remote),
            Command::SendData { channel, data } if channel.is_empty() => self.send(data.clone()),
            _ => return self.emitter.api(unsupported(&command)),
        };
        if let Err(error) = result {
            self.emitter.api(failed(command.verb(), error));
        }
    }

    fn send(&self, data: Bytes) -> io::Result<()> {
        let newest = self.orders.iter().rev().find(|orders| !orders.is_closed());
        let sent = newest.is_some_and(|orders| orders.send(Order::Send(data)).is_ok());
        if sent { Ok(()) } else { Err(io::Error::new(io::ErrorKind::NotConnected, "there is no association")) }
    }

    fn bind(&mut self, address: IpAddr) -> io::Result<Arc<dyn DatagramSocket>> {
        let socket = self.network.bind(SocketAddr::new(address, self.node.config.port))?;
        self.closing.add(&socket);
        Ok(socket)
    }

    fn connect(&mut self, remote: SocketAddr) -> io::Result<()> {
        let address = self.node.config.addresses.iter().find(|ip| ip.is_ipv4() == remote.is_ipv4());
        let socket = self.bind(*address.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?)?;
        self.associate(Arc::new(Socket::connected(socket, remote)), true);
        Ok(())
    }

    fn listen(&mut self, arrivals: &UnboundedSender<Client>) -> io::Result<()> {
        if self.node.config.role == Role::DtlsServer {
            for address in self.node.config.addresses.clone() {
                let socket = self.bind(address)?;
                self.listeners.spawn(listen(socket, arrivals.clone()));
            }
        }
        Ok(())
    }

    fn associate(&mut self, conn: Arc<dyn Conn + Send + Sync>, is_client: bool) {
        let (orders, receiver) = mpsc::unbounded_channel();
        self.orders.push(orders);
        self.associations.spawn(associate(conn, self.node.dtls.clone(), is_client, self.emitter.clone(), receiver));
    }

    /// Lets every association say goodbye.
    async fn close(mut self) {
        for orders in &self.orders {
            // One that has ended needs no goodbye.
            let _ = orders.send(Order::Close);
        }
        while self.associations.join_next().await.is_some() {}
    }
}

/// Runs one association from its handshake to its end.
async fn associate(
    conn: Arc<dyn Conn + Send + Sync>,
    config: Config,
    is_client: bool,
    emitter: Emitter,
    mut orders: UnboundedReceiver<Order>,
) {
    emitter.api(ApiEvent::Dtls(ConnectionState::Connecting));
    let handshake = DTLSConn::new(conn, config, is_client, None);
    tokio::pin!(handshake);
    let association = loop {
        tokio::select! {
            biased;
            order = orders.recv() => match order {
                Some(Order::Send(_)) => emitter.api(failed("send-data", dtls17::Error::ErrHandshakeInProgress)),
                Some(Order::Close) | None => return emitter.api(ApiEvent::Dtls(ConnectionState::Closed)),
            },
            result = &mut handshake => match result {
                Ok(association) => break association,
                Err(error) => {
                    emitter.api(failed("handshake", error));
                    return emitter.api(ApiEvent::Dtls(ConnectionState::Failed));
                }
            },
        }
    };
    emitter.api(ApiEvent::Dtls(ConnectionState::Connected));
    converse(&association, &emitter, &mut orders).await;
    if let Err(error) = association.close().await {
        emitter.api(failed("close", error));
    }
    emitter.api(ApiEvent::Dtls(ConnectionState::Closed));
}

async fn converse(association: &DTLSConn, emitter: &Emitter, orders: &mut UnboundedReceiver<Order>) {
    let mut buffer = vec![0; BUFFER];
    loop {
        tokio::select! {
            biased;
            order = orders.recv() => match order {
                Some(Order::Send(data)) => {
                    if let Err(error) = association.write(&data, None).await {
                        emitter.api(failed("send-data", error));
                    }
                }
                Some(Order::Close) | None => return,
            },
            read = association.read(&mut buffer, None) => match read {
                Ok(length) => emitter.api(ApiEvent::Data { channel: String::new(), bytes: Bytes::copy_from_slice(&buffer[..length]) }),
                Err(dtls17::Error::ErrAlertFatalOrClose) => return,
                Err(error) => emitter.api(failed("receive", error)),
            },
        }
    }
}

/// Hands the datagrams of one listening socket to the associations of their senders. A sender is new when it begins with a handshake record, which is the
/// filter of the crate's own listener.
async fn listen(socket: Arc<dyn DatagramSocket>, arrivals: UnboundedSender<Client>) {
    let mut clients: BTreeMap<SocketAddr, UnboundedSender<Bytes>> = BTreeMap::new();
    let mut buffer = vec![0; BUFFER];
    while let Ok((length, remote)) = socket.recv_from(&mut buffer).await {
        let datagram = Bytes::copy_from_slice(&buffer[..length]);
        // An association that has ended has dropped its end.
        if clients.get(&remote).is_some_and(|client| client.send(datagram.clone()).is_ok()) {
            continue;
        }
        if datagram.len() < RECORD_HEADER || datagram[0] != HANDSHAKE {
            continue;
        }
        let (inbox, receiver) = mpsc::unbounded_channel();
        inbox.send(datagram).expect("its receiver is here");
        clients.insert(remote, inbox);
        if arrivals.send(Client { socket: Arc::clone(&socket), remote, inbox: Mutex::new(receiver) }).is_err() {
            return;
        }
    }
}

/// One client of a listening socket.
struct Client {
    socket: Arc<dyn DatagramSocket>,
    remote: SocketAddr,
    inbox: Mutex<UnboundedReceiver<Bytes>>,
}

#[async_trait]
impl Conn for Client {
    async fn connect(&self, _remote: SocketAddr) -> Result<(), Error> {
        Err(io::Error::from(io::ErrorKind::Unsupported).into())
    }

    /// Waits for ever once the listener is gone; see [`Socket`].
    async fn recv(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        let Some(datagram) = self.inbox.lock().await.recv().await else { return std::future::pending().await };
        let length = datagram.len().min(buffer.len());
        buffer[..length].copy_from_slice(&datagram[..length]);
        Ok(length)
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), Error> {
        Ok((self.recv(buffer).await?, self.remote))
    }

    async fn send(&self, bytes: &[u8]) -> Result<usize, Error> {
        self.socket.send_to(bytes, self.remote)?;
        Ok(bytes.len())
    }

    async fn send_to(&self, _bytes: &[u8], _remote: SocketAddr) -> Result<usize, Error> {
        Err(io::Error::from(io::ErrorKind::Unsupported).into())
    }

    fn local_addr(&self) -> Result<SocketAddr, Error> {
        Ok(self.socket.local_addr())
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        Some(self.remote)
    }

    async fn close(&self) -> Result<(), Error> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }
}
