//! Logins as other programs miscounted them: of encrypted ones, of many in one connection, of several guessers, and of
//! programs that are refused all day by design.

use porchlight::model::{MacAddr, Severity};

use crate::watch::{SYN, Watch, host, mac, packet, segment};

const MS: u64 = 1000;

/// A packet of SSH before encryption (RFC 4253 §6) whose message has this number.
fn plain(number: u8, len: usize) -> Vec<u8> {
    let mut body = vec![4, number];
    body.resize(len + 2, 7);
    body.extend([0; 4]);
    [&(body.len() as u32).to_be_bytes()[..], &body].concat()
}

/// A connection in which so many passwords are refused; the last may work, and be used for a while.
fn ssh(watch: &mut Watch, client: u8, port: u16, guesses: usize, works: bool) {
    let (begin, exchange, keys) = (plain(20, 600), plain(30, 100), plain(21, 1));
    let (accept, refusal, guess, screen) = (vec![0xa5; 44], vec![0xa5; 52], vec![0xa5; 148], vec![0xa5; 1200]);
    let mut script: Vec<(bool, &[u8])> = vec![
        (false, b"SSH-2.0-OpenSSH_9.2p1\r\n"),
        (true, b"SSH-2.0-OpenSSH_9.6\r\n"),
        (true, &begin),
        (false, &begin),
        (true, &exchange),
        (false, &exchange),
        (false, &keys),
        (true, &keys),
        // The service, and how one may log in.
        (true, &accept),
        (false, &accept),
        (true, &accept),
        (false, &refusal),
    ];
    for n in 0..guesses {
        script.push((true, &guess));
        if works && n + 1 == guesses {
            script.extend((0..6).flat_map(|_| [(false, screen.as_slice()), (true, &accept)]));
        } else {
            script.push((false, &refusal));
        }
    }
    watch.converse((host(client), port), (host(5), 22), &script, 2 * MS);
}

/// Fifty refused logins, one a connection: told of the client, whatever port it came from, and once.
#[test]
fn refused_logins_by_ssh_are_counted_for_their_service() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 66]);
    (0..50).for_each(|n| ssh(&mut watch, 66, 40_000 + n, 1, false));
    assert!(watch.names("brute_force", 66), "{:?}", watch.told);
    assert!(watch.told.iter().all(|told| told.attacker != Some(MacAddr(mac(5)))), "{:?}", watch.told);
    assert_eq!(watch.opened("brute_force"), 1, "one service, one alert: {:?}", watch.told);
}

/// A tool that tries six passwords in each connection needs few connections.
#[test]
fn each_guess_counts_and_not_each_connection() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 66]);
    (0..4).for_each(|n| ssh(&mut watch, 66, 40_000 + n, 6, false));
    assert!(watch.names("brute_force", 66), "by SSH: {:?}", watch.told);

    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 66]);
    let guesses: Vec<String> = (0..14).map(|n| format!("USER root\r\nPASS guess-{n}\r\n")).collect();
    let mut script: Vec<(bool, &[u8])> = vec![(false, b"220 hello\r\n")];
    script.extend(guesses.iter().flat_map(|guess| [(true, guess.as_bytes()), (false, b"331 and?\r\n530 no\r\n")]));
    watch.converse((host(66), 40_000), (host(5), 21), &script, 100 * MS);
    assert!(watch.names("brute_force", 66), "by FTP: {:?}", watch.told);
}

/// Of this host itself a card without a mirror port hears the questions as they come, and the answers as they go.
#[test]
fn guesses_at_the_passwords_of_this_host_are_told() {
    let own = || {
        let mut watch = Watch::new();
        watch.at_home(&[1, 5, 66]);
        watch.own = Some(5);
        watch
    };
    let mut watch = own();
    (0..50).for_each(|n| ssh(&mut watch, 66, 40_000 + n, 1, false));
    assert!(watch.names("brute_force", 66) && watch.opened("brute_force") == 1, "by SSH: {:?}", watch.told);
    let mut watch = own();
    (0..20).for_each(|n| ftp(&mut watch, 66, 40_000 + n, &format!("guess-{n}")));
    assert!(watch.names("brute_force", 66), "by FTP: {:?}", watch.told);
    let mut watch = own();
    (0..40).for_each(|n| ssh(&mut watch, 66, 40_000 + n, 1, true));
    assert_eq!(watch.opened("brute_force"), 0, "sessions that work: {:?}", watch.told);
    // What it begins itself is not kept.
    let flows = |watch: &Watch| watch.engine.sizes().into_iter().find(|(name, _)| *name == "traffic.flows");
    let (mut watch, before) = (own(), flows(&own()));
    for port in 1..2000 {
        watch.hear(&packet(host(5), host(66), 6, &segment(50_000, port, SYN)), MS);
    }
    assert_eq!((flows(&watch), watch.told.len()), (before, 0), "{:?}", watch.told);
}

/// Sessions that work are use, and so is a password that was mistyped.
#[test]
fn who_logs_in_guesses_nothing() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 9]);
    (0..40).for_each(|n| ssh(&mut watch, 9, 40_000 + n, 1, true));
    ssh(&mut watch, 9, 41_000, 2, true);
    assert!(watch.told.iter().all(|told| told.detector != "brute_force"), "{:?}", watch.told);
}

fn ftp(watch: &mut Watch, client: u8, port: u16, secret: &str) {
    let ask = format!("USER root\r\nPASS {secret}\r\n");
    let script: [(bool, &[u8]); 3] =
        [(false, b"220 hello\r\n"), (true, ask.as_bytes()), (false, b"331 and?\r\n530 no\r\n")];
    watch.converse((host(client), port), (host(5), 21), &script, 50 * MS);
}

/// Three people who mistype are not one who guesses; of two who guess each is told.
#[test]
fn each_guesser_has_a_count_of_their_own() {
    let guessers = |times: u16| {
        let mut watch = Watch::new();
        watch.at_home(&[1, 5, 7, 8, 9]);
        for n in 0..times {
            for client in [7, 8, 9] {
                ftp(&mut watch, client, 40_000 + n, &format!("guess-{client}-{n}"));
            }
        }
        [7, 8, 9].map(|client| watch.names("brute_force", client))
    };
    assert_eq!(guessers(4), [false; 3]);
    assert_eq!(guessers(20), [true; 3]);
}

/// A program that keeps folders in step asks without a password first, and for much that is not there (RFC 4918).
#[test]
fn folders_kept_in_step_are_no_attack() {
    let mut watch = Watch::new();
    watch.at_home(&[1, 5, 9]);
    for n in 0..90u16 {
        let path = format!("/remote.php/dav/files/anna/photo{n}.jpg");
        let login = if n % 9 == 0 { "" } else { "Authorization: Bearer c2VjcmV0\r\n" };
        let method = ["PROPFIND", "PUT", "MKCOL", "PROPFIND"][usize::from(n) % 4];
        let ask = format!("{method} {path} HTTP/1.1\r\nHost: nas\r\n{login}Content-Length: 0\r\n\r\n");
        let answer = match n % 3 {
            _ if login.is_empty() => "401 Unauthorized",
            0 => "404 Not Found",
            _ => "207 Multi-Status",
        };
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
        let script: [(bool, &[u8]); 2] = [(true, ask.as_bytes()), (false, answer.as_bytes())];
        watch.converse((host(9), 40_000 + n), (host(5), 8080), &script, 100 * MS);
    }
    assert_eq!(watch.from(Severity::Low), [""; 0]);
}
