//! # What no list may call bad
//!
//! Every list that many people use has held 1.1.1.1, a provider's whole network or a name such as `github.io` at some
//! time. What would make half the home's traffic an alarm is left out when a list is read, and counted.

use std::{net::IpAddr, sync::LazyLock};

use super::{
    indicators::Entry,
    names::{is_local, is_popular, is_suffix},
};
use crate::model::{Subnet, is_private, is_unicast, words};

words! {
    /// Why an entry was left out.
    pub enum Refused {
        /// An address of somebody's own network, or none of a host.
        Private = "private",
        /// A network of too many.
        Wide = "too_wide",
        /// A name server that half the world uses.
        Resolver = "resolver",
        /// An address behind which thousands of sites are.
        Hosting = "shared_hosting",
        /// A name below which anybody gets one.
        Suffix = "suffix",
        /// A name that most homes ask for.
        Popular = "popular",
        /// A name of one's own network.
        Local = "local",
        /// Older than entries are kept.
        Old = "old",
    }
}

// The largest networks that lists of hijacked address space hold (Spamhaus DROP: /11s; /29s of version 6).
const BITS_MIN_V4: u8 = 11;
const BITS_MIN_V6: u8 = 28;

/// As their operators publish them.
const RESOLVERS: [&str; 34] = [
    // Cloudflare
    "1.1.1.1",
    "1.0.0.1",
    "1.1.1.2",
    "1.0.0.2",
    "1.1.1.3",
    "1.0.0.3",
    "2606:4700:4700::1111",
    "2606:4700:4700::1001",
    // Google
    "8.8.8.8",
    "8.8.4.4",
    "2001:4860:4860::8888",
    "2001:4860:4860::8844",
    // Quad9
    "9.9.9.9",
    "149.112.112.112",
    "9.9.9.10",
    "149.112.112.10",
    "2620:fe::fe",
    "2620:fe::9",
    // OpenDNS
    "208.67.222.222",
    "208.67.220.220",
    "208.67.222.123",
    "208.67.220.123",
    "2620:119:35::35",
    "2620:119:53::53",
    // AdGuard
    "94.140.14.14",
    "94.140.15.15",
    "2a10:50c0::ad1:ff",
    "2a10:50c0::ad2:ff",
    // dns0.eu, Mullvad, Control D, Verisign
    "193.110.81.0",
    "185.253.5.0",
    "194.242.2.2",
    "76.76.2.0",
    "64.6.64.6",
    "64.6.65.6",
];

/// Networks in which an address is shared by many sites: Cloudflare (cloudflare.com/ips), Fastly
/// (api.fastly.com/public-ip-list), the pages of GitHub (api.github.com/meta).
const HOSTING: [&str; 49] = [
    "173.245.48.0/20",
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "141.101.64.0/18",
    "108.162.192.0/18",
    "190.93.240.0/20",
    "188.114.96.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "162.158.0.0/15",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "172.64.0.0/13",
    "131.0.72.0/22",
    "2400:cb00::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2405:b500::/32",
    "2405:8100::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
    "23.235.32.0/20",
    "43.249.72.0/22",
    "103.244.50.0/24",
    "103.245.222.0/23",
    "103.245.224.0/24",
    "104.156.80.0/20",
    "140.248.64.0/18",
    "140.248.128.0/17",
    "146.75.0.0/17",
    "151.101.0.0/16",
    "157.52.64.0/18",
    "167.82.0.0/17",
    "167.82.128.0/20",
    "167.82.160.0/20",
    "167.82.224.0/20",
    "172.111.64.0/18",
    "185.31.16.0/22",
    "199.27.72.0/21",
    "199.232.0.0/16",
    "2a04:4e40::/32",
    "2a04:4e42::/32",
    "185.199.108.0/22",
    "2606:50c0:8000::/46",
    "140.82.112.0/20",
    "192.30.252.0/22",
    // Pages of Netlify and of Vercel (their manuals: the address to point a domain at).
    "75.2.60.5/32",
    "76.76.21.0/24",
];

static RESOLVERS_READ: LazyLock<Vec<IpAddr>> =
    LazyLock::new(|| RESOLVERS.iter().filter_map(|text| text.parse().ok()).collect());
static HOSTING_READ: LazyLock<Vec<Subnet>> =
    LazyLock::new(|| HOSTING.iter().filter_map(|text| text.parse().ok()).collect());

/// An address of nobody's server. The ranges kept for examples and measurements (RFC 5737, RFC 2544, RFC 3849) may
/// stand in a list: nothing of the Internet has one, and a list that is tried out does.
fn is_nobodys(ip: IpAddr) -> bool {
    // 100.64.0.0/10: carriers' own (RFC 6598).
    let is_carriers = matches!(ip, IpAddr::V4(ip) if ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64);
    !is_unicast(ip) || is_private(ip) || is_carriers
}

/// Many sites share this address: what was looked up says little about who is called.
#[must_use]
pub fn is_shared(ip: IpAddr) -> bool {
    HOSTING_READ.iter().any(|known| known.contains(ip))
}

/// Why `entry` is left out, if it is.
#[must_use]
pub fn refused(entry: &Entry) -> Option<Refused> {
    match entry {
        Entry::Net(ip, bits) => net(*ip, *bits),
        // One service of a shared address is told apart from the others.
        Entry::Service(ip, _) if is_nobodys(*ip) => Some(Refused::Private),
        Entry::Service(ip, 53 | 443 | 853) if RESOLVERS_READ.contains(ip) => Some(Refused::Resolver),
        Entry::Name(name) if is_local(name) => Some(Refused::Local),
        Entry::Name(name) if is_popular(name) => Some(Refused::Popular),
        Entry::Name(name) if is_suffix(name) => Some(Refused::Suffix),
        Entry::Url(url) => page(url),
        Entry::Service(..) | Entry::Name(_) | Entry::Ja4(_) => None,
    }
}

fn net(ip: IpAddr, bits: u8) -> Option<Refused> {
    let (most, least) = if ip.is_ipv4() { (32, BITS_MIN_V4) } else { (128, BITS_MIN_V6) };
    if is_nobodys(ip) {
        return Some(Refused::Private);
    }
    if bits < least {
        return Some(Refused::Wide);
    }
    if bits < most {
        let net = Subnet::new(ip, bits)?;
        // A network that holds one of these or lies in one.
        return if RESOLVERS_READ.iter().any(|ip| net.contains(*ip)) {
            Some(Refused::Resolver)
        } else if HOSTING_READ.iter().any(|known| known.contains(ip) || net.contains(known.base())) {
            Some(Refused::Hosting)
        } else {
            None
        };
    }
    if RESOLVERS_READ.contains(&ip) {
        return Some(Refused::Resolver);
    }
    is_shared(ip).then_some(Refused::Hosting)
}

/// The front page of a popular site is as wrong as its name; a page deep in it is not.
fn page(url: &str) -> Option<Refused> {
    let (host, path) = url.split_once('/').unwrap_or((url, ""));
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    if host.parse::<IpAddr>().is_ok_and(is_nobodys) {
        return Some(Refused::Private);
    }
    (path.is_empty() && (is_popular(host) || is_suffix(host))).then_some(Refused::Popular)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_make_ordinary_traffic_an_alarm_is_left_out() {
        let net = |text: &str| {
            let (ip, bits) = text.split_once('/').expect("a network");
            Entry::Net(ip.parse().expect(text), bits.parse().expect(text))
        };
        let name = |text: &str| Entry::Name(text.into());
        let url = |text: &str| Entry::Url(text.into());
        let service = |ip: &str, port| Entry::Service(ip.parse().expect(ip), port);
        for (entry, expected) in [
            (net("10.1.2.3/32"), Some(Refused::Private)),
            (net("192.168.0.0/16"), Some(Refused::Private)),
            (net("127.0.0.1/32"), Some(Refused::Private)),
            (net("0.0.0.0/0"), Some(Refused::Private)),
            (net("100.64.0.1/32"), Some(Refused::Private)),
            (net("224.0.0.251/32"), Some(Refused::Private)),
            (net("fe80::1/128"), Some(Refused::Private)),
            (net("::/0"), Some(Refused::Private)),
            (net("11.0.0.0/8"), Some(Refused::Wide)),
            (net("2a00::/12"), Some(Refused::Wide)),
            (net("1.1.1.1/32"), Some(Refused::Resolver)),
            (net("8.8.8.0/24"), Some(Refused::Resolver)),
            (net("2606:4700:4700::1111/128"), Some(Refused::Resolver)),
            (net("104.16.132.229/32"), Some(Refused::Hosting)),
            (net("104.0.0.0/11"), Some(Refused::Hosting)),
            (net("203.0.113.66/32"), None),
            (net("203.0.113.0/24"), None),
            (net("2001:db8::66/128"), None),
            (service("104.16.132.229", 2083), None),
            (service("8.8.8.8", 53), Some(Refused::Resolver)),
            (service("192.168.1.1", 80), Some(Refused::Private)),
            (name("google.com"), Some(Refused::Popular)),
            (name("www.google.com"), Some(Refused::Popular)),
            (name("evil.google.com"), None),
            (name("duckdns.org"), Some(Refused::Suffix)),
            (name("evil.duckdns.org"), None),
            (name("co.uk"), Some(Refused::Suffix)),
            (name("router.lan"), Some(Refused::Local)),
            (name("evil.example"), None),
            (url("drive.google.com/"), Some(Refused::Popular)),
            (url("drive.google.com/uc?id=1"), None),
            (url("10.0.0.1/x"), Some(Refused::Private)),
            (url("evil.example/"), None),
        ] {
            assert_eq!(refused(&entry), expected, "{entry:?}");
        }
    }

    #[test]
    fn the_tables_read() {
        assert_eq!((RESOLVERS_READ.len(), HOSTING_READ.len()), (RESOLVERS.len(), HOSTING.len()));
    }
}
