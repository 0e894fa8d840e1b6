//! Guesses as servers answer them, each with who only mistyped.

use super::*;
use crate::detectors::stage::{Stage, conversation, ip, udp};

/// One FTP login for each secret, `pause` seconds apart; the last may work.
fn logins(secrets: &[String], works: bool, pause: u64) -> Vec<Finding> {
    let mut stage = Stage::new(BruteForce::new(Settings::default()));
    let mut found = Vec::new();
    for (n, secret) in secrets.iter().enumerate() {
        let pass = format!("PASS {secret}\r\n");
        let answer: &[u8] = if works && n + 1 == secrets.len() { b"230 in\r\n" } else { b"530 no\r\n" };
        let script: [(bool, &[u8]); 5] = [
            (false, b"220 hello\r\n"),
            (true, b"USER root\r\n"),
            (false, b"331 secret\r\n"),
            (true, pass.as_bytes()),
            (false, answer),
        ];
        for frame in conversation((9, 40_000 + n as u16), (5, 21), &script) {
            found.extend(stage.frame(&frame, n as u64 * pause * 1000));
        }
    }
    found
}

#[test]
fn names_of_mail_that_are_asked_for_are_told_and_letters_are_not() {
    // A session of commands, each with its answer.
    let run = |sessions: &[Vec<(String, &str)>]| -> usize {
        let mut stage = Stage::new(BruteForce::new(Settings::default()));
        let mut told = 0;
        for (n, session) in sessions.iter().enumerate() {
            let mut script: Vec<(bool, &[u8])> =
                vec![(false, b"220 mail\r\n"), (true, b"HELO a\r\n"), (false, b"250 ok\r\n")];
            for (command, answer) in session {
                script.extend([(true, command.as_bytes()), (false, answer.as_bytes())]);
            }
            for frame in conversation((9, 40_000 + n as u16), (5, 25), &script) {
                told += stage.frame(&frame, n as u64 * 500).len();
            }
        }
        told
    };
    let no = "550 no such user\r\n";
    let names = |word: &str, answer| -> Vec<(String, &'static str)> {
        (0..14).map(|n| (format!("{word}u{n}@a.example\r\n"), answer)).collect()
    };
    let end = |command: &str, answer| (format!("{command}\r\n"), answer);
    assert_eq!(run(&[names("VRFY ", no)]), 1);
    assert_eq!(run(&[names("EXPN ", "252 cannot say\r\n")]), 1);
    let mut only = vec![end("MAIL FROM:<a@b.example>", "250 ok\r\n")];
    only.extend(names("RCPT TO:", no));
    let mut letter = only.clone();
    only.push(end("QUIT", "221 bye\r\n"));
    assert_eq!(run(&[only]), 1);
    let each =
        |name: (String, &'static str)| vec![end("MAIL FROM:<a@b.example>", "250 ok\r\n"), name, end("QUIT", "221\r\n")];
    assert_eq!(run(&names("RCPT TO:", no).into_iter().map(each).collect::<Vec<_>>()), 1, "one in each connection");
    let hangs_up = |name: (String, &'static str)| vec![end("MAIL FROM:<a@b.example>", "250 ok\r\n"), name];
    assert_eq!(run(&names("RCPT TO:", no).into_iter().map(hangs_up).collect::<Vec<_>>()), 1, "without a word");
    letter.extend([
        end("RCPT TO:<anna@a.example>", "250 ok\r\n"),
        end("DATA", "354 go on\r\n"),
        end("VRFY me\r\n.", "250 ok\r\n"),
        end("QUIT", "221 bye\r\n"),
    ]);
    assert_eq!(run(&[letter.clone(), letter]), 0, "a letter to many of whom some moved away");
    assert_eq!(run(&[names("VRFY ", no)[..4].to_vec()]), 0, "somebody tries it out");
}

#[test]
fn guesses_at_a_camera_are_told_and_its_first_no_is_not() {
    let ask = |login: &str| format!("DESCRIBE rtsp://192.168.7.5/a RTSP/1.0\r\nCSeq: 2\r\n{login}\r\n");
    let run = |logins: &[String]| -> usize {
        let mut stage = Stage::new(BruteForce::new(Settings::default()));
        let mut told = 0;
        for (n, login) in logins.iter().enumerate() {
            let ask = ask(login);
            let script: [(bool, &[u8]); 2] =
                [(true, ask.as_bytes()), (false, b"RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\n\r\n")];
            for frame in conversation((9, 40_000 + n as u16), (5, 554), &script) {
                told += stage.frame(&frame, n as u64 * 200).len();
            }
        }
        told
    };
    // `admin:` and three digits, in base 64.
    let guesses = ["MDA", "MDE"]
        .iter()
        .flat_map(|two| "wxyz012345".chars().map(move |last| format!("Authorization: Basic YWRtaW46{two}{last}\r\n")));
    assert!(run(&guesses.collect::<Vec<_>>()) > 0);
    assert_eq!(run(&vec![String::new(); 30]), 0, "asked without a login, as the protocol has it");
}

/// A session of SMB 2 for `user`, with what the server makes of it: status and session flags; then a share may be opened.
fn session(port: u16, user: &str, (status, flags): (u32, u8), opens: bool) -> Vec<Vec<u8>> {
    let message = |command: u8, status: u32, body: &[u8]| {
        let mut smb = vec![0xfe, b'S', b'M', b'B', 64, 0, 0, 0];
        smb.extend(status.to_le_bytes());
        smb.extend([command, 0]);
        smb.resize(64, 0);
        smb.extend(body);
        let mut framed = (smb.len() as u32).to_be_bytes().to_vec();
        framed.extend(smb);
        framed
    };
    let wide: Vec<u8> = user.bytes().flat_map(|byte| [byte, 0]).collect();
    let mut ntlm = b"NTLMSSP\0\x03\0\0\0".to_vec();
    ntlm.resize(36, 0);
    ntlm.extend([wide.len() as u8, 0, wide.len() as u8, 0, 64, 0, 0, 0]);
    ntlm.resize(64, 0);
    ntlm.extend(wide);
    let ask = message(1, 0, &[&[25, 0, 0, 0][..], &ntlm].concat());
    let answer = message(1, status, &[9, 0, flags, 0, 72, 0, 0, 0]);
    let tree = message(3, 0, &[9, 0, 0, 0, 72, 0, 6, 0]);
    let create = message(5, 0, &[57, 0, 0, 0]);
    let script: [(bool, &[u8]); 4] = [(true, &ask), (false, &answer), (true, &tree), (true, &create)];
    let said = if opens { 4 } else { 3 };
    conversation((9, port), (5, 445), script.get(..said).unwrap_or_default())
}

#[test]
fn one_password_for_everybody_is_told_and_a_guest_is_not() {
    let run = |users: &[&str], status: u32, flags: u8, opens: bool| -> Vec<Severity> {
        let mut stage = Stage::new(BruteForce::new(Settings::default()));
        let frames = users.iter().zip(40_000..).flat_map(|(user, port)| session(port, user, (status, flags), opens));
        frames.enumerate().flat_map(|(n, frame)| stage.frame(&frame, n as u64 * 50)).map(|f| f.severity).collect()
    };
    let many = ["anna", "ben", "media", "root", "service", "test"];
    assert_eq!(run(&many, 0xc000_006d, 0, false), [Severity::Medium], "refused");
    assert_eq!(run(&many, 0, 1, false), [Severity::Medium], "let in as guests");
    assert!(run(&["anna"; 40], 0, 1, true).is_empty(), "one who is a guest, again and again");
    assert!(!run(&["anna"; 40], 0, 1, false).is_empty(), "and opens nothing: guesses");
    assert!(run(&many, 0, 0, false).is_empty(), "all let in: somebody else's server");
    assert!(run(&many[..3], 0xc000_006d, 0, false).is_empty());
}

#[test]
fn guests_who_come_again_at_once_are_guesses() {
    let run = |times: u16, pause: u64| -> usize {
        let mut stage = Stage::new(BruteForce::new(Settings::default()));
        let mut told = 0;
        for n in 0..times {
            for (step, frame) in session(40_000 + n, "anna", (0, 1), true).iter().enumerate() {
                told += stage.frame(frame, u64::from(n) * pause + step as u64).len();
            }
        }
        told
    };
    assert!(run(26, 100) > 0);
    assert_eq!((run(26, 500), run(12, 100)), (0, 0));
}

/// Sessions of HTTP with Digest: nonce of the answer, what the server says of it, and what follows if it says no.
fn digests(count: u16, pause: u64, challenge: &str, then: Option<&str>) -> usize {
    let mut stage = Stage::new(BruteForce::new(Settings::default()));
    let mut told = 0;
    for n in 0..count {
        let plain = "GET /x HTTP/1.1\r\nHost: c\r\n\r\n".to_owned();
        let no = |stale: &str| {
            format!(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"c\", nonce=\"n{n}\", qop=\"auth\"{stale}\r\n\
                 Content-Length: 0\r\n\r\n"
            )
        };
        let ask = format!(
            "GET /x HTTP/1.1\r\nHost: c\r\nAuthorization: Digest username=\"admin\", realm=\"c\", nonce=\"n{n}\", \
             uri=\"/x\", response=\"{n:032x}\"\r\n\r\n"
        );
        let (first, answer) = (no(""), if challenge == "ok" { yes() } else { no(challenge) });
        let mut script = vec![(true, plain), (false, first), (true, ask.clone()), (false, answer)];
        script.extend(then.map(|_| (true, ask)).into_iter().chain(then.map(|_| (false, yes()))));
        let script: Vec<(bool, &[u8])> = script.iter().map(|(by, text)| (*by, text.as_bytes())).collect();
        for (step, frame) in conversation((9, 40_000 + n), (5, 8081), &script).iter().enumerate() {
            told += stage.frame(frame, u64::from(n) * pause + step as u64).len();
        }
    }
    told
}

fn yes() -> String {
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()
}

#[test]
fn refused_digests_are_guesses_and_challenges_are_not() {
    assert!(digests(24, 200, "", None) > 0);
    assert_eq!(digests(60, 200, "ok", None), 0, "each session begins with a challenge");
    assert_eq!(digests(60, 200, ", stale=TRUE", None), 0, "too late");
    assert_eq!(digests(60, 200, "", Some("ok")), 0, "the server had forgotten what it asked");
    assert_eq!(digests(60, 10_000, "", None), 0, "a camera with an old password");
    assert_eq!(digests(16, 20, "", None), 0, "all channels of a recorder at once");
}

#[test]
fn many_passwords_of_a_form_are_told_and_one_again_and_again_is_not() {
    let run = |body: &dyn Fn(u16) -> String, answer: &str| -> usize {
        let mut stage = Stage::new(BruteForce::new(Settings::default()));
        let mut told = 0;
        for n in 0..15 {
            let body = body(n);
            let ask = format!("POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
            let script: [(bool, &[u8]); 2] = [(true, ask.as_bytes()), (false, answer.as_bytes())];
            for frame in conversation((9, 40_000 + n), (5, 8080), &script) {
                told += stage.frame(&frame, u64::from(n) * 2000).len();
            }
        }
        told
    };
    let form = |n: u16| format!("username=admin&password=pw{n}");
    let object = |n: u16| format!("{{\"username\": \"ben\", \"password\": \"pw{n}\"}}");
    assert!(run(&form, "302 Found") > 0, "sent on to the page again");
    assert!(run(&object, "401 Unauthorized") > 0);
    assert_eq!(run(&|_| form(7), "302 Found"), 0, "one password");
    assert_eq!(run(&|n| form(n / 3), "200 OK"), 0, "five people");
    assert_eq!(run(&|n| format!("{{\"state\": \"pw{n}\"}}"), "200 OK"), 0, "no login");
}

#[test]
fn refusals_of_databases_and_desktops_count() {
    let run = |port: u16, times: u16, script: &[(bool, &[u8])]| -> usize {
        let mut stage = Stage::new(BruteForce::new(Settings::default()));
        let frames = (0..times).flat_map(|n| conversation((9, 40_000 + n), (5, port), script));
        let mut told: usize = frames.enumerate().map(|(n, frame)| stage.frame(&frame, n as u64 * 50).len()).sum();
        // The last one ends with its other side's word.
        told += stage.frame(&crate::detectors::stage::tcp((5, port), (9, 40_000), 17, 1, b""), 60_000).len();
        told
    };
    let denied: [(bool, &[u8]); 3] = [
        (false, b"\x4a\0\0\0\x0a8.0\0"),
        (true, b"\x20\0\0\x01root"),
        (false, b"\x48\0\0\x02\xff\x15\x04#28000Access denied for user 'root'@'x' (using password: YES)"),
    ];
    assert!(run(3306, 20, &denied) > 0);
    assert_eq!(run(3306, 4, &denied), 0, "somebody mistyped");
    let page: [(bool, &[u8]); 2] = [(true, b"GET /help"), (false, b"what to do if access is denied for a user")];
    assert_eq!(run(80, 30, &page), 0);
    let ask: &[u8] = b"\x03\0\0\x2b\x26\xe0\0\0\0\0\0Cookie: mstshash=admin\r\n";
    let picture = vec![7; 1200];
    let refused: [(bool, &[u8]); 2] = [(true, ask), (false, b"\x03\0\0\x13")];
    let mut works: Vec<(bool, &[u8])> = vec![(true, ask)];
    works.extend((0..20).map(|_| (false, picture.as_slice())));
    assert!(run(3389, 30, &refused) > 0);
    assert_eq!(run(3389, 30, &works), 0, "a desktop that is used");
}

#[test]
fn guesses_are_told_and_an_old_password_is_not() {
    let many: Vec<String> = (0..20).map(|n| format!("guess{n}")).collect();
    let found = logins(&many, false, 2);
    assert_eq!(found.first().map(|f| (f.attacker.ip, f.severity)), Some((Some(IpAddr::from(ip(9))), Severity::Medium)));
    assert_eq!(logins(&many, true, 2).last().map(|f| f.severity), Some(Severity::Critical), "one hit");
    assert!(logins(&vec!["old".to_owned(); 60], false, 30).is_empty(), "a camera with an old password");
    assert!(logins(&many[..5], true, 5).is_empty(), "somebody who mistyped");
    assert!(logins(&many, false, 90).is_empty(), "slower than the leak");
}

#[test]
fn telephones_that_guess_are_told_and_those_that_log_in_are_not() {
    // So many times: asked, challenged, answered, and what the exchange then says; so far apart.
    let run = |times: u64, gap_ms: u64, end: &str| -> usize {
        let mut stage = Stage::new(BruteForce::new(Settings::default()));
        let mut told = 0;
        for n in 0..times {
            let asks = |digest: &str| format!("REGISTER sip:a SIP/2.0\r\nCSeq: {n} REGISTER\r\n{digest}\r\n");
            let says = |what: &str| format!("SIP/2.0 {what}\r\nCSeq: {n} REGISTER\r\n\r\n");
            let digest = format!("Authorization: Digest username=\"100\", response=\"{n:032x}\"\r\n");
            let talk = [(9, asks("")), (5, says("401 Unauthorized")), (9, asks(&digest)), (5, says(end))];
            for (step, (from, text)) in talk.iter().enumerate() {
                let to = if *from == 9 { 5 } else { 9 };
                let frame = udp((*from, 5060), (to, 5060), text.as_bytes());
                told += stage.frame(&frame, n * gap_ms + step as u64 * 10).len();
            }
        }
        told
    };
    assert!(run(30, 100, "401 Unauthorized") > 0);
    assert_eq!(run(60, 100, "200 OK"), 0, "an exchange that starts with sixty accounts");
    assert_eq!(run(30, 30_000, "401 Unauthorized"), 0, "an old password in a telephone");
}

#[test]
fn numbers_that_are_tried_are_told_and_a_wrong_one_is_not() {
    let run = |calls: u64, numbers: u64, answer: &str| -> usize {
        let mut stage = Stage::new(BruteForce::new(Settings::default()));
        let mut told = 0;
        for n in 0..calls {
            let to = format!("To: <sip:{}@a>\r\nCSeq: {n} INVITE\r\n\r\n", 200 + n % numbers);
            let (asks, says) = (format!("INVITE sip:a SIP/2.0\r\n{to}"), format!("SIP/2.0 {answer}\r\n{to}"));
            told += stage.frame(&udp((9, 5060), (5, 5060), asks.as_bytes()), n * 300).len();
            told += stage.frame(&udp((5, 5060), (9, 5060), says.as_bytes()), n * 300 + 10).len();
        }
        told
    };
    assert!(run(20, 20, "404 Not Found") > 0);
    assert_eq!((run(20, 2, "404 Not Found"), run(20, 20, "486 Busy Here")), (0, 0), "a wrong number; many calls");
}

/// One login for each secret, half a second apart.
fn each(port: u16, secrets: &[String], script: impl Fn(&str) -> Vec<(bool, String)>) -> usize {
    let mut stage = Stage::new(BruteForce::new(Settings::default()));
    let mut told = 0;
    for (n, secret) in secrets.iter().enumerate() {
        let said = script(secret);
        let said: Vec<(bool, &[u8])> = said.iter().map(|(by_client, text)| (*by_client, text.as_bytes())).collect();
        for frame in conversation((9, 40_000 + n as u16), (5, port), &said) {
            told += stage.frame(&frame, n as u64 * 500).len();
        }
    }
    told
}

#[test]
fn guesses_at_small_services_are_told_and_one_secret_again_and_again_is_not() {
    type Script = fn(&str) -> Vec<(bool, String)>;
    let services: &[(&str, u16, Script)] = &[
        ("ftp, asked what it can first", 21, |secret| {
            let lines = [
                (false, "220 hello\r\n".into()),
                (true, "OPTS UTF8 ON\r\n".into()),
                (false, "530 log in\r\n".into()),
                (true, "USER a\r\n".into()),
                (false, "331 secret\r\n".into()),
                (true, format!("PASS {secret}\r\n")),
                (false, "530 no\r\n".into()),
            ];
            lines.into()
        }),
        ("mpd", 6600, |secret| {
            vec![
                (false, "OK MPD 0.23.5\n".into()),
                (true, format!("password \"{secret}\"\n")),
                (false, "ACK [3@0] {password} incorrect password\n".into()),
            ]
        }),
        ("sieve", 4190, |secret| {
            vec![
                (false, "\"IMPLEMENTATION\" \"x\"\r\nOK\r\n".into()),
                (true, "AUTHENTICATE \"LOGIN\"\r\n".into()),
                (true, "YW5uYQ==\r\n".into()),
                (true, format!("{}\r\n", ["YQ==", "YWE=", "YWFh"].concat().repeat(1 + secret.len() % 2))),
                (false, "NO \"no\"\r\n".into()),
            ]
        }),
        ("nut", 3493, |secret| {
            vec![
                (true, "USERNAME a\n".into()),
                (false, "OK\n".into()),
                (true, format!("PASSWORD {secret}\n")),
                (false, "OK\n".into()),
            ]
        }),
        ("irc", 6667, |secret| vec![(true, format!("PASS {secret}\r\nNICK a\r\n"))]),
        ("cvs", 2401, |secret| {
            vec![
                (true, format!("BEGIN VERIFICATION REQUEST\n/cvs\na\nA{secret}\nEND VERIFICATION REQUEST\n")),
                (false, "I HATE YOU\n".into()),
            ]
        }),
        ("redis 6", 6379, |secret| {
            let len = secret.len();
            vec![
                (
                    true,
                    format!("*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n${len}\r\n{secret}\r\n"),
                ),
                (false, "-WRONGPASS no\r\n".into()),
            ]
        }),
        ("letters for words", 8086, |secret| {
            vec![(true, format!("GET /query?u=a&p={secret}&q=x HTTP/1.1\r\nHost: a\r\n\r\n"))]
        }),
    ];
    let others: Vec<String> = (0..16).map(|n| format!("canary-{n}")).collect();
    let same = vec!["canary".to_owned(); 16];
    for (name, port, script) in services {
        if *name != "sieve" {
            assert!(each(*port, &others, script) > 0, "{name}");
        }
        assert_eq!(each(*port, &same, script), 0, "{name}: an old password");
        assert_eq!(each(*port, others.get(..4).unwrap_or_default(), script), 0, "{name}: somebody mistypes");
    }
}

#[test]
fn networks_of_one_relay_are_no_guesses() {
    let networks: Vec<String> = (0..14).map(|n| format!("anna/net{n}:canary")).collect();
    assert_eq!(each(6667, &networks, |secret| vec![(true, format!("PASS {secret}\r\nNICK a\r\n"))]), 0);
}

#[test]
fn refused_chats_count_if_they_come_fast() {
    let run = |pause: u64| -> usize {
        let mut stage = Stage::new(BruteForce::new(Settings::default()));
        let script: [(bool, &[u8]); 3] = [
            (true, b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'>"),
            (true, b"<response>abc=</response>"),
            (false, b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>"),
        ];
        let frames = (0..26)
            .flat_map(|n| conversation((9, 40_000 + n), (5, 5222), &script).into_iter().map(move |frame| (n, frame)));
        frames.map(|(n, frame)| stage.frame(&frame, u64::from(n) * pause).len()).sum()
    };
    assert!(run(1_000) > 0);
    assert_eq!(run(5_000), 0, "a telephone with an old password");
}

#[test]
fn one_password_for_everybody_of_a_directory_is_told() {
    let bind = |user: &str| -> Vec<u8> {
        let name = format!("uid={user},dc=home");
        let mut bind = vec![2, 1, 3, 4, name.len() as u8];
        bind.extend(name.as_bytes());
        bind.extend(b"\x80\x06canary");
        let mut message = vec![2, 1, 1, 0x60, bind.len() as u8];
        message.extend(bind);
        [&[0x30, message.len() as u8][..], &message].concat()
    };
    let run = |users: &[&str]| -> usize {
        let mut stage = Stage::new(BruteForce::new(Settings::default()));
        let mut told = 0;
        for (n, user) in users.iter().enumerate() {
            let said = bind(user);
            let refused: &[u8] = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\x00\x04\x00";
            for frame in conversation((9, 40_000 + n as u16), (5, 389), &[(true, said.as_slice()), (false, refused)]) {
                told += stage.frame(&frame, n as u64 * 1000).len();
            }
        }
        told
    };
    assert!(run(&["anna", "ben", "carla", "dora", "emil", "frida"]) > 0);
    assert_eq!(run(&["anna", "anna", "ben", "anna"]), 0, "two who mistype");
}

#[test]
fn an_old_password_is_no_guess_however_often_it_is_sent() {
    let of = |secret: &dyn Fn(usize) -> String, count: usize| -> usize {
        logins(&(0..count).map(secret).collect::<Vec<_>>(), false, 0).len()
    };
    assert_eq!(of(&|_| "sunny".to_owned(), 300), 0);
    assert_eq!(of(&|n| format!("sunny{}", n % 3), 300), 0, "each program of a device has one");
    assert!(of(&|n| format!("sunny{n}"), 12) > 0);
}
