//! # Words in names and labels
//!
//! How rules find what they look for.

/// `TP-Link` of `TP-Link Systems`: whole words from its start, in any case.
pub fn maker_is(vendor: &str, pattern: &str) -> bool {
    let start = vendor.get(..pattern.len()).is_some_and(|start| start.eq_ignore_ascii_case(pattern));
    start && !vendor.get(pattern.len()..).unwrap_or_default().starts_with(|c: char| c.is_alphanumeric())
}

/// `plug` in `smart plug`, not in `unplugged`.
pub fn holds(text: &str, pattern: &str) -> bool {
    // Where the pattern begins with a letter, a word must begin there.
    let inner = pattern.starts_with(|c: char| c.is_ascii_alphanumeric());
    places(text, pattern).any(|before| !inner || !before.is_some_and(|byte| byte.is_ascii_alphanumeric()))
}

/// The byte before each place where `text` holds `pattern`; none at its start. There are thousands of patterns, of a few
/// letters: what a search prepares costs more than the search.
pub fn places(text: &str, pattern: &str) -> impl Iterator<Item = Option<u8>> {
    let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
    let first = pattern.first().copied().unwrap_or_default();
    memchr::memchr_iter(first, text)
        .filter(move |at| text.get(*at..).is_some_and(|rest| rest.starts_with(pattern)))
        .map(move |at| text.get(at.checked_sub(1)?).copied())
}

/// `ipp`: `_ipp._tcp.local`, `_ipp` and `ipp` are one service, whoever reports it; `_ipps` is another.
pub fn bare(name: &str) -> &str {
    name.split('.').next().unwrap_or_default().trim_start_matches('_')
}

/// `galaxy-tab` somewhere in `annas-galaxy-tab-s9`.
pub fn has_words(host: &str, pattern: &str) -> bool {
    pattern.contains('-') && places(host, pattern).any(|before| before == Some(b'-'))
}

/// `plug` of `plug2`.
pub fn unnumbered(word: &str) -> &str {
    word.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// `Cam` and `Doorbell` of `CamDoorbell`: where a great letter follows a small one, a word begins. Nothing of a name that has
/// none such.
pub fn humps(host: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for word in words(host) {
        let mut begin = 0;
        for (at, pair) in word.as_bytes().windows(2).enumerate() {
            if let [small, great] = pair
                && small.is_ascii_lowercase()
                && great.is_ascii_uppercase()
            {
                found.extend(word.get(begin..=at));
                begin = at + 1;
            }
        }
        if begin > 0 {
            found.extend(word.get(begin..));
        }
    }
    found
}

pub fn words(host: &str) -> impl Iterator<Item = &str> {
    host.split(|c: char| !c.is_alphanumeric())
}

/// `Opti`, `Ip` and `Phone` of `OptiIpPhone`; `Wi`, `Fi` and `AP` of `WiFiAP`: runs of letters that begin with great ones.
pub fn pieces(word: &str) -> Vec<&str> {
    let bytes = word.as_bytes();
    let mut cuts = vec![0];
    for at in 1..bytes.len() {
        let [Some(one), Some(two)] = [bytes.get(at - 1), bytes.get(at)] else { continue };
        let next_small = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
        let begins = two.is_ascii_uppercase() && (!one.is_ascii_uppercase() || next_small);
        if begins || one.is_ascii_alphabetic() != two.is_ascii_alphabetic() {
            cuts.push(at);
        }
    }
    cuts.push(bytes.len());
    cuts.windows(2)
        .filter_map(|pair| word.get(*pair.first()?..*pair.last()?))
        .filter(|piece| !piece.is_empty())
        .collect()
}
