//! WS-Discovery against the responder that Samba servers run.

use super::home::{Home, office};

#[test]
fn a_samba_server_is_named_by_ws_discovery() {
    let Some(mut home) = Home::build("wsdd") else { return };
    if home.peer("wsdd", &["-i", "wire0", "-4", "-n", "ATTIC-PC", "-w", "FAMILY"]) {
        home.run("wsd::inner_samba");
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_samba() {
    let mut office = office().await;
    // The responder needs a second to start; until then searches come often.
    office.settings.wsd.interval = porchlight::model::Span::seconds(5);
    office.start("wsd");
    office
        .hears(&[
            "Named { name: \"ATTIC-PC\", by: Netbios }",
            "value: \"FAMILY\"",
            "\"wsd_type\", value: \"Computer\"",
            "Alive",
        ])
        .await;
}
