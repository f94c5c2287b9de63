//! Controls of the checks on servers that help to discover NATs (RFC 5780).

use crate::support::*;
use harness::scenario::model::RoleName as R;
use std::net::SocketAddr;
use wire::stun::build::RawBuilder;
use wire::stun::{Attribute, AttributeType};

pub(crate) const CONTROLS: &[Control] = &[
    rejects("stun.discovery.mapped-address", "XOR-MAPPED-ADDRESS alone", || {
        asks(binding(1)).says(|case| bound(1, case.other()).attribute(&Attribute::ResponseOrigin(case.own())))
    }),
    rejects("stun.discovery.mapped-address", "MAPPED-ADDRESS with another port", || {
        asks(binding(1)).says(|case| {
            let other = SocketAddr::new(case.other().ip(), 9);
            bound(1, case.other()).attribute(&Attribute::MappedAddress(other)).attribute(&Attribute::ResponseOrigin(case.own()))
        })
    }),
    accepts("stun.discovery.mapped-address", "both, with the source of the request", || asks(binding(1)).says(|case| full(1, case))),
    rejects("stun.discovery.origin", "RESPONSE-ORIGIN with another port", || {
        asks(binding(1)).says(|case| {
            let wrong = SocketAddr::new(case.own().ip(), case.own().port() + 1);
            mapped(1, case).attribute(&Attribute::ResponseOrigin(wrong)).attribute(&Attribute::OtherAddress(elsewhere(case)))
        })
    }),
    accepts("stun.discovery.origin", "RESPONSE-ORIGIN with the source", || asks(binding(1)).says(|case| full(1, case))),
    rejects("stun.discovery.announced", "OTHER-ADDRESS alone", || {
        asks(binding(1)).says(|case| mapped(1, case).attribute(&Attribute::OtherAddress(elsewhere(case))))
    }),
    accepts("stun.discovery.announced", "OTHER-ADDRESS with RESPONSE-ORIGIN", || asks(binding(1)).says(|case| full(1, case))),
    rejects("stun.discovery.source", "the address stays although another one was asked for", || {
        announces().changed(2, true, false, |case| case.own())
    }),
    rejects("stun.discovery.source", "the port changes as well", || announces().changed(2, true, false, elsewhere)),
    rejects("stun.discovery.source", "the port stays although another one was asked for", || {
        announces().changed(2, false, true, |case| case.own())
    }),
    rejects("stun.discovery.source", "a response from elsewhere without being asked", || announces().changed(2, false, false, elsewhere)),
    accepts("stun.discovery.source", "another address", || {
        announces().changed(2, true, false, |case| SocketAddr::new(elsewhere(case).ip(), case.own().port()))
    }),
    accepts("stun.discovery.source", "another port", || {
        announces().changed(2, false, true, |case| SocketAddr::new(case.own().ip(), elsewhere(case).port()))
    }),
    accepts("stun.discovery.source", "another address and port", || announces().changed(2, true, true, elsewhere)),
    rejects("stun.discovery.other-address", "OTHER-ADDRESS with the same address", || {
        asks(binding(1)).says(|case| {
            let near = SocketAddr::new(case.own().ip(), case.own().port() + 1);
            mapped(1, case).attribute(&Attribute::ResponseOrigin(case.own())).attribute(&Attribute::OtherAddress(near))
        })
    }),
    rejects("stun.discovery.other-address", "a changed response from a third address", || {
        announces().changed(2, true, true, |_| SocketAddr::new(address(90), 3479))
    }),
    accepts("stun.discovery.other-address", "a changed response from OTHER-ADDRESS", || announces().changed(2, true, true, elsewhere)),
    rejects("stun.discovery.same-ports", "a third port at the second address", || {
        announces().changed_saying(2, true, false, |case| SocketAddr::new(elsewhere(case).ip(), 3500), |case| case.own())
    }),
    accepts("stun.discovery.same-ports", "two ports", announces),
    rejects("stun.discovery.change-refused", "success without a second address", || {
        asks(change(1, true, false)).says(|case| bound(1, case.other()))
    }),
    accepts("stun.discovery.change-refused", "420", || {
        let refusal =
            error(wire::stun::Method::BINDING, 1, 420).attribute(&Attribute::UnknownAttributes(vec![AttributeType::CHANGE_REQUEST]));
        asks(change(1, true, false)).says(move |_| refusal.clone())
    }),
    rejects("stun.discovery.padding", "success without PADDING", || asks(padded(1)).says(|case| full(1, case))),
    accepts("stun.discovery.padding", "success with PADDING", || {
        asks(padded(1)).says(|case| full(1, case).attribute(&Attribute::Padding(&[0; 1500])))
    }),
    rejects("stun.discovery.padding-length", "four octets", || {
        asks(padded(1)).says(|case| full(1, case).attribute(&Attribute::Padding(&[0; 4])))
    }),
    rejects("stun.discovery.padding-length", "1499 octets", || {
        asks(padded(1)).says(|case| full(1, case).attribute(&Attribute::Padding(&[0; 1499])))
    }),
    accepts("stun.discovery.padding-length", "1500 octets", || {
        asks(padded(1)).says(|case| full(1, case).attribute(&Attribute::Padding(&[0; 1500])))
    }),
    rejects("stun.discovery.padding-elsewhere", "success", || {
        asks(padded(1).attribute(&Attribute::ResponsePort(9000)))
            .sends_to_port(9000, |case| full(1, case).attribute(&Attribute::Padding(&[0; 1500])))
    }),
    accepts("stun.discovery.padding-elsewhere", "400", || {
        asks(padded(1).attribute(&Attribute::ResponsePort(9000))).says(|_| error(wire::stun::Method::BINDING, 1, 400))
    }),
    rejects("stun.discovery.response-port", "a response to the old port", || {
        asks(binding(1).attribute(&Attribute::ResponsePort(9000))).says(|case| full(1, case))
    }),
    accepts("stun.discovery.response-port", "a response to the port that was named", || {
        asks(binding(1).attribute(&Attribute::ResponsePort(9000))).sends_to_port(9000, |case| full(1, case))
    }),
];

/// A server that gets this request.
fn asks(request: RawBuilder) -> Case {
    Case::new(R::StunServer).gets(request.build())
}

/// A server that has announced its other address.
fn announces() -> Case {
    asks(binding(1)).says(|case| full(1, case)).wait(100)
}

/// The server's other address and port.
fn elsewhere(case: &Case) -> SocketAddr {
    SocketAddr::new(address(40), case.own().port() + 1)
}

fn mapped(number: u64, case: &Case) -> RawBuilder {
    bound(number, case.other()).attribute(&Attribute::MappedAddress(case.other()))
}

fn full(number: u64, case: &Case) -> RawBuilder {
    mapped(number, case).attribute(&Attribute::ResponseOrigin(case.own())).attribute(&Attribute::OtherAddress(elsewhere(case)))
}

fn change(number: u64, ip: bool, port: bool) -> RawBuilder {
    binding(number).attribute(&Attribute::ChangeRequest { ip, port })
}

fn padded(number: u64) -> RawBuilder {
    binding(number).attribute(&Attribute::Padding(&[0; 1500]))
}

trait Discovery: Sized {
    fn says(self, answer: impl Fn(&Case) -> RawBuilder) -> Self;
    fn sends_to_port(self, port: u16, answer: impl Fn(&Case) -> RawBuilder) -> Self;
    fn changed(self, number: u64, ip: bool, port: bool, from: impl Fn(&Case) -> SocketAddr) -> Self;
    fn changed_saying(
        self,
        number: u64,
        ip: bool,
        port: bool,
        from: impl Fn(&Case) -> SocketAddr,
        other: impl Fn(&Case) -> SocketAddr,
    ) -> Self;
}

impl Discovery for Case {
    fn says(self, answer: impl Fn(&Case) -> RawBuilder) -> Self {
        let answer = answer(&self).build();
        self.sends(answer)
    }

    fn sends_to_port(self, port: u16, answer: impl Fn(&Case) -> RawBuilder) -> Self {
        let (own, client) = (self.own(), SocketAddr::new(self.other().ip(), port));
        let answer = answer(&self).build();
        self.sends_between(own, client, answer)
    }

    /// A request with CHANGE-REQUEST, and its response from somewhere.
    fn changed(self, number: u64, ip: bool, port: bool, from: impl Fn(&Case) -> SocketAddr) -> Self {
        self.changed_saying(number, ip, port, from, elsewhere)
    }

    fn changed_saying(
        self,
        number: u64,
        ip: bool,
        port: bool,
        from: impl Fn(&Case) -> SocketAddr,
        other: impl Fn(&Case) -> SocketAddr,
    ) -> Self {
        let (from, other, client) = (from(&self), other(&self), self.other());
        let answer = mapped(number, &self).attribute(&Attribute::ResponseOrigin(from)).attribute(&Attribute::OtherAddress(other));
        self.gets(change(number, ip, port).build()).sends_between(from, client, answer.build())
    }
}
