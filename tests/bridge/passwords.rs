//! A password that the Supervisor changes under our feet.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use porchlight::{
    model::Health,
    mqtt::{
        Settings,
        bridge::Told,
        find::{self, How, Surroundings},
    },
};

use crate::{
    home::Home,
    mosquitto::{Mosquitto, PATIENCE, wanted},
    supervisor::{account, supervisor},
};

#[tokio::test]
async fn a_refused_password_is_asked_for_again_but_not_all_the_time() {
    if !wanted() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let passwords = folder.path().join("passwords");
    let made = std::process::Command::new("mosquitto_passwd")
        .args(["-b", "-c", passwords.to_str().expect("a path"), "addons", "new"])
        .status();
    assert!(made.is_ok_and(|status| status.success()), "mosquitto_passwd works");
    let broker = Mosquitto::start_in(folder, &format!("allow_anonymous false\npassword_file {}", passwords.display()));
    // The broker's add-on was installed anew after we asked at start: twice we get the old password.
    let answers = ["old", "old", "new"].map(|password| account(broker.port, password));
    let (supervisor, asked) = supervisor("200 OK", answers.into()).await;
    let around = Surroundings { supervisor: Some(supervisor), state_dir: "/nonexistent".into(), local_port: 0 };
    let found = find::find(&Settings::default(), &around).await.expect("the Supervisor answers");
    assert_eq!((found.how, asked.load(Ordering::SeqCst)), (How::Supervisor, 1));
    let began = Instant::now();
    let mut home = Home::with(Settings::default(), around, found, 0x7f_3a2c, true);
    home.shows(&[]);
    let refused = home.told(|told| matches!(told, Told::Health(_))).await;
    let Told::Health(Health::Down { why, advice }) = refused else { panic!("{refused:?}") };
    assert!(advice.is_some() && !why.contains("old"), "{why}");
    let up = tokio::time::timeout(PATIENCE * 2, async {
        while !matches!(home.told.recv().await.expect("the bridge lives"), Told::Health(Health::Up)) {}
    });
    up.await.expect("let in with the new one");
    assert_eq!(asked.load(Ordering::SeqCst), 3, "once at start, at once when it was refused, and once more");
    assert!(began.elapsed() >= Duration::from_secs(14), "not at every knock: {:?}", began.elapsed());
    home.end(true).await;
}
