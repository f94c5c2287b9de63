//! Registered numbers and their names: methods, attributes, error codes.

/// A STUN method: 12 bits (RFC 8489, section 18.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(pub u16);

registry!(Method, "method-0x{:03x}" {
    /// RFC 8489.
    BINDING = 0x001, "Binding";
    /// RFC 3489, section 8.2; reserved since RFC 5389.
    SHARED_SECRET = 0x002, "SharedSecret";
    /// RFC 8656, section 17.
    ALLOCATE = 0x003, "Allocate";
    /// RFC 8656, section 17.
    REFRESH = 0x004, "Refresh";
    /// RFC 8656, section 17; only indications.
    SEND = 0x006, "Send";
    /// RFC 8656, section 17; only indications.
    DATA = 0x007, "Data";
    /// RFC 8656, section 17.
    CREATE_PERMISSION = 0x008, "CreatePermission";
    /// RFC 8656, section 17.
    CHANNEL_BIND = 0x009, "ChannelBind";
    /// RFC 6062, section 6.1.
    CONNECT = 0x00A, "Connect";
    /// RFC 6062, section 6.1.
    CONNECTION_BIND = 0x00B, "ConnectionBind";
    /// RFC 6062, section 6.1; only indications.
    CONNECTION_ATTEMPT = 0x00C, "ConnectionAttempt";
    /// Registered by Google.
    GOOG_PING = 0x080, "GOOG-PING";
});

impl Method {
    /// Whether TURN defines this method (RFC 8656, RFC 6062).
    pub fn is_turn(self) -> bool {
        (Self::ALLOCATE..=Self::CONNECTION_ATTEMPT).contains(&self)
    }
}

/// Type of an attribute: 16 bits (RFC 8489, section 18.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType(pub u16);

registry!(AttributeType, "attribute-0x{:04x}" {
    /// RFC 8489, section 14.1.
    MAPPED_ADDRESS = 0x0001, "MAPPED-ADDRESS";
    /// RFC 3489, section 11.2.2.
    RESPONSE_ADDRESS = 0x0002, "RESPONSE-ADDRESS";
    /// RFC 5780, section 7.2.
    CHANGE_REQUEST = 0x0003, "CHANGE-REQUEST";
    /// RFC 3489, section 11.2.5.
    SOURCE_ADDRESS = 0x0004, "SOURCE-ADDRESS";
    /// RFC 3489, section 11.2.3.
    CHANGED_ADDRESS = 0x0005, "CHANGED-ADDRESS";
    /// RFC 8489, section 14.3.
    USERNAME = 0x0006, "USERNAME";
    /// RFC 3489, section 11.2.7.
    PASSWORD = 0x0007, "PASSWORD";
    /// RFC 8489, section 14.5.
    MESSAGE_INTEGRITY = 0x0008, "MESSAGE-INTEGRITY";
    /// RFC 8489, section 14.8.
    ERROR_CODE = 0x0009, "ERROR-CODE";
    /// RFC 8489, section 14.13.
    UNKNOWN_ATTRIBUTES = 0x000A, "UNKNOWN-ATTRIBUTES";
    /// RFC 3489, section 11.2.11.
    REFLECTED_FROM = 0x000B, "REFLECTED-FROM";
    /// RFC 8656, section 18.1.
    CHANNEL_NUMBER = 0x000C, "CHANNEL-NUMBER";
    /// RFC 8656, section 18.2.
    LIFETIME = 0x000D, "LIFETIME";
    /// Was in drafts of RFC 5766; reserved.
    BANDWIDTH = 0x0010, "BANDWIDTH";
    /// RFC 8656, section 18.3.
    XOR_PEER_ADDRESS = 0x0012, "XOR-PEER-ADDRESS";
    /// RFC 8656, section 18.4.
    DATA = 0x0013, "DATA";
    /// RFC 8489, section 14.9.
    REALM = 0x0014, "REALM";
    /// RFC 8489, section 14.10.
    NONCE = 0x0015, "NONCE";
    /// RFC 8656, section 18.5.
    XOR_RELAYED_ADDRESS = 0x0016, "XOR-RELAYED-ADDRESS";
    /// RFC 8656, section 18.6.
    REQUESTED_ADDRESS_FAMILY = 0x0017, "REQUESTED-ADDRESS-FAMILY";
    /// RFC 8656, section 18.7.
    EVEN_PORT = 0x0018, "EVEN-PORT";
    /// RFC 8656, section 18.8.
    REQUESTED_TRANSPORT = 0x0019, "REQUESTED-TRANSPORT";
    /// RFC 8656, section 18.9.
    DONT_FRAGMENT = 0x001A, "DONT-FRAGMENT";
    /// RFC 7635, section 6.2.
    ACCESS_TOKEN = 0x001B, "ACCESS-TOKEN";
    /// RFC 8489, section 14.6.
    MESSAGE_INTEGRITY_SHA256 = 0x001C, "MESSAGE-INTEGRITY-SHA256";
    /// RFC 8489, section 14.12.
    PASSWORD_ALGORITHM = 0x001D, "PASSWORD-ALGORITHM";
    /// RFC 8489, section 14.4.
    USERHASH = 0x001E, "USERHASH";
    /// RFC 8489, section 14.2.
    XOR_MAPPED_ADDRESS = 0x0020, "XOR-MAPPED-ADDRESS";
    /// Was in drafts of RFC 5766; reserved.
    TIMER_VAL = 0x0021, "TIMER-VAL";
    /// RFC 8656, section 18.10.
    RESERVATION_TOKEN = 0x0022, "RESERVATION-TOKEN";
    /// RFC 8445, section 16.1.
    PRIORITY = 0x0024, "PRIORITY";
    /// RFC 8445, section 16.1.
    USE_CANDIDATE = 0x0025, "USE-CANDIDATE";
    /// RFC 5780, section 7.6.
    PADDING = 0x0026, "PADDING";
    /// RFC 5780, section 7.5.
    RESPONSE_PORT = 0x0027, "RESPONSE-PORT";
    /// RFC 6062, section 6.2.1.
    CONNECTION_ID = 0x002A, "CONNECTION-ID";
    /// RFC 8656, section 18.11.
    ADDITIONAL_ADDRESS_FAMILY = 0x8000, "ADDITIONAL-ADDRESS-FAMILY";
    /// RFC 8656, section 18.12.
    ADDRESS_ERROR_CODE = 0x8001, "ADDRESS-ERROR-CODE";
    /// RFC 8489, section 14.11.
    PASSWORD_ALGORITHMS = 0x8002, "PASSWORD-ALGORITHMS";
    /// RFC 8489, section 14.16.
    ALTERNATE_DOMAIN = 0x8003, "ALTERNATE-DOMAIN";
    /// RFC 8656, section 18.13.
    ICMP = 0x8004, "ICMP";
    /// The number of XOR-MAPPED-ADDRESS in drafts of RFC 5389.
    XOR_MAPPED_ADDRESS_DRAFT = 0x8020, "XOR-MAPPED-ADDRESS-DRAFT";
    /// RFC 8489, section 14.14.
    SOFTWARE = 0x8022, "SOFTWARE";
    /// RFC 8489, section 14.15.
    ALTERNATE_SERVER = 0x8023, "ALTERNATE-SERVER";
    /// RFC 7982, section 3.1.
    TRANSACTION_TRANSMIT_COUNTER = 0x8025, "TRANSACTION-TRANSMIT-COUNTER";
    /// RFC 5780, section 7.8 (as CACHE-TIMEOUT in its registration).
    CACHE_TIMEOUT = 0x8027, "CACHE-TIMEOUT";
    /// RFC 8489, section 14.7.
    FINGERPRINT = 0x8028, "FINGERPRINT";
    /// RFC 8445, section 16.1.
    ICE_CONTROLLED = 0x8029, "ICE-CONTROLLED";
    /// RFC 8445, section 16.1.
    ICE_CONTROLLING = 0x802A, "ICE-CONTROLLING";
    /// RFC 5780, section 7.3.
    RESPONSE_ORIGIN = 0x802B, "RESPONSE-ORIGIN";
    /// RFC 5780, section 7.4; erratum 2939 on its number.
    OTHER_ADDRESS = 0x802C, "OTHER-ADDRESS";
    /// RFC 6679, section 7.2.2.
    ECN_CHECK = 0x802D, "ECN-CHECK";
    /// RFC 7635, section 6.1.
    THIRD_PARTY_AUTHORIZATION = 0x802E, "THIRD-PARTY-AUTHORIZATION";
    /// RFC 8016, section 3.3.
    MOBILITY_TICKET = 0x8030, "MOBILITY-TICKET";
    /// Registered by Google; carried by libwebrtc's connectivity checks.
    GOOG_NETWORK_INFO = 0xC057, "GOOG-NETWORK-INFO";
    /// Registered by Google.
    GOOG_LAST_ICE_CHECK_RECEIVED = 0xC058, "GOOG-LAST-ICE-CHECK-RECEIVED";
    /// Registered by Google.
    GOOG_MISC_INFO = 0xC059, "GOOG-MISC-INFO";
    /// Registered by Google.
    GOOG_MESSAGE_INTEGRITY_32 = 0xC060, "GOOG-MESSAGE-INTEGRITY-32";
});

impl AttributeType {
    /// Whether an agent that does not understand the attribute has to refuse the message (RFC 8489, section 14).
    pub fn is_comprehension_required(self) -> bool {
        self.0 < 0x8000
    }
}

/// The registered reason phrase of an error code (RFC 8489, section 18.4).
pub fn error_reason(code: u16) -> Option<&'static str> {
    Some(match code {
        300 => "Try Alternate",
        400 => "Bad Request",
        401 => "Unauthenticated",
        403 => "Forbidden",
        405 => "Mobility Forbidden",
        420 => "Unknown Attribute",
        437 => "Allocation Mismatch",
        438 => "Stale Nonce",
        440 => "Address Family not Supported",
        441 => "Wrong Credentials",
        442 => "Unsupported Transport Protocol",
        443 => "Peer Address Family Mismatch",
        446 => "Connection Already Exists",
        447 => "Connection Timeout or Failure",
        486 => "Allocation Quota Reached",
        487 => "Role Conflict",
        500 => "Server Error",
        508 => "Insufficient Capacity",
        _ => return None,
    })
}
