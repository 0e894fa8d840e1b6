//! # Keys, digests and ciphers of version 3
//!
//! RFC 3414 (MD5, SHA-1, DES), RFC 3826 (AES-128), RFC 7860 (SHA-2) and, for longer AES keys, the two ways
//! to stretch a key that agents use: draft-blumenthal-aes-usm-04 (net-snmp and most others) and
//! draft-reeder-snmpv3-usm-3desede-00 (Cisco). Chance is handed in. The weak ones are here because old
//! printers and switches know no better.

use aes::{
    Aes128, Aes192, Aes256,
    cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit},
};
use des::Des;
use md5::Md5;
use secrecy::{ExposeSecret, SecretSlice};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// How messages are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Auth {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// How messages are hidden. Twins: the key is stretched in Blumenthal's or in Reeder's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privacy {
    Des,
    Aes128,
    Aes192,
    Aes256,
    Aes192Reeder,
    Aes256Reeder,
}

/// RFC 3414 A.2: a password is repeated to this length.
const STRETCHED: usize = 1 << 20;

impl Auth {
    fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        fn of<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
            let mut hash = D::new();
            parts.iter().for_each(|part| hash.update(part));
            hash.finalize().to_vec()
        }
        match self {
            Auth::Md5 => of::<Md5>(parts),
            Auth::Sha1 => of::<Sha1>(parts),
            Auth::Sha224 => of::<Sha224>(parts),
            Auth::Sha256 => of::<Sha256>(parts),
            Auth::Sha384 => of::<Sha384>(parts),
            Auth::Sha512 => of::<Sha512>(parts),
        }
    }

    /// How much of a digest goes into a message (RFC 3414 §6.3.1, RFC 7860 §4.1).
    #[must_use]
    pub const fn tag_len(self) -> usize {
        match self {
            Auth::Md5 | Auth::Sha1 => 12,
            Auth::Sha224 => 16,
            Auth::Sha256 => 24,
            Auth::Sha384 => 32,
            Auth::Sha512 => 48,
        }
    }

    const fn block(self) -> usize {
        match self {
            Auth::Sha384 | Auth::Sha512 => 128,
            _ => 64,
        }
    }

    /// RFC 2104, cut to what a message carries.
    #[must_use]
    pub fn sign(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let mut block = if key.len() > self.block() { self.digest(&[key]) } else { key.to_vec() };
        block.resize(self.block(), 0);
        let padded = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
        let (inner, outer) = (padded(0x36), padded(0x5c));
        let inside = self.digest(&[&[&inner[..]], parts].concat());
        let mut mac = self.digest(&[&outer, &inside]);
        mac.truncate(self.tag_len());
        mac
    }

    /// The key that only this engine knows (RFC 3414 §2.6).
    #[must_use]
    pub fn localize(self, master: &SecretSlice<u8>, engine: &[u8]) -> SecretSlice<u8> {
        let master = master.expose_secret();
        self.digest(&[master, engine, master]).into()
    }
}

/// The key a password stands for, wherever it is used (RFC 3414 A.2). Takes a megabyte of hashing.
#[must_use]
pub fn master_key(auth: Auth, password: &[u8]) -> SecretSlice<u8> {
    if password.is_empty() {
        return Vec::new().into();
    }
    // Repeated to a length that whole passwords fill, so that pieces follow each other without a seam.
    let piece = password.repeat(4096_usize.div_ceil(password.len()));
    let whole = STRETCHED / piece.len();
    let mut parts = vec![piece.as_slice(); whole];
    parts.push(piece.get(..STRETCHED - whole * piece.len()).unwrap_or_default());
    auth.digest(&parts).into()
}

impl Privacy {
    const fn key_len(self) -> usize {
        match self {
            // Eight bytes of key, eight to begin from (RFC 3414 §8.1.1.1).
            Privacy::Des | Privacy::Aes128 => 16,
            Privacy::Aes192 | Privacy::Aes192Reeder => 24,
            Privacy::Aes256 | Privacy::Aes256Reeder => 32,
        }
    }

    /// The key that only this engine knows, long enough for the cipher.
    #[must_use]
    pub fn localize(self, auth: Auth, master: &SecretSlice<u8>, engine: &[u8]) -> SecretSlice<u8> {
        let mut key = auth.localize(master, engine).expose_secret().to_vec();
        let mut last: SecretSlice<u8> = key.clone().into();
        while key.len() < self.key_len() {
            match self {
                Privacy::Aes192Reeder | Privacy::Aes256Reeder => {
                    last = auth.localize(&master_key(auth, last.expose_secret()), engine);
                }
                _ => last = auth.digest(&[&key]).into(),
            }
            key.extend_from_slice(last.expose_secret());
        }
        key.truncate(self.key_len());
        key.into()
    }

    /// Hides `text`. `salt` must not come twice under one key.
    #[must_use]
    pub fn hide(self, key: &[u8], boots: u32, time: u32, salt: [u8; 8], text: &[u8]) -> Option<Vec<u8>> {
        let mut out = text.to_vec();
        if self == Privacy::Des {
            let (cipher, mut chain) = des(key, salt)?;
            // RFC 3414 §8.1.1.2: what it is filled up with does not matter.
            out.resize(text.len().next_multiple_of(8), 0);
            for piece in out.chunks_exact_mut(8) {
                piece.iter_mut().zip(chain).for_each(|(byte, with)| *byte ^= with);
                let mut block = <[u8; 8]>::try_from(&*piece).ok()?.into();
                cipher.encrypt_block(&mut block);
                chain = block.into();
                piece.copy_from_slice(&chain);
            }
        } else {
            self.feedback(key, boots, time, salt, &mut out, true)?;
        }
        Some(out)
    }

    /// What `text` hid. A wrong key gives nonsense, not `None`.
    #[must_use]
    pub fn show(self, key: &[u8], boots: u32, time: u32, salt: [u8; 8], text: &[u8]) -> Option<Vec<u8>> {
        let mut out = text.to_vec();
        if self == Privacy::Des {
            let (cipher, mut chain) = des(key, salt)?;
            if !text.len().is_multiple_of(8) {
                return None;
            }
            for piece in out.chunks_exact_mut(8) {
                let sent = <[u8; 8]>::try_from(&*piece).ok()?;
                let mut block = sent.into();
                cipher.decrypt_block(&mut block);
                let plain: [u8; 8] = block.into();
                piece.copy_from_slice(&plain);
                piece.iter_mut().zip(chain).for_each(|(byte, with)| *byte ^= with);
                chain = sent;
            }
        } else {
            self.feedback(key, boots, time, salt, &mut out, false)?;
        }
        Some(out)
    }

    /// CFB with 128 bits (NIST SP 800-38A §6.3), from boots, time and salt (RFC 3826 §3.1.2.1).
    fn feedback(self, key: &[u8], boots: u32, time: u32, salt: [u8; 8], text: &mut [u8], hide: bool) -> Option<()> {
        let one: Box<dyn Fn([u8; 16]) -> [u8; 16]> = match self.key_len() {
            16 => encryptor(Aes128::new_from_slice(key).ok()?),
            24 => encryptor(Aes192::new_from_slice(key).ok()?),
            _ => encryptor(Aes256::new_from_slice(key).ok()?),
        };
        let mut chain = [0; 16];
        let start = boots.to_be_bytes().into_iter().chain(time.to_be_bytes()).chain(salt);
        chain.iter_mut().zip(start).for_each(|(byte, from)| *byte = from);
        for piece in text.chunks_mut(16) {
            let pad = one(chain);
            for ((byte, next), with) in piece.iter_mut().zip(&mut chain).zip(pad) {
                let sent = if hide { *byte ^ with } else { *byte };
                *byte ^= with;
                *next = sent;
            }
        }
        Some(())
    }
}

fn encryptor<C>(cipher: C) -> Box<dyn Fn([u8; 16]) -> [u8; 16]>
where
    C: BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16> + 'static,
{
    Box::new(move |block| {
        let mut block = block.into();
        cipher.encrypt_block(&mut block);
        block.into()
    })
}

/// The cipher and what the first block is chained to (RFC 3414 §8.1.1.1).
fn des(key: &[u8], salt: [u8; 8]) -> Option<(Des, [u8; 8])> {
    let (key, before) = key.split_at_checked(8)?;
    let mut chain = <[u8; 8]>::try_from(before).ok()?;
    chain.iter_mut().zip(salt).for_each(|(byte, with)| *byte ^= with);
    Some((Des::new_from_slice(key).ok()?, chain))
}
