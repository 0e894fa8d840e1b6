//! # Messages, in and out

/// A message to send. Retained messages with an empty payload clear their topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    pub topic: String,
    pub payload: Vec<u8>,
    pub retain: bool,
    /// 0 or 1.
    pub qos: u8,
    /// MQTT 5 message expiry in seconds; never on retained state.
    pub expiry_s: Option<u32>,
    /// MQTT 5 correlation data of an answer.
    pub correlation: Option<Vec<u8>>,
}

impl Publish {
    /// Clears a retained topic.
    #[must_use]
    pub fn emptying(topic: impl Into<String>) -> Publish {
        Publish { topic: topic.into(), payload: Vec::new(), retain: true, qos: 1, expiry_s: None, correlation: None }
    }
}

/// A message received.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Incoming {
    pub topic: String,
    pub payload: Vec<u8>,
    /// The broker kept it from earlier; it is not news.
    pub retain: bool,
    pub response_topic: Option<String>,
    pub correlation: Option<Vec<u8>>,
}
