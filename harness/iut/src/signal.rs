//! Messages of the two-person signalling room: session descriptions and candidates.

/// One message from a peer to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// An offer or an answer (RFC 3264, RFC 8829).
    Description(Description),
    /// A trickled candidate (RFC 8838, RFC 8840).
    Candidate(CandidateSignal),
    /// No more candidates will follow in this generation (RFC 8838 section 13).
    EndOfCandidates {
        /// The ICE username fragment of the generation, where the implementation tells it.
        ufrag: Option<String>,
    },
}

/// A session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Offer or answer.
    pub kind: DescriptionKind,
    /// The SDP text (RFC 8866).
    pub sdp: String,
}

/// The two kinds of session description that the room carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DescriptionKind {
    /// An offer.
    Offer,
    /// The answer to it.
    Answer,
}

/// A trickled candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateSignal {
    /// The candidate attribute without `a=`: `candidate:1 1 udp 2130706431 10.0.0.2 5000 typ host` (RFC 8839 section 5.1).
    pub candidate: String,
    /// The media description that it belongs to, `a=mid` (RFC 8843).
    pub mid: Option<String>,
    /// The ICE username fragment of its generation.
    pub ufrag: Option<String>,
}
