//! # Names: which part somebody registered, and which nobody's
//!
//! A short form of the Public Suffix List (publicsuffix.org): second levels of countries, and the services that give
//! a name below their own to anybody, whose customers are as different as those of a country.

use super::digest::digest;

/// Longer addresses of pages are not looked up, nor kept.
pub const URL_BYTES_MAX: usize = 600;

/// Second-level labels under which countries register.
const SECOND: [&str; 24] = [
    "co", "com", "net", "org", "gov", "edu", "ac", "ne", "or", "go", "gob", "nom", "mil", "ltd", "plc", "sch", "nhs",
    "ad", "id", "web", "ind", "firm", "gen", "info",
];

/// Digests of names that stand for others' tenants (`suffixes.txt`), sorted: every name that anybody asks for is held
/// against them.
static SUFFIXES: std::sync::LazyLock<Vec<u64>> = std::sync::LazyLock::new(|| {
    let mut all: Vec<u64> = lines(include_str!("suffixes.txt")).map(|name| digest(name.bytes())).collect();
    all.sort_unstable();
    all
});

/// Names that half the world asks for (`popular.txt`): in a list they are a mistake.
static POPULAR: std::sync::LazyLock<std::collections::BTreeSet<&'static str>> =
    std::sync::LazyLock::new(|| lines(include_str!("popular.txt")).collect());

/// Top levels of one's own network (RFC 6762, RFC 6761, RFC 8375, RFC 9476, and what routers use).
const LOCAL: [&str; 12] = [
    "local",
    "lan",
    "home",
    "localdomain",
    "localhost",
    "internal",
    "intranet",
    "arpa",
    "fritz.box",
    "alt",
    "invalid",
    "onion",
];

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Labels of a suffix in the list, at most.
const SUFFIX_LABELS_MAX: usize = 4;

/// Where the last labels of `name` begin, the last one first, and how many that are.
fn starts(name: &str) -> ([usize; SUFFIX_LABELS_MAX + 1], usize) {
    let mut starts = [0; SUFFIX_LABELS_MAX + 1];
    let mut labels = 0;
    for (at, byte) in name.bytes().enumerate().rev() {
        if byte == b'.'
            && let Some(start) = starts.get_mut(labels)
        {
            *start = at + 1;
            labels += 1;
        }
        if labels == starts.len() {
            return (starts, labels);
        }
    }
    // The first label begins where the name does.
    (starts, labels + 1)
}

/// How many labels of `name`, from the end, belong to nobody in particular.
fn shared(name: &str, (starts, labels): (&[usize], usize)) -> usize {
    let from = |n: usize| starts.get(n.wrapping_sub(1)).and_then(|start| name.get(*start..)).unwrap_or(name);
    let is_listed = |n: &usize| SUFFIXES.binary_search(&digest(from(*n).bytes())).is_ok();
    let listed = (2..=SUFFIX_LABELS_MAX.min(labels)).rev().find(is_listed);
    listed.unwrap_or_else(|| {
        let (country, both) = (from(1), from(2));
        let second = both.strip_suffix(country).and_then(|rest| rest.strip_suffix('.')).unwrap_or_default();
        if labels > 1 && country.len() == 2 && SECOND.contains(&second) { 2 } else { 1 }
    })
}

/// The part of `name` that somebody registered.
#[must_use]
pub fn registered(name: &str) -> &str {
    let name = name.trim_end_matches('.');
    let (starts, labels) = starts(name);
    let own = shared(name, (&starts, labels)) + 1;
    if own > labels { name } else { starts.get(own - 1).and_then(|start| name.get(*start..)).unwrap_or(name) }
}

/// Nobody registered it: it stands for all below it.
#[must_use]
pub fn is_suffix(name: &str) -> bool {
    let (starts, labels) = starts(name);
    shared(name, (&starts, labels)) >= labels
}

/// One of those that half the world asks for, or below one: `www.` counts, a tenant's own name does not.
#[must_use]
pub fn is_popular(name: &str) -> bool {
    POPULAR.contains(name.strip_prefix("www.").unwrap_or(name))
}

/// A name of one's own network.
#[must_use]
pub fn is_local(name: &str) -> bool {
    !name.contains('.') || LOCAL.iter().any(|end| name.strip_suffix(end).is_some_and(|rest| rest.ends_with('.')))
}

/// `name` in the form that goes over the wire: lower case, international names in their letters of ASCII.
#[must_use]
pub fn normal(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let name = if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        match url::Host::parse(name).ok()? {
            url::Host::Domain(name) => name,
            _ => return None,
        }
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    // RFC 1035 §2.3.4; the last label of a name is never a number.
    let fits = name.len() <= 253 && name.contains('.') && name.split('.').all(is_label);
    let is_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    (fits && !is_number).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registered_part_is_what_somebody_owns() {
        for (name, expected, suffix) in [
            ("evil.example", "evil.example", false),
            ("a.b.evil.example.", "evil.example", false),
            ("a.evil.co.uk", "evil.co.uk", false),
            ("co.uk", "co.uk", true),
            ("com", "com", true),
            ("a.b.duckdns.org", "b.duckdns.org", false),
            ("duckdns.org", "duckdns.org", true),
            ("user.github.io", "user.github.io", false),
            ("x.user.github.io", "user.github.io", false),
            ("example", "example", true),
        ] {
            assert_eq!(registered(name), expected, "{name}");
            assert_eq!(is_suffix(name.trim_end_matches('.')), suffix, "{name}");
        }
    }

    #[test]
    fn a_name_is_normal_or_none() {
        for (text, expected) in [
            ("Evil.Example.", Some("evil.example")),
            ("b\u{fc}cher.example", Some("xn--bcher-kva.example")),
            ("_dmarc.evil.example", Some("_dmarc.evil.example")),
            ("evil", None),
            ("evil..example", None),
            ("1.2.3.4", None),
            ("1.2.3.456", None),
            ("evil example.net", None),
            ("http://x.example", None),
            ("", None),
        ] {
            assert_eq!(normal(text).as_deref(), expected, "{text}");
        }
        assert!(normal(&format!("{}.example", "a".repeat(64))).is_none());
    }

    #[test]
    fn the_lists_that_come_along_are_in_normal_form() {
        for name in lines(include_str!("suffixes.txt")).chain(lines(include_str!("popular.txt"))) {
            assert_eq!(normal(name).as_deref(), Some(name));
        }
        assert!(POPULAR.len() > 50 && SUFFIXES.len() > 50);
        assert!(is_popular("www.google.com") && !is_popular("evil.google.com"));
        assert!(is_local("printer.lan") && is_local("router") && is_local("x.fritz.box") && !is_local("plan.net"));
    }
}
