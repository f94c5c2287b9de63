//! Which packets a link loses: each by itself, or in bursts.

use crate::rng::Stream;

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
    pub(super) fn happens(self, stream: &mut Stream) -> bool {
        self.0 > 0.0 && (self.0 >= 1.0 || stream.unit() < self.0)
    }
}

/// Loss in bursts: the model of Gilbert and Elliott. The link is in a good or a bad state; before each packet it may change, and each state has a loss
/// of its own. The mean length of a burst is `1 / recover` packets. The link begins in the good state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GilbertElliott {
    /// Probability of a change from the good to the bad state.
    pub worsen: Probability,
    /// Probability of a change from the bad to the good state.
    pub recover: Probability,
    /// Loss in the bad state; that of the good one is [`LinkConfig::loss`](crate::LinkConfig::loss).
    pub bad_loss: Probability,
}

impl GilbertElliott {
    /// The state for the next packet; `bad` is that of the one before.
    pub(super) fn next(self, bad: bool, stream: &mut Stream) -> bool {
        if bad { !self.recover.happens(stream) } else { self.worsen.happens(stream) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_from_0_to_1_are_probabilities() {
        for value in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Probability::new(value).is_err());
        }
        assert_eq!(Probability::new(1.0), Ok(Probability::ALWAYS));
    }

    #[test]
    fn the_bad_state_comes_and_goes_as_often_as_its_probabilities_say() {
        let model = GilbertElliott {
            worsen: Probability::new(0.02).unwrap(),
            recover: Probability::new(0.25).unwrap(),
            bad_loss: Probability::ALWAYS,
        };
        let (mut stream, mut bad, mut states) = (Stream::new(1, "loss"), false, Vec::new());
        for _ in 0..50_000 {
            bad = model.next(bad, &mut stream);
            states.push(bad);
        }
        let share = states.iter().filter(|bad| **bad).count() as f64 / states.len() as f64;
        let bursts = states.windows(2).filter(|pair| !pair[0] && pair[1]).count() as f64;
        let mean = share * states.len() as f64 / bursts;
        assert!((0.064..0.084).contains(&share), "0.02 / 0.27 = 0.074: {share}");
        assert!((3.6..4.4).contains(&mean), "1 / 0.25 = 4: {mean}");
    }
}
