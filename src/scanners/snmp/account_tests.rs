//! Which account is tried where, and what is said of a bad one.

use std::os::unix::fs::PermissionsExt;

use super::*;

const SWITCH: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 3));

fn words(accounts: &Accounts, ip: IpAddr) -> Vec<String> {
    use secrecy::ExposeSecret;
    let word = |account: &Account| match account {
        Account::User(login) => login.name.clone(),
        Account::Community(version, text) => {
            format!("{} {version:?}", String::from_utf8_lossy(text.expose_secret()))
        }
    };
    accounts.of(ip).iter().map(word).collect()
}

fn user(name: &str) -> User {
    User { name: name.into(), ..User::default() }
}

fn target(community: Option<&str>, user: Option<&str>) -> Target {
    let community = community.map(Secret::new);
    Target { address: SWITCH, community, community_file: None, user: user.map(ToOwned::to_owned) }
}

#[test]
fn what_hides_is_tried_before_what_everybody_reads() {
    let settings = Settings { communities: vec!["family".into()], users: vec![user("anna")], ..Settings::default() };
    let all = ["anna", "family V2c", "public V2c", "family V1", "public V1"];
    assert_eq!(words(&Accounts::read(&settings), SWITCH), all);
    let cases: &[(Target, &[&str])] = &[
        (target(None, None), &all),
        (target(Some("own"), None), &["own V2c", "own V1"]),
        (target(None, Some("anna")), &["anna"]),
        (target(Some("own"), Some("anna")), &["anna", "own V2c", "own V1"]),
    ];
    for (target, expected) in cases {
        let accounts = Accounts::read(&Settings { targets: vec![target.clone()], ..settings.clone() });
        assert_eq!(words(&accounts, SWITCH), *expected, "{target:?}");
        assert_eq!(words(&accounts, OTHER), all, "an account of one device goes to no other");
        assert!(accounts.faults.is_empty());
    }
    assert_eq!(words(&Accounts::read(&Settings::default()), SWITCH), ["public V2c", "public V1"]);
    assert!(words(&Accounts::read(&Settings { public: false, ..Settings::default() }), SWITCH).is_empty());
}

#[test]
fn a_bad_account_says_which_and_why_but_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let full = User {
        auth: AuthWord::Sha256,
        auth_password_file: Some(file("good", "hunter2hunter2\n")),
        privacy: PrivacyWord::Aes128,
        ..user("anna")
    };
    let secret = |text: &str| Some(Secret::new(text));
    let cases: &[(User, Option<&str>)] = &[
        (user("anna"), None),
        (full.clone(), None),
        (User { privacy_password: secret("hunter2hunter3"), ..full.clone() }, None),
        (User { auth_password_file: None, ..full.clone() }, Some("needs auth_password")),
        (User { auth_password: secret("hunter2"), ..full.clone() }, Some("auth_password is shorter than 8")),
        (User { privacy_password: secret("hunter2"), ..full.clone() }, Some("privacy_password is shorter than 8")),
        (User { auth: AuthWord::None, ..full.clone() }, Some("privacy needs auth")),
        (User { auth_password_file: Some(file("two", "hunter2\nhunter2")), ..full.clone() }, Some("single line")),
        (User { auth_password_file: Some(file("none", "\n")), ..full.clone() }, Some("single line")),
        (User { auth_password_file: Some(folder.path().into()), ..full.clone() }, Some("is no file")),
        (User { privacy_password_file: Some("/nowhere/x".into()), ..full }, Some("privacy_password_file names")),
    ];
    for (user, wanted) in cases {
        let accounts = Accounts::read(&Settings { public: false, users: vec![user.clone()], ..Settings::default() });
        assert_eq!(accounts.faults.is_empty(), wanted.is_none(), "{user:?}: {:?}", accounts.faults);
        assert_eq!(accounts.of(SWITCH).len(), usize::from(wanted.is_none()));
        let said = format!("{:?} {:?}", accounts.faults, accounts.of(SWITCH));
        assert!(wanted.is_none_or(|wanted| said.contains(wanted) && said.contains("user anna")), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let settings = Settings { targets: vec![target(None, Some("bert"))], ..Settings::default() };
    assert_eq!(Accounts::read(&settings).faults, ["10.0.0.2: there is no user bert in scanners.snmp.users"]);
    let unread = Target { community_file: Some("/nowhere/x".into()), ..target(None, None) };
    let accounts = Accounts::read(&Settings { targets: vec![unread], ..Settings::default() });
    assert!(accounts.faults[0].starts_with("10.0.0.2: cannot read /nowhere/x that community_file names"));
    assert!(accounts.of(SWITCH).is_empty(), "no other community in its place");
}
