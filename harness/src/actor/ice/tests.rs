use super::*;
use crate::scenario::model::{IceActor, IceRole, Tiebreaker};
use iut::{CertificateChoice, DtlsOptions, DtlsVersion, TransportPolicy};

fn config(role: Role, address: &str) -> NodeConfig {
    NodeConfig {
        name: "agent".into(),
        role,
        addresses: vec![address.parse().expect("an address")],
        port: 5000,
        offerer: true,
        servers: vec![],
        trickle: false,
        transport_policy: TransportPolicy::All,
        dtls: DtlsOptions { version: DtlsVersion::Default, mtu: None, certificate: CertificateChoice::A },
        realm: String::new(),
        users: vec![],
        relay_addresses: vec![],
        seed: 7,
    }
}

fn agent(claims: IceRole, tiebreaker: Tiebreaker, address: &str) -> IceAgent {
    IceAgent::new(&config(Role::Peer, address), IceActor { claims, tiebreaker, checks: true, answers: true })
}

fn drain(agent: &mut IceAgent) -> Vec<Output> {
    std::iter::from_fn(|| agent.poll_output()).collect()
}

/// Lets two agents exchange what they have to say for three seconds; what each has sent, as words.
fn meet(a: &mut IceAgent, b: &mut IceAgent) -> Vec<String> {
    let mut words = Vec::new();
    a.handle(0, Input::Command(Command::CreateOffer));
    for step in 0..12 {
        let now = step * INTERVAL;
        a.handle(now, Input::Timeout);
        b.handle(now, Input::Timeout);
        loop {
            let (from_a, from_b) = (drain(a), drain(b));
            if from_a.is_empty() && from_b.is_empty() {
                break;
            }
            for (name, outputs, to) in [("a", from_a, &mut *b), ("b", from_b, &mut *a)] {
                for output in outputs {
                    match output {
                        Output::Signal(signal) => to.handle(now, Input::Signal(signal)),
                        Output::Datagram { local, remote, bytes } => {
                            words.push(format!("{name} {}", word(&bytes)));
                            to.handle(now, Input::Datagram { local: remote, remote: local, bytes });
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    }
    words
}

fn word(bytes: &[u8]) -> String {
    let message = Message::parse(bytes).expect("well-formed");
    match message.class() {
        Class::Request if message.ice_controlling().expect("decodes").is_some() => "controlling".into(),
        Class::Request => "controlled".into(),
        Class::SuccessResponse => "success".into(),
        _ => message.error_code().expect("decodes").expect("is there").code.to_string(),
    }
}

const A: &str = "192.0.2.1";
const B: &str = "192.0.2.2";

#[test]
fn without_a_conflict_both_checks_succeed() {
    let mut a = agent(IceRole::Controlling, Tiebreaker::Lowest, A);
    let mut b = agent(IceRole::Controlled, Tiebreaker::Highest, B);
    let words = meet(&mut a, &mut b);
    assert!(words.iter().all(|word| !word.ends_with("487")), "{words:?}");
    assert!(a.succeeded && b.succeeded);
}

#[test]
fn of_two_controlling_agents_the_one_with_the_smaller_tiebreaker_gives_way() {
    let mut a = agent(IceRole::Controlling, Tiebreaker::Highest, A);
    let mut b = agent(IceRole::Controlling, Tiebreaker::Lowest, B);
    let words = meet(&mut a, &mut b);
    assert!(words.contains(&"a 487".to_owned()) || words.contains(&"b success".to_owned()), "{words:?}");
    assert_eq!((a.role, b.role), (IceRole::Controlling, IceRole::Controlled));
    assert!(a.succeeded && b.succeeded, "{words:?}");
}

#[test]
fn of_two_controlled_agents_the_one_with_the_larger_tiebreaker_gives_way() {
    let mut a = agent(IceRole::Controlled, Tiebreaker::Highest, A);
    let mut b = agent(IceRole::Controlled, Tiebreaker::Lowest, B);
    let words = meet(&mut a, &mut b);
    assert_eq!((a.role, b.role), (IceRole::Controlling, IceRole::Controlled));
    assert!(a.succeeded && b.succeeded, "{words:?}");
}

#[test]
fn an_agent_that_does_not_check_changes_its_role_only_by_the_checks_of_others() {
    let mut a = agent(IceRole::Controlling, Tiebreaker::Lowest, A);
    a.options.checks = false;
    let mut b = agent(IceRole::Controlling, Tiebreaker::Highest, B);
    let words = meet(&mut a, &mut b);
    assert_eq!(words, ["b controlling", "a success"]);
    assert_eq!(a.role, IceRole::Controlled);
}

#[test]
fn a_check_with_a_wrong_password_or_for_somebody_else_is_not_answered() {
    for (ufrag, password) in [("own", "wrong"), ("other", "own")] {
        let mut a = agent(IceRole::Controlled, Tiebreaker::Lowest, A);
        let name = if ufrag == "own" { a.ufrag.clone() } else { "nobody".to_owned() };
        let key = if password == "own" { a.password.clone() } else { "wrong".to_owned() };
        let check = RawBuilder::new(Class::Request, Method::BINDING, TransactionId([1; 12]))
            .attribute(&Attribute::Username(&format!("{name}:them")))
            .attribute(&Attribute::IceControlling(5))
            .integrity(Digest::Sha1, &Key::short_term(&key));
        let local = a.local().expect("it has an address");
        let bytes = Bytes::from(check.build());
        a.handle(0, Input::Datagram { local, remote: SocketAddr::new(B.parse().expect("an address"), 9), bytes });
        assert!(drain(&mut a).is_empty());
    }
}
