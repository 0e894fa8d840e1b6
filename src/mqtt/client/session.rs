//! # A session without memory
//!
//! After a reconnect the broker may still have our session, with commands it kept for us. The MQTT
//! crate then wants its own half of it back, and without one takes no more publishes on that
//! connection. Our half is always blank: what was not acknowledged is not sent again from a
//! queue, where it would be stale, but from the desired state.

use std::{future::Future, pin::Pin};

use rumqttc::{PersistedAckMode, PersistedSession, SessionStore, SessionStoreError, SessionStoreKey};

use super::UNACKED_MAX;

type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, SessionStoreError>> + Send + 'a>>;

#[derive(Debug)]
pub(super) struct Blank {
    /// Messages are confirmed by their reader.
    pub holds: bool,
}

impl SessionStore for Blank {
    fn load<'a>(&'a self, key: &'a SessionStoreKey) -> Later<'a, Option<PersistedSession>> {
        let session = PersistedSession {
            format_version: 1,
            client_id: key.client_id().to_owned(),
            clean_start: false,
            session_expiry_interval: None,
            outgoing_inflight_upper_limit: Some(UNACKED_MAX),
            ack_mode: if self.holds { PersistedAckMode::Manual } else { PersistedAckMode::Automatic },
            last_pkid: 0,
            last_puback: 0,
            replay: Vec::new(),
            incoming_qos2: Vec::new(),
        };
        Box::pin(std::future::ready(Ok(Some(session))))
    }

    fn save<'a>(&'a self, _: &'a SessionStoreKey, _: &'a PersistedSession) -> Later<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn clear<'a>(&'a self, _: &'a SessionStoreKey) -> Later<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}
