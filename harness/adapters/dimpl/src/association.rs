//! One DTLS association: a `dimpl::Dtls`, its two addresses, and the events of its life.

use bytes::Bytes;
use dimpl::{Config, Dtls, DtlsCertificate};
use iut::{ApiEvent, BuildError, CertificateChoice, ConnectionState, DtlsVersion, NodeConfig, Ns, Output};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Makes the associations of one node.
pub(crate) struct Factory {
    version: DtlsVersion,
    certificate: CertificateChoice,
    config: Arc<Config>,
    base: Instant,
}

impl Factory {
    pub(crate) fn new(node: &NodeConfig) -> Result<Self, BuildError> {
        let config = config(node.dtls.mtu)?;
        Ok(Self { version: node.dtls.version, certificate: node.dtls.certificate, config, base: Instant::now() })
    }

    /// A new association between these addresses, which has sent nothing yet.
    pub(crate) fn associate(&self, now: Ns, local: SocketAddr, remote: SocketAddr, active: bool) -> Association {
        let at = self.base + Duration::from_nanos(now);
        let (config, certificate) = (Arc::clone(&self.config), certificate(self.certificate));
        let mut dtls = match self.version {
            DtlsVersion::V12 => Dtls::new_12(config, certificate, at),
            DtlsVersion::V13 => Dtls::new_13(config, certificate, at),
            DtlsVersion::Default => Dtls::new_auto(config, certificate, at),
        };
        dtls.set_active(active);
        Association { dtls, base: self.base, local, remote, state: State::Idle, deadline: None, unsent: VecDeque::new() }
    }
}

/// The configuration for this MTU. dimpl tries every curve of its provider whenever one is built, which takes longer than a handshake, so each is
/// built once. None has a seed: the randoms come from the operating system, as the keys of the key exchange do in any case.
pub(crate) fn config(mtu: Option<u16>) -> Result<Arc<Config>, BuildError> {
    static BUILT: Mutex<BTreeMap<Option<u16>, Arc<Config>>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(config) = built.get(&mtu) {
        return Ok(Arc::clone(config));
    }
    let mut builder = Config::builder().with_crypto_provider(dimpl::crypto::rust_crypto::default_provider());
    if let Some(mtu) = mtu {
        // dimpl counts its queues in datagrams and fails when a flight does not fit: keep the room in bytes that its defaults give.
        let scale = DEFAULT_MTU.div_ceil(usize::from(mtu).max(1)).max(1);
        builder = builder.mtu(usize::from(mtu)).max_queue_tx(DEFAULT_QUEUE_TX * scale).max_queue_rx(DEFAULT_QUEUE_RX * scale);
    }
    let config = Arc::new(builder.build().map_err(|error| BuildError::Failed(error.to_string()))?);
    built.insert(mtu, Arc::clone(&config));
    Ok(config)
}

/// dimpl's own defaults, which [`config`] scales.
const DEFAULT_MTU: usize = 1150;
const DEFAULT_QUEUE_TX: usize = 10;
const DEFAULT_QUEUE_RX: usize = 30;

fn certificate(choice: CertificateChoice) -> DtlsCertificate {
    DtlsCertificate { certificate: choice.certificate_der().to_vec(), private_key: choice.private_key_der().to_vec() }
}

/// What has been reported about an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It has sent nothing yet.
    Idle,
    /// The handshake runs.
    Connecting,
    /// The handshake is complete.
    Connected,
    /// Closed in order or failed: nothing more will happen.
    Over,
}

/// One DTLS association.
pub(crate) struct Association {
    dtls: Dtls,
    base: Instant,
    local: SocketAddr,
    remote: SocketAddr,
    state: State,
    deadline: Option<Ns>,
    /// Data that dimpl did not take because the version is not negotiated yet.
    unsent: VecDeque<Bytes>,
}

impl Association {
    pub(crate) fn is_between(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        self.local == local && self.remote == remote
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// When it wants [`Association::timeout`].
    pub(crate) fn deadline(&self) -> Option<Ns> {
        self.deadline
    }

    pub(crate) fn timeout(&mut self, now: Ns, outputs: &mut VecDeque<Output>) {
        self.perform(now, "timeout", outputs, |_| Ok(()));
    }

    pub(crate) fn datagram(&mut self, now: Ns, bytes: &[u8], outputs: &mut VecDeque<Output>) {
        self.perform(now, "datagram", outputs, |dtls| dtls.handle_packet(bytes));
    }

    /// Sends application data; what the handshake does not let out yet is kept, up to [`MAX_UNSENT`] messages.
    pub(crate) fn send(&mut self, now: Ns, data: Bytes, outputs: &mut VecDeque<Output>) {
        if data.len() > MAX_PLAINTEXT {
            outputs.push_back(error("send-data", format!("{} bytes do not fit into one record", data.len())));
        } else if self.unsent.len() == MAX_UNSENT {
            outputs.push_back(error("send-data", "too many messages wait for the handshake".into()));
        } else {
            self.unsent.push_back(data);
            self.perform(now, "send-data", outputs, |_| Ok(()));
        }
    }

    /// Sends `close_notify`, or gives up the handshake.
    pub(crate) fn close(&mut self, now: Ns, outputs: &mut VecDeque<Output>) {
        self.perform(now, "close", outputs, Dtls::close);
    }

    /// Brings dimpl's clock forward, does one thing with it and takes what comes of it. Every error is fatal, as dimpl documents.
    fn perform(
        &mut self,
        now: Ns,
        operation: &str,
        outputs: &mut VecDeque<Output>,
        action: impl FnOnce(&mut Dtls) -> Result<(), dimpl::Error>,
    ) {
        if self.state == State::Over {
            return;
        }
        let at = self.base + Duration::from_nanos(now);
        let mut result = self.dtls.handle_timeout(at).and_then(|()| action(&mut self.dtls));
        let mut close_received = self.drain(outputs);
        if result.is_ok() && self.flush_unsent(&mut result) {
            close_received |= self.drain(outputs);
        }
        if result.is_ok() && close_received {
            // An application answers `close_notify` with its own; dimpl has done so already in DTLS 1.2, where this changes nothing.
            result = self.dtls.close();
            self.drain(outputs);
        }
        match result {
            Err(reason) => self.fail(operation, &reason, outputs),
            Ok(()) if self.dtls.is_closed() => self.end(ConnectionState::Closed, outputs),
            Ok(()) => {}
        }
    }

    /// Offers dimpl the data that it has not taken yet; true when it took some.
    fn flush_unsent(&mut self, result: &mut Result<(), dimpl::Error>) -> bool {
        let mut taken = false;
        while let Some(data) = self.unsent.pop_front() {
            match self.dtls.send_application_data(&data) {
                Ok(0) if !data.is_empty() => {
                    self.unsent.push_front(data);
                    break;
                }
                Ok(_) => taken = true,
                Err(reason) => {
                    *result = Err(reason);
                    break;
                }
            }
        }
        taken
    }

    /// Takes all outputs until dimpl names its next deadline; true when the peer's `close_notify` was among them.
    fn drain(&mut self, outputs: &mut VecDeque<Output>) -> bool {
        let mut buffer = vec![0; 2048];
        let mut close_received = false;
        loop {
            match self.dtls.poll_output(&mut buffer) {
                dimpl::Output::Packet(packet) => {
                    let bytes = Bytes::copy_from_slice(packet);
                    if self.state == State::Idle {
                        self.state = State::Connecting;
                        outputs.push_back(state_event(ConnectionState::Connecting));
                    }
                    outputs.push_back(Output::Datagram { local: self.local, remote: self.remote, bytes });
                }
                dimpl::Output::BufferTooSmall { needed } => {
                    let length = needed.max(2 * buffer.len());
                    buffer.resize(length, 0);
                }
                dimpl::Output::Connected => {
                    self.state = State::Connected;
                    outputs.push_back(state_event(ConnectionState::Connected));
                }
                dimpl::Output::ApplicationData(data) => {
                    let bytes = Bytes::copy_from_slice(data);
                    outputs.push_back(Output::Api(ApiEvent::Data { channel: String::new(), bytes }));
                }
                dimpl::Output::CloseNotify => close_received = true,
                dimpl::Output::Timeout(at) => {
                    self.deadline = self.virtual_time(at);
                    return close_received;
                }
                // The peer's certificate and SRTP keys: nothing here validates the one or uses the other.
                _ => {}
            }
        }
    }

    /// dimpl says "in ten years" when it wants nothing.
    fn virtual_time(&self, at: Instant) -> Option<Ns> {
        let since = at.saturating_duration_since(self.base);
        (since < A_YEAR).then(|| Ns::try_from(since.as_nanos()).ok()).flatten()
    }

    fn fail(&mut self, operation: &str, reason: &dimpl::Error, outputs: &mut VecDeque<Output>) {
        outputs.push_back(error(operation, reason.to_string()));
        self.end(ConnectionState::Failed, outputs);
    }

    fn end(&mut self, state: ConnectionState, outputs: &mut VecDeque<Output>) {
        self.state = State::Over;
        self.deadline = None;
        outputs.push_back(state_event(state));
    }
}

/// Messages that may wait for the handshake.
const MAX_UNSENT: usize = 64;
/// Largest plaintext of one record (RFC 6347 section 4.1, RFC 8446 section 5.1).
const MAX_PLAINTEXT: usize = 1 << 14;
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// An error of the application interface.
pub(crate) fn error(operation: &str, message: String) -> Output {
    Output::Api(ApiEvent::Error { operation: operation.into(), message })
}

fn state_event(state: ConnectionState) -> Output {
    Output::Api(ApiEvent::Dtls(state))
}
