//! Entropy is a function of the seed, by whatever way it is asked for.

use std::collections::{BTreeSet, HashMap};

use super::{errno_of, on_fresh_thread, with_seed};
use os::virtual_libc::{enter, leave, stats};

type Way = fn(&mut [u8; 32]);

/// All the ways in which code under test asks for 32 bytes.
const WAYS: &[(&str, Way)] = &[
    ("getrandom 0.2", |b| getrandom02::getrandom(b).expect("entropy")),
    ("getrandom 0.3", |b| getrandom03::fill(b).expect("entropy")),
    ("getrandom 0.4", |b| getrandom04::fill(b).expect("entropy")),
    // SAFETY: a buffer of the given length, here and below.
    ("getrandom()", |b| assert_eq!(unsafe { libc::getrandom(b.as_mut_ptr().cast(), b.len(), 0) }, 32)),
    // SAFETY: see above.
    ("getentropy()", |b| assert_eq!(unsafe { libc::getentropy(b.as_mut_ptr().cast(), b.len()) }, 0)),
    // SAFETY: see above.
    ("syscall()", |b| assert_eq!(unsafe { libc::syscall(libc::SYS_getrandom, b.as_mut_ptr(), b.len(), 0) }, 32)),
];

fn draw(way: Way) -> [u8; 32] {
    let mut bytes = [0; 32];
    way(&mut bytes);
    bytes
}

#[test]
fn a_seed_gives_the_same_bytes_each_time_and_another_seed_gives_others() {
    for (name, way) in WAYS {
        let of_seed = |seed| with_seed(seed, || [draw(*way), draw(*way)]);
        assert_eq!(of_seed(5), of_seed(5), "{name}");
        assert_ne!(of_seed(5), of_seed(6), "{name}");
        assert_ne!(of_seed(5)[0], of_seed(5)[1], "{name}");
    }
}

#[test]
fn all_ways_draw_from_one_stream() {
    let interleaved = with_seed(9, || WAYS.iter().map(|(_, way)| draw(*way)).collect::<Vec<_>>());
    let single = with_seed(9, || WAYS.iter().map(|_| draw(WAYS[0].1)).collect::<Vec<_>>());
    assert_eq!(interleaved, single);
    assert_eq!(interleaved.iter().collect::<BTreeSet<_>>().len(), WAYS.len());
}

#[test]
fn the_order_of_a_std_hash_map_follows_the_seed() {
    #[expect(clippy::iter_over_hash_type, reason = "the order is what is tested")]
    let order = |seed| {
        with_seed(seed, || {
            let map: HashMap<u32, ()> = (0..200).map(|n| (n, ())).collect();
            let mut keys = Vec::new();
            for key in map.keys() {
                keys.push(*key);
            }
            keys
        })
    };
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
}

#[test]
fn neighbouring_seeds_share_nothing() {
    let drawn: BTreeSet<_> = (0..1000).flat_map(|seed| with_seed(seed, || [draw(WAYS[0].1), draw(WAYS[0].1)])).collect();
    assert_eq!(drawn.len(), 2000);
}

#[test]
fn bits_are_set_half_of_the_time() {
    let ones: u32 = with_seed(3, || (0..1000).flat_map(|_| draw(WAYS[0].1)).map(u8::count_ones).sum());
    // 256,000 fair coins: seven standard deviations are 1,772.
    assert!(ones.abs_diff(128_000) < 1772, "{ones}");
}

#[test]
fn every_length_is_filled_to_the_last_byte_and_no_further() {
    with_seed(4, || {
        for length in 0..64 {
            let mut changed = [false; 64];
            for _ in 0..8 {
                let mut bytes = [0u8; 64];
                // SAFETY: a buffer of at least the given length.
                assert_eq!(unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), length, 0) }, length as isize);
                changed.iter_mut().zip(bytes).for_each(|(c, b)| *c |= b != 0);
            }
            assert!(changed[..length].iter().all(|c| *c), "{length} bytes");
            assert!(!changed[length..].iter().any(|c| *c), "{length} bytes");
        }
    });
}

#[test]
fn other_threads_keep_real_entropy() {
    for (name, way) in WAYS {
        let on_its_own = || on_fresh_thread(|| draw(*way));
        let beside_an_active_thread = with_seed(1, || (on_its_own(), on_its_own(), draw(*way)));
        let (first, second, of_the_active) = beside_an_active_thread;
        assert!(first != second && first != of_the_active, "{name}");
    }
}

#[test]
fn leaving_returns_to_real_entropy_and_tells_what_was_used() {
    let (real, again) = on_fresh_thread(|| {
        enter(7);
        draw(WAYS[0].1);
        draw(WAYS[4].1);
        let used = leave();
        assert_eq!((used.entropy_calls, used.entropy_bytes), (2, 64));
        let real = draw(WAYS[0].1);
        assert_eq!(stats(), used);
        enter(7);
        assert_eq!(stats(), os::virtual_libc::Stats::default());
        (real, draw(WAYS[0].1))
    });
    assert_ne!(real, again);
    assert_eq!(again, with_seed(7, || draw(WAYS[0].1)));
}

#[test]
fn wrong_arguments_are_refused_like_by_the_kernel() {
    with_seed(1, || {
        let mut byte = 0u8;
        let mut many = [0u8; 257];
        // SAFETY: valid buffers, or null, which the call must refuse.
        unsafe {
            assert_eq!(errno_of(libc::getrandom((&raw mut byte).cast(), 1, 0x80) as i64), Some(libc::EINVAL));
            assert_eq!(
                errno_of(libc::getrandom((&raw mut byte).cast(), 1, libc::GRND_RANDOM | libc::GRND_INSECURE) as i64),
                Some(libc::EINVAL)
            );
            assert_eq!(errno_of(libc::getrandom(std::ptr::null_mut(), 1, 0) as i64), Some(libc::EFAULT));
            assert_eq!(libc::getrandom(std::ptr::null_mut(), 0, libc::GRND_NONBLOCK), 0);
            assert_eq!(errno_of(libc::getentropy(many.as_mut_ptr().cast(), 257)), Some(libc::EIO));
            assert_eq!(libc::getentropy(many.as_mut_ptr().cast(), 256), 0);
            assert_eq!(errno_of(libc::syscall(libc::SYS_getrandom, &raw mut byte, 1, 0x80)), Some(libc::EINVAL));
        }
    });
}
