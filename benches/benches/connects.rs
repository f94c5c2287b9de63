//! Full connects of two rtc peers per second: gather, ICE, DTLS, SCTP, echo.

use benches::case::Case;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn connects(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("connects");
    let case = Case::connect();
    group.throughput(Throughput::Elements(1));
    group.bench_function("rtc+rtc/sim", |bencher| {
        bencher.iter(|| {
            let done = case.run();
            assert_eq!(done.met, done.expected);
        });
    });
    group.finish();
}

criterion_group!(benches, connects);
criterion_main!(benches);
