//! Single devices asked, and one heard among many.

use std::{
    collections::BTreeSet,
    io::Write as _,
    net::IpAddr,
    process::{Command, Stdio},
    time::Duration,
};

use porchlight::model::{Fact, Look, Observation, Probe, Proof};
use tokio::time::{Instant, timeout};

use crate::{
    home::{DEADLINE, Home, clock, ip_of, mac_of},
    office::{arp_reply, office},
};

#[test]
fn a_look_is_answered_or_told_as_silence() {
    let Some(home) = Home::build("look") else { return };
    home.run(None, "looks::inner_looks");
}

#[test]
fn a_flood_of_neighbours_hides_no_device() {
    let Some(home) = Home::build("flood") else { return };
    home.run(None, "looks::inner_flood");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_looks() {
    let mut office = office(None).await;
    let mut batches = office.listen();
    for name in ["icmp", "arp_sweep", "mdns"] {
        office.start(name);
    }
    // The first rounds are over when each has told its line.
    let mut told = BTreeSet::new();
    while told.len() < 3 {
        told.insert(timeout(DEADLINE, office.health.recv()).await.unwrap().unwrap().name);
    }
    let home0 = office.parts.network.borrow().interfaces.iter().find(|i| i.name == "home0").map(|i| i.id);
    let look = |probe, ip, mac| Look { probe, mac, ip, interface: home0 };
    let nobody: IpAddr = [10, 77, 0, 200].into();
    while batches.try_recv().is_ok() {}
    let began = Instant::now();
    office.looks.send(look(Probe::Icmp, ip_of(3), Some(mac_of(3)))).unwrap();
    office.looks.send(look(Probe::Icmp, nobody, None)).unwrap();
    office.looks.send(look(Probe::Arp, ip_of(4), Some(mac_of(4)))).unwrap();
    office.looks.send(look(Probe::Mdns, nobody, None)).unwrap();
    let (mut answered, mut silent) = (None, BTreeSet::new());
    office
        .until(|observation| {
            match &observation.fact {
                Fact::Alive { proof: Proof::IcmpReply, .. } => {
                    assert_eq!(observation.subject.ip, Some(ip_of(3)));
                    answered.get_or_insert(began.elapsed());
                }
                Fact::Unanswered { probe } => drop(silent.insert((observation.subject.ip.unwrap(), *probe))),
                _ => {}
            }
            // The ARP answer is a frame, so its look ends as "asked, time is up"; presence has the answer by then.
            answered.is_some() && silent.len() >= 3
        })
        .await;
    assert_eq!(silent, BTreeSet::from([(nobody, Probe::Icmp), (nobody, Probe::Mdns), (ip_of(4), Probe::Arp)]));
    eprintln!("measured look by ping: answered after {:.1} ms", answered.unwrap().as_secs_f64() * 1e3);
    let mut heard = BTreeSet::new();
    while let Ok(batch) = batches.try_recv() {
        heard.extend(batch.frames().filter_map(|frame| arp_reply(frame.bytes)));
    }
    assert!(heard.contains(&(ip_of(4), mac_of(4))), "capture heard the answer: {heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_flood() {
    const FLOOD: u32 = 5000;
    let mut office = office(None).await;
    // Long enough that only a loss the scanner noticed makes it read the table again.
    office.settings.netlink.interval = porchlight::model::Span::seconds(600);
    // The core is behind: its channel is full, so the scanner waits with its first report while the kernel's
    // events overflow their buffer.
    let idle = Observation {
        source: porchlight::model::Source::Capture,
        interface: None,
        at: clock(),
        subject: porchlight::model::Subject::default(),
        fact: Fact::Routes,
    };
    while office.parts.observations.try_send(idle.clone()).is_ok() {}
    office.start("netlink");
    tokio::task::spawn_blocking(|| {
        // Only permanent entries are exempt from the kernel's own limit; a new MAC each time makes each an event.
        for pass in 0..3 {
            let mut script = String::new();
            for n in 0..FLOOD {
                let (high, low, a, b) = (n / 250, n % 250 + 1, n >> 8, n & 0xff);
                let mac = format!("02:88:00:{pass:02x}:{a:02x}:{b:02x}");
                script += &format!("neigh replace 10.78.{high}.{low} lladdr {mac} dev home0 nud permanent\n");
            }
            let mut child = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
            assert!(child.wait().unwrap().success());
        }
    })
    .await
    .unwrap();
    // Unheard in the flood, one device speaks up, by what any program does: a connection attempt.
    drop(timeout(Duration::from_secs(5), tokio::net::TcpStream::connect((ip_of(7), 9))).await);
    let began = Instant::now();
    let (mut invented, mut own) = (0, 0);
    office
        .until(|observation| {
            match observation.fact {
                Fact::Alive { proof: Proof::OwnHost, .. } => own += 1,
                Fact::Alive { .. } if observation.subject.mac.is_some_and(|mac| mac.0[1] == 0x88) => invented += 1,
                _ => {}
            }
            let proof = matches!(observation.fact, Fact::Alive { proof: Proof::NeighbourReachable, .. });
            proof && observation.subject.ip == Some(ip_of(7))
        })
        .await;
    let took = began.elapsed().as_secs_f64() * 1e3;
    eprintln!("measured: among {FLOOD} neighbours, after lost events, a device is told after {took:.1} ms");
    assert_eq!(invented, 0, "an entry set by hand proves nothing");
    assert!(own > 0, "this host lists itself");
    let listed = Command::new("ip").args(["neigh", "show", "nud", "all"]).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).lines().count() >= FLOOD as usize, "the flood was there");
}
