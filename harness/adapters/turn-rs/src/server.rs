//! The server: every datagram goes through a router of the library, which answers at once.

use crate::expiry::{Expiry, Grant};
use bytes::{Bytes, BytesMut};
use iut::{ApiEvent, Cause, Command, Credential, Endpoint, Input, NodeConfig, Ns, Output, WakeLimit};
use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use turn_server::codec::Decoder;
use turn_server::codec::crypto::{Password, generate_password};
use turn_server::codec::message::attributes::{Lifetime, PasswordAlgorithm};
use turn_server::codec::message::methods::{ALLOCATE_RESPONSE, Method, REFRESH_RESPONSE};
use turn_server::service::session::{Identifier, ports::PortRange};
use turn_server::service::{InterfaceAddr, Service, ServiceHandler, ServiceOptions, Transport};

pub(crate) struct Server {
    service: Service<Users>,
    listen: Vec<SocketAddr>,
    expiry: Expiry,
    running: bool,
    outputs: VecDeque<Output>,
    now: Ns,
    wake: WakeLimit,
}

/// The header of ChannelData (RFC 8656 section 12.4).
const SHORTEST: usize = 4;

/// Who may allocate.
#[derive(Clone)]
struct Users {
    realm: Arc<str>,
    users: Arc<[Credential]>,
}

impl ServiceHandler for Users {
    async fn get_password(&self, _: &Identifier, username: &str, algorithm: PasswordAlgorithm) -> Option<Password> {
        let user = self.users.iter().find(|user| user.username == username)?;
        Some(generate_password(username, &user.password, &self.realm, algorithm))
    }
}

impl Server {
    pub(crate) fn new(config: &NodeConfig) -> Self {
        let listen: Vec<_> = config.addresses.iter().map(|address| SocketAddr::new(*address, config.port)).collect();
        let interface = |address: &SocketAddr| InterfaceAddr { addr: *address, external: *address, transport: Transport::Udp };
        let service = Service::new(ServiceOptions {
            port_range: PortRange::default(),
            realm: config.realm.clone(),
            interfaces: listen.iter().map(interface).collect(),
            handler: Users { realm: config.realm.as_str().into(), users: config.users.as_slice().into() },
        });
        Self { service, listen, expiry: Expiry::default(), running: false, outputs: VecDeque::new(), now: 0, wake: WakeLimit::default() }
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Start => self.running = true,
            other => self.outputs.push_back(Output::Api(ApiEvent::Unsupported { verb: other.verb().into() })),
        }
    }

    fn datagram(&mut self, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) {
        // Nothing listens on the relayed addresses, which are virtual; and the library's own UDP server drops what is shorter than any header too.
        if !self.running || !self.listen.contains(&local) || bytes.len() < SHORTEST {
            return;
        }
        let id = Identifier { source: remote, external: local, interface: local, transport: Transport::Udp };
        let mut response = BytesMut::new();
        let mut router = self.service.make_router(id);
        let routed = {
            let future = pin!(router.route(bytes, &mut response));
            match future.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(routed) => routed,
                // The only thing that it awaits is the handler above, which is ready at once.
                Poll::Pending => return self.error("a request that was not answered at once".into()),
            }
        };
        let Ok(Some(result)) = routed else { return self.observe(id, None) };
        let response = response.freeze();
        self.observe(id, result.method.and_then(|method| grant(method, &response)));
        let (local, remote) = result.relay.map_or((local, remote), |relay| (relay.interface, relay.source));
        self.outputs.push_back(Output::Datagram { local, remote, bytes: response });
    }

    fn observe(&mut self, id: Identifier, grant: Option<Grant>) {
        let session = self.service.get_session_manager().get_session(&id).get_ref().cloned();
        self.expiry.observe(self.now, id, session.as_ref(), grant);
    }

    /// Ends sessions as the library's thread would. A Refresh with lifetime 0 is its only door for that.
    fn expire(&mut self) {
        for id in self.expiry.take_due(self.now) {
            self.service.get_session_manager().refresh(&id, 0);
        }
    }

    fn error(&mut self, message: String) {
        self.outputs.push_back(Output::Api(ApiEvent::Error { operation: "route".into(), message }));
    }
}

/// What a response grants; nothing unless it is a success response to Allocate or Refresh.
fn grant(method: Method, response: &Bytes) -> Option<Grant> {
    let granted: fn(u32) -> Grant = match method {
        ALLOCATE_RESPONSE => Grant::Allocate,
        REFRESH_RESPONSE => Grant::Refresh,
        _ => return None,
    };
    Decoder::default().decode(response).ok()?.into_message()?.get::<Lifetime>().map(granted)
}

impl Endpoint for Server {
    fn handle(&mut self, now: Ns, input: Input) {
        self.now = now;
        // Before anything else, so that a request which comes at the very end of a lifetime finds the session gone.
        self.expire();
        match input {
            Input::Timeout => self.wake.woken(),
            Input::Command(command) => self.command(&command),
            Input::Datagram { local, remote, bytes } => self.datagram(local, remote, &bytes),
            // The library has no interface for ICMP errors or address changes; streams and signalling are not part of these roles.
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        let wanted = self.expiry.next()?;
        Some((self.wake.deadline(self.now, wanted), "session"))
    }
}
