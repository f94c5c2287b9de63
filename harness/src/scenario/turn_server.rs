//! The options of the harness's TURN server: faults, each of which breaks one rule, and variations, each of which a correct server may choose.
//!
//! A fault is what a check has to catch: `harness/tests/faults` holds every one of them against the clause that it breaks.

use super::span::Spanned;
use super::step::Method;
use super::units::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// The harness's TURN server (RFC 8656), which answers Binding requests too. Without options it is correct.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TurnServerActor {
    /// What it does wrong.
    #[serde(default)]
    pub faults: Vec<TurnFault>,
    /// What it does otherwise than usual, within the rules.
    #[serde(default)]
    pub variations: Vec<TurnVariation>,
    /// The password algorithms that it offers, by number, in place of SHA-256 (2) and MD5 (1). Those that it does not know it merely offers.
    #[serde(default)]
    pub algorithms: Option<Vec<u16>>,
    /// How long a nonce lasts, in place of an hour.
    #[serde(default)]
    pub nonce_lifetime: Option<Span>,
    /// Authenticated requests that it refuses, each with a code of its own.
    #[serde(default)]
    pub refuses: Vec<Spanned<TurnRefusal>>,
}

/// What the server refuses.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TurnRefusal {
    /// Requests of this method.
    pub method: Method,
    /// The code, 300 to 699.
    pub error: u16,
}

/// Defines an enumeration of unit variants that knows all of them.
macro_rules! choices {
    ($(#[doc = $about:literal])+ $type:ident { $(#[doc = $doc:literal] $name:ident,)+ }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $type {
            $(#[doc = $doc] $name,)+
        }

        impl $type {
            /// All of them, in the order of their definition.
            pub const ALL: &[$type] = &[$($type::$name,)+];
        }
    };
}

choices! {
    /// One thing that a TURN server does wrong.
    TurnFault {
        /// Allocate needs no credentials (RFC 8656 section 7.2).
        AllocatesWithoutCredentials,
        /// 401 lacks REALM (RFC 8489 section 9.2.4).
        ChallengeWithoutRealm,
        /// 401 lacks NONCE (RFC 8489 section 9.2.4).
        ChallengeWithoutNonce,
        /// 401 to a request without credentials carries MESSAGE-INTEGRITY, made with an empty key (RFC 8489 section 9.2.4).
        ChallengeWithIntegrity,
        /// All clients get one nonce (RFC 8489 section 9.2.4).
        OneNonceForAll,
        /// The nonce does not begin with the nonce cookie (RFC 8489 section 9.2).
        NonceWithoutCookie,
        /// A nonce never expires (RFC 8656 section 5).
        NonceNeverExpires,
        /// Any nonce will do (RFC 8489 section 9.2.4).
        AnyNonceAccepted,
        /// 438 lacks NONCE (RFC 8489 section 9.2.4).
        StaleWithoutNonce,
        /// MESSAGE-INTEGRITY is not verified (RFC 8489 section 9.2.4).
        IntegrityUnchecked,
        /// A wrong password gets 400 (RFC 8489 section 9.2.4).
        WrongPasswordGets400,
        /// An unknown user gets 400 (RFC 8489 section 9.2.4).
        UnknownUserGets400,
        /// A missing USERNAME, REALM or NONCE gets 401 (RFC 8489 section 9.2.4).
        MissingAttributeGets401,
        /// Responses to authenticated requests carry no integrity attribute (RFC 8489 section 9.2.4).
        ResponseWithoutIntegrity,
        /// MESSAGE-INTEGRITY of responses is made with another key (RFC 8489 section 14.5).
        ResponseIntegrityWrong,
        /// The allocation of another user may be used (RFC 8656 section 5).
        OtherUserServed,
        /// Unknown comprehension-required attributes are passed over (RFC 8489 section 6.3.1).
        UnknownAttributeIgnored,
        /// 420 lacks UNKNOWN-ATTRIBUTES (RFC 8489 section 6.3.1.1).
        UnknownAttributesUnlisted,
        /// A wrong FINGERPRINT is taken for a right one (RFC 8489 section 6.3).
        FingerprintUnchecked,
        /// The magic cookie is not looked at (RFC 8489 section 6.3).
        CookieUnchecked,
        /// The two leading bits are not looked at (RFC 8489 section 6.3).
        LeadingBitsUnchecked,
        /// The message length is not looked at (RFC 8489 section 6.3).
        LengthUnchecked,
        /// Responses are answered as if they were requests (RFC 8489 section 6.3).
        AnswersResponses,
        /// Binding indications are answered (RFC 8489 section 6.3.2).
        AnswersIndications,
        /// Padding is not zero (RFC 8489 section 14).
        PaddingNotZero,
        /// Attributes after MESSAGE-INTEGRITY count (RFC 8489 section 14.5).
        HeedsWhatFollowsIntegrity,
        /// XOR-MAPPED-ADDRESS has another port (RFC 8489 section 6.3.1.1).
        MappedAddressWrong,
        /// Error responses lack ERROR-CODE (RFC 8489 section 6.3.1.1).
        ErrorWithoutCode,
        /// Responses have another transaction id (RFC 8489 section 5).
        TransactionIdWrong,
        /// Responses leave from another port (RFC 8489 section 6.3.1.2).
        AnswersFromOtherPort,
        /// Responses lack SOFTWARE (RFC 8656 section 5).
        SoftwareMissing,
        /// REQUESTED-TRANSPORT may be missing (RFC 8656 section 7.2).
        TransportNotNeeded,
        /// A transport that is not offered gets 400 (RFC 8656 section 7.2).
        OtherTransportGets400,
        /// A second Allocate replaces the allocation (RFC 8656 section 7.2).
        SecondAllocationGranted,
        /// A retransmitted Allocate gets 437 (RFC 8489 section 6.3.1).
        RetransmissionRefused,
        /// Any lifetime is granted, however long (RFC 8656 section 7.2).
        LifetimeUnbounded,
        /// A lifetime below the default is granted (RFC 8656 section 7.2).
        ShortLifetimeGranted,
        /// LIFETIME says 60 s more than is granted (RFC 8656 section 6).
        LifetimeOverstated,
        /// Allocate responses lack LIFETIME (RFC 8656 section 7.2).
        AllocatedWithoutLifetime,
        /// REQUESTED-ADDRESS-FAMILY is passed over (RFC 8656 section 7.2).
        FamilyIgnored,
        /// Relayed ports come from 10000 upwards (RFC 8656 section 7.2).
        LowPorts,
        /// EVEN-PORT yields an odd port (RFC 8656 section 7.2).
        OddPort,
        /// The R bit of EVEN-PORT yields no token (RFC 8656 section 7.2).
        ReservationMissing,
        /// A reservation is not held for the token (RFC 8656 section 7.2).
        ReservationLost,
        /// Any RESERVATION-TOKEN is taken (RFC 8656 section 7.2).
        TokenUnchecked,
        /// RESERVATION-TOKEN may stand beside EVEN-PORT and the address families (RFC 8656 section 7.2).
        TokenCombined,
        /// Refresh with lifetime 0 leaves the allocation (RFC 8656 section 8.2).
        DeletionIgnored,
        /// Refresh, CreatePermission and ChannelBind need no allocation (RFC 8656 section 5).
        AllocationNotNeeded,
        /// Refresh passes over REQUESTED-ADDRESS-FAMILY (RFC 8656 section 8.2).
        RefreshFamilyIgnored,
        /// Traffic extends the allocation beyond its lifetime (RFC 8656 section 6).
        AllocationNeverEnds,
        /// A permission holds for one port (RFC 8656 section 10.2).
        PermissionForOnePort,
        /// Peers need no permission (RFC 8656 section 9).
        PermissionNotNeededInbound,
        /// Send indications need no permission (RFC 8656 section 11.2).
        PermissionNotNeededOutbound,
        /// Permissions do not end (RFC 8656 section 9).
        PermissionNeverEnds,
        /// Permissions last 60 s (RFC 8656 section 9).
        PermissionTooShort,
        /// ChannelData extends permissions (RFC 8656 section 12.6).
        TrafficExtendsPermission,
        /// CreatePermission installs the first of several peers (RFC 8656 section 10.2).
        OnlyFirstPeerPermitted,
        /// Peers of another family are accepted (RFC 8656 sections 10.2 and 12.2).
        PeerFamilyUnchecked,
        /// CreatePermission needs no peer (RFC 8656 section 10.2).
        PermissionWithoutPeer,
        /// Loopback and other addresses that are no peers are accepted (RFC 8656 section 21.2.1).
        SpecialPeersAccepted,
        /// Channel numbers outside 0x4000 to 0x4FFF are bound (RFC 8656 section 12.2).
        ChannelNumberUnchecked,
        /// A bound channel number can be bound to another peer (RFC 8656 section 12.2).
        ChannelRebound,
        /// A bound peer can get a second channel (RFC 8656 section 12.2).
        PeerBoundTwice,
        /// Channel bindings do not end (RFC 8656 section 12).
        ChannelNeverEnds,
        /// ChannelBind installs no permission (RFC 8656 section 12.2).
        ChannelWithoutPermission,
        /// ChannelData on an unbound channel goes to the peer that was bound first (RFC 8656 section 12.6).
        UnboundChannelRelayed,
        /// ChannelData that is shorter than its length says is relayed (RFC 8656 section 12.6).
        ShortChannelDataRelayed,
        /// Empty ChannelData is dropped (RFC 8656 section 12.6).
        EmptyChannelDataDropped,
        /// Peers with a channel are relayed in Data indications (RFC 8656 section 12.5).
        ChannelNotUsed,
        /// Data indications lack XOR-PEER-ADDRESS (RFC 8656 section 11.3).
        DataWithoutPeer,
        /// What is relayed to clients is cut to 4 bytes (RFC 8656 section 11.3).
        ToClientCut,
        /// What is relayed to peers has one byte more (RFC 8656 section 12.6).
        ToPeerPadded,
        /// Send indications without DATA are relayed as empty datagrams (RFC 8656 section 11.2).
        SendWithoutDataRelayed,
        /// DONT-FRAGMENT is accepted although DF cannot be set, in Allocate and then refused in silence (RFC 8656 section 11.2).
        DontFragmentDropped,
        /// ICMP errors of peers without permission reach the client (RFC 8656 section 11.5).
        IcmpWithoutPermission,
        /// ICMP errors reach the client without the attribute ICMP (RFC 8656 section 11.5).
        IcmpAttributeMissing,
        /// 401 to an unknown user lacks PASSWORD-ALGORITHMS (RFC 8489 section 9.2.4).
        AlgorithmsMissing,
        /// Authenticated requests get 400 without integrity attribute (RFC 8489 section 9.2.4).
        AlwaysGets400,
        /// The nonce does not announce password algorithms that are offered (RFC 8489 section 9.2.4).
        AlgorithmsUnannounced,
        /// PASSWORD-ALGORITHMS and PASSWORD-ALGORITHM of a request are not compared with what was offered (RFC 8489 section 9.2.4).
        BidDownUndetected,
        /// MESSAGE-INTEGRITY-SHA256 is verified over the bytes that are there, however few (RFC 8489 section 14.6).
        TruncatedIntegrityAccepted,
    }
}

choices! {
    /// One thing that a correct TURN server may do otherwise.
    TurnVariation {
        /// All success and error responses carry FINGERPRINT.
        FingerprintAlways,
        /// Responses carry an unknown comprehension-optional attribute.
        ExtraAttribute,
        /// Nonces are as long as they may be: 127 characters.
        LongNonce,
        /// No lifetime beyond the default is granted (RFC 8656 section 7.2).
        DefaultLifetimeOnly,
        /// Reason phrases are in other words.
        OtherReasons,
        /// Reason phrases are empty.
        NoReasons,
        /// No password algorithms are offered, and no anonymous users: a server of RFC 5389 that knows the nonce cookie.
        Md5Only,
        /// The attributes of success responses stand in the opposite order.
        AttributesReversed,
        /// Binding responses carry MAPPED-ADDRESS too.
        MappedAddressToo,
        /// A reservation is held for ten minutes (RFC 8656 section 7.2).
        LongReservation,
        /// REQUESTED-TRANSPORT is looked at before the 5-tuple.
        TransportBeforeTuple,
    }
}
