//! Runs checks over a trace.

use super::{Check, Context, Frame, FrameEvent, Judge, Judgement, Level};
use crate::trace::{Body, Trace, frame_number};
use std::collections::BTreeSet;

/// What became of one check on one subject.
#[derive(Clone, Debug)]
pub struct CheckRecord {
    /// The check.
    pub id: &'static str,
    /// Its clauses.
    pub clauses: &'static [&'static str],
    /// Its level.
    pub level: Level,
    /// Its summary, which is what is expected where the judgement does not say.
    pub summary: &'static str,
    /// The party that was judged.
    pub subject: usize,
    /// The judgement.
    pub judgement: Judgement,
}

/// Judges every party that is an implementation by every check that is about it.
pub fn judge(trace: &Trace, context: &Context, checks: &[Check], without: &BTreeSet<String>) -> Vec<CheckRecord> {
    let mut running: Vec<(Check, usize, Box<dyn Judge>)> = Vec::new();
    for (subject, party) in context.parties.iter().enumerate() {
        if party.implementation.is_none() {
            continue;
        }
        for check in checks {
            if !without.contains(check.id) && (check.applies)(context, party) {
                running.push((*check, subject, (check.judge)(context, subject)));
            }
        }
    }
    for (index, event) in trace.events.iter().enumerate() {
        let (about, frame) = match &event.body {
            Body::Packet(packet) => (trace.vantages[packet.vantage].party, FrameEvent::Packet(packet)),
            Body::Api { node, event } => (Some(*node), FrameEvent::Api(event)),
            Body::Signal { from, signal, lost } => {
                let frame = |event| Frame { number: frame_number(index), at: trace.events[index].at, event };
                for (_, subject, judge) in &mut running {
                    if subject == from {
                        judge.frame(context, frame(FrameEvent::SentSignal(signal)));
                    } else if !lost {
                        judge.frame(context, frame(FrameEvent::PeerSignal(signal)));
                    }
                }
                continue;
            }
            Body::Nat { .. } | Body::Step { .. } => continue,
        };
        let frame = Frame { number: frame_number(index), at: event.at, event: frame };
        for (_, subject, judge) in &mut running {
            if about == Some(*subject) {
                judge.frame(context, frame);
            }
        }
    }
    let record = |(check, subject, judge): (Check, usize, Box<dyn Judge>)| CheckRecord {
        id: check.id,
        clauses: check.clauses,
        level: check.level,
        summary: check.summary,
        subject,
        judgement: judge.finish(context),
    };
    running.into_iter().map(record).collect()
}
