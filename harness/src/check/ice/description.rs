//! What a session description says about ICE (RFC 8839).

use iut::CandidateType;
use std::net::{IpAddr, SocketAddr};

/// What a session description says about ICE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Description {
    /// The credentials of the session and of its media descriptions, each pair once, in order.
    pub(crate) credentials: Vec<IceCredentials>,
    /// The candidates, in order; those that do not parse are left out.
    pub(crate) candidates: Vec<Candidate>,
    /// Candidate attributes that do not parse.
    pub(crate) bad_candidates: usize,
    /// The tokens of `a=ice-options`.
    pub(crate) options: Vec<String>,
    /// `a=ice-lite`.
    pub(crate) lite: bool,
    /// `a=ice-pacing`, in milliseconds.
    pub(crate) pacing: Option<u32>,
}

/// A username fragment with its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IceCredentials {
    pub(crate) ufrag: String,
    pub(crate) pwd: String,
}

/// A candidate attribute (RFC 8839 section 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) foundation: String,
    pub(crate) component: u32,
    pub(crate) transport: String,
    pub(crate) priority: u64,
    /// `None` for names, such as those of mDNS.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) kind: CandidateType,
}

impl Description {
    /// Reads what there is; unknown lines are passed over.
    pub(crate) fn read(sdp: &str) -> Self {
        let mut description = Self::default();
        let mut section = (None, None);
        for line in sdp.lines().map(str::trim) {
            if line.starts_with("m=") {
                description.section(std::mem::take(&mut section));
            }
            let Some(attribute) = line.strip_prefix("a=") else { continue };
            let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
            match name {
                "ice-ufrag" => section.0 = Some(value.to_owned()),
                "ice-pwd" => section.1 = Some(value.to_owned()),
                "ice-options" => description.options.extend(value.split_whitespace().map(str::to_owned)),
                "ice-lite" => description.lite = true,
                "ice-pacing" => description.pacing = value.trim().parse().ok(),
                "candidate" => match Candidate::read(value) {
                    Some(candidate) => description.candidates.push(candidate),
                    None => description.bad_candidates += 1,
                },
                _ => {}
            }
        }
        description.section(section);
        description
    }

    fn section(&mut self, (ufrag, pwd): (Option<String>, Option<String>)) {
        if let (Some(ufrag), Some(pwd)) = (ufrag, pwd) {
            let credentials = IceCredentials { ufrag, pwd };
            if !self.credentials.contains(&credentials) {
                self.credentials.push(credentials);
            }
        }
    }
}

impl Candidate {
    /// Reads a candidate attribute without its name, or the candidate of a trickled message with it.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let line = line.strip_prefix("candidate:").unwrap_or(line);
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[foundation, component, transport, priority, address, port, "typ", kind, ..] = words.as_slice() else { return None };
        let port: u16 = port.parse().ok()?;
        let kind = match kind {
            "host" => CandidateType::Host,
            "srflx" => CandidateType::ServerReflexive,
            "prflx" => CandidateType::PeerReflexive,
            "relay" => CandidateType::Relayed,
            _ => return None,
        };
        Some(Self {
            foundation: foundation.to_owned(),
            component: component.parse().ok()?,
            transport: transport.to_ascii_lowercase(),
            priority: priority.parse().ok()?,
            address: address.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port)),
            kind,
        })
    }
}
