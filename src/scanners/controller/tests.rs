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
