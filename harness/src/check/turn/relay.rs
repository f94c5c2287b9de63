//! What a relay passes on, and for whom (RFC 8656 sections 9 and 11).

use super::allocation::Life;
use super::gate::{PATIENCE, Watch, watching};
use super::passage::{Gate, Passage, UnderWay};
use crate::check::finding::{Evidence, Finding, each};
use crate::check::{Check, Context, Datagram, Frame, Judgement, Level, applies};
use iut::{Ns, SECOND};
use wire::stun::{AttributeType as T, Class, Method};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "turn.data-indication.attributes",
        clauses: &["RFC8656-11.3-1"],
        level: Level::Must,
        summary: "a Data indication carries XOR-PEER-ADDRESS and DATA, or ICMP instead of DATA",
        applies: applies::turn_server,
        judge: |_, _| each(data_indication),
    },
    Check {
        id: "turn.relay.to-client-intact",
        clauses: &["RFC8656-11.3-u7"],
        level: Level::Unmarked,
        summary: "what a client gets is exactly what the peer sent, under the peer's address",
        applies: applies::turn_server,
        judge: |_, _| watching(Intact::new(Gate::FromPeer, Gate::ToClient)),
    },
    Check {
        id: "turn.relay.to-peer-intact",
        clauses: &["RFC8656-12.6-u9"],
        level: Level::Unmarked,
        summary: "what a peer gets is exactly what the client sent, from the relayed transport address of its allocation",
        applies: applies::turn_server,
        judge: |_, _| watching(Intact::new(Gate::FromClient, Gate::ToPeer)),
    },
    Check {
        id: "turn.relay.permission-from-peer",
        clauses: &["RFC8656-9-u17", "RFC8656-9-u20"],
        level: Level::Unmarked,
        summary: "datagrams of peers without a permission are dropped",
        applies: applies::turn_server,
        judge: |_, _| watching(Permission::new(Gate::FromPeer, Gate::ToClient)),
    },
    Check {
        id: "turn.relay.permission-to-peer",
        clauses: &["RFC8656-11.2-u9"],
        level: Level::Unmarked,
        summary: "Send indications towards peers without a permission are dropped",
        applies: applies::turn_server,
        judge: |_, _| watching(Permission::new(Gate::FromClient, Gate::ToPeer)),
    },
    Check {
        id: "turn.relay.permission-lifetime",
        clauses: &["RFC8656-9-1", "RFC8656-9-u9"],
        level: Level::Must,
        summary: "a permission lasts 300 s from its last installation: until then datagrams of the peer reach the client",
        applies: applies::turn_server,
        judge: |_, _| watching(Lifetime::default()),
    },
];

fn data_indication(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let indication =
        datagram.stun().filter(|message| datagram.sent && message.method() == Method::DATA && message.class() == Class::Indication);
    let Some(indication) = indication else { return Finding::Nothing };
    let missing = match (indication.has(T::XOR_PEER_ADDRESS), indication.has(T::DATA) || indication.has(T::ICMP)) {
        (true, true) => return Finding::kept("XOR-PEER-ADDRESS and DATA"),
        (false, _) => "XOR-PEER-ADDRESS",
        (true, false) => "DATA",
    };
    Finding::broken("XOR-PEER-ADDRESS and DATA", format!("a Data indication without {missing}"))
}

/// Matches what leaves the relay with what entered it.
struct Intact {
    entry: Gate,
    exit: Gate,
    under_way: UnderWay,
    evidence: Evidence,
}

impl Intact {
    fn new(entry: Gate, exit: Gate) -> Self {
        Self { entry, exit, under_way: UnderWay::default(), evidence: Evidence::default() }
    }

    fn leaves(&mut self, passage: &Passage<'_>) -> Finding {
        const EXPECTED: &str = "the data that entered the relay, between the same client and peer";
        if self.under_way.leave(|entered| entered.is(passage)).is_some() {
            return Finding::kept(EXPECTED);
        }
        let same_data = self.under_way.find(|entered| entered.data == passage.data);
        let observed = match same_data {
            Some(entered) if entered.tuple != passage.tuple => "data of another allocation",
            Some(_) => "data of another peer",
            None => "data that did not enter the relay like this",
        };
        let finding = Finding::broken(EXPECTED, observed);
        same_data.map_or(Finding::broken(EXPECTED, observed), |entered| finding.because(entered.frame))
    }
}

impl Watch for Intact {
    fn passage(&mut self, frame: &Frame<'_>, passage: &Passage<'_>) {
        if passage.gate == self.entry {
            self.under_way.enter(frame.number, frame.at, passage);
        } else if passage.gate == self.exit && passage.peer.is_some() {
            let finding = self.leaves(passage);
            self.evidence.add(frame.number, finding);
        }
    }

    fn finish(self) -> Judgement {
        self.evidence.judgement()
    }
}

/// Looks for data that entered without a permission and left nevertheless.
struct Permission {
    entry: Gate,
    exit: Gate,
    /// What entered without a permission.
    forbidden: UnderWay,
    /// What entered with one: the same data may leave for its sake.
    permitted: UnderWay,
    /// Whether something passed with a permission: without this twin, a relay that drops everything would do.
    passed: bool,
    /// The first that was dropped.
    dropped: Option<u32>,
    evidence: Evidence,
}

impl Permission {
    fn new(entry: Gate, exit: Gate) -> Self {
        Self {
            entry,
            exit,
            forbidden: UnderWay::default(),
            permitted: UnderWay::default(),
            passed: false,
            dropped: None,
            evidence: Evidence::default(),
        }
    }
}

impl Watch for Permission {
    fn age(&mut self, now: Ns) {
        let dropped = self.forbidden.stayed(now.saturating_sub(PATIENCE));
        self.dropped = self.dropped.or(dropped.first().map(|entered| entered.frame));
    }

    fn passage(&mut self, frame: &Frame<'_>, passage: &Passage<'_>) {
        let Some(peer) = passage.peer else { return };
        if passage.gate == self.entry {
            // A channel carries data of its client for ten minutes, whatever became of the permission (RFC 8656 section 12.6).
            let by_channel = passage.gate == Gate::FromClient && passage.channel.is_some();
            match passage.allocation.permits(peer.ip(), frame.at) {
                Life::Over if !by_channel => self.forbidden.enter(frame.number, frame.at, passage),
                _ => self.permitted.enter(frame.number, frame.at, passage),
            }
        } else if passage.gate == self.exit {
            if self.permitted.leave(|entered| entered.is(passage)).is_some() {
                self.passed = true;
            } else if let Some(entered) = self.forbidden.leave(|entered| entered.is(passage)) {
                let finding = Finding::broken("nothing without a permission", "data passed on for a peer without a permission");
                self.evidence.add(frame.number, finding.because(entered.frame));
            }
        }
    }

    fn finish(mut self) -> Judgement {
        if let Some(frame) = self.dropped.filter(|_| self.passed) {
            self.evidence.add(frame, Finding::kept("data of peers with a permission alone"));
        }
        self.evidence.judgement()
    }
}

/// From this age on, a permission that works shows that it is not cut short.
const OLD: Ns = 240 * SECOND;

/// Waits for what permitted peers sent.
#[derive(Default)]
struct Lifetime {
    under_way: UnderWay,
    latest: Ns,
    evidence: Evidence,
}

impl Lifetime {
    fn overdue(&mut self, now: Ns) {
        for entered in self.under_way.stayed(now.saturating_sub(PATIENCE)) {
            let finding = Finding::broken("data of a permitted peer at the client", "data of a permitted peer that was dropped");
            self.evidence.add(entered.frame, finding);
        }
    }
}

impl Watch for Lifetime {
    fn age(&mut self, now: Ns) {
        self.latest = now;
        self.overdue(now);
    }

    fn passage(&mut self, frame: &Frame<'_>, passage: &Passage<'_>) {
        let Some((Life::Alive, age)) = passage.peer.and_then(|peer| passage.allocation.permission(peer.ip(), frame.at)) else { return };
        let alive = passage.allocation.life(frame.at) == Life::Alive;
        match passage.gate {
            Gate::FromPeer if alive && !passage.data.is_empty() => self.under_way.enter(frame.number, frame.at, passage),
            Gate::ToClient if self.under_way.leave(|entered| entered.is(passage)).is_some() && age >= OLD => {
                self.evidence.add(frame.number, Finding::kept("data of a peer with a permission older than 240 s"));
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Judgement {
        let latest = self.latest;
        self.overdue(latest);
        self.evidence.judgement()
    }
}
