//! # Who may enter the own broker

use std::{future::Future, net::SocketAddr, pin::Pin, time::Duration};

use mqtt5::{
    broker::auth::{AuthProvider, AuthResult},
    packet::connect::ConnectPacket,
    protocol::v5::reason_codes::ReasonCode,
};
use secrecy::{ExposeSecret, SecretString};

// A wrong password costs whoever tries it so long, which makes guessing pointless.
const WRONG_COSTS: Duration = Duration::from_secs(1);

/// Knows the accounts. Whoever has one may do everything.
pub(super) struct Doorman {
    accounts: Vec<(&'static str, SecretString)>,
}

impl Doorman {
    pub(super) fn new<const N: usize>(accounts: [(&'static str, &SecretString); N]) -> Doorman {
        Doorman { accounts: accounts.into_iter().map(|(user, password)| (user, password.clone())).collect() }
    }

    fn knows(&self, user: &str, password: &[u8]) -> bool {
        // All accounts and all bytes are looked at, so that time tells nothing.
        self.accounts.iter().fold(false, |known, (name, secret)| {
            known | (*name == user && same(secret.expose_secret().as_bytes(), password))
        })
    }
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (x, y)| differs | (x ^ y)) == 0
}

type Verdict<'a> = Pin<Box<dyn Future<Output = mqtt5::Result<AuthResult>> + Send + 'a>>;
type Permission<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

impl AuthProvider for Doorman {
    fn authenticate<'a>(&'a self, connect: &'a ConnectPacket, from: SocketAddr) -> Verdict<'a> {
        Box::pin(async move {
            let user = connect.username.as_deref().unwrap_or_default();
            if self.knows(user, connect.password.as_deref().unwrap_or_default()) {
                return Ok(AuthResult::success_with_user(user));
            }
            tracing::info!(%from, "somebody with a wrong user name or password is kept out of the own broker");
            tokio::time::sleep(WRONG_COSTS).await;
            Ok(AuthResult::fail(ReasonCode::BadUsernameOrPassword))
        })
    }

    fn authorize_publish<'a>(&'a self, _: &str, user: Option<&'a str>, _: &'a str) -> Permission<'a> {
        Box::pin(std::future::ready(user.is_some()))
    }

    fn authorize_subscribe<'a>(&'a self, _: &str, user: Option<&'a str>, _: &'a str) -> Permission<'a> {
        Box::pin(std::future::ready(user.is_some()))
    }
}
