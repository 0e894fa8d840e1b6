//! # `completions`: for the shell
//!
//! What the command line itself says, and besides the devices that are known: those are asked of the program
//! (`complete`) when the shell completes an argument that is a device.

use clap::{CommandFactory, ValueHint};
use clap_complete::Shell;

use super::{
    Cli,
    context::Context,
    report::{Exit, say},
};

/// Marks an argument that is a device. No user of this host is one anywhere, so the hint is free for it.
pub const DEVICE: ValueHint = ValueHint::Username;

/// Write them where the shell looks, e.g. `porchlight completions bash > /etc/bash_completion.d/porchlight`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose
    #[arg(value_enum)]
    pub shell: Shell,
}

pub fn run(args: &Args, _context: &Context) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "porchlight", &mut text);
    let text = String::from_utf8_lossy(&text);
    say(&match args.shell {
        Shell::Bash => text.into_owned() + &bash(&takers()),
        Shell::Fish => text.into_owned() + &fish(&takers()),
        Shell::Zsh => zsh(&text),
        _ => text.into_owned(),
    })?;
    Ok(Exit::Done)
}

/// The verbs that take a device, each as its words.
fn takers() -> Vec<Vec<String>> {
    fn walk(command: &clap::Command, words: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
        if command.get_positionals().any(|arg| arg.get_value_hint() == DEVICE) {
            found.push(words.clone());
        }
        for sub in command.get_subcommands() {
            words.push(sub.get_name().to_owned());
            walk(sub, words, found);
            words.pop();
        }
    }
    let mut found = Vec::new();
    walk(&Cli::command(), &mut Vec::new(), &mut found);
    found
}

fn bash(takers: &[Vec<String>]) -> String {
    let patterns: Vec<String> = takers.iter().map(|words| format!("*\" {} \"*", words.join(" "))).collect();
    format!(
        r#"
_porchlight_or_device() {{
    _porchlight "$@"
    [[ $2 == -* || ${{COMP_WORDS[COMP_CWORD-1]}} == -* ]] && return
    case " ${{COMP_WORDS[*]:1:COMP_CWORD-1}} " in
        {})
            local id name
            while IFS=$'\t' read -r id name; do
                [[ $id == "$2"* || ${{name,,}} == "${{2,,}}"* ]] && COMPREPLY+=("$id")
            done < <("$1" complete devices 2>/dev/null)
            ;;
    esac
}}
complete -F _porchlight_or_device -o bashdefault -o default porchlight
"#,
        patterns.join("|")
    )
}

fn fish(takers: &[Vec<String>]) -> String {
    let mut text = String::from("\n");
    for words in takers {
        let (Some(verb), rest) = (words.first(), words.get(1..).unwrap_or_default()) else { continue };
        let mut when = format!("__fish_porchlight_using_subcommand {verb}");
        for word in rest {
            when += &format!("; and __fish_seen_subcommand_from {word}");
        }
        text += &format!("complete -c porchlight -n \"{when}\" -f -a \"(porchlight complete devices 2>/dev/null)\"\n");
    }
    text
}

fn zsh(text: &str) -> String {
    const DEVICES: &str = r#"
_porchlight_known_devices() {
    local -a known
    known=(${(f)"$(porchlight complete devices 2>/dev/null | tr '\t' ':')"})
    _describe -t devices 'device' known
}
"#;
    // The hint of arguments that are devices, as the generator writes it.
    let text = text.replace(":_users'", ":_porchlight_known_devices'");
    match text.split_once("\n_porchlight() {") {
        Some((head, rest)) => format!("{head}\n{DEVICES}\n_porchlight() {{{rest}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_that_is_a_device_is_completed() {
        // By what they are called: a new one must not be forgotten.
        fn unmarked(command: &clap::Command, path: &str, found: &mut Vec<String>) {
            for arg in command.get_positionals() {
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                let says =
                    ["`porchlight devices` shows it", "id, name, MAC or address", "device's id", "One id", "The other"];
                if says.iter().any(|words| help.contains(words)) && arg.get_value_hint() != DEVICE {
                    found.push(format!("{path} {}", arg.get_id()));
                }
            }
            for sub in command.get_subcommands() {
                unmarked(sub, &format!("{path} {}", sub.get_name()), found);
            }
        }
        let mut found = Vec::new();
        unmarked(&Cli::command(), "porchlight", &mut found);
        assert!(found.is_empty(), "{found:?}");
        let takers: Vec<String> = takers().iter().map(|words| words.join(" ")).collect();
        for verb in ["windows", "devices", "explain device", "device set", "device merge", "alert mute-device"] {
            assert!(takers.iter().any(|taker| taker == verb), "{verb} of {takers:?}");
        }
    }
}
