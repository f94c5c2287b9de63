//! The same case in another child, another order, another process: the same bytes and addresses.

use os::child::{Limits, Outcome};
use os::virtual_libc;

use super::{helpers, run};

pub(crate) fn the_same_seed_gives_the_same_bytes_in_different_children() {
    if !virtual_libc::supported() {
        return helpers::skip("without feature `interpose`");
    }
    let of_seed = |seed| {
        let finished = run(Limits::default(), move || {
            virtual_libc::enter(seed);
            let map: std::collections::HashMap<u32, u32> = (0..100).map(|n| (n, n)).collect();
            map.into_keys().flat_map(u32::to_le_bytes).collect()
        });
        let Outcome::Done(bytes) = finished.outcome else { panic!("{:?}", finished.outcome) };
        bytes
    };
    assert_eq!(of_seed(1), of_seed(1));
    assert_ne!(of_seed(1), of_seed(2));
}

pub(crate) fn what_the_parent_did_before_does_not_change_hash_keys() {
    if !virtual_libc::supported() {
        return helpers::skip("without feature `interpose`");
    }
    let keys = || {
        run(Limits::default(), || {
            virtual_libc::enter(1);
            hash_of_nothing().to_le_bytes().to_vec()
        })
        .outcome
    };
    let before = keys();
    assert!(matches!(before, Outcome::Done(_)));
    for _ in 0..3 {
        // Each of these changes the keys of the next map on this thread.
        let _ = hash_of_nothing();
        assert_eq!(keys(), before);
    }
}

fn hash_of_nothing() -> u64 {
    std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0)
}

pub(crate) fn address_randomisation_is_off_after_execution_or_said_to_be_on() {
    let told: Vec<String> = (0..3).map(|_| helpers::Helper::start("tell-aslr").rest()).collect();
    if told[0].starts_with("Off ") {
        assert!(told.iter().all(|t| *t == told[0]), "{told:?}");
    } else {
        assert!(told.iter().all(|t| t.starts_with("NotPermitted(")), "{told:?}");
    }
}

pub(crate) fn tell_aslr() {
    let state = os::process::disable_aslr_and_reexec();
    let on_the_stack = 0u8;
    println!("{state:?} {:p} {:p} {:p}", &raw const on_the_stack, super::ROLES.as_ptr(), Box::new(1).as_ref());
}

pub(crate) fn addresses_do_not_depend_on_environment_or_parent_where_randomisation_is_off() {
    let told: Vec<String> =
        ["", "x", &"y".repeat(1000)].map(|ballast| helpers::Helper::start_with("tell-addresses", "BALLAST", ballast).rest()).into();
    if told[0] == "random\n" {
        return helpers::skip("address randomisation cannot be turned off here");
    }
    assert!(told.iter().all(|t| *t == told[0]), "{told:?}");
}

/// Where the stack, the heap and the code of a child are.
pub(crate) fn tell_addresses() {
    if os::process::disable_aslr_and_reexec() != os::process::Aslr::Off {
        return println!("random");
    }
    let ballast = std::env::var("BALLAST").unwrap_or_default();
    let _kept: Vec<Vec<u8>> = ballast.bytes().map(|b| vec![b; 3000]).collect();
    let outcome = run(Limits::default(), || {
        let on_the_stack = 0u8;
        let text = format!("{:p} {:p} {:p}", &raw const on_the_stack, Box::new(1).as_ref(), super::ROLES.as_ptr());
        text.into_bytes()
    })
    .outcome;
    let Outcome::Done(bytes) = outcome else { panic!("{outcome:?}") };
    println!("{}", String::from_utf8_lossy(&bytes));
}
