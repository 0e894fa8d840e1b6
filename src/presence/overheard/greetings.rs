//! # Greetings of TLS
//!
//! A client's greeting tells which program speaks (JA4) and whose service it wants; a server's answer
//! up to TLS 1.2 shows its certificate.

use crate::{
    intel::clouds,
    model::{Fact, MacAddr, Subject},
    wire::tls::{self, Hello, Over},
};

use super::{Gleaned, text, wants};

/// The start of a handshake over TCP.
pub fn over_tcp(gleaned: &mut Gleaned<'_>, payload: &[u8], mac: MacAddr) {
    if let Some(hello) = Hello::in_record(payload) {
        greeting(gleaned, &hello, Over::Tcp, mac);
    } else if let Some(shown) = tls::certificate(payload) {
        let names = [shown.common_name, shown.organization].map(text);
        let value = names.iter().filter(|name| !name.is_empty()).map(String::as_str).collect::<Vec<_>>().join(", ");
        gleaned.label(Subject::mac(mac), "tls_certificate", value.as_bytes());
    }
}

/// What a client opens with.
pub fn greeting(gleaned: &mut Gleaned<'_>, hello: &Hello<'_>, over: Over, mac: MacAddr) {
    let sender = Subject::mac(mac);
    if let Some(cloud) = hello.server_name().and_then(clouds::known) {
        wants::note(gleaned, sender, cloud);
    }
    if hello.is_whole
        && gleaned.may_work()
        && let Some(value) = tls::fingerprint(hello, over)
    {
        gleaned.fact(sender, Fact::Label { key: "ja4", value });
    }
}
