//! # One connection in MQTT 5

use rumqttc::{
    AckMode, AsyncClient, ClientError, ConnectReturnCode, ConnectionError, DisconnectReasonCode, EventLoop, LastWill,
    LastWillProperties, MqttOptions, Outgoing, Packet, PubAckReason, PublishOptions, PublishProperties, QoS,
    StateError, SubscribeFilterInput, SubscribeReasonCode,
};
use tokio::sync::mpsc;

use super::{
    CONNECT_MAX, End, Event, Filter, Handle, Incoming, KEEP_ALIVE_S, MqttError, Options, PACKET_BYTES_MAX, Publish,
    QUEUE_MAX, SendError, Signal, UNACKED_MAX, Why, session::Blank,
};
use crate::mqtt::{account::Place, socket};

/// Connects once and tells what comes until the connection ends.
pub(super) async fn converse(options: &Options, out: &mpsc::Sender<Signal>) -> End {
    let place = &options.account.place;
    let (client, mut events) = match prepared(options) {
        Ok(pair) => pair,
        Err(error) => return End { was_up: false, why: Why::Error(error) },
    };
    let mut was_up = false;
    loop {
        // Boxed: the crate's future is large, and the pump lives on other people's stacks.
        let signal = match Box::pin(events.poll()).await {
            Err(error) => return End { was_up, why: named(error, place, was_up) },
            Ok(rumqttc::Event::Incoming(Packet::ConnAck(ack))) => {
                was_up = true;
                let max_packet = ack.properties.as_ref().and_then(|p| p.max_packet_size);
                let handle = Handle::Five(client.clone());
                Signal::Up { handle, session_present: ack.session_present, max_packet }
            }
            Ok(rumqttc::Event::Incoming(Packet::Publish(publish))) => {
                let held = options.holds.then(|| publish.clone());
                match (incoming(publish), held) {
                    (Some(message), Some(publish)) => Signal::Held(message, Box::new(publish)),
                    (Some(message), None) => Signal::Event(Event::Message(message)),
                    (None, Some(publish)) => {
                        let _ = confirm(&client, &publish);
                        continue;
                    }
                    (None, None) => continue,
                }
            }
            Ok(rumqttc::Event::Incoming(Packet::SubAck(ack))) => {
                let heard = |code: &&SubscribeReasonCode| !matches!(code, SubscribeReasonCode::Success(_));
                Signal::Event(Event::Subscribed { refused: ack.return_codes.iter().filter(heard).count() })
            }
            Ok(rumqttc::Event::Incoming(Packet::PubAck(ack))) if ack.reason == PubAckReason::NoMatchingSubscribers => {
                // No hint: who misses it takes the message for heard.
                Signal::Event(Event::Unheard)
            }
            Ok(rumqttc::Event::Incoming(Packet::PubAck(_)) | rumqttc::Event::Outgoing(Outgoing::Publish(0))) => {
                // Only a hint that there is room: one that finds no room itself is not missed.
                let _ = out.try_send(Signal::Event(Event::Acked));
                continue;
            }
            Ok(_) => continue,
        };
        if out.send(signal).await.is_err() {
            return End { was_up, why: Why::Asked };
        }
    }
}

fn prepared(options: &Options) -> Result<(AsyncClient, EventLoop), MqttError> {
    let account = &options.account;
    let broker = rumqttc::Broker::tcp(account.place.host.clone(), account.place.port);
    let mut mqtt = MqttOptions::new(options.client_id.clone(), broker);
    mqtt.set_keep_alive(KEEP_ALIVE_S)
        .set_connect_timeout(CONNECT_MAX)
        .set_clean_start(options.session_s.is_none())
        .set_session_store(Blank { holds: options.holds })
        .set_ack_mode(if options.holds { AckMode::Manual } else { AckMode::Automatic })
        .set_session_expiry_interval(Some(options.session_s.unwrap_or(0)))
        .set_max_packet_size(Some(PACKET_BYTES_MAX))
        .set_outgoing_inflight_upper_limit(UNACKED_MAX);
    if let Some((user, password)) = account.credentials()? {
        mqtt.set_credentials(user, password);
    }
    if let Some(will) = &options.will {
        let properties = LastWillProperties {
            delay_interval: Some(will.delay_s),
            payload_format_indicator: None,
            message_expiry_interval: None,
            content_type: None,
            response_topic: None,
            correlation_data: None,
            user_properties: Vec::new(),
        };
        let will = LastWill::new(&will.topic, will.payload.clone(), QoS::AtLeastOnce, true, Some(properties));
        mqtt.set_last_will(will);
    }
    let account = account.clone();
    mqtt.set_socket_connector(move |_, _| {
        let account = account.clone();
        async move { socket::open(&account).await.map_err(std::io::Error::other) }
    });
    AsyncClient::builder(mqtt)
        .capacity(QUEUE_MAX)
        .try_build()
        .map_err(|error| MqttError::Setting(format!("the MQTT client cannot be set up: {error}")))
}

fn incoming(publish: rumqttc::Publish) -> Option<Incoming> {
    let topic = String::from_utf8(publish.topic.to_vec()).ok()?;
    let properties = publish.properties.unwrap_or_default();
    Some(Incoming {
        topic,
        payload: publish.payload.to_vec(),
        retain: publish.retain,
        response_topic: properties.response_topic,
        correlation: properties.correlation_data.map(|bytes| bytes.to_vec()),
    })
}

/// Hands `message` to the queue.
pub(super) fn try_send(client: &AsyncClient, message: &Publish) -> Result<(), SendError> {
    let qos = if message.qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    let mut options = PublishOptions::new(qos).retain(message.retain);
    if message.expiry_s.is_some() || message.correlation.is_some() {
        options = options.properties(PublishProperties {
            message_expiry_interval: message.expiry_s,
            correlation_data: message.correlation.clone().map(Into::into),
            ..PublishProperties::default()
        });
    }
    client.try_publish(message.topic.clone(), message.payload.clone(), options).map_err(refused)
}

/// Tells the broker that a message was taken. Those of QoS 0 nobody waits for.
pub(super) fn confirm(client: &AsyncClient, publish: &rumqttc::Publish) -> Result<(), SendError> {
    if publish.qos == QoS::AtMostOnce { Ok(()) } else { client.try_ack(publish).map_err(refused) }
}

/// Asks to hear `filters`.
pub(super) fn subscribe(client: &AsyncClient, filters: &[Filter]) -> Result<(), SendError> {
    let wanted = filters.iter().map(|filter| {
        let qos = if filter.qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
        SubscribeFilterInput::new(filter.topic.clone(), qos).no_local(filter.no_local)
    });
    client.try_subscribe_many(wanted).map_err(refused)
}

/// Asks to hear `topics` no more.
pub(super) fn unsubscribe(client: &AsyncClient, topics: &[String]) -> Result<(), SendError> {
    client.try_unsubscribe_many(topics.iter().cloned()).map_err(refused)
}

fn refused(error: ClientError) -> SendError {
    match error {
        ClientError::RequestChannelFull(_) => SendError::Full,
        ClientError::InvalidRequest(_) => SendError::Topic,
        _ => SendError::Away,
    }
}

fn named(error: ConnectionError, place: &Place, was_up: bool) -> Why {
    use ConnectReturnCode as Code;
    let broker = place.to_string();
    let protocol = |why: String| Why::Error(MqttError::Protocol { broker: place.to_string(), why });
    if let Some(error) = socket::io_error(&error) {
        return Why::Error(socket::named(error, place));
    }
    match error {
        ConnectionError::RequestsDone | ConnectionError::DisconnectTimeout => Why::Asked,
        ConnectionError::Timeout(_) | ConnectionError::MqttState(StateError::AwaitPingResp) => {
            Why::Error(MqttError::Silent { broker })
        }
        ConnectionError::ConnectionRefused(code)
        | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => match code {
            Code::UnsupportedProtocolVersion | Code::RefusedProtocolVersion => Why::Version,
            Code::BadUserNamePassword | Code::NotAuthorized | Code::Banned | Code::BadAuthenticationMethod => {
                Why::Error(MqttError::Refused { broker })
            }
            other => protocol(format!("it refuses the connection: {other:?}")),
        },
        // The CONNACK of a broker that knows 3.1.1 only has no properties and cannot be read.
        ConnectionError::MqttState(StateError::Deserialization(_)) if !was_up => Why::Version,
        ConnectionError::MqttState(StateError::ConnectionAborted) => Why::Error(MqttError::Closed { broker }),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, reason_string }) => match reason_code {
            DisconnectReasonCode::SessionTakenOver => Why::Error(MqttError::Kicked { broker }),
            DisconnectReasonCode::ServerShuttingDown | DisconnectReasonCode::NormalDisconnection => {
                Why::Error(MqttError::Closed { broker })
            }
            DisconnectReasonCode::NotAuthorized => Why::Error(MqttError::Refused { broker }),
            code => {
                protocol(format!("it says {code:?}{}", reason_string.map(|s| format!(", {s}")).unwrap_or_default()))
            }
        },
        other => protocol(other.to_string()),
    }
}
