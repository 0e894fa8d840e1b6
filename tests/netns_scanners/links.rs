//! Interfaces and addresses that come and go.

use std::sync::Arc;

use porchlight::{
    model::{NetworkFacts, Phase},
    scanners,
};
use tokio::{sync::watch, time::timeout};

use crate::home::{DEADLINE, Home, ip};

#[test]
fn a_link_that_goes_and_an_address_that_comes_are_noticed() {
    let Some(home) = Home::build("links") else { return };
    home.run(None, "links::inner_links");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_links() {
    let (facts, mut seen) = watch::channel(Arc::new(NetworkFacts::default()));
    let (_phase, run) = watch::channel(Phase::Running);
    tokio::spawn(scanners::watch_network(Arc::default(), facts, run));
    let up = |facts: &NetworkFacts| facts.interfaces.iter().any(|i| i.name == "home0" && i.up);
    let wait =
        async |seen: &mut watch::Receiver<Arc<NetworkFacts>>, what: &str, wanted: &dyn Fn(&NetworkFacts) -> bool| {
            timeout(DEADLINE, seen.wait_for(|facts| wanted(facts))).await.unwrap_or_else(|_| panic!("{what}")).unwrap();
        };
    wait(&mut seen, "first listing", &up).await;
    assert!(ip(&["link", "set", "home0", "down"]));
    wait(&mut seen, "link down", &|facts| !up(facts)).await;
    assert!(ip(&["link", "set", "home0", "up"]));
    wait(&mut seen, "link up", &up).await;
    assert!(ip(&["addr", "add", "10.99.0.1/24", "dev", "home0"]));
    wait(&mut seen, "address", &|facts| facts.is_attached([10, 99, 0, 7].into())).await;
    assert!(ip(&["route", "add", "default", "via", "10.99.0.254"]));
    wait(&mut seen, "gateway", &|facts| facts.is_gateway([10, 99, 0, 254].into())).await;
    assert!(
        ip(&["link", "add", "docker0", "type", "bridge"]) && ip(&["addr", "add", "172.17.0.1/16", "dev", "docker0"])
    );
    assert!(ip(&["link", "set", "docker0", "up"]) && ip(&["addr", "add", "10.98.0.1/24", "dev", "home0"]));
    wait(&mut seen, "second address", &|facts| facts.is_attached([10, 98, 0, 7].into())).await;
    assert!(!seen.borrow().interfaces.iter().any(|i| i.name == "docker0"), "containers are not the home");
}
