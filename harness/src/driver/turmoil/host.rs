//! The program of a turmoil host: it carries frames between the tunnel and its machine, and runs the asynchronous node that lives there.

use super::clock::of_host;
use super::tunnel::{Frame, LONGEST, PORT};
use super::world::{Berth, World};
use iut::{Ns, Output};
use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use turmoil::net::UdpSocket;

/// The address of a machine in the network that carries the tunnels. It has nothing to do with the addresses of the case, which may occur twice.
pub(super) fn address(machine: usize) -> IpAddr {
    const FIRST: u32 = 0x0a00_0001;
    IpAddr::V4(Ipv4Addr::from(FIRST + u32::try_from(machine).expect("nodes are numbered with 32 bits")))
}

/// Runs a machine until its host dies.
pub(super) async fn serve(world: Rc<RefCell<World>>, machine: usize) -> turmoil::Result {
    let socket = UdpSocket::bind((IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT)).await?;
    let bell = world.borrow_mut().open(machine);
    let (mut tasks, mut outputs) = (JoinSet::new(), None);
    let mut buffer = vec![0; LONGEST];
    loop {
        if let Some(Berth { program, host, outputs: receiver }) = world.borrow_mut().board(machine) {
            tasks.spawn(program.run(host));
            outputs = Some(receiver);
        }
        transmit(&world, machine, &socket).await?;
        if world.borrow().is_over() {
            // What the node still has to say is of no interest, and may be endless.
            tasks.abort_all();
            std::future::pending::<()>().await;
        }
        let wake = world.borrow().poll_timeout(machine);
        tokio::select! {
            biased;
            output = next(&mut outputs) => world.borrow_mut().emitted(machine, output),
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended && error.is_panic() {
                    std::panic::resume_unwind(error.into_panic());
                }
            }
            received = socket.recv_from(&mut buffer) => {
                let (length, _) = received?;
                world.borrow_mut().take(machine, Frame::decode(&buffer[..length])?);
            }
            () = bell.notified() => {}
            () = until(wake) => world.borrow_mut().wake(machine),
        }
    }
}

async fn transmit(world: &RefCell<World>, machine: usize, socket: &UdpSocket) -> turmoil::Result {
    loop {
        let frame = world.borrow_mut().poll_frame(machine);
        let Some(frame) = frame else { return Ok(()) };
        let to = world.borrow().machine_of(&frame);
        socket.send_to(&frame.encode()?, (address(to), PORT)).await?;
    }
}

/// The next output of the node; never where none lives here, or it has ended.
async fn next(outputs: &mut Option<UnboundedReceiver<Output>>) -> Output {
    if let Some(receiver) = outputs {
        match receiver.recv().await {
            Some(output) => return output,
            None => *outputs = None,
        }
    }
    std::future::pending().await
}

/// Waits until a time of the case, rounded up to a millisecond.
async fn until(wake: Option<Ns>) {
    match wake {
        None => std::future::pending().await,
        Some(at) => {
            let now = of_host().unwrap_or(0);
            tokio::time::sleep(Duration::from_nanos(at.saturating_sub(now))).await;
        }
    }
}
