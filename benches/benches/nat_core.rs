//! NATed datagrams per second of the simulator alone, by the number of hosts, without and with a capture.

use benches::nat_core::{Done, NatCore};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Datagrams per measured run, about.
const DATAGRAMS: u64 = 40_000;

fn nat_core(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("nat_core");
    for hosts in [2, 20, 200, 2_000] {
        let mut core = NatCore::new(hosts);
        let rounds = DATAGRAMS / core.round();
        let all = Done { sent: DATAGRAMS, delivered: DATAGRAMS };
        group.throughput(Throughput::Elements(DATAGRAMS));
        group.bench_function(format!("{hosts} hosts/captures off"), |bencher| {
            bencher.iter(|| assert_eq!(core.run(&mut (), rounds), all));
        });
        let mut capture = core.capture();
        group.bench_function(format!("{hosts} hosts/captures on"), |bencher| {
            bencher.iter(|| assert_eq!(core.run(&mut capture, rounds), all));
        });
    }
    group.finish();
}

criterion_group!(benches, nat_core);
criterion_main!(benches);
