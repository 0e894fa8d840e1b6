//! # Why it was called away
//!
//! A departure's decision, as the event log kept it, in words a person understands.

use serde_json::Value as Json;

use crate::{cli::table, model::Wall};

/// The kind of event that holds one.
pub const KIND: &str = "departure_judged";

/// The decision made at `at`, as lines; nothing of it that is not there.
#[must_use]
pub fn text(at: Wall, data: &Json) -> String {
    let word = |key: &str| data.get(key).and_then(Json::as_str).unwrap_or_default();
    let number = |key: &str| data.get(key).and_then(Json::as_f64);
    let mut lines = vec![silence(number("mute_s"), number("away_after_s"), word("rule"), word("context"))];
    let heard =
        word("last_proof").parse().map_or_else(|_| String::new(), |at| format!("heard last {}", table::clock(at)));
    let asked: Vec<&str> =
        data.get("asked").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect();
    lines.push(match number("unanswered") {
        Some(count) if count >= 1.0 && !asked.is_empty() => {
            format!("{heard}; {count} questions unanswered ({})", asked.join(", "))
        }
        _ => format!("{heard}; it could not be asked"),
    });
    if word("reason") == "hard_limit" {
        lines.push("no device of its kind keeps mute for longer at home: that decided, not what was learned".into());
    }
    let ratios = data.get("ratios").and_then(Json::as_object).into_iter().flatten();
    for (sign, ratio) in ratios.filter_map(|(sign, ratio)| Some((sign, ratio.as_f64()?))) {
        lines.push(format!("{}: {}", said(sign), likelier(ratio)));
    }
    if word("rule") == "learned" {
        if let Some(odds) = number("odds").filter(|odds| (odds - 1.0).abs() >= 0.1) {
            lines.push(format!("at this hour it leaves {odds} times as often as on average"));
        }
        let (dial, wrong) = (number("dial").unwrap_or(1.0), number("false_aways_30d").unwrap_or(0.0));
        lines.push(format!("{dial} false a month are allowed, {wrong} were in the 30 days before"));
    }
    lines.push(match number("confidence") {
        Some(sure) => format!("so it had left with {:.1} % certainty", sure * 100.0),
        None => "how certain that is, is not known: too little was learned of its sleep".into(),
    });
    if let (helps, Some(after_s)) = (word("helps"), number("helps_after_s"))
        && !helps.is_empty()
    {
        lines.push(format!("what would have helped most: {}: told after {} of mute", witness(helps), span(after_s)));
    }
    let mut out = format!("\nwhy it was called away {}\n", table::clock(at));
    for line in lines {
        out.push_str(&format!("  {line}\n"));
    }
    out
}

fn silence(mute_s: Option<f64>, away_after_s: Option<f64>, rule: &str, context: &str) -> String {
    let (mute, after) = (span(mute_s.unwrap_or(0.0)), span(away_after_s.unwrap_or(0.0)));
    let why = match rule {
        "set" => "as people set it".to_owned(),
        "learned" => format!("as was learned of it, {}", used(context)),
        _ => "as devices of its kind sleep".to_owned(),
    };
    format!("mute for {mute}; away after {after}, {why}")
}

fn used(context: &str) -> &'static str {
    match context {
        "busy" => "just after it was in use",
        "idle" => "when it lies about by day",
        _ => "when it is at rest",
    }
}

/// Words of `departure::evidence`.
fn said(sign: &str) -> &str {
    match sign {
        "off_every_list" => "on no access point's list any more",
        "still_listed" => "an access point still lists it",
        "door_opened" => "a door opened about when it fell silent",
        "doors_stayed_shut" => "every door stayed shut",
        "app_far_away" => "its owner's app is far away",
        "app_at_home" => "its owner's app is at home",
        "other_device_here" => "another device of its owner is here",
        "all_silent" => "all devices of its owner fell silent together",
        "other_device_left" => "another device of its owner left with it",
        "dhcp_release" => "it gave its address back",
        "mdns_goodbye" | "ssdp_byebye" => "it said goodbye",
        "tracker_left" => "a router's tracker gave it up",
        other => other,
    }
}

fn witness(word: &str) -> &str {
    match word {
        "station_list" => "a list of the access point's stations",
        "door_contacts" => "contacts at the doors (presence.doors)",
        "app_position" => "the position of the companion app",
        other => other,
    }
}

fn likelier(ratio: f64) -> String {
    if ratio >= 1.0 {
        format!("{ratio} times likelier that it left")
    } else {
        format!("{ratio} times as likely that it left")
    }
}

/// `40 s`, `12 min`, `1 h 5 min`.
fn span(seconds: f64) -> String {
    let seconds = seconds.round().max(0.0) as u64;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_decision_is_told_in_words() {
        let data = json!({
            "reason": "no_answer", "rule": "learned", "context": "idle", "last_proof": "2026-11-25T07:05:00.000Z",
            "mute_s": 345, "away_after_s": 340, "unanswered": 7, "asked": ["arp", "mdns"],
            "ratios": {"off_every_list": 98.0, "other_device_here": 0.3}, "odds": 1.8, "dial": 1.0, "false_aways_30d": 0,
            "confidence": 0.982, "helps": "door_contacts", "helps_after_s": 95,
        });
        let text = text(Wall(1_795_600_000_000), &data);
        for part in [
            "mute for 6 min; away after 6 min, as was learned of it, when it lies about by day",
            "7 questions unanswered (arp, mdns)",
            "on no access point's list any more: 98 times likelier that it left",
            "another device of its owner is here: 0.3 times as likely that it left",
            "at this hour it leaves 1.8 times as often",
            "98.2 % certainty",
            "contacts at the doors (presence.doors): told after 95 s of mute",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        // Of another version, or damaged: what is there is told.
        assert!(super::text(Wall(0), &json!({})).contains("not known"));
    }
}
