//! Ports of a device that counts what it is sent.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    path::PathBuf,
    time::Duration,
};

use super::home::{Home, PEER, office};

const PRINTERS: [u16; 3] = [9100, 515, 631];

#[test]
fn open_ports_are_found_and_not_one_byte_is_sent() {
    let Some(mut home) = Home::build("ports") else { return };
    home.stranger("ports::inner_device");
    home.run("ports::inner_ports");
}

fn mark(port: u16, what: &str) -> PathBuf {
    PathBuf::from(std::env::var("HOME_DIR").unwrap()).join(format!("{port}.{what}"))
}

/// Listens on some ports; says by files that it does, and how many bytes it was sent.
#[test]
#[ignore = "runs inside a namespace"]
fn inner_device() {
    let threads: Vec<_> = PRINTERS
        .into_iter()
        .chain([22, 80])
        .map(|port| {
            std::thread::spawn(move || {
                let listener = TcpListener::bind((PEER, port)).unwrap();
                std::fs::write(mark(port, "ready"), "").unwrap();
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    if port == 22 {
                        drop(stream.write_all(b"SSH-2.0-dropbear_2022.83\r\n"));
                    }
                    let mut sent = Vec::new();
                    let _ = stream.read_to_end(&mut sent);
                    std::fs::write(mark(port, "sent"), sent.len().to_string()).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_ports() {
    let until = async |what: &'static str| {
        let all = || PRINTERS.iter().chain(&[22, 80]).all(|port| mark(*port, what).exists());
        let waited = tokio::time::timeout(super::home::DEADLINE, async {
            while !all() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        waited.await.expect(what);
    };
    until("ready").await;
    let mut office = office().await;
    office.start("ports");
    let told = office
        .hears(&[
            "port: 80, name: \"http\"",
            "port: 631",
            "port: 515",
            "port: 9100",
            "value: \"dropbear_2022.83\"",
            "TcpAnswer",
        ])
        .await;
    let open = told.iter().filter(|o| matches!(o.fact, porchlight::model::Fact::Service { .. })).count();
    assert!(open <= 5, "a refused port is not open: {told:?}");
    until("sent").await;
    for port in PRINTERS.iter().chain(&[22, 80]) {
        let sent = std::fs::read_to_string(mark(*port, "sent")).unwrap();
        assert_eq!(sent, "0", "bytes sent to port {port}");
    }
}
