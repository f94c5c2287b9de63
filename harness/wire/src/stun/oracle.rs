//! What an independent code base reads of the same bytes.
//!
//! `stun_codec` decodes a message beside our view. Property tests and fuzz targets ask for the comparison; checks never do, since a
//! verdict rests on the bytes and our reading of the RFC alone.

use super::codec::{CodecMessage, Known, Own};
use super::{Attribute, AttributeType, Message, RawAttribute, TransactionId, split_message_type};
use bytecodec::DecodeExt;
use stun_codec::Attribute as _;
use stun_codec::rfc5389::attributes::{Fingerprint, MessageIntegrity};

/// How two readings of a datagram compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// Both read it, with this many attributes of equal value.
    Equal {
        /// Attributes whose values were compared.
        attributes: usize,
    },
    /// Both refuse it.
    BothRefuse,
    /// The codec refuses what the view reads, for a documented reason.
    CodecIsStricter,
    /// They differ.
    Different(String),
}

/// Reads a datagram with the view and with `stun_codec`.
pub fn compare(bytes: &[u8]) -> Comparison {
    let view = Message::parse(bytes);
    let codec = stun_codec::MessageDecoder::<Known>::new().decode_from_bytes(bytes).ok().and_then(Result::ok);
    match (view, codec) {
        (Ok(view), Some(codec)) => compare_messages(&view, &codec),
        (Err(_), None) => Comparison::BothRefuse,
        (Err(defect), Some(_)) => Comparison::Different(format!("only the codec reads it, the view says: {defect}")),
        (Ok(view), None) if view.attributes().any(|raw| codec_may_refuse(&raw, &view)) => Comparison::CodecIsStricter,
        (Ok(_), None) => Comparison::Different("only the view reads it".to_owned()),
    }
}

/// The documented reasons: a value that is broken for the view as well; ranges that the codec enforces; FINGERPRINT, which the codec
/// verifies over its own encoding of what it read, so that it refuses wrong ones and those of messages with reserved bits set, and of
/// methods that it encodes wrongly.
fn codec_may_refuse(raw: &RawAttribute<'_>, view: &Message<'_>) -> bool {
    match raw.decode(view.transaction_id()) {
        Err(_) => true,
        Ok(Attribute::ErrorCode(error)) => error.code >= 600,
        Ok(Attribute::Fingerprint(_)) => true,
        Ok(attribute) => matches!(Known::from_view(&attribute), Err(super::build::CodecError::Value { .. })),
    }
}

fn compare_messages(view: &Message<'_>, codec: &CodecMessage) -> Comparison {
    let header = (codec.class(), codec.method().as_u16(), *codec.transaction_id().as_bytes());
    let (class, method) = split_message_type(view.message_type());
    let expected = super::codec::empty_message(class, super::Method(1), TransactionId(view.transaction_id().0));
    let same_class = expected.is_ok_and(|message| message.class() == header.0);
    if !same_class || header.1 != method.0 || header.2 != view.transaction_id().0 {
        return Comparison::Different(format!("headers: {header:?}"));
    }
    let (mut known, mut unknown) = (codec.attributes(), codec.unknown_attributes());
    let mut attributes = 0;
    for raw in view.attributes() {
        let same = if is_known(raw.kind) {
            known.next().map(|read| same_value(&raw, view, read))
        } else {
            unknown.next().map(|read| if read.get_type().as_u16() == raw.kind.0 && read.value() == raw.value { Ok(()) } else { Err(()) })
        };
        match same {
            Some(Ok(())) => attributes += 1,
            other => return Comparison::Different(format!("{} at offset {}: {other:?}", raw.kind, raw.offset)),
        }
    }
    match (known.next(), unknown.next()) {
        (None, None) => Comparison::Equal { attributes },
        _ => Comparison::Different("the codec read more attributes".to_owned()),
    }
}

fn is_known(kind: AttributeType) -> bool {
    use bytecodec::TryTaggedDecode;
    super::codec::KnownDecoder::new().try_start_decoding(stun_codec::AttributeType::new(kind.0)).unwrap_or(false)
}

/// Compares the decoded values where the definition is the codec's, and the bytes where it is ours.
fn same_value(raw: &RawAttribute<'_>, view: &Message<'_>, read: &Known) -> Result<(), ()> {
    let same = match raw.decode(view.transaction_id()) {
        Ok(Attribute::MessageIntegrity(digest)) => {
            matches!(read, Known::MessageIntegrity(integrity) if MessageIntegrity::hmac_sha1(integrity) == digest)
        }
        Ok(Attribute::Fingerprint(value)) => matches!(read, Known::Fingerprint(fingerprint) if Fingerprint::crc32(fingerprint) == value),
        Ok(Attribute::MessageIntegritySha256(digest)) => matches!(read, Known::MessageIntegritySha256(Own(value)) if value == digest),
        Ok(attribute) => own_value(read).map_or_else(|| Known::from_view(&attribute).as_ref() == Ok(read), |value| value == raw.value),
        Err(_) => own_value(read).is_some_and(|value| value == raw.value),
    };
    if same { Ok(()) } else { Err(()) }
}

/// The bytes of an attribute whose definition is ours.
fn own_value(read: &Known) -> Option<&[u8]> {
    Some(match read {
        Known::ResponseAddress(Own(value)) => value,
        Known::ChangeRequest(Own(value)) => value,
        Known::SourceAddress(Own(value)) => value,
        Known::ChangedAddress(Own(value)) => value,
        Known::ReflectedFrom(Own(value)) => value,
        Known::MessageIntegritySha256(Own(value)) => value,
        Known::PasswordAlgorithm(Own(value)) => value,
        Known::Userhash(Own(value)) => value,
        Known::Padding(Own(value)) => value,
        Known::ResponsePort(Own(value)) => value,
        Known::ConnectionId(Own(value)) => value,
        Known::AddressErrorCode(Own(value)) => value,
        Known::PasswordAlgorithms(Own(value)) => value,
        Known::AlternateDomain(Own(value)) => value,
        Known::Icmp(Own(value)) => value,
        Known::CacheTimeout(Own(value)) => value,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::build::RawBuilder;
    use super::super::{AddressFamily, Class, Method, codec};
    use super::*;

    const ID: TransactionId = TransactionId([7; 12]);

    fn compared(viewed: &[Attribute<'_>], decoded: &[Attribute<'_>]) -> Comparison {
        let builder = RawBuilder::new(Class::Request, Method::ALLOCATE, ID);
        let bytes = viewed.iter().fold(builder, RawBuilder::attribute).build();
        let mut message = codec::empty_message(Class::Request, Method::ALLOCATE, ID).unwrap();
        decoded.iter().for_each(|attribute| message.add_attribute(Known::from_view(attribute).unwrap()));
        compare_messages(&Message::parse(&bytes).unwrap(), &message)
    }

    fn differs(viewed: &[Attribute<'_>], decoded: &[Attribute<'_>]) -> bool {
        matches!(compared(viewed, decoded), Comparison::Different(_))
    }

    #[test]
    fn another_value_number_or_order_of_attributes_is_a_difference() {
        use Attribute as A;
        let pair = [A::Lifetime(1), A::Priority(2)];
        let swapped = [A::Priority(2), A::Lifetime(1)];
        assert_eq!(compared(&pair, &pair), Comparison::Equal { attributes: 2 });
        assert!(differs(&pair, &swapped));
        assert!(differs(&pair[..1], &pair) && differs(&pair, &pair[..1]));
        assert!(differs(&pair[..1], &[A::Lifetime(2)]) && differs(&pair[..1], &swapped[..1]));
        assert!(differs(&[A::ConnectionId(1)], &[A::ConnectionId(2)]));
        assert!(differs(&[A::XorMappedAddress("192.0.2.1:1".parse().unwrap())], &[A::XorMappedAddress("192.0.2.1:2".parse().unwrap())]));
        assert!(differs(&[A::RequestedAddressFamily(AddressFamily::IPV4)], &[A::RequestedAddressFamily(AddressFamily::IPV6)]));
    }

    #[test]
    fn another_header_is_a_difference() {
        let bytes = RawBuilder::new(Class::Request, Method::ALLOCATE, ID).build();
        let view = Message::parse(&bytes).unwrap();
        let against = |class, method, id| compare_messages(&view, &codec::empty_message(class, method, id).unwrap());
        assert_eq!(against(Class::Request, Method::ALLOCATE, ID), Comparison::Equal { attributes: 0 });
        for (class, method, id) in [
            (Class::Indication, Method::ALLOCATE, ID),
            (Class::Request, Method::REFRESH, ID),
            (Class::Request, Method::ALLOCATE, TransactionId([8; 12])),
        ] {
            assert!(matches!(against(class, method, id), Comparison::Different(_)));
        }
    }
}
