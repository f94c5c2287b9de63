//! Links: what happens to a packet between a node and a segment, per direction. Usable without [`Net`](crate::Net): times come in, times or reasons come out.

use crate::drop_reason::DropReason;
use crate::rng::Stream;
use crate::tap::{Direction, VantageInfo};
use crate::time::Ns;

/// A probability from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Probability(f64);

/// A number that is not a probability.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0} is not a probability between 0 and 1")]
pub struct NotAProbability(pub f64);

impl Probability {
    /// Never.
    pub const NEVER: Self = Self(0.0);
    /// Always.
    pub const ALWAYS: Self = Self(1.0);

    /// A probability.
    ///
    /// # Errors
    /// Below 0, above 1 or not a number.
    pub fn new(value: f64) -> Result<Self, NotAProbability> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(NotAProbability(value)) }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// Draws; consumes a random number only where the outcome is open, so that an unused feature does not shift the others.
    fn happens(self, stream: &mut Stream) -> bool {
        self.0 > 0.0 && (self.0 >= 1.0 || stream.unit() < self.0)
    }
}

/// The properties of one direction of a link. There is no default: say what the link does, or take [`LinkConfig::ideal`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkConfig {
    /// Delay of every packet.
    pub latency: Ns,
    /// Further delay, uniformly distributed from 0 to this. Packets keep their order: one waits for the one before it.
    pub jitter: Ns,
    /// Probability that a packet is lost.
    pub loss: Probability,
    /// Probability that the link makes one more copy of a packet, with a delay of its own.
    pub duplication: Probability,
    /// Probability that a packet is held back by [`LinkConfig::reorder_delay`], so that later ones overtake it.
    pub reordering: Probability,
    /// How long a reordered packet is held back.
    pub reorder_delay: Ns,
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
        Self { latency, jitter: 0, loss: never, duplication: never, reordering: never, reorder_delay: 0 }
    }

    fn only_delay(&self) -> Option<Ns> {
        let LinkConfig { latency, jitter, loss, duplication, reordering, .. } = *self;
        (jitter == 0 && [loss, duplication, reordering] == [Probability::NEVER; 3]).then_some(latency)
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
        let state = Box::new(State { config, up: true, stream, last_exit: 0 });
        Self { only_delay: config.only_delay(), state }
    }

    /// Changes the properties for packets that enter from now on.
    pub fn set_config(&mut self, config: LinkConfig) {
        self.state.config = config;
        self.state.last_exit = 0;
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

    /// What becomes of a packet that enters at `now`.
    pub fn pass(&mut self, now: Ns) -> Passage {
        match self.only_delay {
            Some(delay) => Passage::Passed { at: now.saturating_add(delay), copy: None },
            None => self.state.pass(now),
        }
    }
}

impl State {
    fn pass(&mut self, now: Ns) -> Passage {
        if !self.up {
            return Passage::Dropped(DropReason::LinkDown);
        }
        if self.config.loss.happens(&mut self.stream) {
            return Passage::Dropped(DropReason::LinkLoss);
        }
        let copies = self.config.duplication.happens(&mut self.stream);
        let at = self.exit(now);
        Passage::Passed { at, copy: copies.then(|| self.exit(now)) }
    }

    fn exit(&mut self, now: Ns) -> Ns {
        let LinkConfig { latency, jitter, reordering, reorder_delay, .. } = self.config;
        let mut at = now.saturating_add(latency);
        if jitter > 0 {
            at = at.saturating_add(self.stream.below(jitter.saturating_add(1))).max(self.last_exit);
        }
        if reordering.happens(&mut self.stream) {
            return at.saturating_add(reorder_delay);
        }
        self.last_exit = at;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MS;

    fn exits(config: LinkConfig, packets: u64) -> Vec<Option<Ns>> {
        let mut link = Link::new(config, Stream::new(1, "link"));
        let exit = |passage| if let Passage::Passed { at, .. } = passage { Some(at) } else { None };
        (0..packets).map(|n| exit(link.pass(n * MS))).collect()
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
        assert_eq!(link.pass(0), Passage::Passed { at: MS, copy: Some(MS) });
    }

    #[test]
    fn a_link_that_is_down_says_so() {
        let mut link = Link::new(LinkConfig::ideal(), Stream::new(1, "link"));
        link.set_up(false);
        assert_eq!(link.pass(7), Passage::Dropped(DropReason::LinkDown));
        link.set_up(true);
        assert_eq!(link.pass(7), Passage::Passed { at: 7, copy: None });
    }

    #[test]
    fn only_numbers_from_0_to_1_are_probabilities() {
        for value in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Probability::new(value).is_err());
        }
        assert_eq!(Probability::new(1.0), Ok(Probability::ALWAYS));
    }
}
