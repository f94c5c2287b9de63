//! Replayed records, seen through what is delivered (RFC 6347 section 4.1.2.6, RFC 9147 section 4.5.1).

use crate::check::finding::{Evidence, Finding};
use crate::check::{Check, Context, Frame, FrameEvent, Judge, Judgement, Level, applies};
use iut::{ApiEvent, MILLISECOND, Ns, SECOND};
use std::collections::BTreeSet;
use wire::dtls::{ContentType, Header, Record};

pub(super) const CHECKS: &[Check] = &[Check {
    id: "dtls.replay.delivered-once",
    // A MUST for who detects replays, and detecting them is a SHOULD.
    clauses: &["RFC9147-4.5.1-1", "RFC9147-4.5.1-3", "RFC6347-4.1.2.6-1", "RFC6347-4.1.2.6-3"],
    level: Level::Should,
    summary: "the content of a record that arrives twice is delivered once",
    applies: applies::plain_dtls_endpoint,
    judge: |_, _| Box::new(DeliveredOnce::default()),
}];

/// Records that are remembered at most.
const RECORDS: usize = 65_536;

/// After so long without a new record, whatever it brought has been delivered.
const QUIET: Ns = 100 * MILLISECOND;
/// How long a delivery is waited for.
const PATIENCE: Ns = SECOND;

/// Counts deliveries against the different records that can have brought them, and watches what follows a replay that comes alone.
#[derive(Default)]
struct DeliveredOnce {
    /// Whole records: with one number and one content they are the same.
    records: BTreeSet<Vec<u8>>,
    latest_record: Ns,
    delivered: usize,
    /// A replay after a quiet time, with nothing new since.
    alone: Option<(u32, Ns)>,
    /// The first replay of any kind.
    replayed: Option<u32>,
    /// Unified headers hide what is no application data, so that counting proves nothing.
    hidden: bool,
    latest: Ns,
    evidence: Evidence,
}

const EXPECTED: &str = "one delivery for each record";

impl DeliveredOnce {
    fn record(&mut self, frame: &Frame<'_>, bytes: &[u8], record: &Record<'_>) {
        self.hidden |= matches!(record.header, Header::Unified(_));
        let end = record.fragment_offset + record.fragment.len();
        let whole = bytes.get(record.offset..end).unwrap_or_default();
        if self.records.contains(whole) {
            self.replayed.get_or_insert(frame.number);
            if frame.at >= self.latest_record + QUIET {
                self.alone.get_or_insert((frame.number, frame.at));
            }
        } else if self.records.len() < RECORDS {
            self.settle(frame.at);
            self.records.insert(whole.to_vec());
            self.latest_record = frame.at;
        }
    }

    /// Nothing was delivered after a replay that came alone.
    fn settle(&mut self, now: Ns) {
        if let Some((replay, at)) = self.alone.take()
            && self.delivered > 0
            && now >= at + PATIENCE
        {
            self.evidence.add(replay, Finding::kept(EXPECTED));
        }
    }

    fn delivery(&mut self, frame: u32) {
        self.delivered += 1;
        let too_many = !self.hidden && self.records.len() < RECORDS && self.delivered > self.records.len();
        let because = self.alone.take().map(|(replay, _)| replay).or(self.replayed.filter(|_| too_many));
        if let Some(because) = because {
            self.evidence.add(frame, Finding::broken(EXPECTED, "a record that was delivered twice").because(because));
        }
    }
}

impl Judge for DeliveredOnce {
    fn frame(&mut self, _: &Context, frame: Frame<'_>) {
        self.latest = frame.at;
        match frame.event {
            FrameEvent::Datagram(datagram) if !datagram.sent => {
                datagram.dtls().flatten().filter(may_be_data).for_each(|record| self.record(&frame, datagram.payload, &record));
            }
            FrameEvent::Api(ApiEvent::Data { .. }) => self.delivery(frame.number),
            _ => {}
        }
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Judgement {
        let latest = self.latest;
        self.settle(latest);
        if let Some(replayed) = self.replayed.filter(|_| !self.hidden && self.delivered == self.records.len()) {
            self.evidence.add(replayed, Finding::kept(EXPECTED));
        }
        self.evidence.judgement()
    }
}

/// Protected records that may carry application data: in DTLS 1.3 the content type is hidden, and application data begins with epoch 3.
fn may_be_data(record: &Record<'_>) -> bool {
    match record.header {
        Header::Full(header) => header.epoch > 0 && header.content_type == ContentType::APPLICATION_DATA,
        Header::Unified(header) => header.epoch_bits == 3 || header.epoch_bits < 2,
    }
}
