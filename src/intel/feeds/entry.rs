//! One entry as lists write it.

use std::{borrow::Cow, net::IpAddr};

use crate::{
    intel::{
        indicators::Entry,
        names::{URL_BYTES_MAX, normal},
    },
    model::Subnet,
};

/// Whether `text` has the form of a JA4: `t13d1516h2_8daaf6152771_e5627efa2ab1`.
fn is_ja4(text: &str) -> bool {
    let mut parts = text.split('_');
    let (Some(a), Some(b), Some(c), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let is_hash = |part: &str| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    a.len() == 10 && a.starts_with(['t', 'q', 'd']) && a.is_ascii() && is_hash(b) && is_hash(c)
}

/// As reports write addresses that nobody should click on: `hxxp://evil[.]example`.
fn armed(text: &str) -> Cow<'_, str> {
    if !text.contains('[') && !text.starts_with("hxxp") {
        return Cow::Borrowed(text);
    }
    let text = text.replace("[.]", ".").replace("[:]", ":").replace("[://]", "://");
    Cow::Owned(match text.strip_prefix("hxxp") {
        Some(rest) => format!("http{rest}"),
        None => text,
    })
}

/// Reads one entry: an address, a network, an address with a port, a name, an address of a page, a JA4.
#[must_use]
pub fn entry(text: &str) -> Option<Entry> {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    if text.len() < 3 || text.len() > URL_BYTES_MAX {
        return None;
    }
    let text = &*armed(text);
    if let Some((scheme, rest)) = text.split_once("://") {
        return match scheme.to_ascii_lowercase().as_str() {
            "http" => page(rest, 80),
            // What is fetched by TLS shows no path on the way: only what is asked for by name or address would.
            "https" => page(rest, 443),
            _ => None,
        };
    }
    if is_ja4(text) {
        return Some(Entry::Ja4(text.to_owned()));
    }
    let bits = |ip: IpAddr| if ip.is_ipv4() { 32 } else { 128 };
    if let Ok(ip) = text.parse::<IpAddr>() {
        let ip = ip.to_canonical();
        return Some(Entry::Net(ip, bits(ip)));
    }
    if text.as_bytes().first().is_some_and(|byte| byte.is_ascii_hexdigit() || *byte == b':')
        && let Ok(net) = text.parse::<Subnet>()
    {
        return Some(Entry::Net(net.base(), net.prefix()));
    }
    if let Ok(service) = text.parse::<std::net::SocketAddr>() {
        return Some(Entry::Service(service.ip().to_canonical(), service.port()));
    }
    // A name with a port is told by its name, as far as anybody on the way sees.
    let name = match text.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => text,
    };
    if name.contains('/') {
        // `host/path` without a scheme.
        return if name == text { page(text, 80) } else { None };
    }
    normal(name).map(Entry::Name)
}

fn page(rest: &str, usual: u16) -> Option<Entry> {
    let rest = rest.split('#').next().unwrap_or(rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    let host = host.rsplit('@').next().unwrap_or(host).to_ascii_lowercase();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.ends_with(':') && !port.ends_with(']') => (name, port.parse::<u16>().ok()?),
        _ => (host.as_str(), usual),
    };
    let name = match name.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
        Ok(ip) => ip.to_string(),
        Err(_) => normal(name)?,
    };
    let slash = if path.starts_with('/') { "" } else { "/" };
    let port = if port == 80 { String::new() } else { format!(":{port}") };
    Some(Entry::Url(format!("{name}{port}{slash}{path}")))
}
