//! Encoding, decoding and verifying one STUN message.

use benches::stun;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn wire(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire");
    let (credential, key) = (stun::credential(), stun::key());
    let bytes = stun::encode(&credential, [7; 12]);
    group.throughput(Throughput::Elements(1));
    group.bench_function("encode", |bencher| bencher.iter(|| stun::encode(black_box(&credential), [7; 12])));
    group.bench_function("decode", |bencher| bencher.iter(|| assert_eq!(stun::decode(black_box(&bytes)), Some(5))));
    group.bench_function("verify", |bencher| bencher.iter(|| assert!(stun::verify(black_box(&bytes), &key))));
    group.finish();
}

criterion_group!(benches, wire);
criterion_main!(benches);
