//! Registered numbers of SCTP with their names.

/// Type of a chunk (RFC 9260, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkType(pub u8);

registry!(ChunkType, "chunk-{}" {
    DATA = 0, "DATA";
    INIT = 1, "INIT";
    INIT_ACK = 2, "INIT ACK";
    SACK = 3, "SACK";
    HEARTBEAT = 4, "HEARTBEAT";
    HEARTBEAT_ACK = 5, "HEARTBEAT ACK";
    ABORT = 6, "ABORT";
    SHUTDOWN = 7, "SHUTDOWN";
    SHUTDOWN_ACK = 8, "SHUTDOWN ACK";
    ERROR = 9, "ERROR";
    COOKIE_ECHO = 10, "COOKIE ECHO";
    COOKIE_ACK = 11, "COOKIE ACK";
    ECNE = 12, "ECNE";
    CWR = 13, "CWR";
    SHUTDOWN_COMPLETE = 14, "SHUTDOWN COMPLETE";
    AUTH = 15, "AUTH";
    /// RFC 8260, section 2.1.
    I_DATA = 64, "I-DATA";
    ASCONF_ACK = 128, "ASCONF-ACK";
    /// RFC 6525, section 3.1.
    RE_CONFIG = 130, "RE-CONFIG";
    PAD = 132, "PAD";
    /// RFC 3758, section 3.2.
    FORWARD_TSN = 192, "FORWARD TSN";
    ASCONF = 193, "ASCONF";
    /// RFC 8260, section 2.3.1.
    I_FORWARD_TSN = 194, "I-FORWARD-TSN";
});

/// Payload protocol identifier (RFC 8831, section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadProtocol(pub u32);

registry!(PayloadProtocol, "ppid-{}" {
    DCEP = 50, "DCEP";
    STRING = 51, "string";
    /// Deprecated.
    BINARY_PARTIAL = 52, "partial binary";
    BINARY = 53, "binary";
    /// Deprecated.
    STRING_PARTIAL = 54, "partial string";
    STRING_EMPTY = 56, "empty string";
    BINARY_EMPTY = 57, "empty binary";
});
