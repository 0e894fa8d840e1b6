//! # Examples, shown below the help of each verb
//!
//! A test reads each of them as the command line would.

use clap::Command;

type Examples = &'static [(&'static str, &'static [(&'static str, &'static str)])];

/// Verb, then what it is for and how it is written.
pub const EXAMPLES: Examples = &[
    ("run", &[("with the settings of a file", "porchlight run --config config.yaml")]),
    (
        "scan",
        &[
            ("who is here now", "porchlight scan"),
            ("only by ARP and mDNS, at most five seconds", "porchlight scan --only arp_sweep,mdns --for 5"),
        ],
    ),
    (
        "devices",
        &[("all of them", "porchlight devices"), ("one, for a script", "porchlight devices 'Living room TV' --json")],
    ),
    ("windows", &[("the last two days of one device", "porchlight windows d-7f3k2m --since 2d")]),
    ("events", &[("today's", "porchlight events --since 24h"), ("as they come", "porchlight events --follow --json")]),
    ("alerts", &[("those of this week", "porchlight alerts --since 7d")]),
    ("export", &[("devices for a spreadsheet", "porchlight export csv devices --output devices.csv")]),
    (
        "replay",
        &[
            ("what is in a capture, as a page", "porchlight replay home.pcapng --report home.html"),
            ("the same, fit to be shown to others", "porchlight --redact replay home.pcapng --report home.html"),
        ],
    ),
    (
        "simulate",
        &[
            ("a year of a home, beside fixed times", "porchlight simulate home.yaml --months 12"),
            ("five runs, a stricter dial, for a script", "porchlight simulate home.yaml --seeds 5 --dial 0.33 --json"),
        ],
    ),
    ("tune", &[("how long one would wait at other dials", "porchlight tune 'Anna phone'")]),
    (
        "explain",
        &[
            ("why it is called a TV", "porchlight explain device 'Living room TV'"),
            ("whether it was here yesterday evening", "porchlight explain device d-7f3k2m --at 2026-11-24T21:30"),
            ("what a detector looks for", "porchlight explain detector new_device"),
        ],
    ),
    ("doctor", &[("everything that stands in the way", "porchlight doctor")]),
    (
        "config",
        &[
            ("a file before it is used", "porchlight config check config.yaml"),
            ("who set what", "porchlight config show"),
        ],
    ),
    ("summary", &[("the last week in numbers", "porchlight summary --since 7d")]),
    ("health", &[("for a container", "porchlight health")]),
    (
        "device",
        &[
            ("a name of its own", "porchlight device set d-7f3k2m name 'Anna phone'"),
            ("two addresses, one thing", "porchlight device merge d-7f3k2m d-aaaaaa"),
            ("what a table says of devices, tried first", "porchlight device import devices.csv --dry-run"),
        ],
    ),
    (
        "vendors",
        &[
            ("how old the table of makers is", "porchlight vendors"),
            ("a newer one, from files", "porchlight vendors update --from /usr/share/ieee-data"),
        ],
    ),
    (
        "alert",
        &[
            ("seen", "porchlight alert acknowledge 01M89TGQHW00000007"),
            ("no more of this for a month", "porchlight alert mute-device new_device d-7f3k2m --days 30"),
        ],
    ),
    ("completions", &[("for bash", "porchlight completions bash > /etc/bash_completion.d/porchlight")]),
];

/// `command` with the examples of its verbs.
#[must_use]
pub fn add(command: Command) -> Command {
    EXAMPLES.iter().fold(command, |command, (verb, examples)| {
        let lines: String = examples.iter().map(|(what, line)| format!("  {line}\n      {what}\n")).collect();
        command.mut_subcommand(*verb, |verb| verb.after_help(format!("Examples:\n{lines}")))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    /// Words of a line, as a shell would give them; a redirection ends it.
    fn words(line: &str) -> Vec<String> {
        let line = line.split(" > ").next().unwrap_or_default();
        line.split('\'')
            .enumerate()
            .flat_map(|(at, part)| match at % 2 {
                0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
                _ => vec![part.to_owned()],
            })
            .collect()
    }

    #[test]
    fn every_example_is_understood() {
        for (verb, examples) in EXAMPLES {
            for (_, line) in *examples {
                let read = add(Cli::command()).try_get_matches_from(words(line));
                assert!(read.as_ref().is_ok_and(|m| m.subcommand_name() == Some(verb)), "{line}: {:?}", read.err());
            }
        }
    }

    #[test]
    fn every_argument_says_what_it_is() {
        fn look(command: &Command, path: &str) {
            for arg in command.get_arguments().filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version")) {
                assert!(arg.get_help().is_some(), "{path} {} says nothing", arg.get_id());
            }
            for verb in command.get_subcommands() {
                assert!(verb.get_about().is_some(), "{path} {}", verb.get_name());
                look(verb, &format!("{path} {}", verb.get_name()));
            }
        }
        look(&Cli::command(), "porchlight");
    }
}
