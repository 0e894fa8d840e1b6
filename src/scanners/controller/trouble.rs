//! # What is wrong with a controller, in one sentence

use crate::model::clean_text;

/// Bytes of what a peer or a library says of itself.
const TEXT_MAX: usize = 120;

/// Why there is no list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Trouble {
    pub why: String,
    pub advice: String,
    /// A person must mend it: asking again soon could lock the account.
    pub is_lasting: bool,
}

impl Trouble {
    fn new(why: String, advice: &str) -> Trouble {
        Trouble { why, advice: advice.to_owned(), is_lasting: false }
    }

    fn lasting(why: String, advice: &str) -> Trouble {
        Trouble { is_lasting: true, ..Trouble::new(why, advice) }
    }

    pub fn settings(why: String) -> Trouble {
        Trouble::lasting(why, "correct the settings")
    }

    pub fn password(shown: &str) -> Trouble {
        Trouble::lasting(
            format!("{shown} refuses the user name or the password"),
            "correct username and password, or password_file",
        )
    }

    /// The account is good and may not do this.
    pub fn forbidden(shown: &str, what: &str, advice: &str) -> Trouble {
        Trouble::lasting(format!("{shown} does not let our user {what}"), advice)
    }

    /// What is asked for is not offered there.
    pub fn missing(shown: &str, what: &str, advice: &str) -> Trouble {
        Trouble::lasting(format!("{shown} has no {what}"), advice)
    }

    pub fn odd(shown: &str, why: &str) -> Trouble {
        Trouble::new(format!("{shown}: {}", clean_text(why, TEXT_MAX)), "see that the url is that of the controller")
    }

    pub fn certificate(shown: &str, print: &str, is_pinned: bool) -> Trouble {
        let why = if is_pinned {
            format!("{shown} shows another certificate than the settings name: its SHA-256 is {print}")
        } else {
            format!("the certificate of {shown} is not trusted: its SHA-256 is {print}")
        };
        Trouble::lasting(why, "if that is the controller's own certificate, name it as fingerprint; else use ca_file")
    }

    pub fn unreached(shown: &str, error: &reqwest::Error) -> Trouble {
        let advice = "see that it is on and that the url has its address and port";
        if error.is_timeout() {
            return Trouble::new(format!("{shown} does not answer in time"), advice);
        }
        // The innermost says what happened; the others repeat the address.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Trouble::new(format!("{shown} is not reached: {}", clean_text(&cause.to_string(), TEXT_MAX)), advice)
    }

    pub fn status(shown: &str, status: u16, location: Option<&str>, what: &str) -> Trouble {
        match (status, location) {
            (300..=399, Some(to)) => {
                let to = clean_text(to.split('?').next().unwrap_or_default(), TEXT_MAX);
                Trouble::lasting(format!("{shown} sends us on to {to}"), "use that address as url")
            }
            (429, _) => Trouble::lasting(format!("{shown} is asked too often"), "give it a longer interval"),
            _ => Trouble::new(format!("{shown} answers {what} with status {status}"), "see that the url is right"),
        }
    }
}
