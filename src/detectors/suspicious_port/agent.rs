//! # What a program calls itself in a request
//!
//! RFC 9110 §10.1.5: a product and its version, perhaps more of them and remarks in brackets. Browsers have a form of
//! their own, by which those who only have their name give themselves away.

/// What a program calls itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    Known,
    None,
    /// A word and no version.
    Nameless,
    /// A browser of many years ago.
    Old,
    /// The library of a language in which people automate Windows.
    Script,
    /// `Mozilla/5.0`, and not what of.
    Lazy,
    Impossible,
    /// Marks that no name has (RFC 9110 §5.6.2), and no version.
    Broken,
}

impl Agent {
    pub fn of(text: &str) -> Agent {
        if SCRIPTS.iter().any(|name| text.contains(name)) {
            return Agent::Script;
        }
        let Some(version) = text.strip_prefix("Mozilla/") else {
            return match text {
                "" => Agent::None,
                _ if text.starts_with("Opera/") => Agent::Old,
                _ if !text.contains('/') && text.contains(['{', '}', ':', '|', '<', '>', '"']) => Agent::Broken,
                _ if text.contains(['/', '(']) || text.len() > 40 => Agent::Known,
                _ => Agent::Nameless,
            };
        };
        // Netscape and Internet Explorer said 3.0 and 4.0, all others since 5.0; what follows is a system in brackets.
        let (number, rest) = version.split_once(' ').unwrap_or((version, ""));
        if !matches!(number, "3.0" | "4.0" | "5.0") {
            return Agent::Impossible;
        }
        let system = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let Some((system, engine)) = system else { return Agent::Lazy };
        let explorer = system.split("; ").find_map(|part| part.strip_prefix("MSIE "));
        match explorer {
            Some(_) if !system.contains("Windows") && !system.contains("Mac") => Agent::Impossible,
            Some(_) => Agent::Old,
            // A slip of the pen: `MSlE`.
            None if system
                .split("; ")
                .any(|part| matches!(part.as_bytes(), [b'M', b'S', _, _, b' ', b'0'..=b'9', ..])) =>
            {
                Agent::Impossible
            }
            // Libraries of Windows and Delphi; robots of searches say 5.0 and their address.
            None if number != "5.0" => Agent::Lazy,
            None if engine.trim().is_empty() && !system.contains("http") && !system.contains("compatible") => {
                Agent::Lazy
            }
            None if system.contains("Windows NT 5") || is_old(engine) => Agent::Old,
            None => Agent::Known,
        }
    }
}

/// What these name themselves unless the author says otherwise (their own manuals): one sign among others, since people
/// write honest programs in them.
const SCRIPTS: [&str; 6] =
    ["AutoHotkey", "AutoIt", "vb wininet", "Indy Library", "WinHttp.WinHttpRequest", "WindowsPowerShell/"];

/// Firefox before 60 (2018) and Chrome before 70: who has these has more to mend.
fn is_old(engine: &str) -> bool {
    let version = |name: &str| {
        let rest = engine.split_once(name)?.1;
        rest.split('.').next()?.parse::<u32>().ok()
    };
    version("Firefox/").is_some_and(|number| number < 60) || version("Chrome/").is_some_and(|number| number < 70)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_sorted() {
        for (text, agent) in [
            ("", Agent::None),
            ("Mozilla/5.0 (Windows NT 6.1; rv:9.0) Gecko/20100101 Firefox/9.0", Agent::Old),
            ("JustKidding", Agent::Nameless),
            ("DSM 7.2", Agent::Nameless),
            ("US-124:End", Agent::Broken),
            ("{KIARA}", Agent::Broken),
            ("Linux/3.0, UPnP/1.0, x: y/1", Agent::Known),
            ("Dalvik/2.1.0 (Linux; U; Android 9)", Agent::Known),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Agent::Known),
            ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", Agent::Known),
            ("Mozilla/5.0", Agent::Lazy),
            ("Mozilla/5.0 (Windows NT 6.1)", Agent::Lazy),
            ("Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)", Agent::Script),
            ("Mozilla/4.0 (compatible; Synapse)", Agent::Lazy),
            ("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)", Agent::Old),
            ("Mozilla/4.0 (compatible; MSlE 6.0; Windows NT 5.1)", Agent::Impossible),
            ("Mozilla/4.0 (compatible; MSIE 6.0; Win32)", Agent::Impossible),
            ("Mozilla/4.2.20 (compatible; MSIE 5.0.2; Win32)", Agent::Impossible),
        ] {
            assert_eq!(Agent::of(text), agent, "{text}");
        }
    }
}
