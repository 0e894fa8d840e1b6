# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_porchlight_global_optspecs
    string join \n config= set= state-dir= json log-level= log-format= no-color redact h/help V/version
end

function __fish_porchlight_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_porchlight_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_porchlight_using_subcommand
    set -l cmd (__fish_porchlight_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c porchlight -n "__fish_porchlight_needs_command" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_needs_command" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_needs_command" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_needs_command" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_needs_command" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_needs_command" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_needs_command" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_needs_command" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_needs_command" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "run" -d 'Watches, decides and tells, until ended: the daemon'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "scan" -d 'One look around: one round of every scanner, then the end'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "devices" -d 'Devices, those at home first'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "windows" -d 'When devices were here'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "events" -d 'What happened, one line each'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "alerts" -d 'What was odd'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "export" -d 'Devices, windows or alerts for other programs'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "replay" -d 'Capture files through the daemon\'s own path'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "simulate" -d 'An invented home, months of it, through the daemon\'s own core: how often presence is wrong'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "tune" -d 'What other dials would have done here, from what was learned of each phone'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "explain" -d 'Why a device has its name, kind and presence; what a detector or scanner does'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "doctor" -d 'What is wrong here, and the command that mends it'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "config" -d 'Checks and shows the settings'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "dashboard" -d 'A page for Home Assistant, made from the devices known'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "blueprints" -d 'Automations for Home Assistant'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "summary" -d 'A period in numbers, and how risky it was'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "health" -d 'Whether the running daemon is well: one line, exit 0 or 1'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "device" -d 'Changes what is known of a device'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "vendors" -d 'The table of makers: its age, and a newer one'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "alert" -d 'Answers an alert'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "completions" -d 'Completions for a shell, to stdout'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "man" -d 'The manual page, to stdout'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "complete" -d 'For completions of shells'
complete -c porchlight -n "__fish_porchlight_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand run" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand run" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand run" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand run" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand run" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand run" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand run" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand run" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand run" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -l only -d 'Only these scanners, with commas between' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -l for -d 'At most so many seconds; by default 20, or an hour with --full-ports' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -l explain -d 'Instead of the table: every fact of this device (address, MAC or name), and why it is called what it is' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -l full-ports -d 'Try all 65,535 TCP ports of every device, not only the usual ones'
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -l rescan-ports -d 'Try ports anew, even where the store has an answer that is fresh'
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand scan" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand devices" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand devices" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand devices" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand devices" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand devices" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand devices" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand devices" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand devices" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand devices" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand devices" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand windows" -l since -d 'Only what reaches into the time after: 2026-11-25T17:02:11Z, 2026-11-25, 2d, 12h' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand windows" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand windows" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand windows" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand windows" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand windows" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand windows" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand windows" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand windows" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand windows" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand windows" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand events" -l since -d 'Only those after: 2026-11-25T17:02:11Z, 2026-11-25, 2d, 12h' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand events" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand events" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand events" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand events" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand events" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand events" -s f -l follow -d 'Go on with new ones as they come'
complete -c porchlight -n "__fish_porchlight_using_subcommand events" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand events" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand events" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand events" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand events" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand alerts" -l since -d 'Only those last seen after: 2026-11-25T17:02:11Z, 2026-11-25, 2d, 12h' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand alerts" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand alerts" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand alerts" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand alerts" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand alerts" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand alerts" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand alerts" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand alerts" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand alerts" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand alerts" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand export" -s o -l output -d 'Into this file instead of stdout; readable for you alone' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand export" -l last -d 'How far back, for pcapng: 10m, 1h; as far as memory reaches' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand export" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand export" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand export" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand export" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand export" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand export" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand export" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand export" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand export" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand replay" -l score -d 'Play every capture this index names and say how many attacks were raised' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand replay" -l fit -d 'Write what one number per detector would make of these captures: how sure each may be' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand replay" -l report -d 'Write a page about it: HTML that stands alone, readable for you alone' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand replay" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand replay" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand replay" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand replay" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand replay" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand replay" -l as-live -d 'Only the frames that the running daemon would take from a wire, and as much of each: what it would have told'
complete -c porchlight -n "__fish_porchlight_using_subcommand replay" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand replay" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand replay" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand replay" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -l months -d 'Months that are measured, after the home\'s warm-up; without it those of the home' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -l seed -d 'Where chance begins; without it the home\'s own' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -l seeds -d 'So many runs, each with the next seed, counted together' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -l dial -d 'False aways a month that are allowed, instead of `presence.false_away_per_month`' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -l dials -d 'Also with these other dials, one run of all seeds each: where every fixed time is met by one that errs no oftener, and by one that is no slower. Without numbers with eleven of them' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -l timeline -d 'A picture of each device, truth against each rule, into this folder (of the first run)' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand simulate" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand tune" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand tune" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand tune" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand tune" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand tune" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand tune" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand tune" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand tune" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand tune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand tune" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and not __fish_seen_subcommand_from device detector scanner help" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and not __fish_seen_subcommand_from device detector scanner help" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and not __fish_seen_subcommand_from device detector scanner help" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and not __fish_seen_subcommand_from device detector scanner help" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and not __fish_seen_subcommand_from device detector scanner help" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and not __fish_seen_subcommand_from device detector scanner help" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and not __fish_seen_subcommand_from device detector scanner help" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and not __fish_seen_subcommand_from device detector scanner help" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and not __fish_seen_subcommand_from device detector scanner help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and not __fish_seen_subcommand_from device detector scanner help" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and not __fish_seen_subcommand_from device detector scanner help" -f -a "device" -d 'Every fact of a device, and why it has its name, kind and presence'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and not __fish_seen_subcommand_from device detector scanner help" -f -a "detector" -d 'What a detector finds, how it decides, what fools it'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and not __fish_seen_subcommand_from device detector scanner help" -f -a "scanner" -d 'What a scanner finds, what it sends, what it needs'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and not __fish_seen_subcommand_from device detector scanner help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from device" -l at -d 'As it was then: 2026-11-25T17:02:11Z, 2026-11-25, 2d, 12h' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from device" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from device" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from device" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from device" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from device" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from device" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from device" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from device" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from device" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from device" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from detector" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from detector" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from detector" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from detector" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from detector" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from detector" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from detector" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from detector" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from detector" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from detector" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from scanner" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from scanner" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from scanner" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from scanner" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from scanner" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from scanner" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from scanner" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from scanner" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from scanner" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from scanner" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from help" -f -a "device" -d 'Every fact of a device, and why it has its name, kind and presence'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from help" -f -a "detector" -d 'What a detector finds, how it decides, what fools it'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from help" -f -a "scanner" -d 'What a scanner finds, what it sends, what it needs'
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand doctor" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand doctor" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand doctor" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand doctor" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand doctor" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand doctor" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand doctor" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand doctor" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand doctor" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and not __fish_seen_subcommand_from check show schema help" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and not __fish_seen_subcommand_from check show schema help" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and not __fish_seen_subcommand_from check show schema help" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and not __fish_seen_subcommand_from check show schema help" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and not __fish_seen_subcommand_from check show schema help" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and not __fish_seen_subcommand_from check show schema help" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and not __fish_seen_subcommand_from check show schema help" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and not __fish_seen_subcommand_from check show schema help" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and not __fish_seen_subcommand_from check show schema help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and not __fish_seen_subcommand_from check show schema help" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and not __fish_seen_subcommand_from check show schema help" -f -a "check" -d 'Tells every problem at once; silent with exit 0 if there is none'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and not __fish_seen_subcommand_from check show schema help" -f -a "show" -d 'Every value in force, and who said it; secrets are hidden'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and not __fish_seen_subcommand_from check show schema help" -f -a "schema" -d 'Every key, its type and what it does, as JSON schema'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and not __fish_seen_subcommand_from check show schema help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from check" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from check" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from check" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from check" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from check" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from check" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from check" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from check" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from show" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from show" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from show" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from show" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from show" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from show" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from schema" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from schema" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from schema" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from schema" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from schema" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from schema" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from schema" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from schema" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from schema" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Tells every problem at once; silent with exit 0 if there is none'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Every value in force, and who said it; secrets are hidden'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "schema" -d 'Every key, its type and what it does, as JSON schema'
complete -c porchlight -n "__fish_porchlight_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and not __fish_seen_subcommand_from print help" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and not __fish_seen_subcommand_from print help" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and not __fish_seen_subcommand_from print help" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and not __fish_seen_subcommand_from print help" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and not __fish_seen_subcommand_from print help" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and not __fish_seen_subcommand_from print help" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and not __fish_seen_subcommand_from print help" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and not __fish_seen_subcommand_from print help" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and not __fish_seen_subcommand_from print help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and not __fish_seen_subcommand_from print help" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and not __fish_seen_subcommand_from print help" -f -a "print" -d 'Prints the dashboard as YAML, for the raw configuration editor'
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and not __fish_seen_subcommand_from print help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and __fish_seen_subcommand_from print" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and __fish_seen_subcommand_from print" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and __fish_seen_subcommand_from print" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and __fish_seen_subcommand_from print" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and __fish_seen_subcommand_from print" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and __fish_seen_subcommand_from print" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and __fish_seen_subcommand_from print" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and __fish_seen_subcommand_from print" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and __fish_seen_subcommand_from print" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and __fish_seen_subcommand_from print" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and __fish_seen_subcommand_from help" -f -a "print" -d 'Prints the dashboard as YAML, for the raw configuration editor'
complete -c porchlight -n "__fish_porchlight_using_subcommand dashboard; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and not __fish_seen_subcommand_from print help" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and not __fish_seen_subcommand_from print help" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and not __fish_seen_subcommand_from print help" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and not __fish_seen_subcommand_from print help" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and not __fish_seen_subcommand_from print help" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and not __fish_seen_subcommand_from print help" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and not __fish_seen_subcommand_from print help" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and not __fish_seen_subcommand_from print help" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and not __fish_seen_subcommand_from print help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and not __fish_seen_subcommand_from print help" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and not __fish_seen_subcommand_from print help" -f -a "print" -d 'Prints one blueprint, or all of them as one YAML stream'
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and not __fish_seen_subcommand_from print help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and __fish_seen_subcommand_from print" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and __fish_seen_subcommand_from print" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and __fish_seen_subcommand_from print" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and __fish_seen_subcommand_from print" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and __fish_seen_subcommand_from print" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and __fish_seen_subcommand_from print" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and __fish_seen_subcommand_from print" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and __fish_seen_subcommand_from print" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and __fish_seen_subcommand_from print" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and __fish_seen_subcommand_from print" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and __fish_seen_subcommand_from help" -f -a "print" -d 'Prints one blueprint, or all of them as one YAML stream'
complete -c porchlight -n "__fish_porchlight_using_subcommand blueprints; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand summary" -l since -d 'The period begins: 2026-11-25T17:02:11Z, 2026-11-25, 2d, 12h' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand summary" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand summary" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand summary" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand summary" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand summary" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand summary" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand summary" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand summary" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand summary" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand summary" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand health" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand health" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand health" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand health" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand health" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand health" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand health" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand health" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand health" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand health" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -f -a "set" -d 'Sets one thing; an empty value takes it back'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -f -a "merge" -d 'The younger becomes part of the older: they are one thing with two addresses'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -f -a "split" -d 'Takes the last merge back'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -f -a "expose" -d 'Shows it in Home Assistant with all its entities, whatever the limit says'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -f -a "hide" -d 'Takes it out of Home Assistant'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -f -a "forget" -d 'Drops it and its history'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -f -a "import" -d 'Names, kinds, groups, owners, notes and trust from a file'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -f -a "accept" -d 'It is the device that it was proposed to be: the two become one; `split` takes it back'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -f -a "refuse" -d 'It is not: they are two, and it is not proposed again'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -f -a "was-home" -d 'Says that it was home all the time: its last departure was none'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -f -a "check" -d 'Asks it now whether it is there'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -f -a "ports" -d 'Tries its ports now, even if it sleeps; the event log tells what opened and closed'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and not __fish_seen_subcommand_from set merge split expose hide forget import accept refuse was-home check ports help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from set" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from set" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from set" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from set" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from set" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from set" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from set" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from set" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from set" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from merge" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from merge" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from merge" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from merge" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from merge" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from merge" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from merge" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from merge" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from merge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from merge" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from split" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from split" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from split" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from split" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from split" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from split" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from split" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from split" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from split" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from split" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from expose" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from expose" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from expose" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from expose" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from expose" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from expose" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from expose" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from expose" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from expose" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from expose" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from hide" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from hide" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from hide" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from hide" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from hide" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from hide" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from hide" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from hide" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from hide" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from hide" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from forget" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from forget" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from forget" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from forget" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from forget" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from forget" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from forget" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from forget" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from forget" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from forget" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from import" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from import" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from import" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from import" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from import" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from import" -l dry-run -d 'Says what would change, and changes nothing'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from import" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from import" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from import" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from import" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from accept" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from accept" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from accept" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from accept" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from accept" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from accept" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from accept" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from accept" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from accept" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from accept" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from refuse" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from refuse" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from refuse" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from refuse" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from refuse" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from refuse" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from refuse" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from refuse" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from refuse" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from refuse" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from was-home" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from was-home" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from was-home" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from was-home" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from was-home" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from was-home" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from was-home" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from was-home" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from was-home" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from was-home" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from check" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from check" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from check" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from check" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from check" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from check" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from check" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from check" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from ports" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from ports" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from ports" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from ports" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from ports" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from ports" -l full -d 'All 65,535, which takes minutes'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from ports" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from ports" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from ports" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from ports" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from ports" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from help" -f -a "set" -d 'Sets one thing; an empty value takes it back'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from help" -f -a "merge" -d 'The younger becomes part of the older: they are one thing with two addresses'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from help" -f -a "split" -d 'Takes the last merge back'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from help" -f -a "expose" -d 'Shows it in Home Assistant with all its entities, whatever the limit says'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from help" -f -a "hide" -d 'Takes it out of Home Assistant'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from help" -f -a "forget" -d 'Drops it and its history'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from help" -f -a "import" -d 'Names, kinds, groups, owners, notes and trust from a file'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from help" -f -a "accept" -d 'It is the device that it was proposed to be: the two become one; `split` takes it back'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from help" -f -a "refuse" -d 'It is not: they are two, and it is not proposed again'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from help" -f -a "was-home" -d 'Says that it was home all the time: its last departure was none'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from help" -f -a "check" -d 'Asks it now whether it is there'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from help" -f -a "ports" -d 'Tries its ports now, even if it sleeps; the event log tells what opened and closed'
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and not __fish_seen_subcommand_from update help" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and not __fish_seen_subcommand_from update help" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and not __fish_seen_subcommand_from update help" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and not __fish_seen_subcommand_from update help" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and not __fish_seen_subcommand_from update help" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and not __fish_seen_subcommand_from update help" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and not __fish_seen_subcommand_from update help" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and not __fish_seen_subcommand_from update help" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and not __fish_seen_subcommand_from update help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and not __fish_seen_subcommand_from update help" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and not __fish_seen_subcommand_from update help" -f -a "update" -d 'Builds a newer table, for the next start'
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and not __fish_seen_subcommand_from update help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and __fish_seen_subcommand_from update" -l from -d 'A CSV file of the IEEE, a folder of them, or an https address; without it: from ieee.org' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and __fish_seen_subcommand_from update" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and __fish_seen_subcommand_from update" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and __fish_seen_subcommand_from update" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and __fish_seen_subcommand_from update" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and __fish_seen_subcommand_from update" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and __fish_seen_subcommand_from update" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and __fish_seen_subcommand_from update" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and __fish_seen_subcommand_from update" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and __fish_seen_subcommand_from update" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and __fish_seen_subcommand_from update" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and __fish_seen_subcommand_from help" -f -a "update" -d 'Builds a newer table, for the next start'
complete -c porchlight -n "__fish_porchlight_using_subcommand vendors; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -f -a "acknowledge" -d 'Seen; stays open, tells no more'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -f -a "mute" -d 'Not now: this alert tells no more'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -f -a "expected" -d 'That is how it is meant to be: learn it'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -f -a "false" -d 'It was wrong'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -f -a "reopen" -d 'Takes the answer back'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -f -a "mute-device" -d 'No alerts of a detector about a device'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and not __fish_seen_subcommand_from acknowledge mute expected false reopen mute-device help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from expected" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from expected" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from expected" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from expected" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from expected" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from expected" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from expected" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from expected" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from expected" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from expected" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from false" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from false" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from false" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from false" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from false" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from false" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from false" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from false" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from false" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from false" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from reopen" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from reopen" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from reopen" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from reopen" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from reopen" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from reopen" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from reopen" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from reopen" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from reopen" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from reopen" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute-device" -l days -d 'For so many days' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute-device" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute-device" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute-device" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute-device" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute-device" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute-device" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute-device" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute-device" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute-device" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute-device" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from help" -f -a "acknowledge" -d 'Seen; stays open, tells no more'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from help" -f -a "mute" -d 'Not now: this alert tells no more'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from help" -f -a "expected" -d 'That is how it is meant to be: learn it'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from help" -f -a "false" -d 'It was wrong'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from help" -f -a "reopen" -d 'Takes the answer back'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from help" -f -a "mute-device" -d 'No alerts of a detector about a device'
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand completions" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand completions" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand completions" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand completions" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand completions" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand completions" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand completions" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand completions" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand completions" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand man" -l output -d 'Write a page for each verb into this folder instead' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand man" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand man" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand man" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand man" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand man" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand man" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand man" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand man" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand man" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand complete" -l config -d 'Settings file; without it the first of $XDG_CONFIG_HOME/porchlight/config.yaml and /etc/porchlight/config.yaml' -r -F
complete -c porchlight -n "__fish_porchlight_using_subcommand complete" -l set -d 'One setting, above file and environment; may be given again' -r
complete -c porchlight -n "__fish_porchlight_using_subcommand complete" -l state-dir -d 'Where the store and the control socket live' -r -f -a "(__fish_complete_directories)"
complete -c porchlight -n "__fish_porchlight_using_subcommand complete" -l log-level -d 'How much is said on stderr' -r -f -a "error\t'A person must act'
warn\t'Works less than it should'
info\t'A few lines a day'
debug\t'One line per decision, with its reason'
trace\t'One line per packet'"
complete -c porchlight -n "__fish_porchlight_using_subcommand complete" -l log-format -d 'In which form' -r -f -a "text\t''
json\t''
journald\t''"
complete -c porchlight -n "__fish_porchlight_using_subcommand complete" -l json -d 'JSON on stdout, nothing else'
complete -c porchlight -n "__fish_porchlight_using_subcommand complete" -l no-color -d 'No colours'
complete -c porchlight -n "__fish_porchlight_using_subcommand complete" -l redact -d 'Replace MACs, names and domains in logs and exports by short hashes that stay the same'
complete -c porchlight -n "__fish_porchlight_using_subcommand complete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c porchlight -n "__fish_porchlight_using_subcommand complete" -s V -l version -d 'Print version'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "run" -d 'Watches, decides and tells, until ended: the daemon'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "scan" -d 'One look around: one round of every scanner, then the end'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "devices" -d 'Devices, those at home first'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "windows" -d 'When devices were here'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "events" -d 'What happened, one line each'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "alerts" -d 'What was odd'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "export" -d 'Devices, windows or alerts for other programs'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "replay" -d 'Capture files through the daemon\'s own path'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "simulate" -d 'An invented home, months of it, through the daemon\'s own core: how often presence is wrong'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "tune" -d 'What other dials would have done here, from what was learned of each phone'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "explain" -d 'Why a device has its name, kind and presence; what a detector or scanner does'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "doctor" -d 'What is wrong here, and the command that mends it'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "config" -d 'Checks and shows the settings'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "dashboard" -d 'A page for Home Assistant, made from the devices known'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "blueprints" -d 'Automations for Home Assistant'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "summary" -d 'A period in numbers, and how risky it was'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "health" -d 'Whether the running daemon is well: one line, exit 0 or 1'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "device" -d 'Changes what is known of a device'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "vendors" -d 'The table of makers: its age, and a newer one'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "alert" -d 'Answers an alert'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "completions" -d 'Completions for a shell, to stdout'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "man" -d 'The manual page, to stdout'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "complete" -d 'For completions of shells'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and not __fish_seen_subcommand_from run scan devices windows events alerts export replay simulate tune explain doctor config dashboard blueprints summary health device vendors alert completions man complete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from explain" -f -a "device" -d 'Every fact of a device, and why it has its name, kind and presence'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from explain" -f -a "detector" -d 'What a detector finds, how it decides, what fools it'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from explain" -f -a "scanner" -d 'What a scanner finds, what it sends, what it needs'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Tells every problem at once; silent with exit 0 if there is none'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Every value in force, and who said it; secrets are hidden'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "schema" -d 'Every key, its type and what it does, as JSON schema'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from dashboard" -f -a "print" -d 'Prints the dashboard as YAML, for the raw configuration editor'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from blueprints" -f -a "print" -d 'Prints one blueprint, or all of them as one YAML stream'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from device" -f -a "set" -d 'Sets one thing; an empty value takes it back'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from device" -f -a "merge" -d 'The younger becomes part of the older: they are one thing with two addresses'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from device" -f -a "split" -d 'Takes the last merge back'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from device" -f -a "expose" -d 'Shows it in Home Assistant with all its entities, whatever the limit says'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from device" -f -a "hide" -d 'Takes it out of Home Assistant'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from device" -f -a "forget" -d 'Drops it and its history'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from device" -f -a "import" -d 'Names, kinds, groups, owners, notes and trust from a file'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from device" -f -a "accept" -d 'It is the device that it was proposed to be: the two become one; `split` takes it back'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from device" -f -a "refuse" -d 'It is not: they are two, and it is not proposed again'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from device" -f -a "was-home" -d 'Says that it was home all the time: its last departure was none'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from device" -f -a "check" -d 'Asks it now whether it is there'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from device" -f -a "ports" -d 'Tries its ports now, even if it sleeps; the event log tells what opened and closed'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from vendors" -f -a "update" -d 'Builds a newer table, for the next start'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from alert" -f -a "acknowledge" -d 'Seen; stays open, tells no more'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from alert" -f -a "mute" -d 'Not now: this alert tells no more'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from alert" -f -a "expected" -d 'That is how it is meant to be: learn it'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from alert" -f -a "false" -d 'It was wrong'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from alert" -f -a "reopen" -d 'Takes the answer back'
complete -c porchlight -n "__fish_porchlight_using_subcommand help; and __fish_seen_subcommand_from alert" -f -a "mute-device" -d 'No alerts of a detector about a device'

complete -c porchlight -n "__fish_porchlight_using_subcommand devices" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand windows" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand tune" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand explain; and __fish_seen_subcommand_from device" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from set" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from merge" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from split" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from expose" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from hide" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from forget" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from accept" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from refuse" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from was-home" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from check" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand device; and __fish_seen_subcommand_from ports" -f -a "(porchlight complete devices 2>/dev/null)"
complete -c porchlight -n "__fish_porchlight_using_subcommand alert; and __fish_seen_subcommand_from mute-device" -f -a "(porchlight complete devices 2>/dev/null)"
