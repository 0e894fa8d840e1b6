//! # One connection in MQTT 3.1.1
//!
//! For brokers that refuse MQTT 5. No will delay, no session, no No Local, no expiry, no answer
//! topics: what is asked of those is left out.

use rumqttc_v4::{
    AsyncClient, ClientError, ConnectReturnCode, ConnectionError, EventLoop, LastWill, MqttOptions, Outgoing, Packet,
    PublishOptions, QoS, StateError, SubscribeFilterInput, SubscribeReasonCode,
};
use tokio::sync::mpsc;

use super::{
    CONNECT_MAX, End, Event, Filter, Handle, Incoming, KEEP_ALIVE_S, MqttError, Options, PACKET_BYTES_MAX, Publish,
    QUEUE_MAX, SendError, Signal, UNACKED_MAX, Why,
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
        let polled = if was_up {
            Box::pin(events.poll()).await
        } else {
            match tokio::time::timeout(CONNECT_MAX, Box::pin(events.poll())).await {
                Ok(polled) => polled,
                Err(_) => {
                    let why = Why::Error(MqttError::Silent { broker: place.to_string() });
                    return End { was_up, why };
                }
            }
        };
        let signal = match polled {
            Err(error) => return End { was_up, why: named(error, place) },
            Ok(rumqttc_v4::Event::Incoming(Packet::ConnAck(ack))) => {
                was_up = true;
                let handle = Handle::Three(client.clone());
                Signal::Up { handle, session_present: ack.session_present, max_packet: None }
            }
            Ok(rumqttc_v4::Event::Incoming(Packet::Publish(publish))) => {
                let Ok(topic) = String::from_utf8(publish.topic.to_vec()) else { continue };
                let payload = publish.payload.to_vec();
                Signal::Event(Event::Message(Incoming {
                    topic,
                    payload,
                    retain: publish.retain,
                    ..Incoming::default()
                }))
            }
            Ok(rumqttc_v4::Event::Incoming(Packet::SubAck(ack))) => {
                let refused = |code: &&SubscribeReasonCode| matches!(code, SubscribeReasonCode::Failure);
                Signal::Event(Event::Subscribed { refused: ack.return_codes.iter().filter(refused).count() })
            }
            Ok(rumqttc_v4::Event::Incoming(Packet::PubAck(_)) | rumqttc_v4::Event::Outgoing(Outgoing::Publish(0))) => {
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
    let broker = rumqttc_v4::Broker::tcp(account.place.host.clone(), account.place.port);
    let mut mqtt = MqttOptions::new(options.client_id.clone(), broker);
    let bytes_max = usize::try_from(PACKET_BYTES_MAX).unwrap_or(usize::MAX);
    mqtt.set_keep_alive(KEEP_ALIVE_S)
        .set_clean_session(true)
        .set_max_packet_size(bytes_max, bytes_max)
        .set_inflight(UNACKED_MAX);
    if let Some((user, password)) = account.credentials()? {
        mqtt.set_credentials(user, password);
    }
    if let Some(will) = &options.will {
        mqtt.set_last_will(LastWill::new(&will.topic, will.payload.clone(), QoS::AtLeastOnce, true));
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

/// Hands `message` to the queue.
pub(super) fn try_send(client: &AsyncClient, message: &Publish) -> Result<(), SendError> {
    let qos = if message.qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    let options = PublishOptions::new(qos).retain(message.retain);
    client.try_publish(message.topic.clone(), message.payload.clone(), options).map_err(refused)
}

/// Asks to hear `filters`.
pub(super) fn subscribe(client: &AsyncClient, filters: &[Filter]) -> Result<(), SendError> {
    let wanted = filters.iter().map(|filter| {
        let qos = if filter.qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
        SubscribeFilterInput::new(filter.topic.clone(), qos)
    });
    client.try_subscribe_many(wanted).map_err(refused)
}

/// Asks to hear `topics` no more.
pub(super) fn unsubscribe(client: &AsyncClient, topics: &[String]) -> Result<(), SendError> {
    // One packet each: 3.1.1 takes many, the crate does not.
    topics.iter().try_for_each(|topic| client.try_unsubscribe(topic.clone()).map_err(refused))
}

fn refused(error: ClientError) -> SendError {
    match error {
        ClientError::RequestChannelFull(_) => SendError::Full,
        ClientError::InvalidRequest(_) => SendError::Topic,
        _ => SendError::Away,
    }
}

fn named(error: ConnectionError, place: &Place) -> Why {
    use ConnectReturnCode as Code;
    let broker = place.to_string();
    let protocol = |why: String| Why::Error(MqttError::Protocol { broker: place.to_string(), why });
    if let Some(error) = socket::io_error(&error) {
        return Why::Error(socket::named(error, place));
    }
    match error {
        ConnectionError::RequestsDone | ConnectionError::DisconnectTimeout => Why::Asked,
        ConnectionError::NetworkTimeout
        | ConnectionError::FlushTimeout
        | ConnectionError::MqttState(StateError::AwaitPingResp) => Why::Error(MqttError::Silent { broker }),
        ConnectionError::ConnectionRefused(code) => match code {
            Code::RefusedProtocolVersion => Why::Version,
            Code::BadUserNamePassword | Code::NotAuthorized => Why::Error(MqttError::Refused { broker }),
            other => protocol(format!("it refuses the connection: {other:?}")),
        },
        ConnectionError::MqttState(StateError::ConnectionAborted) => Why::Error(MqttError::Closed { broker }),
        other => protocol(other.to_string()),
    }
}
