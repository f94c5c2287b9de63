//! Traces as pcapng files: one interface per side of a node, virtual nanoseconds, fates and verdicts as packet comments. Events that are no packets stand
//! on an interface of link type 252 (upper PDU) with dissector `json`, so that Wireshark shows everything in one list.

use super::{Body, Event, PacketEvent, Trace, Vantage, encode};
use bytes::Bytes;
use nat_sim::{Direction, Fate, Packet};
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::{Block, PcapNgReader, PcapNgWriter};
use pcap_file::{DataLink, PcapError};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::time::Duration;

/// Timestamps count nanoseconds.
const NANOSECONDS: u8 = 9;
/// The virtual clock shows 2025-01-01T00:00:00Z when a case begins.
const EPOCH_SECONDS: u64 = 1_735_689_600;
/// Tags of the upper-PDU header, as Wireshark's exported_pdu format defines them.
const TAG_DISSECTOR_NAME: u16 = 12;

/// Why a capture could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file system, or the format.
    #[error("{0}")]
    Format(#[from] PcapError),
    /// An interface of this link type cannot be judged.
    #[error("link type {0} carries no IP packets that natproof can read")]
    LinkType(u32),
}

/// Comments by frame number, beside those that every frame carries by itself.
pub type Comments = BTreeMap<u32, Vec<String>>;

/// Writes a trace event by event, in whole blocks.
pub struct CaptureWriter<W: Write> {
    writer: PcapNgWriter<W>,
    events_interface: u32,
    bytes: Vec<u8>,
}

impl<W: Write> CaptureWriter<W> {
    /// Writes the section header and all interfaces.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn new(sink: W, vantages: &[Vantage]) -> Result<Self, CaptureError> {
        let mut writer = PcapNgWriter::new(sink)?;
        for vantage in vantages {
            writer.write_pcapng_block(interface(DataLink::RAW, format!("{}/{}", vantage.node, vantage.side)))?;
        }
        writer.write_pcapng_block(interface(DataLink::WIRESHARK_UPPER_PDU, "events".into()))?;
        Ok(Self { writer, events_interface: u32::try_from(vantages.len()).unwrap_or(u32::MAX), bytes: Vec::new() })
    }

    /// Writes one event.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn event(&mut self, trace: &Trace, event: &Event, comments: &[String]) -> Result<(), CaptureError> {
        self.bytes.clear();
        let (interface_id, own) = match &event.body {
            Body::Packet(packet) => {
                encode(&packet.packet, &mut self.bytes);
                (u32::try_from(packet.vantage).unwrap_or(u32::MAX), packet_comment(packet))
            }
            body => {
                upper_pdu(&mut self.bytes, &super::json::event(trace, body));
                (self.events_interface, None)
            }
        };
        let mut options: Vec<_> =
            own.into_iter().chain(comments.iter().cloned()).map(|text| EnhancedPacketOption::Comment(Cow::Owned(text))).collect();
        if let Body::Packet(packet) = &event.body {
            // Bits 0 and 1 of epb_flags: 1 is inbound, 2 is outbound.
            options.push(EnhancedPacketOption::Flags(if packet.direction == Direction::In { 1 } else { 2 }));
        }
        let block = EnhancedPacketBlock {
            interface_id,
            timestamp: Duration::from_secs(EPOCH_SECONDS) + Duration::from_nanos(event.at),
            original_len: u32::try_from(self.bytes.len()).unwrap_or(u32::MAX),
            data: Cow::Borrowed(&self.bytes),
            options,
        };
        self.writer.write_pcapng_block(block)?;
        Ok(())
    }

    /// Writes a whole trace.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn trace(sink: W, trace: &Trace, comments: &Comments) -> Result<W, CaptureError> {
        let mut writer = Self::new(sink, &trace.vantages)?;
        for (index, event) in trace.events.iter().enumerate() {
            let own = comments.get(&super::frame_number(index)).map_or(&[][..], Vec::as_slice);
            writer.event(trace, event, own)?;
        }
        Ok(writer.into_inner())
    }

    /// The sink.
    pub fn into_inner(self) -> W {
        self.writer.into_inner()
    }

    /// The sink, to flush it.
    pub fn sink(&mut self) -> &mut W {
        self.writer.get_mut()
    }
}

fn interface(linktype: DataLink, name: String) -> InterfaceDescriptionBlock<'static> {
    let options = vec![InterfaceDescriptionOption::IfName(Cow::Owned(name)), InterfaceDescriptionOption::IfTsResol(NANOSECONDS)];
    InterfaceDescriptionBlock { linktype, snaplen: 0, options }
}

fn packet_comment(packet: &PacketEvent) -> Option<String> {
    match packet.fate {
        Fate::Dropped(reason) => Some(format!("{}: {}", reason.name(), reason.explanation())),
        Fate::Duplicated => Some("the link made a second copy".into()),
        _ => None,
    }
}

fn upper_pdu(bytes: &mut Vec<u8>, json: &str) {
    let name = b"json";
    bytes.extend(TAG_DISSECTOR_NAME.to_be_bytes());
    bytes.extend((name.len() as u16).to_be_bytes());
    bytes.extend(name);
    // End of tags, of length zero.
    bytes.extend([0; 4]);
    bytes.extend(json.as_bytes());
}

/// Reads any capture of IP packets, one vantage per interface. Packets that are no UDP or ICMP over IP, and those that are cut off, are counted and left
/// out.
///
/// # Errors
/// When the file is not pcapng, or an interface has a link type that cannot be read.
pub fn read_capture(source: impl Read) -> Result<(Trace, u64), CaptureError> {
    let mut reader = PcapNgReader::new(source)?;
    let mut trace = Trace::default();
    let mut interfaces: Vec<(DataLink, u64)> = Vec::new();
    let (mut skipped, mut first) = (0, None);
    while let Some(block) = reader.next_block() {
        match block? {
            Block::InterfaceDescription(block) => {
                let name = block.options.iter().find_map(|option| match option {
                    InterfaceDescriptionOption::IfName(name) => Some(name.to_string()),
                    _ => None,
                });
                let name = name.unwrap_or_else(|| format!("interface-{}", interfaces.len()));
                let (node, side) = name.split_once('/').map_or((name.as_str(), "if"), |(node, side)| (node, side));
                trace.vantages.push(Vantage { node: node.into(), node_index: interfaces.len(), side: side.into(), party: None });
                interfaces.push((block.linktype, nanoseconds_per_unit(&block.options)));
            }
            Block::EnhancedPacket(block) => {
                let vantage = block.interface_id as usize;
                let Some((link, unit)) = interfaces.get(vantage) else { continue };
                // The reader takes the raw count for nanoseconds whatever the resolution of the interface is.
                let at = (block.timestamp.as_nanos() as u64).saturating_mul(*unit);
                let at = at.saturating_sub(*first.get_or_insert(at));
                let packet = match ip_offset(*link, &block.data)? {
                    Some(offset) => Packet::decode(&Bytes::copy_from_slice(&block.data[offset..])).ok(),
                    None => None,
                };
                let Some(packet) = packet else {
                    skipped += 1;
                    trace.events.push(Event { at, body: Body::Step { text: "not a packet that natproof reads".into() } });
                    continue;
                };
                let outbound = block.options.iter().any(|option| matches!(option, EnhancedPacketOption::Flags(flags) if flags & 3 == 2));
                let (direction, fate) = if outbound { (Direction::Out, Fate::Sent) } else { (Direction::In, Fate::Delivered) };
                trace.events.push(Event { at, body: Body::Packet(PacketEvent { vantage, direction, fate, packet }) });
            }
            _ => {}
        }
    }
    Ok((trace, skipped))
}

fn nanoseconds_per_unit(options: &[InterfaceDescriptionOption<'_>]) -> u64 {
    let resolution = options.iter().find_map(|option| match option {
        InterfaceDescriptionOption::IfTsResol(resolution) => Some(*resolution),
        _ => None,
    });
    // Powers of two are legal and unheard of; microseconds are the default of the format.
    10u64.pow(u32::from(9 - resolution.unwrap_or(6).min(9)))
}

/// Where the IP header begins; `None` for frames that carry none.
fn ip_offset(link: DataLink, data: &[u8]) -> Result<Option<usize>, CaptureError> {
    let ether_type = |offset: usize| data.get(offset..offset + 2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
    let is_ip = |kind: Option<u16>| matches!(kind, Some(0x0800 | 0x86dd));
    Ok(match link {
        DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 => Some(0),
        DataLink::ETHERNET if ether_type(12) == Some(0x8100) => is_ip(ether_type(16)).then_some(18),
        DataLink::ETHERNET => is_ip(ether_type(12)).then_some(14),
        DataLink::LINUX_SLL => is_ip(ether_type(14)).then_some(16),
        DataLink::Unknown(276) => is_ip(ether_type(0)).then_some(20),
        DataLink::NULL | DataLink::LOOP => Some(4),
        DataLink::WIRESHARK_UPPER_PDU => None,
        other => return Err(CaptureError::LinkType(other.into())),
    })
}
