//! What each maker's controller answers.

use porchlight::wire::http::digest::{Challenge, Login};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::server::{Answer, Asked, State};

pub const USER: &str = "porchlight";
pub const SESSION: &str = "c1ed6c7b025d0caca723a816fa61b668";

fn shape(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// uhttpd with `mod-ubus` in front of hostapd and iwinfo.
pub fn openwrt(state: &mut State, asked: &Asked) -> Answer {
    if asked.path != "/ubus" {
        return Answer::new(404, "<h1>404 Not Found</h1>");
    }
    let call: Value = serde_json::from_str(&asked.body).unwrap();
    let params = call["params"].as_array().unwrap();
    let text = |n: usize| params.get(n).and_then(Value::as_str).unwrap_or_default();
    let reply =
        |result: Value| Answer::new(200, json!({"jsonrpc": "2.0", "id": call["id"], "result": result}).to_string());
    let denied = || {
        Answer::new(
            200,
            json!({"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32002, "message": "Access denied"}})
                .to_string(),
        )
    };
    if text(1) == "session" {
        let login = &params[3];
        if login["username"] != USER || login["password"] != state.password {
            return reply(json!([6]));
        }
        state.logins += 1;
        let session = format!("{:08x}{}", state.logins, &SESSION[8..]);
        state.sessions.push(session.clone());
        return reply(
            json!([0, {"ubus_rpc_session": session, "timeout": 300, "expires": 299, "acls": {}, "data": {"username": USER}}]),
        );
    }
    if !state.sessions.iter().any(|session| session == text(0)) {
        return denied();
    }
    if call["method"] == "list" {
        return reply(json!({"hostapd.phy0-ap0": {"get_clients": {}, "get_status": {}}}));
    }
    match (text(1), text(2)) {
        ("hostapd.phy0-ap0", _) if state.limited => denied(),
        ("hostapd.phy0-ap0", "get_clients") => {
            let each = state.stations.iter().map(|(mac, packets)| {
                let mut client = shape(include_str!("openwrt_client.json"));
                client["packets"]["rx"] = (*packets).into();
                client["bytes"]["rx"] = (packets * 100).into();
                ((*mac).to_owned(), client)
            });
            reply(json!([0, {"freq": 5180, "clients": each.collect::<serde_json::Map<_, _>>()}]))
        }
        ("hostapd.phy0-ap0", "get_status") => {
            reply(json!([0, {"status": "ENABLED", "bssid": "74:83:c2:00:00:01", "ssid": "home"}]))
        }
        ("iwinfo", "devices") => reply(json!([0, {"devices": ["phy0-ap0"]}])),
        ("iwinfo", "info") => reply(json!([0, {"phy": "phy0", "ssid": "home", "mode": "Master"}])),
        ("iwinfo", "assoclist") => {
            let each = state.stations.iter().map(|(mac, packets)| {
                let mut client = shape(include_str!("openwrt_assoc.json"));
                client["mac"] = mac.to_uppercase().into();
                client["rx"]["packets"] = (*packets).into();
                client["rx"]["bytes"] = (packets * 100).into();
                client
            });
            reply(json!([0, {"results": each.collect::<Vec<_>>()}]))
        }
        _ => reply(json!([4])),
    }
}

/// UniFi OS, or the classic network application.
pub fn unifi(state: &mut State, asked: &Asked) -> Answer {
    let no =
        |status, why: &str| Answer::new(status, json!({"meta": {"rc": "error", "msg": why}, "data": []}).to_string());
    let (login, prefix, cookie) =
        if state.classic { ("/api/login", "", "unifises") } else { ("/api/auth/login", "/proxy/network", "TOKEN") };
    if asked.path.starts_with("/elsewhere") {
        return Answer::new(404, "<html>");
    }
    if asked.path == "/" {
        return if state.classic { Answer::new(302, "").with("Location: /manage") } else { Answer::new(200, "<html>") };
    }
    if asked.path == login {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        if body["username"] != USER || body["password"] != state.password {
            return if state.classic { no(400, "api.err.Invalid") } else { Answer::new(403, "{}") };
        }
        state.logins += 1;
        let session = format!("s{}", state.logins);
        state.sessions.push(session.clone());
        return Answer::new(200, "{}")
            .with(format!("Set-Cookie: {cookie}={session}; path=/; secure; httponly"))
            .with("Set-Cookie: csrf_token=abc; path=/; secure");
    }
    let cookies = asked.header("cookie").unwrap_or_default();
    if !state.sessions.iter().any(|session| cookies.contains(&format!("{cookie}={session}"))) {
        return no(401, "api.err.LoginRequired");
    }
    if asked.path != format!("{prefix}/api/s/default/stat/sta") {
        return no(404, "api.err.NotFound");
    }
    if state.limited {
        return no(401, "api.err.NoSiteContext");
    }
    let each = state.stations.iter().map(|(mac, packets)| {
        let mut client = shape(include_str!("unifi_client.json"));
        client["mac"] = (*mac).into();
        client["rx_packets"] = (*packets).into();
        client["rx_bytes"] = (packets * 100).into();
        client
    });
    let mut data: Vec<Value> = each.collect();
    // Behind a switch port whose counters run.
    data.push(json!({"mac": "3c:22:fb:0c:0c:0c", "is_wired": true, "sw_port": 3, "wired-rx_packets": state.log.len(), "rx_packets": state.log.len()}));
    Answer::new(200, json!({"meta": {"rc": "ok"}, "data": data}).to_string())
}

/// TR-064 with digest.
pub fn fritzbox(state: &mut State, asked: &Asked) -> Answer {
    if state.limited || asked.path.starts_with("/elsewhere") {
        return Answer::new(404, "");
    }
    if asked.path.starts_with("/devicehostlist.lua?sid=") {
        let each = state
            .stations
            .iter()
            .map(|(mac, _)| include_str!("fritzbox_host.xml").replace("MAC<", &format!("{}<", mac.to_uppercase())));
        return Answer::new(200, format!("<?xml version=\"1.0\"?>\n<List>{}</List>", each.collect::<String>()));
    }
    let nonce = format!("{:016X}", state.logins);
    let challenge = format!("Digest realm=\"F!Box SOAP-Auth\",nonce=\"{nonce}\",algorithm=MD5,qop=\"auth\"");
    let refuse = || Answer::new(401, "").with(format!("WWW-Authenticate: {challenge}"));
    let Some(given) = asked.header("authorization") else { return refuse() };
    let field = |name: &str| {
        let start = given.find(&format!("{name}=")).unwrap() + name.len() + 1;
        given[start..].trim_start_matches('"').split(['"', ',']).next().unwrap().to_owned()
    };
    let login = Login { username: USER.into(), password: SecretString::from(state.password.to_owned()) };
    let count = u32::from_str_radix(&field("nc"), 16).unwrap();
    let right = Challenge::read(&challenge).unwrap().answer(&login, "POST", &asked.path, count, &field("cnonce"));
    if given != right.expose_secret() {
        return refuse();
    }
    let action = asked.header("soapaction").unwrap();
    let soap = |body: &str| {
        Answer::new(
            200,
            format!("<s:Envelope xmlns:s=\"x\"><s:Body><u:R xmlns:u=\"y\">{body}</u:R></s:Body></s:Envelope>"),
        )
    };
    let fault = |code: u32| {
        Answer::new(
            500,
            format!(
                "<s:Envelope xmlns:s=\"x\"><s:Body><s:Fault><faultcode>s:Client</faultcode><detail><UPnPError><errorCode>{code}</errorCode></UPnPError></detail></s:Fault></s:Body></s:Envelope>"
            ),
        )
    };
    match (asked.path.as_str(), action.rsplit('#').next().unwrap()) {
        ("/upnp/control/wlanconfig1", "GetTotalAssociations") => {
            soap(&format!("<NewTotalAssociations>{}</NewTotalAssociations>", state.stations.len()))
        }
        ("/upnp/control/wlanconfig2", "GetTotalAssociations") => soap("<NewTotalAssociations>0</NewTotalAssociations>"),
        ("/upnp/control/wlanconfig1", "GetGenericAssociatedDeviceInfo") => {
            let index = asked.body.split("NewAssociatedDeviceIndex>").nth(1).unwrap().split('<').next().unwrap();
            match state.stations.get(index.parse::<usize>().unwrap()) {
                Some((mac, _)) => Answer::new(
                    200,
                    include_str!("fritzbox_station.xml").replace("MAC<", &format!("{}<", mac.to_uppercase())),
                ),
                None => fault(713),
            }
        }
        ("/upnp/control/hosts", "X_AVM-DE_GetHostListPath") => {
            soap("<NewX_AVM-DE_HostListPath>/devicehostlist.lua?sid=0123456789abcdef</NewX_AVM-DE_HostListPath>")
        }
        _ => Answer::new(404, ""),
    }
}
