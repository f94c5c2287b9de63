//! Runs checks over a trace.

use super::lens::Lens;
use super::{Check, Context, Frame, FrameEvent, Judge, Judgement, Level, Party};
use crate::trace::{Body, Event, Trace, frame_number};
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
    let mut panels: Vec<Panel> =
        context.parties.iter().enumerate().filter_map(|(subject, party)| Panel::new(context, subject, party, checks, without)).collect();
    for (index, event) in trace.events.iter().enumerate() {
        for panel in &mut panels {
            panel.event(context, trace, frame_number(index), event);
        }
    }
    panels.into_iter().flat_map(|panel| panel.finish(context)).collect()
}

/// The judges of one subject.
struct Panel {
    subject: usize,
    lens: Lens,
    judges: Vec<(Check, Box<dyn Judge>)>,
}

impl Panel {
    fn new(context: &Context, subject: usize, party: &Party, checks: &[Check], without: &BTreeSet<String>) -> Option<Self> {
        party.implementation.as_ref()?;
        let wanted = checks.iter().filter(|check| !without.contains(check.id) && (check.applies)(context, party));
        let judges = wanted.map(|check| (*check, (check.judge)(context, subject))).collect();
        Some(Self { subject, lens: Lens::new(context, party), judges })
    }

    fn event(&mut self, context: &Context, trace: &Trace, number: u32, event: &Event) {
        let Self { subject, lens, judges } = self;
        let mut all = |frame: Frame<'_>| judges.iter_mut().for_each(|(_, judge)| judge.frame(context, frame));
        match &event.body {
            Body::Packet(packet) if trace.vantages[packet.vantage].party == Some(*subject) => {
                lens.packet(context, number, event.at, packet, &mut all);
            }
            Body::Api { node, event: api } if node == subject => lens.show(number, event.at, FrameEvent::Api(api), &mut all),
            Body::Signal { from, signal, .. } if from == subject => lens.show(number, event.at, FrameEvent::SentSignal(signal), &mut all),
            Body::Signal { signal, lost: false, .. } => lens.show(number, event.at, FrameEvent::PeerSignal(signal), &mut all),
            _ => {}
        }
    }

    fn finish(self, context: &Context) -> impl Iterator<Item = CheckRecord> {
        let subject = self.subject;
        self.judges.into_iter().map(move |(check, judge)| CheckRecord {
            id: check.id,
            clauses: check.clauses,
            level: check.level,
            summary: check.summary,
            subject,
            judgement: judge.finish(context),
        })
    }
}
