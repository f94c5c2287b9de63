//! Chunks and what they carry (RFC 9260, section 3.3; RFC 8260, section 2; RFC 3758, section 3.2).

use super::{ChunkType, PayloadProtocol};
use crate::{Malformed, Reason, padding_length, reader::Reader};

/// A chunk as it stands in the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Its type.
    pub kind: ChunkType,
    /// Its flags.
    pub flags: u8,
    /// Offset of its type in the packet.
    pub offset: usize,
    /// What its header is followed by.
    pub value: &'a [u8],
    /// The bytes that fill it up to a multiple of four.
    pub padding: &'a [u8],
}

/// A decoded chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body<'a> {
    /// DATA or I-DATA.
    Data(Data<'a>),
    /// INIT or INIT ACK.
    Init(Init<'a>),
    /// SACK.
    Sack(Sack),
    /// FORWARD TSN or I-FORWARD-TSN.
    ForwardTsn(ForwardTsn),
    /// SHUTDOWN with the cumulative TSN ack.
    Shutdown(u32),
    /// A chunk that consists of parameters or error causes: HEARTBEAT, ABORT, ERROR, RE-CONFIG.
    Parameters(Vec<Parameter<'a>>),
    /// Any other chunk.
    Other(&'a [u8]),
}

/// DATA (RFC 9260, section 3.3.1) or I-DATA (RFC 8260, section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data<'a> {
    /// The U bit: deliver without order.
    pub unordered: bool,
    /// The B bit: first fragment of a message.
    pub beginning: bool,
    /// The E bit: last fragment of a message.
    pub ending: bool,
    /// Transmission sequence number.
    pub tsn: u32,
    /// Stream identifier.
    pub stream: u16,
    /// Stream sequence number of DATA, message identifier of I-DATA.
    pub message: u32,
    /// Payload protocol; `None` in fragments of I-DATA that are not the first, where the field holds [`fragment`](Self::fragment).
    pub protocol: Option<PayloadProtocol>,
    /// Fragment sequence number of I-DATA; zero for the first fragment and for DATA.
    pub fragment: u32,
    /// User data.
    pub payload: &'a [u8],
}

/// INIT or INIT ACK (RFC 9260, sections 3.3.2 and 3.3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init<'a> {
    /// Initiate tag.
    pub initiate_tag: u32,
    /// Advertised receiver window in bytes.
    pub receiver_window: u32,
    /// Number of outbound streams.
    pub outbound_streams: u16,
    /// Number of inbound streams.
    pub inbound_streams: u16,
    /// Initial TSN.
    pub initial_tsn: u32,
    /// Parameters in their order.
    pub parameters: Vec<Parameter<'a>>,
}

/// SACK (RFC 9260, section 3.3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sack {
    /// Cumulative TSN ack.
    pub cumulative_tsn: u32,
    /// Advertised receiver window in bytes.
    pub receiver_window: u32,
    /// Gap ack blocks: start and end, relative to the cumulative TSN ack.
    pub gaps: Vec<(u16, u16)>,
    /// Duplicate TSNs.
    pub duplicates: Vec<u32>,
}

/// FORWARD TSN (RFC 3758, section 3.2) or I-FORWARD-TSN (RFC 8260, section 2.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardTsn {
    /// New cumulative TSN.
    pub cumulative_tsn: u32,
    /// Streams and the sequence number or message identifier skipped to on each.
    pub skipped: Vec<(u16, u32)>,
}

/// A parameter or an error cause (RFC 9260, sections 3.2.1 and 3.3.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// Type of the parameter or code of the cause.
    pub kind: u16,
    /// Its value.
    pub value: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Decodes the chunk.
    ///
    /// # Errors
    /// A field that does not fit.
    pub fn decode(&self) -> Result<Body<'a>, Malformed> {
        let mut reader = Reader::new(self.value, self.offset + 4);
        Ok(match self.kind {
            ChunkType::DATA => Body::Data(self.data(&mut reader)?),
            ChunkType::I_DATA => Body::Data(self.i_data(&mut reader)?),
            ChunkType::INIT | ChunkType::INIT_ACK => Body::Init(init(&mut reader)?),
            ChunkType::SACK => Body::Sack(sack(&mut reader)?),
            ChunkType::FORWARD_TSN => Body::ForwardTsn(forward_tsn(&mut reader, false)?),
            ChunkType::I_FORWARD_TSN => Body::ForwardTsn(forward_tsn(&mut reader, true)?),
            ChunkType::SHUTDOWN => Body::Shutdown(reader.u32("cumulative TSN ack")?),
            ChunkType::HEARTBEAT | ChunkType::HEARTBEAT_ACK | ChunkType::ABORT | ChunkType::ERROR | ChunkType::RE_CONFIG => {
                Body::Parameters(parameters(&mut reader)?)
            }
            _ => Body::Other(self.value),
        })
    }

    fn data(&self, reader: &mut Reader<'a>) -> Result<Data<'a>, Malformed> {
        let tsn = reader.u32("TSN")?;
        let stream = reader.u16("stream identifier")?;
        let message = u32::from(reader.u16("stream sequence number")?);
        let protocol = Some(PayloadProtocol(reader.u32("payload protocol identifier")?));
        Ok(self.with_flags(Data { tsn, stream, message, protocol, payload: reader.rest(), ..EMPTY }))
    }

    fn i_data(&self, reader: &mut Reader<'a>) -> Result<Data<'a>, Malformed> {
        let tsn = reader.u32("TSN")?;
        let stream = reader.u16("stream identifier")?;
        reader.u16("reserved bytes of I-DATA")?;
        let message = reader.u32("message identifier")?;
        let either = reader.u32("payload protocol identifier or fragment sequence number")?;
        let data = self.with_flags(Data { tsn, stream, message, payload: reader.rest(), ..EMPTY });
        let first = data.beginning;
        Ok(Data { protocol: first.then_some(PayloadProtocol(either)), fragment: if first { 0 } else { either }, ..data })
    }

    fn with_flags(&self, data: Data<'a>) -> Data<'a> {
        Data { ending: self.flags & 0x01 != 0, beginning: self.flags & 0x02 != 0, unordered: self.flags & 0x04 != 0, ..data }
    }
}

const EMPTY: Data<'static> =
    Data { unordered: false, beginning: false, ending: false, tsn: 0, stream: 0, message: 0, protocol: None, fragment: 0, payload: &[] };

fn init<'a>(reader: &mut Reader<'a>) -> Result<Init<'a>, Malformed> {
    Ok(Init {
        initiate_tag: reader.u32("initiate tag")?,
        receiver_window: reader.u32("advertised receiver window")?,
        outbound_streams: reader.u16("number of outbound streams")?,
        inbound_streams: reader.u16("number of inbound streams")?,
        initial_tsn: reader.u32("initial TSN")?,
        parameters: parameters(reader)?,
    })
}

fn sack(reader: &mut Reader<'_>) -> Result<Sack, Malformed> {
    let cumulative_tsn = reader.u32("cumulative TSN ack")?;
    let receiver_window = reader.u32("advertised receiver window")?;
    let gap_count = reader.u16("number of gap ack blocks")?;
    let duplicate_count = reader.u16("number of duplicate TSNs")?;
    let (mut gaps, mut duplicates) = (Vec::new(), Vec::new());
    for _ in 0..gap_count {
        gaps.push((reader.u16("gap ack block start")?, reader.u16("gap ack block end")?));
    }
    for _ in 0..duplicate_count {
        duplicates.push(reader.u32("duplicate TSN")?);
    }
    Ok(Sack { cumulative_tsn, receiver_window, gaps, duplicates })
}

fn forward_tsn(reader: &mut Reader<'_>, interleaved: bool) -> Result<ForwardTsn, Malformed> {
    let cumulative_tsn = reader.u32("new cumulative TSN")?;
    let mut skipped = Vec::new();
    while !reader.is_empty() {
        let stream = reader.u16("stream identifier")?;
        let message = if interleaved {
            reader.u16("flags of the stream")?;
            reader.u32("message identifier")?
        } else {
            u32::from(reader.u16("stream sequence number")?)
        };
        skipped.push((stream, message));
    }
    Ok(ForwardTsn { cumulative_tsn, skipped })
}

fn parameters<'a>(reader: &mut Reader<'a>) -> Result<Vec<Parameter<'a>>, Malformed> {
    let mut parameters = Vec::new();
    while !reader.is_empty() {
        let kind = reader.u16("parameter type")?;
        let length_at = reader.offset();
        let declared = usize::from(reader.u16("parameter length")?);
        let actual = reader.remaining() + 4;
        let length = declared.checked_sub(4).filter(|length| *length <= reader.remaining());
        let length = length.ok_or_else(|| Malformed::at(length_at, Reason::Length { what: "parameter length", declared, actual }))?;
        parameters.push(Parameter { kind, value: reader.take("parameter value", length)? });
        reader.take("parameter padding", padding_length(length).min(reader.remaining()))?;
    }
    Ok(parameters)
}
