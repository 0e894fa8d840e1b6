//! An access point on a socket of the test, which answers as hostapd does, and some that do not.

use std::{fs, path::PathBuf, thread};

use super::*;

/// Goes with the test.
struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

/// Answers each command with what `answer` makes of it; each answer is a message.
fn point(name: &str, answer: impl Fn(&str) -> Vec<Vec<u8>> + Send + 'static) -> Socket {
    let path = std::env::temp_dir().join(format!("porchlight-{name}-{}", std::process::id()));
    drop(fs::remove_file(&path));
    let socket = std_unix::UnixDatagram::bind(&path).unwrap();
    thread::spawn(move || {
        let mut room = [0; 512];
        while let Ok((len, from)) = socket.recv_from(&mut room) {
            for message in answer(&String::from_utf8_lossy(&room[..len])) {
                drop(socket.send_to_addr(&message, &from));
            }
        }
    });
    Socket(path)
}

fn station(n: u32) -> Vec<u8> {
    let mac = format!("02:00:00:00:{:02x}:{:02x}", n / 256, n % 256);
    format!("{mac}\nflags=[AUTH][ASSOC][AUTHORIZED]\naid={n}\nrx_packets=5\nrx_bytes=600\ninactive_msec=10\nsignal=-48\nconnected_time=9\n")
        .into_bytes()
}

/// Has so many stations, numbered from 1.
fn honest(count: u32) -> impl Fn(&str) -> Vec<Vec<u8>> {
    move |command| {
        let next = |mac: &str| {
            let digits: Vec<u32> = mac.split(':').filter_map(|pair| u32::from_str_radix(pair, 16).ok()).collect();
            digits[4] * 256 + digits[5] + 1
        };
        let listed = |n: u32| if n <= count { station(n) } else { Vec::new() };
        vec![match command {
            "PING" => b"PONG\n".to_vec(),
            "STATUS" => b"state=ENABLED\nchannel=6\nbssid[0]=02:00:00:00:ff:01\nssid[0]=home\n".to_vec(),
            "ATTACH" => b"OK\n".to_vec(),
            "STA-FIRST" => listed(1),
            other => other.strip_prefix("STA-NEXT ").map_or(b"UNKNOWN COMMAND\n".to_vec(), |mac| listed(next(mac))),
        }]
    }
}

#[tokio::test]
async fn stations_are_listed_to_the_end_or_to_the_cap() {
    for (count, expected) in [(0, 0), (3, 3), (2000, STATIONS_MAX)] {
        let socket = point(&format!("count{count}"), honest(count));
        let point = Point::open(&socket.0).await.unwrap();
        assert_eq!(point.ssid(), Some("home"));
        let found = point.stations().await.unwrap();
        assert_eq!(found.len(), expected);
        assert!(found.iter().all(|station| station.rx_packets == Some(5) && station.authorized));
    }
}

#[tokio::test]
async fn an_odd_socket_is_left() {
    let round = point("round", |command| match command {
        "STA-FIRST" => vec![station(1)],
        next if next.starts_with("STA-NEXT") => vec![station(if next.ends_with("01") { 2 } else { 1 })],
        other => honest(0)(other),
    });
    assert_eq!(Point::open(&round.0).await.unwrap().stations().await.unwrap().len(), 2, "a list that goes round");

    let noisy = point("noisy", |command| {
        let mut said = vec![b"<3>AP-STA-POLL-OK 02:00:00:00:00:01".to_vec(); 5];
        said.extend(honest(1)(command));
        said
    });
    assert_eq!(Point::open(&noisy.0).await.unwrap().stations().await.unwrap().len(), 1, "events between answers");

    let refused: [(&str, Vec<u8>); 4] = [
        ("fail", b"FAIL\n".to_vec()),
        ("empty", Vec::new()),
        ("binary", vec![0xff; 4096]),
        ("unknown", b"UNKNOWN COMMAND\n".to_vec()),
    ];
    for (name, answer) in refused {
        let socket = point(name, move |_| vec![answer.clone()]);
        assert!(matches!(Point::open(&socket.0).await, Err(ControlError::NoPoint)), "{name}");
    }
    let silent = point("silent", |_| Vec::new());
    assert!(matches!(Point::open(&silent.0).await, Err(ControlError::Late)));
    let endless = point("endless", |_| vec![b"<3>AP-STA-CONNECTED 02:00:00:00:00:01".to_vec(); 100]);
    assert!(matches!(Point::open(&endless.0).await, Err(ControlError::Late)));
    assert!(matches!(Point::open(Path::new("/nowhere/wlan0")).await, Err(ControlError::Io(_))));
}

#[tokio::test]
async fn events_are_heard_from_any_point() {
    let socket = point("events", |command| {
        let mut said = honest(0)(command);
        if command == "ATTACH" {
            said.push(b"<3>AP-STA-DISCONNECTED 02:00:00:00:00:07".to_vec());
            said.push(vec![b'x'; 6000]);
        }
        said
    });
    let point = Point::open(&socket.0).await.unwrap();
    let points = BTreeMap::from([(socket.0.clone(), (point, Stations::default()))]);
    let (path, event) = timeout(Duration::from_secs(30), next_event(&points)).await.unwrap();
    assert_eq!((path, event), (socket.0.clone(), Some(Event::Left(MacAddr([2, 0, 0, 0, 0, 7])))));
    let (_, event) = timeout(Duration::from_secs(30), next_event(&points)).await.unwrap();
    assert_eq!(event, Some(Event::Other), "what is too long is cut and is none");
}
