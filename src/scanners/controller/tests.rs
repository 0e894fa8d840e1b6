//! What is refused before anything is sent.

use super::*;

fn account(url: &str) -> Account {
    Account { url: url.into(), ..Account::default() }
}

#[tokio::test]
async fn addresses_that_cannot_work_are_told_without_their_password() {
    let cases = [
        ("", "no http"),
        ("192.168.1.1", "no http"),
        ("ftp://192.168.1.1", "no http"),
        ("http://", "no http"),
        ("http://root:hunter2@192.168.1.1", "carries a user"),
    ];
    for (url, why) in cases {
        let trouble = Controller::open(&account(url)).await.unwrap_err();
        assert!(trouble.why.contains(why) && !trouble.why.contains("hunter2"), "{url}: {trouble}");
        assert!(trouble.is_lasting, "{url}");
    }
    let odd = Account { fingerprint: Some("AB:CD".into()), ..account("https://192.168.1.1") };
    assert!(Controller::open(&odd).await.unwrap_err().why.contains("SHA-256"));
    assert!(Controller::open(&account("http://192.168.1.1/sub/")).await.is_ok());
}

#[test]
fn a_fingerprint_is_read_in_the_spellings_of_browsers_and_of_openssl() {
    let plain = "a1".repeat(32);
    let colons = vec!["A1"; 32].join(":");
    assert_eq!(fingerprint(&plain), Some([0xa1; 32]));
    assert_eq!(fingerprint(&colons), Some([0xa1; 32]));
    for wrong in ["", "a1", &"g1".repeat(32), &"é".repeat(32), &"a1".repeat(33)] {
        assert_eq!(fingerprint(wrong), None, "{wrong}");
    }
}

#[tokio::test]
async fn a_password_comes_from_its_file_and_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let account = Account { password_file: Some(path.clone()), ..account("http://192.168.1.1") };
    assert!(account.password().await.unwrap_err().why.contains("password_file"));
    for (text, good) in [("hunter2\n", true), ("", false), ("two\nlines", false)] {
        std::fs::write(&path, text).unwrap();
        let read = account.password().await;
        assert_eq!(read.is_ok(), good, "{text:?}");
        if let Ok(secret) = read {
            assert_eq!(exposed(&secret), "hunter2");
        }
    }
}

/// A peer on loopback that answers each connection with `head` and then with `piece` for ever, `pause` apart.
async fn endless(head: &'static str, piece: &'static [u8], pause: Option<Duration>) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut room = [0; 2048];
            assert!(stream.read(&mut room).await.unwrap() > 0);
            if stream.write_all(head.as_bytes()).await.is_err() {
                continue;
            }
            while !piece.is_empty() && stream.write_all(piece).await.is_ok() {
                if let Some(pause) = pause {
                    tokio::time::sleep(pause).await;
                }
            }
        }
    });
    url
}

#[tokio::test]
async fn whatever_a_controller_answers_there_is_an_end_to_it() {
    let long = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk: &[u8] = b"10\r\n[[[[[[[[[[[[[[[[\r\n";
    for (case, head, piece, pause) in [
        ("a list without an end", long, chunk, None),
        ("headers without an end", "HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n", None),
        ("cut short", "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n{\"data\":", b"", None),
        ("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", b"", None),
        // To its deadline.
        ("one that drips", long, b"1\r\n[\r\n", Some(Duration::from_millis(300))),
    ] {
        let url = endless(head, piece, pause).await;
        let controller = Controller::open(&account(&url)).await.unwrap();
        let asked = controller.ask(Request { path: "/", ..Request::default() }).await;
        let trouble = asked.map(|reply| reply.status).expect_err(case);
        assert!(!trouble.is_lasting && trouble.why.len() < 300, "{case}: {trouble}");
    }
}

#[tokio::test]
async fn a_controller_that_sends_us_elsewhere_is_not_followed_and_nests_nothing() {
    let trap = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let head =
        format!("HTTP/1.1 302 Found\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n", trap.local_addr().unwrap());
    let controller = Controller::open(&account(&endless(head.leak(), b"", None).await)).await.unwrap();
    let reply = controller.ask(Request { path: "/", ..Request::default() }).await.unwrap();
    assert_eq!(reply.status, 302);
    assert!(tokio::time::timeout(Duration::from_millis(100), trap.accept()).await.is_err(), "another host was asked");
    let deep = format!("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n{}", "[".repeat(200_000));
    let controller = Controller::open(&account(&endless(deep.leak(), b"", None).await)).await.unwrap();
    let reply = controller.ask(Request { path: "/", ..Request::default() }).await.unwrap();
    assert!(reply.json().is_none());
}
