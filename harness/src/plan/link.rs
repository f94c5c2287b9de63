//! What the links of a case are in the simulator.

use crate::scenario::model::{self, Link, LinkPair};
use crate::scenario::units::Percent;
use nat_sim::{GilbertElliott, JitterOrder, JitterShape, LinkConfig, Probability, QueueManagement, Rate};

/// How long a packet that the scenario calls reordered is held back.
const REORDER_DELAY: u64 = 20_000_000;

impl LinkPair {
    /// Both directions, up first, where `latency` counts when nothing is said.
    pub fn directions(&self, latency: u64) -> (LinkConfig, LinkConfig) {
        let direction = |own: &Option<Box<Link>>| link_config(own.as_deref().or(self.both.as_deref()), latency);
        (direction(&self.up), direction(&self.down))
    }
}

fn link_config(link: Option<&Link>, latency: u64) -> LinkConfig {
    let share = |share: Option<Percent>| {
        let share = share.map_or(0.0, |share| share.0);
        Probability::new(share).expect("shares lie between 0 % and 100 %")
    };
    let Some(link) = link else { return LinkConfig::with_latency(latency) };
    LinkConfig {
        latency: link.latency.map_or(latency, |span| span.0),
        jitter: link.jitter.map_or(0, |span| span.0),
        jitter_shape: match link.jitter_shape {
            None | Some(model::JitterShape::Uniform) => JitterShape::Uniform,
            Some(model::JitterShape::Bell) => JitterShape::Bell,
            Some(model::JitterShape::LongTail) => JitterShape::LongTail,
        },
        jitter_order: match link.jitter_order {
            None | Some(model::JitterOrder::Kept) => JitterOrder::Kept,
            Some(model::JitterOrder::Free) => JitterOrder::Free,
        },
        loss: share(link.loss),
        bursts: link.bursts.map(|bursts| GilbertElliott {
            worsen: share(Some(bursts.worsen)),
            recover: share(Some(bursts.recover)),
            bad_loss: share(Some(bursts.loss)),
        }),
        rate: link.rate.map(|rate| Rate {
            bits_per_second: rate.speed.0,
            queue: rate.queue.0,
            management: rate
                .codel
                .map_or(QueueManagement::DropTail, |codel| QueueManagement::CoDel { target: codel.target.0, interval: codel.interval.0 }),
        }),
        duplication: share(link.duplicate),
        reordering: share(link.reorder),
        reorder_delay: REORDER_DELAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The link that a scenario describes with these words.
    fn link(yaml: &str) -> LinkConfig {
        let pair: LinkPair = serde_yaml::from_str(&format!("both: {{{yaml}}}")).expect("a link");
        pair.directions(7).0
    }

    #[test]
    fn every_term_of_a_link_reaches_the_simulator() {
        let plain = LinkConfig { reorder_delay: REORDER_DELAY, ..LinkConfig::with_latency(7) };
        let half = Probability::new(0.5).unwrap();
        let rate = |management| Some(Rate { bits_per_second: 64_000, queue: 1_500, management });
        let codel = QueueManagement::CoDel { target: 5_000_000, interval: 100_000_000 };
        let bursts = GilbertElliott { worsen: half, recover: Probability::ALWAYS, bad_loss: Probability::NEVER };
        let terms = [
            ("latency: 9ns", LinkConfig { latency: 9, ..plain }),
            ("jitter: 3us", LinkConfig { jitter: 3_000, ..plain }),
            ("jitter-shape: bell", LinkConfig { jitter_shape: JitterShape::Bell, ..plain }),
            ("jitter-shape: long-tail", LinkConfig { jitter_shape: JitterShape::LongTail, ..plain }),
            ("jitter-order: free", LinkConfig { jitter_order: JitterOrder::Free, ..plain }),
            ("loss: 50%", LinkConfig { loss: half, ..plain }),
            ("bursts: {worsen: 50%, recover: 100%, loss: 0%}", LinkConfig { bursts: Some(bursts), ..plain }),
            ("rate: {speed: 64kbps, queue: 1500B}", LinkConfig { rate: rate(QueueManagement::DropTail), ..plain }),
            ("rate: {speed: 64kbps, queue: 1500B, codel: {target: 5ms, interval: 100ms}}", LinkConfig { rate: rate(codel), ..plain }),
            ("duplicate: 50%", LinkConfig { duplication: half, ..plain }),
            ("reorder: 50%", LinkConfig { reordering: half, ..plain }),
        ];
        for (yaml, expected) in terms {
            assert_eq!(link(yaml), expected, "{yaml}");
        }
        assert_eq!(link("jitter-shape: uniform, jitter-order: kept"), plain, "as where nothing is said");
    }
}
