//! # Who we are to an agent
//!
//! Communities and users of the settings, read for a round: files are read again each time, so that one that
//! is written anew works. Passwords become keys at once and are shown by nothing.

use std::{fmt, fs::File, io::Read, net::IpAddr, path::Path, path::PathBuf, sync::Arc};

use secrecy::SecretSlice;
use serde::{Deserialize, Serialize};

use super::Settings;
use crate::{
    model::Secret,
    wire::snmp::{Auth, Privacy, Version, master_key},
};

/// Tried after those of the settings.
const PUBLIC: &str = "public";
/// Longer is some other file.
const SECRET_MAX: u64 = 4096;
/// RFC 3414 §11.2: agents take no shorter password.
const PASSWORD_MIN: usize = 8;

/// A user of version 3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct User {
    /// Its name at the agent.
    pub name: String,
    /// How messages are signed.
    pub auth: AuthWord,
    /// The password to sign with, at least eight characters. Better: `auth_password_file`.
    pub auth_password: Option<Secret>,
    /// File that holds it, one line.
    pub auth_password_file: Option<PathBuf>,
    /// How messages are hidden. Needs `auth`.
    pub privacy: PrivacyWord,
    /// The password to hide with. Empty: the one to sign with.
    pub privacy_password: Option<Secret>,
    /// File that holds it, one line.
    pub privacy_password_file: Option<PathBuf>,
}

/// A device that is asked whatever it seems to be, and by which account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its address.
    pub address: IpAddr,
    /// Its own community, in place of `public` and `communities`.
    #[serde(default)]
    pub community: Option<Secret>,
    /// File that holds it, one line.
    #[serde(default)]
    pub community_file: Option<PathBuf>,
    /// The name of one of `users`: only that one is tried.
    #[serde(default)]
    pub user: Option<String>,
}

/// How messages are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum AuthWord {
    #[default]
    None,
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// How messages are hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum PrivacyWord {
    #[default]
    None,
    Des,
    Aes128,
    Aes192,
    Aes256,
    /// As Cisco stretches the key.
    Aes192Cisco,
    /// As Cisco stretches the key.
    Aes256Cisco,
}

/// One way to ask.
#[derive(Clone)]
pub enum Account {
    Community(Version, Arc<SecretSlice<u8>>),
    User(Arc<Login>),
}

/// A user with its keys, which are the same at all agents until they are localized.
pub struct Login {
    pub name: String,
    pub auth: Option<(Auth, SecretSlice<u8>)>,
    pub privacy: Option<(Privacy, SecretSlice<u8>)>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Account::Community(version, _) => write!(f, "a community, {version:?}"),
            Account::User(login) => write!(f, "the user {}", login.name),
        }
    }
}

/// All accounts as of now, and what is wrong with the settings.
#[derive(Default)]
pub struct Accounts {
    users: Vec<Arc<Login>>,
    communities: Vec<Arc<SecretSlice<u8>>>,
    own: Vec<(IpAddr, Result<Arc<SecretSlice<u8>>, ()>)>,
    bound: Vec<(IpAddr, String)>,
    pub faults: Vec<String>,
}

impl Accounts {
    /// Blocking: a few small files, and a megabyte of hashing for each password.
    #[must_use]
    pub fn read(settings: &Settings) -> Accounts {
        let mut all = Accounts::default();
        let usual = settings.public.then_some(PUBLIC);
        all.communities = settings.communities.iter().map(Secret::expose).chain(usual).map(secret).collect();
        for user in &settings.users {
            match login(user) {
                Ok(login) => all.users.push(Arc::new(login)),
                Err(why) => all.faults.push(format!("user {}: {why}", user.name)),
            }
        }
        for target in &settings.targets {
            if target.community.is_some() || target.community_file.is_some() {
                let read = pick(target.community.as_ref(), target.community_file.as_deref(), "community_file");
                let read = read.map(|text| secret(text.unwrap_or(Secret::new("")).expose()));
                if let Err(why) = &read {
                    all.faults.push(format!("{}: {why}", target.address));
                }
                all.own.push((target.address, read.map_err(drop)));
            }
            if let Some(name) = &target.user {
                if !settings.users.iter().any(|user| user.name == *name) {
                    all.faults.push(format!("{}: there is no user {name} in scanners.snmp.users", target.address));
                }
                all.bound.push((target.address, name.clone()));
            }
        }
        all
    }

    /// Those to try at `ip`, best first: what hides before what is read by everybody on the wire.
    #[must_use]
    pub fn of(&self, ip: IpAddr) -> Vec<Account> {
        let bound: Vec<&String> = self.bound.iter().filter(|(at, _)| *at == ip).map(|(_, name)| name).collect();
        let own: Vec<_> = self.own.iter().filter(|(at, _)| *at == ip).map(|(_, community)| community).collect();
        let is_own = !bound.is_empty() || !own.is_empty();
        let users = self.users.iter().filter(|user| !is_own || bound.contains(&&user.name));
        let communities: Vec<_> = match is_own {
            true => own.into_iter().flatten().collect(),
            false => self.communities.iter().collect(),
        };
        let each = |version| communities.iter().map(move |text| Account::Community(version, Arc::clone(text)));
        let (new, old): (Vec<_>, Vec<_>) = (each(Version::V2c).collect(), each(Version::V1).collect());
        users.map(|login| Account::User(Arc::clone(login))).chain(new).chain(old).collect()
    }
}

fn secret(text: &str) -> Arc<SecretSlice<u8>> {
    Arc::new(text.as_bytes().to_vec().into())
}

fn login(user: &User) -> Result<Login, String> {
    let auth = match user.auth {
        AuthWord::None => None,
        AuthWord::Md5 => Some(Auth::Md5),
        AuthWord::Sha1 => Some(Auth::Sha1),
        AuthWord::Sha224 => Some(Auth::Sha224),
        AuthWord::Sha256 => Some(Auth::Sha256),
        AuthWord::Sha384 => Some(Auth::Sha384),
        AuthWord::Sha512 => Some(Auth::Sha512),
    };
    let privacy = match user.privacy {
        PrivacyWord::None => None,
        PrivacyWord::Des => Some(Privacy::Des),
        PrivacyWord::Aes128 => Some(Privacy::Aes128),
        PrivacyWord::Aes192 => Some(Privacy::Aes192),
        PrivacyWord::Aes256 => Some(Privacy::Aes256),
        PrivacyWord::Aes192Cisco => Some(Privacy::Aes192Reeder),
        PrivacyWord::Aes256Cisco => Some(Privacy::Aes256Reeder),
    };
    let signs = pick(user.auth_password.as_ref(), user.auth_password_file.as_deref(), "auth_password_file")?;
    let hides = pick(user.privacy_password.as_ref(), user.privacy_password_file.as_deref(), "privacy_password_file")?;
    let key = |auth: Auth, password: Option<&Secret>, what: &str| match password.map(Secret::expose) {
        Some(text) if text.len() >= PASSWORD_MIN => Ok(master_key(auth, text.as_bytes())),
        Some(_) => Err(format!("{what} is shorter than {PASSWORD_MIN} characters, which no agent takes")),
        None => Err(format!("needs {what}")),
    };
    let name = user.name.clone();
    match (auth, privacy) {
        (None, Some(_)) => Err("privacy needs auth beside it".to_owned()),
        (None, None) => Ok(Login { name, auth: None, privacy: None }),
        (Some(auth), privacy) => {
            let hides = hides.as_ref().or(signs.as_ref());
            Ok(Login {
                name,
                auth: Some((auth, key(auth, signs.as_ref(), "auth_password")?)),
                privacy: match privacy {
                    Some(privacy) => Some((privacy, key(auth, hides, "privacy_password")?)),
                    None => None,
                },
            })
        }
    }
}

/// The secret itself, or the one line of its file.
fn pick(said: Option<&Secret>, file: Option<&Path>, key: &str) -> Result<Option<Secret>, String> {
    let Some(path) = file.filter(|_| said.is_none()) else { return Ok(said.cloned()) };
    let mut text = String::new();
    let read = File::open(path).and_then(|file| {
        // A pipe would never end.
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::other("is no file"));
        }
        file.take(SECRET_MAX).read_to_string(&mut text)
    });
    read.map_err(|error| format!("cannot read {} that {key} names: {error}", path.display()))?;
    let line = text.trim_end_matches(['\n', '\r']);
    if line.is_empty() || line.contains(['\n', '\r', '\0']) {
        return Err(format!("{} that {key} names holds no single line of text", path.display()));
    }
    Ok(Some(Secret::new(line)))
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
