//! # What devices want of the Internet
//!
//! Questions for names tell whose services a device uses, and that tells who made it. Greetings of TLS
//! and requests of HTTP name them too, see [`note`]. Only domains of the list in [`clouds`] are noted,
//! one of each sort; all else is passed over unread.

use crate::{
    intel::clouds::{self, Cloud},
    model::{Fact, MacAddr, Port, Subject},
    wire::dns::Message,
};

use super::Gleaned;

pub const DNS: Port = 53;

/// A question of its sender's own.
pub fn glean(gleaned: &mut Gleaned<'_>, payload: &[u8], mac: MacAddr) {
    if let Some(cloud) = question(payload).and_then(|name| clouds::known(&name)) {
        note(gleaned, Subject::mac(mac), cloud);
    }
}

/// Its sender uses this service.
pub fn note(gleaned: &mut Gleaned<'_>, sender: Subject, cloud: &Cloud) {
    let key = if cloud.is_general() { "asks_as_system" } else { "asks" };
    gleaned.fact(sender, Fact::Label { key, value: cloud.what.to_owned() });
}

fn question(payload: &[u8]) -> Option<String> {
    let message = Message::read(payload).filter(|message| !message.is_response() && message.opcode() == 0)?;
    message.questions().next().map(|question| question.name.to_string())
}
