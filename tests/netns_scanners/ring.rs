//! The kernel ring on a wire of its own.

use std::time::Duration;

use pnet::datalink::{self, Channel, Config, DataLinkSender};
use porchlight::{
    capture::{self, Counters, Filter, Ring},
    model::{Mono, Phase},
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::home::{DEADLINE, Home, batch, clock, ip};

#[test]
fn the_ring_hears_every_frame_in_order_and_none_of_ours() {
    let Some(home) = Home::build("ring") else { return };
    batch(&home.near, "link add ring0 type veth peer name ring1\nlink set ring0 up\nlink set ring1 up\n");
    home.run(None, "ring::inner_ring");
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_ring() {
    const FRAMES: u32 = 20_000;
    const SIZE: usize = 300;
    // How fast we read is not what is asked here.
    let settings = capture::Settings { ring_mib: 16, ..capture::Settings::default() };
    let mut ring = Ring::open("ring1", &Filter::everything(), &settings, clock).unwrap();
    let missing = Ring::open("nowhere0", &Filter::home(), &settings, clock).unwrap_err().to_string();
    assert!(missing.contains("nowhere0") && missing.contains("ring1"), "{missing}");
    // EtherType 0x88b5 is for local experiments (IEEE 802).
    let frame = |number: u32| {
        let mut frame = [0xff; SIZE];
        frame[12..14].copy_from_slice(&[0x88, 0xb5]);
        frame[14..18].copy_from_slice(&number.to_be_bytes());
        frame
    };
    let mut ours = open("ring1");
    ours.send_to(&frame(u32::MAX), None).unwrap().unwrap();
    let mut theirs = open("ring0");
    let sender = std::thread::spawn(move || {
        for number in 0..FRAMES {
            theirs.send_to(&frame(number), None).unwrap().unwrap();
        }
    });
    let (mut next, mut last, began) = (0, Mono(0), Instant::now());
    while next < FRAMES && began.elapsed() < DEADLINE {
        let batch = ring.next_batch(Duration::from_millis(100)).unwrap();
        let now = clock();
        for frame in batch.frames().filter(|frame| frame.bytes.get(12..14) == Some(&[0x88, 0xb5])) {
            let number = u32::from_be_bytes(frame.bytes[14..18].try_into().unwrap());
            assert_eq!((number, frame.bytes.len(), frame.wire_len), (next, SIZE, SIZE as u32), "whole and in order");
            assert!(frame.at.mono >= last && frame.at.mono <= now.mono, "stamps go forward and not past now");
            assert!(now.mono.since(frame.at.mono) < Duration::from_secs(30), "a stamp is the frame's own time");
            (next, last) = (next + 1, frame.at.mono);
        }
    }
    sender.join().unwrap();
    let counted = ring.statistics().unwrap();
    eprintln!(
        "measured ring: {next} frames in {:.0} ms, {} dropped",
        began.elapsed().as_secs_f64() * 1e3,
        counted.dropped
    );
    assert_eq!((next, counted.dropped), (FRAMES, 0));
    assert!(counted.received >= u64::from(FRAMES));
    // One that is asked to hears ours as well, and tells them from others'.
    let both = capture::Settings { sent: true, ..settings.clone() };
    let mut both = Ring::open("ring1", &Filter::everything(), &both, clock).unwrap();
    ours.send_to(&frame(1), None).unwrap().unwrap();
    open("ring0").send_to(&frame(2), None).unwrap().unwrap();
    let (mut heard, began) = (Vec::new(), Instant::now());
    while heard.len() < 2 && began.elapsed() < DEADLINE {
        let batch = both.next_batch(Duration::from_millis(100)).unwrap();
        let local = batch.frames().enumerate().filter(|(_, frame)| frame.bytes.get(12..14) == Some(&[0x88, 0xb5]));
        heard.extend(local.map(|(number, frame)| (frame.bytes[17], batch.is_ours(number))));
    }
    assert_eq!(heard, [(1, true), (2, false)]);
    drop(both);
    // The kernel takes VLAN tags out (IEEE 802.1Q); the ring puts them back.
    let mut tagged = vec![0xff; 12];
    tagged.extend([0x81, 0, 0, 7, 0x88, 0xb5, 0, 0, 0, 7]);
    tagged.resize(SIZE, 0);
    open("ring0").send_to(&tagged, None).unwrap().unwrap();
    let heard = (0..100).find_map(|_| {
        let batch = ring.next_batch(Duration::from_millis(100)).unwrap();
        batch.frames().find(|f| f.bytes.get(16..18) == Some(&[0x88, 0xb5])).map(|f| f.bytes.to_vec())
    });
    assert_eq!(heard, Some(tagged));
    // The interface goes away: an error, not silence.
    assert!(ip(&["link", "set", "ring1", "down"]));
    let lost = (0..100).find_map(|_| ring.next_batch(Duration::from_millis(100)).err());
    assert!(matches!(lost, Some(capture::CaptureError::Lost { .. })), "{lost:?}");
}

fn open(name: &str) -> Box<dyn DataLinkSender> {
    let interface = datalink::interfaces().into_iter().find(|i| i.name == name).unwrap();
    match datalink::channel(&interface, Config { promiscuous: false, ..Config::default() }).unwrap() {
        Channel::Ethernet(sender, _) => sender,
        _ => panic!("an Ethernet channel"),
    }
}

#[test]
fn a_ring_that_gets_tight_grows() {
    let Some(home) = Home::build("grow") else { return };
    batch(&home.near, "link add ring0 type veth peer name ring1\nlink set ring0 up\nlink set ring1 up\n");
    home.run(None, "ring::inner_growth");
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_growth() {
    use std::sync::{Arc, atomic::Ordering::Relaxed};
    // More than a MiB of small frames, and less than sixteen.
    const FRAMES: u32 = 8_000;
    // More than three quarters of a MiB, each frame with its 80 bytes of header, and less than all of it.
    const NEARLY: u32 = 3_100;
    let mut wire = open("ring0");
    let mut flood = |frames: u32| (0..frames).for_each(|_| wire.send_to(&[0xff; 200], None).unwrap().unwrap());
    let settings = capture::Settings { ring_mib: 1, ..capture::Settings::default() };
    let mut ring = Ring::open("ring1", &Filter::everything(), &settings, clock).unwrap();
    flood(FRAMES);
    assert!(ring.statistics().unwrap().dropped > 0, "nobody reads, and a MiB is too small");
    let mut sizes = vec![ring.mib()];
    while let Some(larger) = ring.larger() {
        ring = larger.unwrap();
        sizes.push(ring.mib());
    }
    assert_eq!(sizes, [1, 2, 4, 8, 16]);
    flood(FRAMES);
    assert_eq!(ring.statistics().unwrap().dropped, 0);
    drop(ring);

    // And so it is while it listens: each frame is heard once or told as lost.
    for (frames, lost) in [(FRAMES, true), (NEARLY, false)] {
        let ring = Ring::open("ring1", &Filter::everything(), &settings, clock).unwrap();
        flood(frames);
        let (core, mut batches) = mpsc::channel(64);
        let (running, phase) = watch::channel(Phase::Running);
        let counters = Arc::<Counters>::default();
        let counted = Arc::clone(&counters);
        let listening = std::thread::spawn(move || capture::listen(ring, clock, &core, &phase, &counted));
        let (began, mut told, mut heard) = (Instant::now(), 0, 0);
        while counters.grown.load(Relaxed) == 0 || heard + told < u64::from(frames) {
            assert!(began.elapsed() < DEADLINE, "{heard} of {frames} heard, {told} lost: {counters:?}");
            while let Ok(batch) = batches.try_recv() {
                told += batch.lost;
                // The kernel speaks on this wire too.
                heard += batch.frames().filter(|frame| frame.bytes == [0xff; 200]).count() as u64;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(heard <= u64::from(frames), "twice: {heard} of {frames}");
        assert_eq!(told > 0, lost, "{told} lost of {frames}");
        assert_eq!(counters.lost_kernel.load(Relaxed), told);
        running.send_replace(Phase::Quiet);
        listening.join().unwrap().unwrap();
    }
}
