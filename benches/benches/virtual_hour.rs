//! An hour of virtual time of a connected pair.

use benches::case::Case;
use criterion::{Criterion, criterion_group, criterion_main};
use harness::scenario::model::DriverName;

fn virtual_hour(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("virtual_hour");
    group.sample_size(10);
    for (driver, name) in [(DriverName::Sim, "rtc+rtc/sim"), (DriverName::Tokio, "rtc+rtc/tokio")] {
        let case = Case::hour(driver);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let done = case.run();
                assert_eq!(done.met, done.expected);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, virtual_hour);
criterion_main!(benches);
