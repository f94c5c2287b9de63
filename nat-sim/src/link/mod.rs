//! Links: what happens to a packet between a node and a segment, per direction. Usable without [`Net`](crate::Net): times come in, times or reasons come out.

mod loss;
mod queue;

pub use loss::{GilbertElliott, NotAProbability, Probability};
pub use queue::{QueueManagement, Rate};

use queue::Queue;

use crate::drop_reason::DropReason;
use crate::packet::Packet;
use crate::rng::Stream;
use crate::tap::{Direction, VantageInfo};
use crate::time::Ns;

/// The properties of one direction of a link. There is no default: say what the link does, or take [`LinkConfig::ideal`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkConfig {
    /// Delay of every packet.
    pub latency: Ns,
    /// Further delay, distributed between 0 and this.
    pub jitter: Ns,
    /// How it is distributed.
    pub jitter_shape: JitterShape,
    /// Whether packets overtake each other by jitter.
    pub jitter_order: JitterOrder,
    /// Probability that a packet is lost; with `bursts`, in the good state.
    pub loss: Probability,
    /// Loss in bursts.
    pub bursts: Option<GilbertElliott>,
    /// How fast the link is; without it, any number of packets pass at once.
    pub rate: Option<Rate>,
    /// Probability that the link makes one more copy of a packet, with a delay of its own.
    pub duplication: Probability,
    /// Probability that a packet is held back by [`LinkConfig::reorder_delay`], so that later ones overtake it.
    pub reordering: Probability,
    /// How long a reordered packet is held back.
    pub reorder_delay: Ns,
}

/// How jitter is distributed between 0 and its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JitterShape {
    /// Every delay is as likely as any other.
    Uniform,
    /// A bell around the half of the bound, with a standard deviation of a seventh (the mean of four uniform numbers).
    Bell,
    /// Mostly short, seldom long: half of the delays are below a sixteenth of the bound, one in twenty-one is above 83 % (the fourth power of a uniform
    /// number).
    LongTail,
}

/// Whether packets overtake each other by jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JitterOrder {
    /// No: one waits for the one before it.
    Kept,
    /// Yes.
    Free,
}

impl LinkConfig {
    /// No delay, no loss.
    #[must_use]
    pub const fn ideal() -> Self {
        Self::with_latency(0)
    }

    /// A constant delay, no loss.
    #[must_use]
    pub const fn with_latency(latency: Ns) -> Self {
        let never = Probability::NEVER;
        let (jitter_shape, jitter_order) = (JitterShape::Uniform, JitterOrder::Kept);
        Self {
            latency,
            jitter: 0,
            jitter_shape,
            jitter_order,
            loss: never,
            bursts: None,
            rate: None,
            duplication: never,
            reordering: never,
            reorder_delay: 0,
        }
    }

    fn only_delay(&self) -> Option<Ns> {
        let Self { latency, jitter, loss, bursts, rate, duplication, reordering, .. } = *self;
        let is_plain = jitter == 0 && bursts.is_none() && rate.is_none() && [loss, duplication, reordering] == [Probability::NEVER; 3];
        is_plain.then_some(latency)
    }
}

/// One direction of a link at run time.
#[derive(Debug)]
pub struct Link {
    /// The delay where it is all that the link does: most links are passed without a look at their state.
    only_delay: Option<Ns>,
    state: Box<State>,
}

#[derive(Debug)]
struct State {
    config: LinkConfig,
    up: bool,
    stream: Stream,
    /// When the latest packet that was not held back leaves the link.
    last_exit: Ns,
    /// Whether loss in bursts is in its bad state.
    bad: bool,
    queue: Queue,
}

/// What a link does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// The packet goes no further.
    Dropped(DropReason),
    /// The packet gets through.
    Passed {
        /// When it leaves the link.
        at: Ns,
        /// When the copy that the link made of it leaves the link.
        copy: Option<Ns>,
    },
}

impl Link {
    /// The link at a side of a node, as [`Net`](crate::Net) has it there: `Out` leads from the node to the segment. The same seed gives the same losses and delays.
    #[must_use]
    pub fn at(vantage: &VantageInfo, direction: Direction, config: LinkConfig, seed: u64) -> Self {
        let word = match direction {
            Direction::Out => "up",
            Direction::In => "down",
        };
        Self::new(config, Stream::new(seed, &format!("link/{}/{word}", vantage.name())))
    }

    fn new(config: LinkConfig, stream: Stream) -> Self {
        let state = Box::new(State { config, up: true, stream, last_exit: 0, bad: false, queue: Queue::default() });
        Self { only_delay: config.only_delay(), state }
    }

    /// Changes the properties for packets that enter from now on.
    pub fn set_config(&mut self, config: LinkConfig) {
        self.state.config = config;
        self.state.last_exit = 0;
        self.state.bad &= config.bursts.is_some();
        self.set_up(self.state.up);
    }

    /// The properties.
    #[must_use]
    pub fn config(&self) -> LinkConfig {
        self.state.config
    }

    /// Takes the link down or up again; packets that entered before still get through.
    pub fn set_up(&mut self, up: bool) {
        self.state.up = up;
        self.only_delay = self.state.config.only_delay().filter(|_| up);
    }

    /// What becomes of a packet that enters at `now`. Times of calls do not decrease.
    pub fn pass(&mut self, now: Ns, packet: &Packet) -> Passage {
        match self.only_delay {
            Some(delay) => Passage::Passed { at: now.saturating_add(delay), copy: None },
            None => self.state.pass(now, packet),
        }
    }
}

impl State {
    fn pass(&mut self, now: Ns, packet: &Packet) -> Passage {
        if !self.up {
            return Passage::Dropped(DropReason::LinkDown);
        }
        if self.loses() {
            return Passage::Dropped(if self.bad { DropReason::LinkBurst } else { DropReason::LinkLoss });
        }
        let leaves = match self.config.rate {
            None => now,
            Some(rate) => match self.queue.pass(rate, now, packet.length()) {
                Ok(leaves) => leaves,
                Err(reason) => return Passage::Dropped(reason),
            },
        };
        let copies = self.config.duplication.happens(&mut self.stream);
        let at = self.exit(leaves);
        Passage::Passed { at, copy: copies.then(|| self.exit(leaves)) }
    }

    fn loses(&mut self) -> bool {
        let Some(bursts) = self.config.bursts else { return self.config.loss.happens(&mut self.stream) };
        self.bad = bursts.next(self.bad, &mut self.stream);
        if self.bad { bursts.bad_loss.happens(&mut self.stream) } else { self.config.loss.happens(&mut self.stream) }
    }

    fn exit(&mut self, now: Ns) -> Ns {
        let LinkConfig { latency, jitter, reordering, reorder_delay, .. } = self.config;
        let mut at = now.saturating_add(latency);
        if jitter > 0 {
            at = at.saturating_add(self.jitter(jitter));
            if self.config.jitter_order == JitterOrder::Kept {
                at = at.max(self.last_exit);
            }
        }
        if reordering.happens(&mut self.stream) {
            return at.saturating_add(reorder_delay);
        }
        self.last_exit = at;
        at
    }

    fn jitter(&mut self, bound: Ns) -> Ns {
        let share = match self.config.jitter_shape {
            JitterShape::Uniform => return self.stream.below(bound.saturating_add(1)),
            JitterShape::Bell => (0..4).map(|_| self.stream.unit()).sum::<f64>() / 4.0,
            JitterShape::LongTail => {
                let square = self.stream.unit().powi(2);
                square * square
            }
        };
        (share * bound as f64) as Ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MS;

    fn packet() -> Packet {
        Packet::udp("192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap(), vec![0; 972])
    }

    fn exits(config: LinkConfig, packets: u64) -> Vec<Option<Ns>> {
        let (mut link, packet) = (Link::new(config, Stream::new(1, "link")), packet());
        let exit = |passage| if let Passage::Passed { at, .. } = passage { Some(at) } else { None };
        (0..packets).map(|n| exit(link.pass(n * MS, &packet))).collect()
    }

    #[test]
    fn jitter_delays_within_its_bound_and_keeps_the_order() {
        let times: Vec<Ns> =
            exits(LinkConfig { jitter: 20 * MS, ..LinkConfig::with_latency(10 * MS) }, 200).into_iter().flatten().collect();
        assert_eq!(times.len(), 200);
        assert!(times.is_sorted());
        let delays: Vec<Ns> = times.iter().zip(0..).map(|(at, n)| at - n * MS).collect();
        assert!(delays.iter().all(|delay| (10 * MS..=30 * MS).contains(delay)));
        assert!(delays.iter().any(|delay| *delay > 20 * MS));
    }

    #[test]
    fn loss_drops_about_its_share() {
        let config = LinkConfig { loss: Probability::new(0.3).unwrap(), ..LinkConfig::ideal() };
        let lost = exits(config, 10_000).iter().filter(|exit| exit.is_none()).count();
        assert!((2_700..3_300).contains(&lost), "{lost}");
        let all = LinkConfig { loss: Probability::ALWAYS, ..LinkConfig::ideal() };
        assert!(exits(all, 100).iter().all(Option::is_none));
    }

    #[test]
    fn a_reordered_packet_is_overtaken() {
        let config = LinkConfig { reordering: Probability::new(0.2).unwrap(), reorder_delay: 5 * MS, ..LinkConfig::with_latency(10 * MS) };
        let times: Vec<Ns> = exits(config, 100).into_iter().flatten().collect();
        assert!(!times.is_sorted());
        assert!(times.iter().zip(0..).all(|(at, n)| [10 * MS, 15 * MS].contains(&(at - n * MS))));
    }

    #[test]
    fn duplication_yields_a_copy() {
        let mut link = Link::new(LinkConfig { duplication: Probability::ALWAYS, ..LinkConfig::with_latency(MS) }, Stream::new(1, "link"));
        assert_eq!(link.pass(0, &packet()), Passage::Passed { at: MS, copy: Some(MS) });
    }

    #[test]
    fn a_link_that_is_down_says_so() {
        let mut link = Link::new(LinkConfig::ideal(), Stream::new(1, "link"));
        link.set_up(false);
        assert_eq!(link.pass(7, &packet()), Passage::Dropped(DropReason::LinkDown));
        link.set_up(true);
        assert_eq!(link.pass(7, &packet()), Passage::Passed { at: 7, copy: None });
    }

    fn delays(jitter_shape: JitterShape) -> Vec<Ns> {
        let config = LinkConfig { jitter: 100 * MS, jitter_shape, jitter_order: JitterOrder::Free, ..LinkConfig::ideal() };
        let mut delays: Vec<Ns> = exits(config, 10_000).into_iter().flatten().zip(0..).map(|(at, n)| at - n * MS).collect();
        delays.sort_unstable();
        delays
    }

    #[test]
    fn jitter_has_its_shape() {
        let quantiles = |shape| [1_000, 5_000, 9_000].map(|at: usize| delays(shape)[at] / MS);
        let near = |found: [Ns; 3], expected: [Ns; 3]| found.iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) <= 2);
        assert!(near(quantiles(JitterShape::Uniform), [10, 50, 90]), "{:?}", quantiles(JitterShape::Uniform));
        assert!(near(quantiles(JitterShape::Bell), [31, 50, 69]), "{:?}", quantiles(JitterShape::Bell));
        assert!(near(quantiles(JitterShape::LongTail), [0, 6, 65]), "{:?}", quantiles(JitterShape::LongTail));
    }

    #[test]
    fn jitter_reorders_where_order_is_free() {
        let config = LinkConfig { jitter: 20 * MS, jitter_order: JitterOrder::Free, ..LinkConfig::ideal() };
        let times: Vec<Ns> = exits(config, 100).into_iter().flatten().collect();
        assert!(!times.is_sorted());
    }

    #[test]
    fn loss_in_bursts_has_its_own_reason_and_both_states_count() {
        let half = Probability::new(0.5).unwrap();
        let bursts = Some(GilbertElliott { worsen: Probability::new(0.05).unwrap(), recover: half, bad_loss: Probability::ALWAYS });
        let (mut link, packet) = (Link::new(LinkConfig { bursts, ..LinkConfig::ideal() }, Stream::new(1, "link")), packet());
        let fates: Vec<Passage> = (0..1_000).map(|n| link.pass(n, &packet)).collect();
        let lost = fates.iter().filter(|fate| **fate == Passage::Dropped(DropReason::LinkBurst)).count();
        assert!((60..120).contains(&lost), "0.05 / 0.55 = 9 %: {lost}");
        assert!(fates.windows(2).any(|pair| matches!(pair, [Passage::Dropped(_), Passage::Dropped(_)])));
        assert!(!fates.contains(&Passage::Dropped(DropReason::LinkLoss)));
        link.set_config(LinkConfig { bursts, loss: Probability::ALWAYS, ..LinkConfig::ideal() });
        assert!((0..100).all(|n| matches!(link.pass(n, &packet), Passage::Dropped(_))));
    }

    #[test]
    fn a_rate_delays_by_the_length_of_the_packet() {
        let rate = Some(Rate { bits_per_second: 8_000_000, queue: 10_000, management: QueueManagement::DropTail });
        let (mut link, packet) = (Link::new(LinkConfig { rate, ..LinkConfig::with_latency(MS) }, Stream::new(1, "link")), packet());
        assert_eq!(link.pass(0, &packet), Passage::Passed { at: 2 * MS, copy: None }, "1,000 octets with their headers take a millisecond");
        assert_eq!(link.pass(0, &packet), Passage::Passed { at: 3 * MS, copy: None });
    }
}
