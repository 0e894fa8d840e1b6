//! A real mosquitto on loopback, on a port of its own, and what tests need around it.

use std::{
    collections::BTreeMap,
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use porchlight::mqtt::{
    Account, Link, Place, Publish,
    client::{Event, Filter, Options},
};

/// Generous: these tests share their machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// `false`: the quick run was asked for, and tests that need a broker end at once.
pub fn wanted() -> bool {
    if std::env::var("PORCHLIGHT_FAST").is_ok_and(|value| value == "1") {
        eprintln!("skipped: PORCHLIGHT_FAST=1 leaves out the broker");
        return false;
    }
    let found = Command::new("mosquitto").arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    assert!(found, "mosquitto is not installed: run tests/run, which installs it, or set PORCHLIGHT_FAST=1");
    true
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

pub struct Mosquitto {
    pub port: u16,
    config: String,
    folder: tempfile::TempDir,
    child: Child,
}

impl Mosquitto {
    /// `config` follows the listener's line.
    pub fn start(config: &str) -> Mosquitto {
        Mosquitto::start_in(tempfile::tempdir().expect("a folder"), config)
    }

    pub fn start_in(folder: tempfile::TempDir, config: &str) -> Mosquitto {
        let port = free_port();
        let config = format!("listener {port} 127.0.0.1\n{config}\n");
        let child = launch(folder.path(), &config);
        let broker = Mosquitto { port, config, folder, child };
        broker.wait();
        broker
    }

    pub fn open() -> Mosquitto {
        Mosquitto::start("allow_anonymous true")
    }

    /// As in a power cut: nothing is stored.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// While it does not run: it loses what it had stored.
    pub fn forget(&self) {
        let _ = fs::remove_file(self.folder.path().join("mosquitto.db"));
    }

    /// Asked to end: it stores what it is told to.
    pub fn stop(&mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(asked.is_ok_and(|status| status.success()), "asked to end");
        self.child.wait().expect("ended");
    }

    pub fn again(&mut self) {
        self.child = launch(self.folder.path(), &self.config);
        self.wait();
    }

    pub fn account(&self) -> Account {
        Account::anonymous(Place::tcp("127.0.0.1", self.port))
    }

    fn wait(&self) {
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < end, "mosquitto did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(folder: &Path, config: &str) -> Child {
    let file = folder.join("mosquitto.conf");
    // Started by root it would else become a user who cannot read this folder.
    fs::write(&file, format!("user root\npersistence_location {}/\n{config}", folder.display())).expect("written");
    Command::new("mosquitto")
        .arg("-c")
        .arg(file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("mosquitto starts")
}

/// The next event `pick` wants.
pub async fn until<T>(link: &mut Link, mut pick: impl FnMut(Event) -> Option<T>) -> T {
    tokio::time::timeout(PATIENCE, async {
        loop {
            let event = link.next().await.expect("the link lives");
            if let Some(found) = pick(event) {
                return found;
            }
        }
    })
    .await
    .expect("it happens in time")
}

pub async fn up(link: &mut Link) -> u8 {
    until(link, |event| if let Event::Up { mqtt, .. } = event { Some(mqtt) } else { None }).await
}

/// Another client, connected, that hears `topics`.
pub async fn visitor(account: Account, id: &str, topics: &[&str]) -> Link {
    let mut link = Link::connect(Options::visit(account, id));
    up(&mut link).await;
    if !topics.is_empty() {
        let filters: Vec<Filter> = topics.iter().map(|topic| Filter::others(*topic)).collect();
        link.subscribe(&filters).expect("subscribed");
        until(&mut link, |event| matches!(event, Event::Subscribed { refused: 0 }).then_some(())).await;
    }
    link
}

/// Waits for `topic` with `payload`.
pub async fn hears(link: &mut Link, topic: &str, payload: &[u8]) {
    until(link, |event| match event {
        Event::Message(message) if message.topic == topic && message.payload == payload => Some(()),
        _ => None,
    })
    .await;
}

pub fn message(topic: &str, payload: &[u8], retain: bool) -> Publish {
    Publish { topic: topic.into(), payload: payload.into(), retain, qos: 1, expiry_s: None, correlation: None }
}

/// Sends, however full the queue is just now.
pub async fn send(link: &mut Link, message: &Publish) {
    while link.try_send(message).is_err() {
        link.next().await.expect("the link lives");
    }
}

/// All retained messages under `topics`.
pub async fn retained(account: Account, topics: &[&str]) -> BTreeMap<String, String> {
    let mut link = visitor(account, "reader", topics).await;
    let mut all = BTreeMap::new();
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(700), link.next()).await {
        if let Event::Message(message) = event
            && message.retain
        {
            all.insert(message.topic, String::from_utf8_lossy(&message.payload).into_owned());
        }
    }
    all
}
