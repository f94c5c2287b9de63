//! Candidates in the words of the crate.

use iut::CandidateType;
use iut::gather::LocalCandidate;
use rtc::peer_connection::transport::{
    CandidateConfig, CandidateHostConfig, CandidatePeerReflexiveConfig, CandidateRelayConfig, CandidateServerReflexiveConfig,
    RTCIceCandidate, RTCIceCandidateType,
};
use rtc::shared::error::Result;
use std::net::SocketAddr;

/// The candidate attribute without `a=`, as the crate writes it.
pub(crate) fn attribute(candidate: &LocalCandidate) -> Result<String> {
    // The crate gives all candidates of a type the same local preference; only the first address may have that one (RFC 8445 section 5.1.2.1).
    let priority = if candidate.local_preference == u16::MAX { 0 } else { candidate.priority() };
    let base_config = CandidateConfig {
        network: "udp".into(),
        address: candidate.address.ip().to_string(),
        port: candidate.address.port(),
        component: 1,
        priority,
        ..CandidateConfig::default()
    };
    let (rel_addr, rel_port) = candidate.related.map_or((String::new(), 0), |related| (related.ip().to_string(), related.port()));
    let candidate = match candidate.kind {
        CandidateType::Host => CandidateHostConfig { base_config, ..Default::default() }.new_candidate_host()?,
        CandidateType::ServerReflexive => {
            CandidateServerReflexiveConfig { base_config, rel_addr, rel_port, ..Default::default() }.new_candidate_server_reflexive()?
        }
        CandidateType::PeerReflexive => CandidatePeerReflexiveConfig { base_config, rel_addr, rel_port }.new_candidate_peer_reflexive()?,
        CandidateType::Relayed => CandidateRelayConfig { base_config, rel_addr, rel_port, ..Default::default() }.new_candidate_relay()?,
    };
    Ok(format!("candidate:{}", candidate.marshal()))
}

/// A candidate of the crate as events show it; `None` for a name instead of an address.
pub(crate) fn view(candidate: &RTCIceCandidate) -> Option<(SocketAddr, CandidateType)> {
    let kind = match candidate.typ {
        RTCIceCandidateType::Host => CandidateType::Host,
        RTCIceCandidateType::Srflx => CandidateType::ServerReflexive,
        RTCIceCandidateType::Prflx => CandidateType::PeerReflexive,
        RTCIceCandidateType::Relay => CandidateType::Relayed,
        _ => return None,
    };
    Some((SocketAddr::new(candidate.address.parse().ok()?, candidate.port), kind))
}
