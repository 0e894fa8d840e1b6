//! The real agent, by every version and level of security.

use std::time::Duration;

use porchlight::{
    model::{Health, Secret, Span},
    scanners::snmp::{AuthWord, PrivacyWord, Target, User},
};
use tokio::time::{Instant, timeout};

use super::home::{DEADLINE, Home, Office, office, peer};

/// Whom the agent lets in: name, its words for it, ours.
const USERS: &[(&str, &str, &str, AuthWord, PrivacyWord)] = &[
    ("plain", "", "noauth", AuthWord::None, PrivacyWord::None),
    ("md5", "MD5 first-pass-1", "auth", AuthWord::Md5, PrivacyWord::None),
    ("sha1", "SHA first-pass-1", "auth", AuthWord::Sha1, PrivacyWord::None),
    ("sha224", "SHA-224 first-pass-1", "auth", AuthWord::Sha224, PrivacyWord::None),
    ("sha384", "SHA-384 first-pass-1", "auth", AuthWord::Sha384, PrivacyWord::None),
    ("sha512", "SHA-512 first-pass-1", "auth", AuthWord::Sha512, PrivacyWord::None),
    ("des", "MD5 first-pass-1 DES second-pass-2", "priv", AuthWord::Md5, PrivacyWord::Des),
    ("aes128", "SHA-256 first-pass-1 AES second-pass-2", "priv", AuthWord::Sha256, PrivacyWord::Aes128),
    ("aes192", "SHA first-pass-1 AES-192 second-pass-2", "priv", AuthWord::Sha1, PrivacyWord::Aes192),
    ("aes256", "SHA-224 first-pass-1 AES-256 second-pass-2", "priv", AuthWord::Sha224, PrivacyWord::Aes256),
    ("long", "SHA-512 first-pass-1 AES-256 second-pass-2", "priv", AuthWord::Sha512, PrivacyWord::Aes256),
];

/// Starts the agent with `lines` besides what all tests share.
fn agent(home: &mut Home, lines: &str) -> bool {
    let dir = home.dir.display();
    let mut config = format!(
        "[snmp] persistentDir {dir}/kept\n[snmpd]\nagentaddress udp:161\nsysName attic-switch.home.arpa\n\
         sysLocation Attic, left shelf\nsysDescr Five port switch, firmware 1.2\nsysObjectID 1.3.6.1.4.1.4526.100.4.8\n\
         sysServices 72\n{lines}\n"
    );
    for (name, words, level, ..) in USERS {
        config += &format!("createUser {name} {words}\nrouser {name} {level}\n");
    }
    std::fs::write(home.dir.join("snmpd.conf"), config).unwrap();
    let config = format!("{dir}/snmpd.conf");
    home.peer("snmpd", &["-f", "-C", "-Lo", "-c", &config])
}

const SYSTEM: &[&str] = &[
    "Alive { proof: Frame, age: 0ns }",
    "Named { name: \"attic-switch\", by: Snmp }",
    "key: \"snmp_description\", value: \"Five port switch, firmware 1.2\"",
    "key: \"location\", value: \"Attic, left shelf\"",
    "key: \"maker\", value: \"NETGEAR\"",
];

async fn quick() -> Office {
    let mut office = office().await;
    // The agent takes a second to begin; until then rounds come often.
    office.settings.snmp.interval = Span::seconds(5);
    office
}

fn user(name: &str, auth: AuthWord, privacy: PrivacyWord) -> User {
    User {
        name: name.into(),
        auth,
        auth_password: (auth != AuthWord::None).then(|| Secret::new("first-pass-1")),
        privacy,
        privacy_password: (privacy != PrivacyWord::None).then(|| Secret::new("second-pass-2")),
        ..User::default()
    }
}

fn target() -> Target {
    Target { address: peer(), community: None, community_file: None, user: None }
}

/// Waits until health says something that contains `wanted`.
async fn says(office: &mut Office, wanted: &str) -> String {
    let began = Instant::now();
    let mut said = Vec::new();
    loop {
        let left = DEADLINE.saturating_sub(began.elapsed());
        match timeout(left, office.health.recv()).await {
            Ok(Some(line)) => {
                let text = format!("{:?}", line.health);
                if text.contains(wanted) {
                    return text;
                }
                said.push(text);
            }
            _ => panic!("never said {wanted:?}, but {said:?}"),
        }
    }
}

#[test]
fn an_agent_of_version_2c_tells_what_it_is_to_whom_asks_as_everybody_does() {
    let Some(mut home) = Home::build("snmp2") else { return };
    if agent(&mut home, "rocommunity public") {
        home.run("agent::inner_public");
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_public() {
    let mut office = quick().await;
    office.start("snmp");
    office.hears(SYSTEM).await;
}

#[test]
fn an_agent_that_speaks_version_1_only_is_understood() {
    let Some(mut home) = Home::build("snmp1") else { return };
    if agent(
        &mut home,
        "com2sec old default public\ngroup olds v1 old\nview all included .1\naccess olds \"\" v1 noauth exact all none none",
    ) {
        home.run("agent::inner_old");
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_old() {
    let mut office = quick().await;
    // Unasked for, version 1 would have its turn an hour after version 2c.
    office.settings.snmp.targets = vec![target()];
    office.start("snmp");
    office.hears(SYSTEM).await;
}

#[test]
fn each_level_of_version_3_is_understood() {
    let Some(mut home) = Home::build("snmp3") else { return };
    if agent(&mut home, "") {
        home.run("agent::inner_levels");
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_levels() {
    for (name, _, _, auth, privacy) in USERS {
        let mut office = quick().await;
        office.settings.snmp.public = false;
        office.settings.snmp.users = vec![user(name, *auth, *privacy)];
        office.settings.snmp.targets = vec![target()];
        office.start("snmp");
        office.hears(SYSTEM).await;
        eprintln!("measured: {name} is let in");
    }
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let Some(mut home) = Home::build("snmpw") else { return };
    if agent(&mut home, "") {
        home.run("agent::inner_wrong");
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_wrong() {
    let right = user("aes128", AuthWord::Sha256, PrivacyWord::Aes128);
    let secret = || Some(Secret::new("not-the-password"));
    let cases = [
        (
            User { auth_password: secret(), ..right.clone() },
            "10.78.0.9 does not take the auth password of the user aes128",
        ),
        (
            User { privacy_password: secret(), ..right.clone() },
            "10.78.0.9 does not answer to the user aes128: as a rule the privacy password",
        ),
        (User { name: "nobody".into(), ..right.clone() }, "10.78.0.9 does not know the user nobody"),
        (User { privacy: PrivacyWord::None, ..right.clone() }, "10.78.0.9 refuses the user aes128"),
        (User { auth_password: Some(Secret::new("short")), ..right.clone() }, "user aes128: auth_password is shorter"),
        (
            User { auth_password: None, auth_password_file: Some("/nowhere/secret".into()), ..right },
            "cannot read /nowhere/secret that auth_password_file names",
        ),
    ];
    for (user, wanted) in cases {
        let mut office = quick().await;
        office.settings.snmp.public = false;
        office.settings.snmp.users = vec![user];
        office.settings.snmp.targets = vec![target()];
        office.start("snmp");
        let said = says(&mut office, wanted).await;
        assert!(!said.contains("not-the-password") && !said.contains("first-pass"), "{said}");
        // It is said once, though it is tried again each round.
        let again = timeout(Duration::from_secs(12), async {
            let mut other = Vec::new();
            while let Some(line) = office.health.recv().await {
                other.push(line.health.clone());
                if matches!(line.health, Health::Up) {
                    break;
                }
            }
            other
        });
        assert!(again.await.is_err(), "the trouble went away by itself");
        assert!(office.observations.try_recv().is_err(), "nothing is told of it");
    }
}

#[test]
fn a_wrong_community_is_silence_and_no_trouble_unless_the_device_is_named() {
    let Some(mut home) = Home::build("snmpc") else { return };
    if agent(&mut home, "rocommunity family") {
        home.run("agent::inner_silence");
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_silence() {
    let mut office = quick().await;
    office.settings.snmp.targets = vec![target()];
    office.start("snmp");
    says(&mut office, "10.78.0.9 does not answer").await;

    let file = std::path::Path::new(&std::env::var("HOME_DIR").unwrap()).join("community");
    std::fs::write(&file, "family\n").unwrap();
    let mut office = quick().await;
    office.settings.snmp.targets = vec![Target { community_file: Some(file), ..target() }];
    office.start("snmp");
    office.hears(SYSTEM).await;

    let mut office = quick().await;
    office.start("snmp");
    let heard = timeout(Duration::from_secs(12), office.observations.recv()).await;
    assert!(heard.is_err(), "{heard:?}");
    while let Ok(line) = office.health.try_recv() {
        assert_eq!(line.health, Health::Up);
    }
}
