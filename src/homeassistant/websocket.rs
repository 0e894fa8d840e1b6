//! # The websocket to Home Assistant
//!
//! Connects, shows the token, reads the registries and listens until the other end goes; then again.
//! What was learned stays while the line is down. A refused token is not shown a second time before
//! it changed or a quarter of an hour went by: each refusal is a warning in Home Assistant, and five
//! may ban this machine's address.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{self, Message, protocol::WebSocketConfig},
};
use tracing::debug;

use super::{
    HaError, Parts,
    adverts::Adverts,
    conversation::{ADVERTS, Conversation},
    endpoint::Endpoint,
    evidence::News,
    registry, tls,
};
use crate::model::{HaContact, HaFact, HaInfo, Phase, clean_text};

/// A registry of thousands of entities is a few MiB in one frame.
const MESSAGE_MAX: usize = 64 * 1024 * 1024;
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);
/// Home Assistant itself hangs up after 10 s without authentication.
const AUTH_PATIENCE: Duration = Duration::from_secs(10);
const LISTS_PATIENCE: Duration = Duration::from_secs(60);
const SEND_PATIENCE: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_PATIENCE: Duration = Duration::from_secs(10);
/// From the first event to reading anew; a rename is several events.
const DEBOUNCE: Duration = Duration::from_secs(1);
/// How often a waiting connection looks for another token.
const TOKEN_LOOK: Duration = Duration::from_secs(2);
/// With the token unchanged, try again only so often.
const REFUSED_PAUSE: Duration = Duration::from_secs(15 * 60);
/// Messages without sense in one connection.
const FAULTS_MAX: u32 = 100;

mod line;

use line::Line;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a connection ended.
enum End {
    /// The daemon ends.
    Leaving,
    Failed(HaError),
}

impl From<HaError> for End {
    fn from(error: HaError) -> End {
        End::Failed(error)
    }
}

/// Keeps a connection until the daemon leaves. Only settings that cannot work end it with an error.
pub(super) async fn keep(mut parts: Parts, endpoint: Endpoint) -> Result<(), HaError> {
    let connector = tls::connector(parts.settings.ca_file.as_deref())?;
    let mut line = Line::default();
    loop {
        let Some(token) = endpoint.token().await else {
            line.tell(&mut parts, &HaError::NoToken { url: endpoint.shown() });
            if wait_for_token(&mut parts.phase, &endpoint, None).await {
                return Ok(());
            }
            continue;
        };
        let end = session(&mut parts, &endpoint, connector.clone(), &token, &mut line).await;
        parts.info.send_if_modified(|info| std::mem::replace(&mut info.connected, false));
        if !matches!(end, End::Leaving) && line.is_blind(&mut parts).await {
            return Ok(());
        }
        match end {
            End::Leaving => return Ok(()),
            End::Failed(error) if error.is_lasting() => return Err(error),
            End::Failed(error @ HaError::Refused) => {
                line.tell(&mut parts, &error);
                if wait_for_token(&mut parts.phase, &endpoint, Some(&token)).await {
                    return Ok(());
                }
            }
            End::Failed(error) => {
                line.tell(&mut parts, &error);
                tokio::select! {
                    biased;
                    () = leaving(&mut parts.phase) => return Ok(()),
                    () = sleep(line.pause()) => {}
                }
            }
        }
    }
}

/// `true`: the daemon leaves. `false`: there is another token than `refused`, or it is time to try again.
async fn wait_for_token(
    phase: &mut watch::Receiver<Phase>,
    endpoint: &Endpoint,
    refused: Option<&SecretString>,
) -> bool {
    let again = Instant::now() + REFUSED_PAUSE;
    loop {
        tokio::select! {
            biased;
            () = leaving(phase) => return true,
            () = sleep(TOKEN_LOOK) => {}
        }
        let another = endpoint
            .token()
            .await
            .is_some_and(|token| refused.is_none_or(|refused| refused.expose_secret() != token.expose_secret()));
        if another || refused.is_some() && Instant::now() >= again {
            return false;
        }
    }
}

/// Ends when the daemon is on its way out, or gone.
async fn leaving(phase: &mut watch::Receiver<Phase>) {
    let _ = phase.wait_for(|phase| *phase != Phase::Running).await;
}

/// One connection, from the first byte to its end.
async fn session(
    parts: &mut Parts,
    endpoint: &Endpoint,
    connector: Option<Connector>,
    token: &SecretString,
    line: &mut Line,
) -> End {
    let mut phase = parts.phase.clone();
    let opened = tokio::select! {
        biased;
        () = leaving(&mut phase) => return End::Leaving,
        opened = open(endpoint, connector, token) => opened,
    };
    let mut socket = match opened {
        Ok(socket) => socket,
        Err(error) => return End::Failed(error),
    };
    let end = match converse(parts, &mut phase, &mut socket, line).await {
        Ok(()) => End::Leaving,
        Err(end) => end,
    };
    if matches!(end, End::Leaving) {
        // Politeness with a limit: the daemon has 8 s for everything.
        let _ = timeout(Duration::from_secs(1), socket.close(None)).await;
    }
    end
}

/// Connects and authenticates.
async fn open(endpoint: &Endpoint, connector: Option<Connector>, token: &SecretString) -> Result<Socket, HaError> {
    let mut socket = connect(endpoint, connector).await?;
    let silent = |_| HaError::Silent { asked: "the greeting", seconds: AUTH_PATIENCE.as_secs() };
    timeout(AUTH_PATIENCE, async {
        // `auth_required` first; what else comes before it is none of our business.
        wait_for(&mut socket, &["auth_required"]).await?;
        send(&mut socket, &json!({"type": "auth", "access_token": token.expose_secret()})).await?;
        match wait_for(&mut socket, &["auth_ok", "auth_invalid"]).await? {
            "auth_ok" => Ok(()),
            _ => Err(HaError::Refused),
        }
    })
    .await
    .map_err(silent)??;
    Ok(socket)
}

/// Follows one redirect on the same host: a default installation answers its old port with one.
async fn connect(endpoint: &Endpoint, connector: Option<Connector>) -> Result<Socket, HaError> {
    let limits = WebSocketConfig::default().max_message_size(Some(MESSAGE_MAX)).max_frame_size(Some(MESSAGE_MAX));
    let mut url = endpoint.url.clone();
    for hop in 0..2 {
        let attempt = connect_async_tls_with_config(url.as_str(), Some(limits), true, connector.clone());
        let unreachable = |why: String| HaError::Unreachable { url: endpoint.shown(), why };
        match timeout(CONNECT_PATIENCE, attempt).await {
            Err(_) => return Err(unreachable(format!("no answer in {} s", CONNECT_PATIENCE.as_secs()))),
            Ok(Ok((socket, _))) => return Ok(socket),
            Ok(Err(tungstenite::Error::Http(response))) => {
                let status = response.status().as_u16();
                let to = response.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
                match status {
                    502..=504 => return Err(HaError::Starting { url: endpoint.shown(), status }),
                    301 | 302 | 307 | 308 => match moved(&url, to) {
                        // The token goes only to the host that was configured.
                        Some(next) if hop == 0 && next.host_str() == url.host_str() => url = next,
                        _ => return Err(HaError::Moved { url: endpoint.shown(), to: clean_text(to, 200) }),
                    },
                    _ => return Err(HaError::NoWebsocket { url: endpoint.shown(), status }),
                }
            }
            Ok(Err(error)) => return Err(unreachable(clean_text(&error.to_string(), 200))),
        }
    }
    Err(HaError::Moved { url: endpoint.shown(), to: url.to_string() })
}

/// Where a redirect points, as a websocket address; never from TLS to plain.
fn moved(from: &url::Url, to: &str) -> Option<url::Url> {
    let mut next = from.join(to).ok()?;
    let scheme = match next.scheme() {
        "https" | "wss" => "wss",
        "http" | "ws" if from.scheme() == "ws" => "ws",
        _ => return None,
    };
    next.set_scheme(scheme).ok()?;
    Some(next)
}

/// Reads, re-reads and listens until somebody leaves.
async fn converse(
    parts: &mut Parts,
    phase: &mut watch::Receiver<Phase>,
    socket: &mut Socket,
    line: &mut Line,
) -> Result<(), End> {
    let mut talk = Conversation::about(&parts.doors);
    let mut adverts = parts.bluetooth.as_ref().map(|bluetooth| Adverts::new(bluetooth.keys.clone()));
    if adverts.is_some() {
        // Before the lists, so that a refusal is told with theirs.
        let hear = talk.hear_bluetooth();
        send(socket, &hear).await?;
    }
    send_all(socket, talk.open()).await?;
    let mut lists_due = Some(Instant::now() + LISTS_PATIENCE);
    let mut reread_at: Option<Instant> = None;
    let mut ping_at = Instant::now() + PING_EVERY;
    let mut pong_due: Option<Instant> = None;
    let mut refused: Vec<(&'static str, String)> = Vec::new();
    let mut faults = 0;
    loop {
        let text = tokio::select! {
            biased;
            () = leaving(phase) => return Ok(()),
            () = until(lists_due) => return Err(silent("the registries", LISTS_PATIENCE)),
            () = until(pong_due) => return Err(silent("a ping", PING_PATIENCE)),
            () = sleep_until(ping_at) => {
                ping_at = Instant::now() + PING_EVERY;
                pong_due = Some(Instant::now() + PING_PATIENCE);
                let ping = talk.ping();
                send(socket, &ping).await?;
                continue;
            }
            // Not while a round is under way: its answers would be thrown away.
            () = until(reread_at), if lists_due.is_none() => {
                reread_at = None;
                lists_due = Some(Instant::now() + LISTS_PATIENCE);
                // What is asked for once is refused for good.
                refused.retain(|(command, _)| *command == ADVERTS);
                send_all(socket, talk.read_lists()).await?;
                continue;
            }
            text = next_text(socket) => text?,
        };
        let heard = talk.hear(&text);
        drop(text);
        faults += heard.faults;
        if faults > FAULTS_MAX {
            return Err(HaError::Lost { why: format!("more than {FAULTS_MAX} messages that make no sense") }.into());
        }
        let is_late = lists_due.is_none() && !heard.refused.is_empty();
        refused.extend(heard.refused);
        if is_late {
            line.up(parts, &refused);
        }
        if heard.pong {
            pong_due = None;
        }
        if heard.changed {
            reread_at.get_or_insert_with(|| Instant::now() + DEBOUNCE);
        }
        let moves = heard.trackers.into_iter().map(HaFact::Tracker).chain(heard.news.into_iter().map(fact));
        if !pass_on(parts, line, moves).await || !overhear(parts, adverts.as_mut(), heard.adverts, &mut faults).await {
            return Ok(());
        }
        if heard.complete {
            lists_due = None;
            let reading = registry::read(&talk.take_lists(), talk.trackers(), parts.instance);
            talk.evidence.knows(reading.apps, reading.home);
            if let Some(adverts) = &mut adverts {
                adverts.knows(reading.adapters);
            }
            send_all(socket, talk.watch(reading.watch)).await?;
            line.up(parts, &refused);
            if !learn(parts, line, reading.info, reading.facts, reading.has_entities).await {
                return Ok(());
            }
        }
    }
}

/// Hands on what moved. `false`: it is time to leave.
async fn pass_on(parts: &mut Parts, line: &mut Line, moves: impl Iterator<Item = HaFact>) -> bool {
    for fact in moves {
        if let HaFact::Contact(HaContact { entity, open }) = &fact {
            debug!(entity, ?open, "a door");
            match open {
                Some(_) => line.watched.insert(entity.clone()),
                None => line.watched.remove(entity),
            };
        }
        if let HaFact::Located(place) = &fact {
            // How far is nobody's business but the core's.
            debug!(person = place.person, "a position from an app");
        }
        if !tell(parts, fact).await {
            return false;
        }
    }
    true
}

/// Hands on what Bluetooth heard. `false`: it is time to leave.
async fn overhear(parts: &mut Parts, adverts: Option<&mut Adverts>, events: Vec<Value>, faults: &mut u32) -> bool {
    let (Some(adverts), Some(bluetooth)) = (adverts, &mut parts.bluetooth) else { return true };
    for event in events {
        let told = adverts.hear(&event, &mut bluetooth.is_known, (parts.now)());
        *faults += u32::from(told.is_none());
        for observation in told.unwrap_or_default() {
            let sent = tokio::select! {
                biased;
                () = leaving(&mut parts.phase) => false,
                sent = bluetooth.observations.send(observation) => sent.is_ok(),
            };
            if !sent {
                return false;
            }
        }
    }
    true
}

/// Takes in what the registries came to. `false`: it is time to leave.
async fn learn(parts: &mut Parts, line: &mut Line, read: HaInfo, mut facts: Vec<HaFact>, has_entities: bool) -> bool {
    let has = |facts: &[HaFact], is: fn(&HaFact) -> bool| facts.iter().any(is);
    let has_names = has(&facts, |fact| matches!(fact, HaFact::Names(_)));
    parts.info.send_if_modified(|info| {
        let mut now = read;
        now.connected = true;
        // A list that did not come leaves what was known.
        now.version = now.version.or(info.version);
        if !has_names {
            (now.areas, now.ours) = (info.areas.clone(), info.ours.clone());
            now.mqtt_macs = info.mqtt_macs.clone();
        }
        if !has_entities {
            now.our_entities = info.our_entities.clone();
        }
        let changed = *info != now;
        *info = now;
        changed
    });
    // The last sensor was taken out of its area.
    let has_ears = has(&facts, |fact| matches!(fact, HaFact::Ears(_)));
    if line.said.ears.is_some() && has(&facts, |fact| matches!(fact, HaFact::Areas(_))) && !has_ears {
        facts.push(HaFact::Ears(Vec::new()));
    }
    for fact in facts {
        if let Some(slot) = line.said.slot(&fact)
            && slot.replace(fact.clone()).as_ref() == Some(&fact)
        {
            continue;
        }
        if !tell(parts, fact).await {
            return false;
        }
    }
    true
}

fn fact(news: News) -> HaFact {
    match news {
        News::Contact(contact) => HaFact::Contact(contact),
        News::Place(place) => HaFact::Located(place),
    }
}

/// Hands a fact to the core. `false`: it is gone, or the daemon leaves, and so do we.
async fn tell(parts: &mut Parts, fact: HaFact) -> bool {
    tokio::select! {
        biased;
        () = leaving(&mut parts.phase) => false,
        sent = parts.facts.send(fact) => sent.is_ok(),
    }
}

fn silent(asked: &'static str, patience: Duration) -> End {
    HaError::Silent { asked, seconds: patience.as_secs() }.into()
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

async fn send_all(socket: &mut Socket, messages: Vec<Value>) -> Result<(), HaError> {
    for message in messages {
        send(socket, &message).await?;
    }
    Ok(())
}

async fn send(socket: &mut Socket, message: &Value) -> Result<(), HaError> {
    match timeout(SEND_PATIENCE, socket.send(Message::text(message.to_string()))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(lost(&error)),
        Err(_) => Err(HaError::Lost { why: "it takes no more messages".into() }),
    }
}

/// The next text frame. Pings of the other end are answered by the library while we read.
async fn next_text(socket: &mut Socket) -> Result<String, HaError> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
            Some(Ok(Message::Close(_))) | None => return Err(HaError::Lost { why: "closed by the other end".into() }),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(lost(&error)),
        }
    }
}

/// Waits for a message of one of `kinds`; others before it are passed over, some dozens at most.
async fn wait_for(socket: &mut Socket, kinds: &[&'static str]) -> Result<&'static str, HaError> {
    for _ in 0..64 {
        let text = next_text(socket).await?;
        let message: Value = serde_json::from_str(&text).unwrap_or_default();
        let kind = message.get("type").and_then(Value::as_str);
        if let Some(kind) = kinds.iter().find(|k| Some(**k) == kind) {
            return Ok(kind);
        }
    }
    Err(HaError::Lost { why: "it greets without end".into() })
}

fn lost(error: &tungstenite::Error) -> HaError {
    HaError::Lost { why: clean_text(&error.to_string(), 200) }
}
