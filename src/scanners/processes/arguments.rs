//! # Arguments of programs, without their secrets
//!
//! Pure. Command lines carry passwords and tokens; they are hidden before anything keeps or shows them.

use crate::model::clean_text;

const SHOWN_MAX: usize = 300;
const HIDDEN: &str = "(hidden)";
/// What an option or a variable is called that holds a secret.
const SECRETS: [&str; 10] =
    ["pass", "pwd", "secret", "token", "apikey", "api-key", "api_key", "private", "credential", "auth"];

/// `words` in one line, secrets hidden.
pub fn shown(words: &[String]) -> String {
    let mut line = String::new();
    let mut hide_next = false;
    for word in words {
        if line.len() > SHOWN_MAX {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        if std::mem::take(&mut hide_next) && !word.starts_with("--") {
            line.push_str(HIDDEN);
            continue;
        }
        match word.split_once('=') {
            Some((name, _)) if is_secret(name) => {
                line.push_str(name);
                line.push('=');
                line.push_str(HIDDEN);
            }
            _ => {
                hide_next = word.starts_with('-') && (is_secret(word) || word == "-p" || word == "-P" || word == "-u");
                line.push_str(&without_login(word));
            }
        }
    }
    clean_text(&line, SHOWN_MAX)
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|secret| name.contains(secret)) || name.trim_start_matches('-') == "key"
}

/// `scheme://user:password@host` without who logs in (RFC 3986 §3.2.1).
fn without_login(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}{path}"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_is_shown() {
        let cases = [
            ("sshd -D", "sshd -D"),
            ("mosquitto_sub -h broker -u anna -P hunter2 -t x", "mosquitto_sub -h broker -u (hidden) -P (hidden) -t x"),
            ("backup --password hunter2 --to nas", "backup --password (hidden) --to nas"),
            ("backup --password=hunter2", "backup --password=(hidden)"),
            ("env MQTT_PASSWORD=hunter2 run", "env MQTT_PASSWORD=(hidden) run"),
            ("curl --api-key hunter2 https://a.example/x", "curl --api-key (hidden) https://a.example/x"),
            ("ffmpeg -i rtsp://anna:hunter2@cam/live", "ffmpeg -i rtsp://(hidden)@cam/live"),
            ("tool --key hunter2", "tool --key (hidden)"),
            ("tool --verbose --token --x", "tool --verbose --token --x"),
        ];
        for (line, expected) in cases {
            let words: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
            assert_eq!(shown(&words), expected);
        }
        let long = vec!["x".repeat(90); 40];
        assert!(shown(&long).chars().count() <= SHOWN_MAX);
    }
}
