//! The pretend Home Assistant.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{broadcast, watch},
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

pub const DEADLINE: Duration = Duration::from_secs(60);
pub const TOKEN: &str = "eyJ.a-long-lived-token.sig";
pub const INSTANCE: u32 = 0x7f_3a2c;

/// What is wrong with the first connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    Nothing,
    /// Every answer is preceded by text that is no JSON, and by a binary frame.
    BadJson,
    /// Answers whose ids, types and results have the wrong types come first.
    WrongTypes,
    /// Messages without an id come first.
    NoIds,
    /// The device list is larger than anybody may send.
    Huge,
    AuthInvalid,
    CloseMidList,
    /// Everything comes in arrays.
    Arrays,
    /// `person/list` is refused.
    UnknownCommand,
    /// The token is no administrator's, and Bluetooth wants one.
    NoAdmin,
    /// Connects and says nothing.
    NeverGreets,
    /// Answers the lists, but no ping.
    NeverPongs,
    /// The lists hold nulls and odd fields among the good entries.
    OddRegistry,
    /// The upgrade is answered with 502.
    Starting,
    /// Every answer comes twice, and once more under an id that was never given.
    DuplicateIds,
    /// The upgrade is redirected: to its other path (same host), or to another host.
    Redirect,
    Elsewhere,
    /// Speaks no HTTP.
    Noise,
    /// Answers in the opposite order.
    Backwards,
}

/// The pretender's registries.
pub struct Home {
    pub devices: Vec<Value>,
    pub entities: Vec<Value>,
    pub areas: Vec<Value>,
    pub persons: Value,
    /// Whole states by entity id, compressed as `subscribe_entities` sends them.
    pub states: BTreeMap<String, Value>,
    /// What Bluetooth was heard.
    pub adverts: Vec<Value>,
}

impl Default for Home {
    fn default() -> Home {
        Home {
            devices: vec![
                json!({"id": "dev1", "name": "Shelly", "name_by_user": null, "area_id": "kitchen", "identifiers": [["shelly", "x"]],
                    "connections": [["mac", "b8:27:eb:01:02:03"]], "configuration_url": "http://192.168.7.20/"}),
                json!({"id": "dev2", "name": "Anna's phone", "area_id": "hall", "connections": [],
                    "identifiers": [["mqtt", "porchlight_7f3a2c_d-7f3k2m"]]}),
            ],
            entities: vec![
                json!({"entity_id": "device_tracker.anna", "platform": "mqtt", "device_id": "dev2", "unique_id": "porchlight_7f3a2c_d-7f3k2m_tracker"}),
                json!({"entity_id": "person.anna", "platform": "person", "unique_id": "anna"}),
                json!({"entity_id": "device_tracker.pixel", "platform": "mobile_app", "unique_id": "pixel"}),
                json!({"entity_id": "device_tracker.cloud", "platform": "icloud", "unique_id": "cloud"}),
            ],
            areas: vec![json!({"area_id": "kitchen", "name": "Kitchen"}), json!({"area_id": "hall", "name": "Hall"})],
            persons: json!({"storage": [{"id": "anna", "name": "Anna", "device_trackers": ["device_tracker.anna", "device_tracker.pixel", "device_tracker.cloud"]}], "config": []}),
            states: BTreeMap::new(),
            adverts: Vec::new(),
        }
    }
}

#[derive(Clone)]
pub struct Fake {
    pub at: SocketAddr,
    pub home: Arc<Mutex<Home>>,
    /// Event types to send to those who subscribed.
    pub events: broadcast::Sender<&'static str>,
    /// Changes of states to send to those who follow entities.
    pub changes: broadcast::Sender<Value>,
    /// Hangs up on everybody.
    pub hang_up: broadcast::Sender<()>,
    pub connections: watch::Receiver<u32>,
    /// Every token that was shown, and every command type, in order.
    pub heard: Arc<Mutex<Vec<String>>>,
    pub accepts: Arc<Mutex<String>>,
}

impl Fake {
    pub async fn start(flaw: Flaw) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (count, connections) = watch::channel(0);
        let fake = Fake {
            at: listener.local_addr().unwrap(),
            home: Arc::default(),
            events: broadcast::channel(16).0,
            changes: broadcast::channel(16).0,
            hang_up: broadcast::channel(1).0,
            connections,
            heard: Arc::default(),
            accepts: Arc::new(Mutex::new(TOKEN.into())),
        };
        let this = fake.clone();
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                count.send_modify(|n| *n += 1);
                // A redirect is followed at once, so that flaw lasts for one more connection.
                let flaw = if *count.borrow() == 1 { flaw } else { Flaw::Nothing };
                let this = this.clone();
                tokio::spawn(async move { this.talk(stream, flaw).await });
            }
        });
        fake
    }

    pub async fn talk(&self, mut stream: TcpStream, flaw: Flaw) -> Option<()> {
        let plain = match flaw {
            Flaw::Starting => "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n".to_owned(),
            Flaw::Redirect => {
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: /moved/api/websocket\r\nContent-Length: 0\r\n\r\n".into()
            }
            Flaw::Elsewhere => {
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://localhost:9/\r\nContent-Length: 0\r\n\r\n".into()
            }
            Flaw::Noise => "\u{1}\u{2}SSH-2.0-nothing\r\n".into(),
            _ => String::new(),
        };
        if !plain.is_empty() {
            let _ = stream.read(&mut [0; 2048]).await;
            let _ = stream.write_all(plain.as_bytes()).await;
            return None;
        }
        let mut socket = accept_async(stream).await.ok()?;
        if flaw == Flaw::NeverGreets {
            // Held open, and silent.
            while socket.next().await.is_some_and(|m| m.is_ok()) {}
            return None;
        }
        say(&mut socket, json!({"type": "auth_required", "ha_version": "2026.11.0"})).await?;
        let auth = self.command(&mut socket).await?;
        let token = auth["access_token"].as_str().unwrap_or_default().to_owned();
        self.heard.lock().unwrap().push(token.clone());
        if flaw == Flaw::AuthInvalid || token != *self.accepts.lock().unwrap() {
            say(&mut socket, json!({"type": "auth_invalid", "message": "Invalid access token or password"})).await?;
            let _ = socket.close(None).await;
            return None;
        }
        say(&mut socket, json!({"type": "auth_ok", "ha_version": "2026.11.0"})).await?;
        let mut events = self.events.subscribe();
        let (mut changes, mut hang_up) = (self.changes.subscribe(), self.hang_up.subscribe());
        let mut following = Value::Null;
        let mut subscribed: BTreeMap<String, Value> = BTreeMap::new();
        let mut held = Vec::new();
        loop {
            let command = tokio::select! {
                command = self.command(&mut socket) => command?,
                Ok(()) = hang_up.recv() => return None,
                Ok(event) = changes.recv() => {
                    say(&mut socket, json!({"id": following, "type": "event", "event": event})).await?;
                    continue;
                }
                Ok(event) = events.recv() => {
                    if let Some(id) = subscribed.get(event) {
                        say(&mut socket, json!({"id": id, "type": "event", "event": {"event_type": event, "data": {}}})).await?;
                    }
                    continue;
                }
            };
            let (id, kind) = (command["id"].clone(), command["type"].as_str().unwrap_or_default().to_owned());
            if kind == "subscribe_events" {
                subscribed.insert(command["event_type"].as_str().unwrap_or_default().to_owned(), id.clone());
            }
            if kind == "ping" {
                if flaw != Flaw::NeverPongs {
                    say(&mut socket, json!({"id": id, "type": "pong"})).await?;
                }
                continue;
            }
            if kind == "subscribe_entities" {
                let asked: Vec<&str> =
                    command["entity_ids"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let states = self.home.lock().unwrap().states.clone();
                let found: serde_json::Map<String, Value> =
                    states.into_iter().filter(|(entity, _)| asked.contains(&entity.as_str())).collect();
                following = id.clone();
                say(&mut socket, json!({"id": id, "type": "result", "success": true, "result": null})).await?;
                say(&mut socket, json!({"id": id, "type": "event", "event": {"a": found}})).await?;
                continue;
            }
            if kind == "bluetooth/subscribe_advertisements" {
                if flaw == Flaw::NoAdmin {
                    say(&mut socket, json!({"id": id, "type": "result", "success": false, "error": {"code": "unauthorized", "message": "Unauthorized"}})).await?;
                    continue;
                }
                say(&mut socket, json!({"id": id, "type": "result", "success": true, "result": null})).await?;
                let adverts = self.home.lock().unwrap().adverts.clone();
                say(&mut socket, json!({"id": id, "type": "event", "event": {"add": adverts}})).await?;
                continue;
            }
            let answer = json!({"id": id, "type": "result", "success": true, "result": self.result(&kind, flaw)});
            let is_list = kind.ends_with("/list");
            match flaw {
                Flaw::BadJson => {
                    socket.send(Message::text("{\"id\":")).await.ok()?;
                    socket.send(Message::binary(vec![0xff, 0xfe])).await.ok()?;
                }
                Flaw::WrongTypes if is_list => {
                    say(&mut socket, json!({"id": id.to_string(), "type": "result", "success": true, "result": []}))
                        .await?;
                    say(&mut socket, json!({"id": id, "type": 4})).await?;
                    say(&mut socket, json!({"id": 1.5, "type": "event", "event": []})).await?;
                    say(&mut socket, json!("result")).await?;
                }
                Flaw::NoIds => {
                    say(&mut socket, json!({"type": "result", "success": true, "result": null})).await?;
                    say(
                        &mut socket,
                        json!({"id": null, "type": "result", "success": false, "error": {"code": "invalid_format"}}),
                    )
                    .await?;
                }
                Flaw::Huge if kind == "config/device_registry/list" => {
                    socket.send(Message::text("x".repeat(65 * 1024 * 1024))).await.ok()?;
                }
                Flaw::CloseMidList if kind == "config/entity_registry/list" => {
                    let _ = socket.close(None).await;
                    return None;
                }
                Flaw::UnknownCommand if kind == "person/list" => {
                    say(&mut socket, json!({"id": id, "type": "result", "success": false, "error": {"code": "unknown_command", "message": "Unknown command."}})).await?;
                    continue;
                }
                Flaw::DuplicateIds => {
                    say(&mut socket, answer.clone()).await?;
                    say(
                        &mut socket,
                        json!({"id": 999_999, "type": "result", "success": true, "result": [{"name": "nobody's"}]}),
                    )
                    .await?;
                }
                _ => {}
            }
            match flaw {
                Flaw::Arrays => say(&mut socket, json!([{"id": 0, "type": "pong"}, answer])).await?,
                Flaw::Backwards if is_list || kind == "get_config" => {
                    held.push(answer);
                    // The fifth and last list: now all of them, last first.
                    if held.len() == 5 {
                        while let Some(answer) = held.pop() {
                            say(&mut socket, answer).await?;
                        }
                    }
                }
                _ => say(&mut socket, answer).await?,
            }
        }
    }

    pub fn result(&self, kind: &str, flaw: Flaw) -> Value {
        let home = self.home.lock().unwrap();
        let with_junk = |entries: &[Value]| {
            let junk = json!([null, {}, 5, {"id": {}, "name": 3, "connections": {"mac": 1}, "identifiers": [[]]},
                {"id": "z", "name": "\u{202e}\u{0}", "connections": [["mac", "zz"]], "parent_device_id": "z"}]);
            let mut all = if flaw == Flaw::OddRegistry { junk.as_array().unwrap().clone() } else { Vec::new() };
            all.extend_from_slice(entries);
            Value::from(all)
        };
        match kind {
            "get_config" => {
                json!({"version": "2026.11.0", "state": "RUNNING", "latitude": 52.0, "longitude": 5.0})
            }
            "config/device_registry/list" => with_junk(&home.devices),
            "config/entity_registry/list" => with_junk(&home.entities),
            "config/area_registry/list" => with_junk(&home.areas),
            "person/list" => home.persons.clone(),
            _ => Value::Null,
        }
    }

    /// The next command, noted.
    pub async fn command(&self, socket: &mut WebSocketStream<TcpStream>) -> Option<Value> {
        loop {
            if let Message::Text(text) = socket.next().await?.ok()? {
                let command: Value = serde_json::from_str(&text).expect("we send JSON");
                if let Some(kind) = command["type"].as_str() {
                    self.heard.lock().unwrap().push(kind.to_owned());
                }
                return Some(command);
            }
        }
    }

    pub async fn connected(&self, times: u32) {
        let mut connections = self.connections.clone();
        timeout(DEADLINE, connections.wait_for(|n| *n >= times)).await.expect("a connection in time").unwrap();
    }
}

pub async fn say(socket: &mut WebSocketStream<TcpStream>, message: Value) -> Option<()> {
    socket.send(Message::text(message.to_string())).await.ok()
}
