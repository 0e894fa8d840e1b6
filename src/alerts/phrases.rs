//! # Words for each detector
//!
//! Title, detail, what to do. `{one}` is who did it, `{other}` who it was done to; other names in braces are values of
//! the evidence. Who is not known is "somebody".

/// Detector, title, detail, recommendation.
pub(super) const PHRASES: &[(&str, &str, &str, &str)] = &[
    (
        "arp_spoof",
        "{one} pretends to be {other}",
        "{one} says that {ip} is its own, which belongs to {other} ({old_mac}).",
        "Disconnect {one} if you do not know it, and change passwords used since.",
    ),
    (
        "host_sweep",
        "{one} searches the network for devices",
        "{one} asked for {targets} addresses within {span_s} s ({kind}), {unanswered} of which nobody has.",
        "If it is a scanner of yours, add it to detectors.host_sweep.exempt; otherwise look at that device.",
    ),
    (
        "port_scan",
        "{one} searches {other} for open ports",
        "{one} tried {ports_total} ports of {other} ({kind}); {failures} did not accept.",
        "If it is a scanner of yours, add it to detectors.port_scan.exempt; otherwise look at that device.",
    ),
    (
        "outbound_scan",
        "{one} attacks hosts of the Internet",
        "{one} tried port {port} in {networks} networks within a minute.",
        "Disconnect it: it is most likely infected. Reset and update it before it comes back.",
    ),
    (
        "syn_flood",
        "{other} is flooded with connections",
        "{half_open} {kind} within ten seconds, from {sources} addresses.",
        "If a device of yours is named, disconnect it. From the Internet only the provider can help.",
    ),
    (
        "udp_flood",
        "{other} is flooded with datagrams",
        "{pps} a second from {sources} addresses, hardly any answered.",
        "If a device of yours is named, disconnect it.",
    ),
    (
        "icmp_flood",
        "{other} is flooded with pings",
        "{one} sends {pps} pings a second.",
        "Look at the device that sends them.",
    ),
    (
        "amplification",
        "{other} is flooded with answers it did not ask for",
        "{answers} answers of {sources} servers (port {reflector_port}) within ten seconds.",
        "Somebody asks in its name. Only the provider can help.",
    ),
    (
        "brute_force",
        "{one} guesses passwords of {other}",
        "{attempts} failed logins by {service}; succeeded: {succeeded}.",
        "If it succeeded, change that password now. Otherwise block the source.",
    ),
    (
        "cleartext_credentials",
        "{one} sends a password anybody can read",
        "A login by {protocol} to {other} is not encrypted.",
        "Use the encrypted form of that service, and a password used nowhere else.",
    ),
    (
        "rogue_dhcp",
        "{one} hands out addresses too",
        "{one} ({server_id}) offers addresses beside {other}, with router {router}.",
        "Look for a second router or a phone that shares its connection, and switch its DHCP off.",
    ),
    (
        "dhcp_starvation",
        "{one} asks for all addresses",
        "{clients_seen} requests within a minute: {kind}.",
        "Find that device; a managed switch says at which port it is.",
    ),
    (
        "rogue_ra",
        "{one} says it is the router",
        "A router advertisement of {one} ({kind}), lifetime {lifetime_s} s.",
        "Disconnect it if you do not know it. Windows that shares its connection does this too.",
    ),
    (
        "dns_tunnel",
        "{one} hides data in name look-ups",
        "{unique} names of {domain} that nobody asks twice, {bytes_up} bytes in them.",
        "Look which program does that.",
    ),
    (
        "dga",
        "{one} asks for made-up names",
        "{nx_domains} domains that do not exist, such as {samples}.",
        "Disconnect it and look for malware.",
    ),
    (
        "dns_hijack",
        "Names are answered falsely",
        "{one} answered for {domain}: {signals}.",
        "Check which name server your router hands out.",
    ),
    (
        "exploit_attempt",
        "{one} attacks {other} through a known hole",
        "{hole}, at port {port}.",
        "Update what was attacked, and look whether it answered.",
    ),
    (
        "web_scan",
        "{one} searches {other} for weak pages",
        "{missing} pages that are not there, {listed} that only such searches ask for.",
        "Is that server meant to be reached? If not, close it.",
    ),
    (
        "lateral_movement",
        "{one} runs programs on {other}",
        "It opened {share_or_pipe}.",
        "If nobody administers computers from there, disconnect it.",
    ),
    (
        "icmp_tunnel",
        "{one} hides data in pings",
        "{other_data} of {replies} answers carried other data than was sent.",
        "Look what runs on both devices.",
    ),
    ("malformed_packet", "{one} sends packets no system sends", "{kind}, to {other}.", "Look at that device."),
    (
        "deauth_flood",
        "Devices are thrown off the Wi-Fi",
        "{in_ten_s} frames within ten seconds that end connections of {bssid}.",
        "Switch on protected management frames (WPA3 or PMF) in the access point.",
    ),
    (
        "evil_twin",
        "False access point \u{201c}{ssid}\u{201d}",
        "{bssid} uses the name {ssid} but is not like the access point that had it before.",
        "Look for it; do not connect to it.",
    ),
    (
        "beacon",
        "{one} calls {destination} steadily",
        "{connections} connections to port {port}, one each {interval_s} s.",
        "Look whose host that is. If it is the maker's, add it to detectors.beacon.exempt.",
    ),
    ("reverse_shell", "{one} controls {other} by a shell", "{sign}, at port {port}.", "Disconnect {other} now."),
    (
        "crypto_mining",
        "{one} mines coins",
        "It computes for {destination}, port {port}.",
        "If nobody in the house mines, look for malware on it.",
    ),
    (
        "tool_download",
        "{one} fetched a program from {destination}",
        "A program ({kind}) named {path}, without encryption.",
        "Look what runs on that device.",
    ),
    (
        "remote_access",
        "{one} uses {program}",
        "A program for remote control: {program}, at {destination}.",
        "If nobody in the house uses it, ask who started it.",
    ),
    (
        "tor",
        "{one} uses Tor",
        "It called {relays} relays by invented names, such as {samples}.",
        "Nothing, if its owner wants it. A camera or plug that does so should be disconnected.",
    ),
    (
        "suspicious_port",
        "{one} uses a port of back doors",
        "A connection to port {port} of {other}.",
        "Look which program holds that connection.",
    ),
];
