//! Hosts that mean harm: none is believed, none costs more than its share, none holds up the device beside it.

use super::*;

/// What a good device beside the bad one needs at most: 35 ports, four at a time, and an introduction.
const SOON: Duration = Duration::from_secs(20);

fn play(name: &'static str, bad: &str, asked: &str) {
    let Some(mut home) = Home::build(name) else { return };
    assert!(ip(&["-n", &home.far, "addr", "add", &format!("{SECOND}/24"), "dev", "wire0"]));
    home.stranger(&format!("ports::hostile::{bad}"));
    home.run(&format!("ports::hostile::{asked}"));
}

/// The good device beside the bad one.
fn good() {
    serve((SECOND, 22), |mut stream| drop(stream.write_all(b"SSH-2.0-good_1\r\n")));
    std::fs::write(file("ready"), "").unwrap();
    std::thread::park();
}

/// Visits both; returns what was told of the bad one, and how long each took.
async fn visit_both(full: bool) -> (Vec<Observation>, Duration, Duration) {
    wait_for("ready");
    let mut office = office().await;
    office.settings.ports.full = full;
    office.settings.ports.rate = 5000;
    office.add(SECOND.parse().unwrap());
    office.start("ports");
    let (began, mut told) = (Instant::now(), Vec::new());
    let (mut bad, mut beside) = (None, None);
    let read = async {
        while bad.is_none() || (beside.is_none() && !full) {
            let Some(seen) = office.observations.recv().await else { return };
            let is_last = matches!(seen.fact, Fact::Label { key: "ports_seen", .. });
            let is_bad = seen.subject.ip == Some(peer());
            if is_last {
                *(if is_bad { &mut bad } else { &mut beside }) = Some(began.elapsed());
            }
            if is_bad {
                told.push(seen);
            }
        }
    };
    let in_time = timeout(LONG, read).await;
    assert!(in_time.is_ok(), "bad {bad:?}, beside {beside:?}, {} facts", told.len());
    let (bad, beside) = (bad.unwrap_or_default(), beside.unwrap_or_default());
    eprintln!("measured: bad {:.1} s, beside {:.1} s", bad.as_secs_f64(), beside.as_secs_f64());
    for seen in &told {
        if let Fact::Label { value, .. } | Fact::Product { product: value, .. } = &seen.fact {
            assert!(value.len() <= 250 && !value.chars().any(char::is_control), "{value:?}");
        }
    }
    (told, bad, beside)
}

#[test]
fn a_banner_that_drips() {
    play("drip", "inner_drip", "inner_drip_asked");
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_drip() {
    for port in [22, 21, 80, 443, 554, 8080] {
        serve((PEER, port), |mut stream| {
            while stream.write_all(b"a").is_ok() {
                std::thread::sleep(Duration::from_millis(200));
            }
        });
    }
    good();
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_drip_asked() {
    let (told, bad, beside) = visit_both(false).await;
    assert_eq!(open(&told), [21, 22, 80, 443, 554, 8080]);
    assert!(beside < SOON && bad < Duration::from_secs(40), "{beside:?} {bad:?}");
}

#[test]
fn a_banner_without_end() {
    play("flood", "inner_flood", "inner_flood_asked");
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_flood() {
    static SENT: AtomicU64 = AtomicU64::new(0);
    for port in [21, 22, 80, 443, 8443] {
        serve((PEER, port), move |mut stream| {
            let piece = if port == 80 { b"HTTP/1.1 200 OK\r\nServer: ".repeat(2000) } else { vec![b'x'; 60_000] };
            // A thousand million bytes, if somebody takes them.
            for _ in 0..17_000 {
                if stream.write_all(&piece).is_err() {
                    break;
                }
                let sent = SENT.fetch_add(piece.len() as u64, Ordering::SeqCst) + piece.len() as u64;
                std::fs::write(file(&format!("sent.{sent}")), "").unwrap();
            }
        });
    }
    good();
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_flood_asked() {
    let (told, bad, beside) = visit_both(false).await;
    assert_eq!(open(&told), [21, 22, 80, 443, 8443]);
    let marks = std::fs::read_dir(file("")).unwrap().flatten();
    let marks = marks.filter_map(|mark| mark.file_name().to_str()?.strip_prefix("sent.")?.parse::<u64>().ok());
    let sent = marks.max().unwrap_or_default();
    eprintln!("measured: {sent} bytes taken by both kernels together");
    // What fits into socket buffers of ten connections, not a thousand million.
    assert!(sent < 200_000_000, "{sent}");
    assert!(beside < SOON && bad < SOON, "{beside:?} {bad:?}");
}

#[test]
fn tls_that_is_none() {
    play("tls", "inner_tls", "inner_tls_asked");
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_tls() {
    // A record of the greatest length, filled with nothing; a ServerHello cut short; a text; silence.
    let answers: [(u16, Vec<u8>); 3] = [
        (443, [&[0x16, 3, 3, 0xff, 0xff][..], &[0xab; 70_000]].concat()),
        (8443, vec![0x16, 3, 3, 0, 4, 2, 0, 0xff, 0xff]),
        (8883, Vec::new()),
    ];
    for (port, answer) in answers {
        serve((PEER, port), move |mut stream| {
            drop(stream.read(&mut [0; 1024]));
            drop(stream.write_all(&answer));
            drop(stream.read_to_end(&mut Vec::new()));
        });
    }
    good();
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_tls_asked() {
    let (told, bad, beside) = visit_both(false).await;
    assert_eq!((open(&told), label(&told, "tls_certificate")), (vec![443, 8443, 8883], None));
    assert!(beside < SOON && bad < Duration::from_secs(30), "{beside:?} {bad:?}");
}

#[test]
fn connections_that_are_reset_at_once() {
    play("reset", "inner_reset", "inner_reset_asked");
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_reset() {
    for port in [21, 22, 23, 80, 443, 554, 5900, 8080] {
        serve((PEER, port), |stream| {
            let socket = socket2::SockRef::from(&stream);
            socket.set_linger(Some(Duration::ZERO)).unwrap();
        });
    }
    good();
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_reset_asked() {
    let (told, bad, beside) = visit_both(false).await;
    assert!(open(&told).iter().all(|port| [21, 22, 23, 80, 443, 554, 5900, 8080].contains(port)), "{told:?}");
    assert!(told.iter().all(|seen| !matches!(seen.fact, Fact::Product { .. })));
    assert!(beside < SOON && bad < SOON, "{beside:?} {bad:?}");
}

#[test]
fn one_that_takes_every_connection_has_no_services() {
    let Some(mut home) = Home::build("tarpit") else { return };
    assert!(ip(&["-n", &home.far, "addr", "add", &format!("{SECOND}/24"), "dev", "wire0"]));
    let rules = "table ip t { chain c { type nat hook prerouting priority -100;\n\
                 ip daddr 10.78.0.9 tcp dport 1-65535 redirect to :7777; }; }";
    if !home.nft(rules) {
        return;
    }
    home.stranger("ports::hostile::inner_tarpit");
    home.run("ports::hostile::inner_tarpit_asked");
    home.run("ports::hostile::inner_tarpit_asked_all");
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_tarpit() {
    // Redirected to the address of the interface, which is the first of the two.
    serve(("0.0.0.0", 7777), |mut stream| drop(stream.read_to_end(&mut Vec::new())));
    good();
}

async fn tarpit(full: bool) {
    let (told, bad, beside) = visit_both(full).await;
    assert_eq!((open(&told), label(&told, "tcp").as_deref()), (vec![], Some("answers on everything")));
    assert!(told.len() <= 4, "{told:?}");
    assert!(beside < SOON && bad < SOON, "{beside:?} {bad:?}");
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_tarpit_asked() {
    tarpit(false).await;
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_tarpit_asked_all() {
    tarpit(true).await;
}
