//! Random numbers: one generator per component, so that adding a component never shifts the numbers of another.

use rand_core::Rng;
use rand_pcg::Lcg128Xsl64;

/// The random numbers of one component: a PCG stream that depends on the seed and the component's name alone.
#[derive(Debug, Clone)]
pub struct Stream {
    generator: Lcg128Xsl64,
}

impl Stream {
    /// The stream of `component` under `seed`.
    #[must_use]
    pub fn new(seed: u64, component: &str) -> Self {
        let mut mixer = SplitMix(derive_seed(seed, component));
        let state = u128::from(mixer.next()) << 64 | u128::from(mixer.next());
        let increment = u128::from(mixer.next()) << 64 | u128::from(mixer.next());
        Self { generator: Lcg128Xsl64::new(state, increment) }
    }

    /// A uniformly distributed number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The product's upper half is biased by less than bound / 2^64, which no simulated behaviour can show.
        ((u128::from(self.generator.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A uniformly distributed number in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        const MANTISSA_BITS: u32 = 53;
        (self.generator.next_u64() >> (u64::BITS - MANTISSA_BITS)) as f64 / (1u64 << MANTISSA_BITS) as f64
    }
}

/// A seed for `component`, independent of the seeds of other names.
#[must_use]
pub fn derive_seed(seed: u64, component: &str) -> u64 {
    const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
    let name = component.bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
    let mixed = SplitMix(seed).next();
    SplitMix(mixed ^ name).next()
}

struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(seed: u64, component: &str) -> Vec<u64> {
        let mut stream = Stream::new(seed, component);
        (0..8).map(|_| stream.below(1 << 40)).collect()
    }

    #[test]
    fn a_stream_depends_on_seed_and_name_alone() {
        assert_eq!(draw(1, "nat/home"), draw(1, "nat/home"));
        assert_ne!(draw(1, "nat/home"), draw(2, "nat/home"));
        assert_ne!(draw(1, "nat/home"), draw(1, "nat/office"));
    }

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let mut stream = Stream::new(3, "dice");
        let mut seen = [false; 6];
        for _ in 0..600 {
            seen[stream.below(6) as usize] = true;
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!(stream.below(0), 0);
        assert_eq!(stream.below(1), 0);
    }

    #[test]
    fn unit_is_uniform_enough_to_serve_as_a_probability() {
        let mut stream = Stream::new(4, "coin");
        let heads = (0..10_000).filter(|_| stream.unit() < 0.25).count();
        assert!((2_200..2_800).contains(&heads), "{heads}");
    }
}
