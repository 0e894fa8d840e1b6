//! The link to the broker, against a real one: what people's brokers do to it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise"
)]

#[path = "broker/mosquitto.rs"]
#[allow(dead_code)]
mod mosquitto;
#[path = "broker/supervisor.rs"]
mod supervisor;

use std::path::Path;

use mosquitto::{Mosquitto, PATIENCE, free_port, hears, message, send, until, up, visitor, wanted};
use porchlight::model::Presence;
use porchlight::mqtt::{
    Account, Link, MqttError, Password, Place, Publish, Scheme, Settings, TlsFiles,
    client::{Event, Filter, Options, SendError, Will},
    find::{self, How, Surroundings},
    recover,
};
use supervisor::{account, supervisor};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

async fn error_of(account: Account) -> MqttError {
    let mut link = Link::connect(Options::visit(account, "refused"));
    until(&mut link, |event| match event {
        Event::Down { why, advice } => {
            assert!(advice.is_some() && advice == why.advice(), "{why} comes with an advice");
            Some(why)
        }
        Event::Up { .. } => panic!("the broker took it"),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_killed_broker_is_found_again() {
    if !wanted() {
        return;
    }
    let mut broker = Mosquitto::open();
    let mut link = Link::connect(Options { session_s: Some(120), ..Options::visit(broker.account(), "ours") });
    assert_eq!(up(&mut link).await, 5);
    broker.kill();
    until(&mut link, |event| matches!(event, Event::Down { .. }).then_some(())).await;
    assert_eq!(link.try_send(&message("a", b"1", true)), Err(SendError::Away), "nothing is queued for later");
    let nothing = until(&mut link, |event| match event {
        Event::Down { why: MqttError::NothingListens { .. }, advice } => advice,
        _ => None,
    })
    .await;
    assert!(nothing.contains("start the broker"));
    broker.again();
    assert_eq!(up(&mut link).await, 5);
    send(&mut link, &message("a", b"2", true)).await;
    hears(&mut visitor(broker.account(), "other", &["a"]).await, "a", b"2").await;
}

#[tokio::test]
async fn each_failure_has_its_name() {
    if !wanted() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let passwords = folder.path().join("passwords");
    let made = std::process::Command::new("mosquitto_passwd")
        .args(["-b", "-c", passwords.to_str().expect("a path"), "anna", "right"])
        .status();
    assert!(made.is_ok_and(|status| status.success()), "mosquitto_passwd works");
    let config = format!("allow_anonymous false\npassword_file {}", passwords.display());
    let broker = Mosquitto::start_in(folder, &config);
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "wrong\n").expect("written");
    let account =
        Account { username: Some("anna".into()), password: Password::File(secret.path().into()), ..broker.account() };
    assert!(matches!(error_of(broker.account()).await, MqttError::Refused { .. }));
    assert!(matches!(error_of(account.clone()).await, MqttError::Refused { .. }));
    // A password that is rotated while we knock.
    let mut link = Link::connect(Options::visit(account, "rotated"));
    until(&mut link, |event| matches!(event, Event::Down { .. }).then_some(())).await;
    std::fs::write(secret.path(), "right\n").expect("written");
    up(&mut link).await;

    let at = |host: &str, port| Account::anonymous(Place::tcp(host, port));
    assert!(matches!(error_of(at("127.0.0.1", free_port())).await, MqttError::NothingListens { .. }));
    assert!(matches!(error_of(at("no-such-host.invalid", 1883)).await, MqttError::HostNotFound { .. }));
    let missing = Account { password: Password::File("/no/such/file".into()), ..broker.account() };
    assert!(matches!(error_of(missing).await, MqttError::Password { .. }));
    // TLS spoken to a plain port.
    let place = Place { scheme: Scheme::Mqtts, ..Place::tcp("localhost", broker.port) };
    let authority = authority(Path::new(secret.path()).parent().expect("a folder"), "plain");
    let tls = TlsFiles { ca: Some(authority.0), client: None };
    let error = error_of(Account { tls, ..Account::anonymous(place) }).await;
    assert!(matches!(error, MqttError::Closed { .. } | MqttError::Protocol { .. }), "{error}");
    // Something else that talks.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await;
        }
    });
    let error = error_of(at("127.0.0.1", port)).await;
    assert!(matches!(error, MqttError::Protocol { .. }), "{error}");
}

type Files = (std::path::PathBuf, rcgen::Issuer<'static, rcgen::KeyPair>);

// A fresh authority: its PEM file and what signs with it.
fn authority(folder: &Path, name: &str) -> Files {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let certificate = params.self_signed(&key).expect("signed");
    let file = folder.join(format!("{name}.pem"));
    std::fs::write(&file, certificate.pem()).expect("written");
    (file, rcgen::Issuer::new(params, key))
}

fn leaf(folder: &Path, name: &str, (_, issuer): &Files) -> (std::path::PathBuf, std::path::PathBuf) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(vec!["localhost".into()]).expect("a name");
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let certificate = params.signed_by(&key, issuer).expect("signed");
    let files = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    std::fs::write(&files.0, certificate.pem()).expect("written");
    std::fs::write(&files.1, key.serialize_pem()).expect("written");
    files
}

#[tokio::test]
async fn tls_with_an_own_authority_and_a_client_certificate() {
    if !wanted() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (own, other) = (authority(folder.path(), "own"), authority(folder.path(), "other"));
    let server = leaf(folder.path(), "server", &own);
    let client = leaf(folder.path(), "client", &own);
    let stranger = leaf(folder.path(), "stranger", &other);
    let config = format!(
        "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true",
        own.0.display(),
        server.0.display(),
        server.1.display()
    );
    let broker = Mosquitto::start_in(folder, &config);
    let place = Place { scheme: Scheme::Mqtts, ..Place::tcp("localhost", broker.port) };
    let with = |ca: &Path, client: Option<&(std::path::PathBuf, std::path::PathBuf)>| Account {
        tls: TlsFiles { ca: Some(ca.into()), client: client.cloned() },
        ..Account::anonymous(place.clone())
    };
    assert_eq!(Link::probe(with(&own.0, Some(&client)), "probe").await, Ok(5));
    assert!(matches!(error_of(with(&other.0, Some(&client))).await, MqttError::NotTrusted { .. }));
    let error = error_of(with(&own.0, None)).await;
    assert!(matches!(error, MqttError::CertificateWanted { .. }), "{error}");
    let error = error_of(with(&own.0, Some(&stranger))).await;
    assert!(matches!(error, MqttError::CertificateWanted { .. }), "{error}");
    let address = Account { place: Place { host: "127.0.0.1".into(), ..place.clone() }, ..with(&own.0, Some(&client)) };
    assert!(matches!(error_of(address).await, MqttError::NotTrusted { .. }), "the certificate is for another name");
    assert!(matches!(error_of(with(Path::new("/no/such.pem"), None)).await, MqttError::File { .. }));
}

#[tokio::test]
async fn websockets_carry_mqtt() {
    if !wanted() {
        return;
    }
    let port = free_port();
    let broker = Mosquitto::start(&format!("listener {port} 127.0.0.1\nprotocol websockets\nallow_anonymous true"));
    let settings = Settings { url: Some(format!("ws://127.0.0.1:{port}/mqtt")), ..Settings::default() };
    let account = Account::configured(&settings).expect("readable").expect("configured");
    let mut link = visitor(account.clone(), "web", &["w"]).await;
    let mut plain = visitor(broker.account(), "plain", &["v"]).await;
    // Larger than any buffer on the way.
    let long = vec![b'x'; 300_000];
    send(&mut plain, &message("w", &long, false)).await;
    hears(&mut link, "w", &long).await;
    send(&mut link, &message("v", &long, false)).await;
    hears(&mut plain, "v", &long).await;
}

#[tokio::test]
async fn websockets_within_tls_carry_mqtt() {
    if !wanted() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (own, other) = (authority(folder.path(), "own"), authority(folder.path(), "other"));
    let server = leaf(folder.path(), "server", &own);
    let port = free_port();
    let broker = Mosquitto::start_in(
        folder,
        &format!(
            "listener {port} 127.0.0.1\nprotocol websockets\nallow_anonymous true\ncertfile {}\nkeyfile {}",
            server.0.display(),
            server.1.display()
        ),
    );
    let settings = |ca: &Path| Settings {
        url: Some(format!("wss://localhost:{port}/mqtt")),
        ca_file: Some(ca.into()),
        ..Settings::default()
    };
    let account = Account::configured(&settings(&own.0)).expect("readable").expect("configured");
    let mut link = visitor(account, "web", &["w"]).await;
    let mut plain = visitor(broker.account(), "plain", &["v"]).await;
    let long = vec![b'x'; 300_000];
    send(&mut plain, &message("w", &long, false)).await;
    hears(&mut link, "w", &long).await;
    send(&mut link, &message("v", &long, false)).await;
    hears(&mut plain, "v", &long).await;
    let stranger = Account::configured(&settings(&other.0)).expect("readable").expect("configured");
    assert!(matches!(error_of(stranger).await, MqttError::NotTrusted { .. }));
    // TLS is wanted there, and a page of something else is no broker.
    let plain = Settings { url: Some(format!("ws://localhost:{port}/mqtt")), ..Settings::default() };
    let plain = Account::configured(&plain).expect("readable").expect("configured");
    let error = error_of(plain).await;
    assert!(matches!(error, MqttError::Closed { .. } | MqttError::Protocol { .. }), "{error}");
}

/// Stands before `broker` and lets only 3.1.1 in: as a broker that answers with a CONNACK of its
/// own version, or one that just hangs up.
async fn old_broker(broker: u16, answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0u8; 256];
                let count = near.read(&mut head).await.unwrap_or(0);
                // `MQTT`, then the version (MQTT 3.1.1 §3.1.2.2).
                let version = head.windows(5).find(|w| w.starts_with(b"MQTT")).map(|w| w[4]);
                if version != Some(4) {
                    let _ = near.write_all(answer).await;
                    return;
                }
                let mut far = tokio::net::TcpStream::connect(("127.0.0.1", broker)).await.expect("the real one");
                far.write_all(&head[..count]).await.expect("passed on");
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn brokers_without_mqtt_5_are_spoken_to_in_3_1_1() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    // A 3.1.1 CONNACK "unacceptable protocol version", an MQTT 5 one with 0x84, a closed door.
    let answers: [&[u8]; 3] = [&[0x20, 2, 0, 1], &[0x20, 3, 0, 0x84, 0], &[]];
    for answer in answers {
        let port = old_broker(broker.port, answer).await;
        let account = Account::anonymous(Place::tcp("127.0.0.1", port));
        let will = Will { topic: "gone".into(), payload: b"yes".to_vec(), delay_s: 45 };
        let mut link = Link::connect(Options {
            account: account.clone(),
            client_id: "old".into(),
            will: Some(will),
            holds: false,
            session_s: Some(120),
        });
        let mut first = None;
        let mqtt = until(&mut link, |event| match event {
            Event::Up { mqtt, .. } => Some(mqtt),
            Event::Down { why, .. } => {
                first.get_or_insert(why);
                None
            }
            _ => None,
        })
        .await;
        assert_eq!((mqtt, first), (3, None), "{answer:?}: quietly");
        link.subscribe(&[Filter::others("in")]).expect("subscribed");
        until(&mut link, |event| matches!(event, Event::Subscribed { refused: 0 }).then_some(())).await;
        let mut other = visitor(broker.account(), "new", &["out", "gone"]).await;
        send(&mut other, &message("in", b"hello", false)).await;
        hears(&mut link, "in", b"hello").await;
        let sent = Publish { expiry_s: Some(300), correlation: Some(b"c".to_vec()), ..message("out", b"back", false) };
        send(&mut link, &sent).await;
        hears(&mut other, "out", b"back").await;
        drop(link);
        // No delay in 3.1.1.
        hears(&mut other, "gone", b"yes").await;
        send(&mut other, &message("gone", b"", true)).await;
    }
}

#[tokio::test]
async fn large_messages_survive_and_larger_than_the_broker_takes_are_refused() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::start("allow_anonymous true\nmax_packet_size 200000");
    let mut other = visitor(broker.account(), "other", &["reply/#"]).await;
    let large = vec![b'x'; 11 * 1024];
    send(&mut other, &message("large", &large, true)).await;
    let mut link = visitor(broker.account(), "ours", &["large"]).await;
    hears(&mut link, "large", &large).await;
    let too_large = message("reply/x", &vec![b'x'; 200_001], false);
    assert!(matches!(link.try_send(&too_large), Err(SendError::TooLarge { max: 200_000, .. })));
    assert_eq!(link.try_send(&message("a/#", b"", false)), Err(SendError::Topic));
    let with_data =
        Publish { correlation: Some(b"\x01\x02".to_vec()), expiry_s: Some(300), ..message("reply/x", &large, false) };
    send(&mut link, &with_data).await;
    let correlation = until(&mut other, |event| match event {
        Event::Message(message) if message.topic == "reply/x" => message.correlation,
        _ => None,
    })
    .await;
    assert_eq!(correlation, b"\x01\x02");
}

#[tokio::test]
async fn the_will_speaks_for_the_vanished_and_not_for_those_who_said_goodbye() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let mut other = visitor(broker.account(), "other", &["state/#"]).await;
    let options = |id: &str| Options {
        account: broker.account(),
        client_id: id.into(),
        will: Some(Will { topic: format!("state/{id}"), payload: b"offline".to_vec(), delay_s: 1 }),
        holds: false,
        session_s: Some(120),
    };
    let mut polite = Link::connect(options("polite"));
    up(&mut polite).await;
    send(&mut polite, &message("state/polite", b"bye", false)).await;
    polite.close().await;
    hears(&mut other, "state/polite", b"bye").await;
    let mut quick = Link::connect(options("quick"));
    up(&mut quick).await;
    drop(quick);
    let mut quick = Link::connect(options("quick"));
    let resumed =
        until(
            &mut quick,
            |event| if let Event::Up { session_present, .. } = event { Some(session_present) } else { None },
        );
    assert!(resumed.await, "the broker kept the session");
    let mut vanished = Link::connect(options("vanished"));
    up(&mut vanished).await;
    drop(vanished);
    let first = until(&mut other, |event| if let Event::Message(message) = event { Some(message.topic) } else { None });
    assert_eq!(first.await, "state/vanished", "neither of those who were back or said goodbye");
}

#[tokio::test]
async fn a_twin_with_our_name_is_told_as_such() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let mut link = Link::connect(Options::visit(broker.account(), "twin"));
    up(&mut link).await;
    // Each throws the other out, until one of them sees what goes on.
    let mut twin = Link::connect(Options::visit(broker.account(), "twin"));
    let kicked = |event: Event| matches!(event, Event::Down { why: MqttError::Kicked { .. }, .. }).then_some(());
    tokio::select! {
        () = until(&mut link, kicked) => {}
        () = until(&mut twin, kicked) => {}
    }
}

#[tokio::test]
async fn the_right_broker_is_found() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let folder = tempfile::tempdir().expect("a folder");
    let around = |supervisor, local_port| Surroundings { supervisor, state_dir: folder.path().into(), local_port };
    let url = Settings { url: Some("mqtt://192.0.2.1".into()), ..Settings::default() };
    let nothing = free_port();

    let given = find::find(&url, &around(None, broker.port)).await.expect("configured");
    assert_eq!((given.how, given.account.place.host.as_str()), (How::Configured, "192.0.2.1"));
    let local = find::find(&Settings::default(), &around(None, broker.port)).await.expect("local");
    assert_eq!((local.how, local.account.place.port), (How::Localhost, broker.port));

    let good = supervisor("200 OK", vec![account(broker.port, "p")]).await.0;
    let asked = find::find(&Settings::default(), &around(Some(good), nothing)).await.expect("supervised");
    assert_eq!((asked.how, asked.account.username.as_deref()), (How::Supervisor, Some("addons")));
    for refusal in ["400 Bad Request", "403 Forbidden"] {
        let none = supervisor(refusal, vec![r#"{"result":"error","message":"Service not enabled"}"#.into()]).await.0;
        let found = find::find(&Settings::default(), &around(Some(none), broker.port)).await.expect("local");
        assert_eq!(found.how, How::Localhost, "{refusal}");
    }
    let broken = supervisor("500 Internal Server Error", vec![String::new()]).await.0;
    let error = find::find(&Settings::default(), &around(Some(broken), broker.port)).await.err();
    assert!(matches!(error, Some(MqttError::Supervisor { .. })), "not mistaken for a Supervisor without a broker");
}

#[tokio::test]
async fn a_lost_store_is_rebuilt_from_the_broker() {
    if !wanted() {
        return;
    }
    let broker = Mosquitto::open();
    let told = [
        ("porchlight/home/bridge/info", r#"{"instance":"7f3a2c","node":"home"}"#),
        (
            "porchlight/home/device/d-7f3k2m/presence",
            r#"{"state":"home","mac":"3c:22:fb:01:02:03","host_name":"iphone"}"#,
        ),
        ("homeassistant/device/porchlight_7f3a2c_d-7f3k2m/config", r#"{"device":{"name":"Anna's phone"}}"#),
    ];
    let mut link = visitor(broker.account(), "before", &[]).await;
    for (topic, payload) in told {
        send(&mut link, &message(topic, payload.as_bytes(), true)).await;
    }
    link.close().await;
    let known = recover::recover(&broker.account(), "homeassistant", "porchlight", "home").await.expect("a broker");
    let known = known.expect("an installation");
    assert_eq!((known.instance, known.devices.len()), (0x7f_3a2c, 1));
    assert_eq!((known.devices[0].name.as_str(), known.devices[0].presence), ("Anna's phone", Presence::Home));
    let none = recover::recover(&broker.account(), "homeassistant", "porchlight", "other").await;
    assert_eq!(none, Ok(None));
    let nobody = Account::anonymous(Place::tcp("127.0.0.1", free_port()));
    let error = tokio::time::timeout(PATIENCE, recover::recover(&nobody, "homeassistant", "porchlight", "home")).await;
    assert!(matches!(error, Ok(Err(MqttError::NothingListens { .. }))));
}
