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
