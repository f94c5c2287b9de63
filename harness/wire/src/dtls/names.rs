//! Registered numbers of TLS that DTLS uses, with their names.

/// Content type of a record (RFC 9147, section 4.1; RFC 6347, section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentType(pub u8);

registry!(ContentType, "content-type-{}" {
    CHANGE_CIPHER_SPEC = 20, "change_cipher_spec";
    ALERT = 21, "alert";
    HANDSHAKE = 22, "handshake";
    APPLICATION_DATA = 23, "application_data";
    /// RFC 6520.
    HEARTBEAT = 24, "heartbeat";
    /// A record with a connection id: RFC 9146, section 4.
    TLS12_CID = 25, "tls12_cid";
    /// RFC 9147, section 7.
    ACK = 26, "ack";
});

/// Protocol version as it stands on the wire: the ones' complement of the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u16);

registry!(Version, "version-0x{:04x}" {
    DTLS_1_0 = 0xFEFF, "1.0";
    DTLS_1_2 = 0xFEFD, "1.2";
    DTLS_1_3 = 0xFEFC, "1.3";
});

/// Type of a handshake message (RFC 8446, section 4; RFC 5246, section 7.4; RFC 9147, section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandshakeType(pub u8);

registry!(HandshakeType, "handshake-{}" {
    HELLO_REQUEST = 0, "HelloRequest";
    CLIENT_HELLO = 1, "ClientHello";
    SERVER_HELLO = 2, "ServerHello";
    HELLO_VERIFY_REQUEST = 3, "HelloVerifyRequest";
    NEW_SESSION_TICKET = 4, "NewSessionTicket";
    END_OF_EARLY_DATA = 5, "EndOfEarlyData";
    ENCRYPTED_EXTENSIONS = 8, "EncryptedExtensions";
    REQUEST_CONNECTION_ID = 9, "RequestConnectionId";
    NEW_CONNECTION_ID = 10, "NewConnectionId";
    CERTIFICATE = 11, "Certificate";
    SERVER_KEY_EXCHANGE = 12, "ServerKeyExchange";
    CERTIFICATE_REQUEST = 13, "CertificateRequest";
    SERVER_HELLO_DONE = 14, "ServerHelloDone";
    CERTIFICATE_VERIFY = 15, "CertificateVerify";
    CLIENT_KEY_EXCHANGE = 16, "ClientKeyExchange";
    FINISHED = 20, "Finished";
    CERTIFICATE_URL = 21, "CertificateURL";
    CERTIFICATE_STATUS = 22, "CertificateStatus";
    SUPPLEMENTAL_DATA = 23, "SupplementalData";
    KEY_UPDATE = 24, "KeyUpdate";
    MESSAGE_HASH = 254, "MessageHash";
});

/// Description of an alert (RFC 8446, section 6; RFC 5246, section 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertDescription(pub u8);

registry!(AlertDescription, "alert-{}" {
    CLOSE_NOTIFY = 0, "close_notify";
    UNEXPECTED_MESSAGE = 10, "unexpected_message";
    BAD_RECORD_MAC = 20, "bad_record_mac";
    DECRYPTION_FAILED = 21, "decryption_failed";
    RECORD_OVERFLOW = 22, "record_overflow";
    DECOMPRESSION_FAILURE = 30, "decompression_failure";
    HANDSHAKE_FAILURE = 40, "handshake_failure";
    BAD_CERTIFICATE = 42, "bad_certificate";
    UNSUPPORTED_CERTIFICATE = 43, "unsupported_certificate";
    CERTIFICATE_REVOKED = 44, "certificate_revoked";
    CERTIFICATE_EXPIRED = 45, "certificate_expired";
    CERTIFICATE_UNKNOWN = 46, "certificate_unknown";
    ILLEGAL_PARAMETER = 47, "illegal_parameter";
    UNKNOWN_CA = 48, "unknown_ca";
    ACCESS_DENIED = 49, "access_denied";
    DECODE_ERROR = 50, "decode_error";
    DECRYPT_ERROR = 51, "decrypt_error";
    TOO_MANY_CIDS_REQUESTED = 52, "too_many_cids_requested";
    PROTOCOL_VERSION = 70, "protocol_version";
    INSUFFICIENT_SECURITY = 71, "insufficient_security";
    INTERNAL_ERROR = 80, "internal_error";
    INAPPROPRIATE_FALLBACK = 86, "inappropriate_fallback";
    USER_CANCELED = 90, "user_canceled";
    NO_RENEGOTIATION = 100, "no_renegotiation";
    MISSING_EXTENSION = 109, "missing_extension";
    UNSUPPORTED_EXTENSION = 110, "unsupported_extension";
    UNRECOGNIZED_NAME = 112, "unrecognized_name";
    BAD_CERTIFICATE_STATUS_RESPONSE = 113, "bad_certificate_status_response";
    UNKNOWN_PSK_IDENTITY = 115, "unknown_psk_identity";
    CERTIFICATE_REQUIRED = 116, "certificate_required";
    NO_APPLICATION_PROTOCOL = 120, "no_application_protocol";
});

/// Type of a hello extension (RFC 8446, section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtensionType(pub u16);

registry!(ExtensionType, "extension-{}" {
    SERVER_NAME = 0, "server_name";
    MAX_FRAGMENT_LENGTH = 1, "max_fragment_length";
    STATUS_REQUEST = 5, "status_request";
    SUPPORTED_GROUPS = 10, "supported_groups";
    EC_POINT_FORMATS = 11, "ec_point_formats";
    SIGNATURE_ALGORITHMS = 13, "signature_algorithms";
    /// RFC 5764, section 4.1.
    USE_SRTP = 14, "use_srtp";
    HEARTBEAT = 15, "heartbeat";
    APPLICATION_LAYER_PROTOCOL_NEGOTIATION = 16, "application_layer_protocol_negotiation";
    SIGNED_CERTIFICATE_TIMESTAMP = 18, "signed_certificate_timestamp";
    CLIENT_CERTIFICATE_TYPE = 19, "client_certificate_type";
    SERVER_CERTIFICATE_TYPE = 20, "server_certificate_type";
    PADDING = 21, "padding";
    ENCRYPT_THEN_MAC = 22, "encrypt_then_mac";
    /// RFC 7627, section 5.1.
    EXTENDED_MASTER_SECRET = 23, "extended_master_secret";
    RECORD_SIZE_LIMIT = 28, "record_size_limit";
    SESSION_TICKET = 35, "session_ticket";
    PRE_SHARED_KEY = 41, "pre_shared_key";
    EARLY_DATA = 42, "early_data";
    SUPPORTED_VERSIONS = 43, "supported_versions";
    COOKIE = 44, "cookie";
    PSK_KEY_EXCHANGE_MODES = 45, "psk_key_exchange_modes";
    CERTIFICATE_AUTHORITIES = 47, "certificate_authorities";
    OID_FILTERS = 48, "oid_filters";
    POST_HANDSHAKE_AUTH = 49, "post_handshake_auth";
    SIGNATURE_ALGORITHMS_CERT = 50, "signature_algorithms_cert";
    KEY_SHARE = 51, "key_share";
    /// RFC 9146, section 3.
    CONNECTION_ID = 54, "connection_id";
    RENEGOTIATION_INFO = 0xFF01, "renegotiation_info";
});

/// SRTP protection profile (RFC 5764, section 4.1.2; RFC 7714, section 14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SrtpProfile(pub u16);

registry!(SrtpProfile, "srtp-profile-0x{:04x}" {
    AES128_CM_HMAC_SHA1_80 = 0x0001, "SRTP_AES128_CM_HMAC_SHA1_80";
    AES128_CM_HMAC_SHA1_32 = 0x0002, "SRTP_AES128_CM_HMAC_SHA1_32";
    NULL_HMAC_SHA1_80 = 0x0005, "SRTP_NULL_HMAC_SHA1_80";
    NULL_HMAC_SHA1_32 = 0x0006, "SRTP_NULL_HMAC_SHA1_32";
    AEAD_AES_128_GCM = 0x0007, "SRTP_AEAD_AES_128_GCM";
    AEAD_AES_256_GCM = 0x0008, "SRTP_AEAD_AES_256_GCM";
});
