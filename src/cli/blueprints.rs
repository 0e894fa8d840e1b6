//! # `blueprints`: Home Assistant's side of the push messages
//!
//! The files are part of the program, so a page or an app without internet access has them.

use clap::Subcommand;

use super::{Context, Exit, Failure, recorded::to_stdout};

/// Name and text of each blueprint, as in `blueprints/automation/porchlight/`.
pub const FILES: &[(&str, &str)] = &[
    ("arm", include_str!("../../blueprints/automation/porchlight/arm.yaml")),
    ("arrives_leaves", include_str!("../../blueprints/automation/porchlight/arrives_leaves.yaml")),
    ("first_home_last_left", include_str!("../../blueprints/automation/porchlight/first_home_last_left.yaml")),
    ("same_device", include_str!("../../blueprints/automation/porchlight/same_device.yaml")),
    ("security_alert", include_str!("../../blueprints/automation/porchlight/security_alert.yaml")),
    ("unknown_device", include_str!("../../blueprints/automation/porchlight/unknown_device.yaml")),
    ("unlock", include_str!("../../blueprints/automation/porchlight/unlock.yaml")),
];

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub what: What,
}

#[derive(Debug, Subcommand)]
pub enum What {
    /// Prints one blueprint, or all of them as one YAML stream
    Print {
        /// Its name, with or without `.yaml`
        name: Option<String>,
    },
}

pub fn run(args: &Args, _context: &Context) -> anyhow::Result<Exit> {
    let text = text(args).map_err(Failure::missing)?;
    to_stdout(|out| Ok(out.write_all(text.as_bytes())?))
}

/// What goes to stdout; `Err`: there is no such blueprint, with the names there are.
pub fn text(args: &Args) -> Result<String, String> {
    let What::Print { name } = &args.what;
    let Some(name) = name else {
        // Each begins a document; the comment says which file it is meant to be.
        return Ok(FILES.iter().map(|(name, text)| format!("---\n# {name}.yaml\n{text}")).collect());
    };
    let wanted = name.strip_suffix(".yaml").unwrap_or(name);
    FILES.iter().find(|(name, _)| *name == wanted).map(|(_, text)| (*text).to_owned()).ok_or_else(|| {
        let names: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        format!("no blueprint {wanted}; there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn print(name: Option<&str>) -> Result<String, String> {
        text(&Args { what: What::Print { name: name.map(str::to_owned) } })
    }

    #[test]
    fn one_is_printed_as_it_is_and_all_are_printed_in_order() {
        for (name, text) in FILES {
            assert_eq!(print(Some(name)).as_deref(), Ok(*text));
            assert_eq!(print(Some(&format!("{name}.yaml"))).as_deref(), Ok(*text));
        }
        let all = print(None).unwrap();
        assert_eq!(all.lines().filter(|line| *line == "---").count(), FILES.len());
        assert_eq!(print(Some("nothing")).unwrap_err().split(';').next(), Some("no blueprint nothing"));
    }

    #[test]
    fn every_file_of_the_folder_is_among_them() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/blueprints/automation/porchlight");
        let mut found: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".yaml").to_owned())
            .collect();
        found.sort();
        assert_eq!(found, FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    /// What opens a door or arms an alarm asks for as much as there is, unless somebody says otherwise.
    #[test]
    fn what_opens_or_arms_is_strict_by_default() {
        for (name, needs) in [
            ("unlock", ["need_identity", "need_quality", "need_second"]),
            ("arm", ["need_identity", "need_quality", "need_second"]),
        ] {
            let text = print(Some(name)).unwrap();
            let file: Value = serde_saphyr::from_str(&text.replace("!input ", "")).unwrap();
            let strict = &file["blueprint"]["input"]["strict"]["input"];
            for need in needs {
                assert_eq!(strict[need]["default"], true, "{name}: {need}");
            }
            let acts = file["actions"].as_array().unwrap();
            let last = acts.last().unwrap()["sequence"].as_str().unwrap();
            assert!(["open", "arm"].contains(&last), "{name} ends with what it does, after every condition: {last}");
        }
    }

    /// Keys that Home Assistant 2026.2 does not know would refuse the whole file.
    #[test]
    fn headers_hold_only_keys_of_the_oldest_release() {
        for (name, text) in FILES {
            let plain = text.replace("!input ", "");
            let file: Value = serde_saphyr::from_str(&plain).unwrap_or_else(|e| panic!("{name}: {e}"));
            let header = file["blueprint"].as_object().unwrap();
            let known = ["name", "description", "domain", "author", "source_url", "homeassistant", "input"];
            for key in header.keys() {
                assert!(known.contains(&key.as_str()), "{name}: {key}");
            }
            assert_eq!(header["domain"], "automation", "{name}");
            assert_eq!(header["homeassistant"]["min_version"], "2026.2.0", "{name}");
            assert!(header["source_url"].as_str().unwrap().ends_with(&format!("/{name}.yaml")), "{name}");
            let mut inputs = Vec::new();
            for (key, input) in header["input"].as_object().unwrap() {
                match input.get("input").and_then(Value::as_object) {
                    Some(section) => inputs.extend(section),
                    None => inputs.push((key, input)),
                }
            }
            for (key, input) in inputs {
                assert!(input["name"].is_string() && input["selector"].is_object(), "{name}: {key}");
                assert!(text.contains(&format!("!input {key}\n")), "{name}: {key} is asked for and not used");
            }
            // Only `state` works in both the oldest and the newest release.
            for trigger in file["triggers"].as_array().unwrap() {
                let kind = trigger["trigger"].as_str().unwrap();
                assert!(["state", "event", "mqtt"].contains(&kind), "{name}: {kind}");
            }
        }
    }
}
