//! The own broker.

use porchlight::{
    model::{DeviceId, Phase},
    mqtt::{
        Account, Link, MqttError, Place, Settings,
        broker::{Keys, OwnBroker},
        client::Options,
        find::{self, How, Surroundings},
    },
};
use secrecy::ExposeSecret;

use crate::{
    ALL, ONLINE,
    home::{Home, device},
    mosquitto::{self, free_port, hears, retained, visitor, wanted},
};

#[tokio::test]
async fn the_own_broker_serves_both_versions_and_nobody_without_a_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = Settings::default();
    settings.broker.port = free_port();
    // The wished port is taken.
    let _taken = std::net::TcpListener::bind(("127.0.0.1", settings.broker.port)).expect("a port");
    let around = Surroundings { supervisor: None, state_dir: folder.path().into(), local_port: free_port() };
    let found = find::find(&settings, &around).await.expect("the own one");
    assert_eq!(found.how, How::Own);
    let port = found.account.place.port;
    assert!(port > settings.broker.port && found.line.contains("is taken"), "{}", found.line);
    let anonymous = Account::anonymous(Place::tcp("127.0.0.1", port));
    assert!(matches!(Link::probe(anonymous, "nobody").await, Err(MqttError::Refused { .. })));

    let keys = Keys::load(folder.path()).expect("the passwords");
    let home = Home::with(settings.clone(), around, found, 0x7f_3a2c, true);
    let devices: Vec<(DeviceId, i64)> = (0..166).map(|n| (device(n), 1)).collect();
    home.shows(&devices);
    let guest = Account {
        username: Some("homeassistant".into()),
        password: porchlight::mqtt::Password::Given(keys.home_assistant().clone()),
        ..Account::anonymous(Place::tcp("127.0.0.1", port))
    };
    let mut other = visitor(guest.clone(), "guest", &[ONLINE]).await;
    hears(&mut other, ONLINE, b"online").await;
    assert_eq!(retained(guest, ALL).await.len(), 500);
    if wanted() {
        for version in ["5", "mqttv311"] {
            let read = tokio::process::Command::new("mosquitto_sub")
                .args(["-V", version, "-p", &port.to_string(), "-u", "homeassistant", "-P"])
                .arg(keys.home_assistant().expose_secret())
                .args(["-t", "#", "-q", "1", "-C", "500", "-W", "20", "-F", "%t"])
                .output()
                .await
                .expect("mosquitto_sub runs");
            assert_eq!(String::from_utf8_lossy(&read.stdout).lines().count(), 500, "{version}");
        }
    }
    // Our end: others hear it before the broker is gone.
    home.phase.send(Phase::Closed { lasting: true }).expect("the bridge listens");
    hears(&mut other, ONLINE, b"offline").await;
}

#[tokio::test]
async fn the_own_broker_speaks_the_will_of_the_vanished() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = Settings::default();
    settings.broker.port = free_port();
    let broker = OwnBroker::start(&settings.broker, folder.path()).await.expect("started");
    let mut other = visitor(broker.account(), "other", &["gone"]).await;
    let will = porchlight::mqtt::client::Will { topic: "gone".into(), payload: b"yes".to_vec(), delay_s: 1 };
    let mut ours =
        Link::connect(Options { will: Some(will), session_s: Some(120), ..Options::visit(broker.account(), "ours") });
    mosquitto::up(&mut ours).await;
    drop(ours);
    hears(&mut other, "gone", b"yes").await;
    broker.stop().await;
}
