//! # Asking the kernel about Wi-Fi
//!
//! Generic netlink (linux/genetlink.h) to the family `nl80211` (linux/nl80211.h). Reading needs no right; a
//! scan is never started from here. What the answers say is read in `wire::nl80211`.

use std::{io, time::Duration};

use rtnetlink::sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket};
use tokio::time::timeout;

use crate::wire::{
    nl80211::{attribute as kind, find, number16},
    reader::Reader,
};

const NETLINK_GENERIC: isize = 16;
/// `nlctrl`, the one family whose number is fixed.
const CONTROL: u16 = 0x10;
const NLM_REQUEST: u16 = 0x1;
const NLM_ACK: u16 = 0x4;
const NLM_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const CTRL_GETFAMILY: u8 = 3;
const CTRL_FAMILY_ID: u16 = 1;
const CTRL_FAMILY_NAME: u16 = 2;
const SET_WIPHY: u8 = 2;
const GET_INTERFACE: u8 = 5;
const GET_STATION: u8 = 17;
const GET_SCAN: u8 = 32;
/// NL80211_CHAN_WIDTH_20_NOHT: a plain channel, which every card has.
const WIDTH_20: u32 = 0;
/// Answers kept of one question: more stations or networks than that are somebody's joke.
const ANSWERS_MAX: usize = 1024;
const PATIENCE: Duration = Duration::from_secs(3);

/// A connection to the family. One question at a time.
pub struct Kernel {
    socket: TokioSocket,
    family: u16,
}

impl Kernel {
    /// `None`: this kernel has no Wi-Fi.
    ///
    /// # Errors
    /// No socket, or no answer.
    pub async fn open() -> io::Result<Option<Kernel>> {
        let mut socket = TokioSocket::new(NETLINK_GENERIC)?;
        socket.socket_mut().bind(&SocketAddr::new(0, 0))?;
        let mut kernel = Kernel { socket, family: CONTROL };
        match kernel.ask(CTRL_GETFAMILY, 0, &attribute(CTRL_FAMILY_NAME, b"nl80211\0")).await {
            Ok(answers) => {
                let family = answers.iter().find_map(|body| find(body, CTRL_FAMILY_ID).and_then(number16));
                kernel.family = family.ok_or(io::ErrorKind::InvalidData)?;
                Ok(Some(kernel))
            }
            // No such family: no Wi-Fi in this kernel.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Interfaces of all cards: attributes for [`crate::wire::nl80211::Interface`].
    pub async fn interfaces(&mut self) -> io::Result<Vec<Vec<u8>>> {
        self.ask(GET_INTERFACE, NLM_DUMP, &[]).await
    }

    /// What the last scan of an interface found.
    pub async fn scan(&mut self, index: u32) -> io::Result<Vec<Vec<u8>>> {
        self.ask(GET_SCAN, NLM_DUMP, &attribute(kind::IFINDEX, &index.to_ne_bytes())).await
    }

    /// Who is connected to an access point of this host.
    pub async fn stations(&mut self, index: u32) -> io::Result<Vec<Vec<u8>>> {
        self.ask(GET_STATION, NLM_DUMP, &attribute(kind::IFINDEX, &index.to_ne_bytes())).await
    }

    /// Turns a monitor interface to a frequency. Needs CAP_NET_ADMIN.
    pub async fn tune(&mut self, index: u32, mhz: u32) -> io::Result<()> {
        self.ask(SET_WIPHY, NLM_ACK, &tune(index, mhz)).await.map(drop)
    }

    /// Sends a command and collects the attributes of its answers.
    async fn ask(&mut self, command: u8, flags: u16, body: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let message = message(self.family, command, flags, body);
        let answered = async {
            self.socket.send(&message).await?;
            let mut answers = Vec::new();
            loop {
                let (bytes, from) = self.socket.recv_from_full().await?;
                // Only the kernel (port 0) is believed.
                if from.port_number() == 0 && take(&bytes, &mut answers)? == Told::All {
                    return Ok(answers);
                }
            }
        };
        timeout(PATIENCE, answered).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}

fn tune(index: u32, mhz: u32) -> Vec<u8> {
    let values =
        [(kind::IFINDEX, index), (kind::WIPHY_FREQ, mhz), (kind::CHANNEL_WIDTH, WIDTH_20), (kind::CENTER_FREQ1, mhz)];
    values.iter().flat_map(|(kind, value)| attribute(*kind, &value.to_ne_bytes())).collect()
}

fn message(family: u16, command: u8, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(20 + body.len()).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(family.to_ne_bytes());
    message.extend((NLM_REQUEST | flags).to_ne_bytes());
    message.extend([0; 8]); // sequence and port: one question at a time
    message.extend([command, 1, 0, 0]); // command, version, reserved
    message.extend(body);
    message
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    All,
    More,
}

/// The messages of one datagram.
fn take(bytes: &[u8], answers: &mut Vec<Vec<u8>>) -> io::Result<Told> {
    let mut rest = Reader::new(bytes);
    while rest.len() >= 16 {
        let mut head = rest;
        let (Some(length), Some(kind), Some(flags)) = (
            head.take().map(u32::from_ne_bytes),
            head.take().map(u16::from_ne_bytes),
            head.take().map(u16::from_ne_bytes),
        ) else {
            break;
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(message) = rest.slice(length.max(16)) else { break };
        // Messages begin at multiples of four.
        rest.at_most(length.next_multiple_of(4) - length);
        let body = message.get(16..).unwrap_or_default();
        match kind {
            NLMSG_DONE => return Ok(Told::All),
            NLMSG_ERROR => {
                let code = Reader::new(body).take().map_or(0, i32::from_ne_bytes);
                return if code == 0 {
                    Ok(Told::All)
                } else {
                    Err(io::Error::from_raw_os_error(code.saturating_neg()))
                };
            }
            _ => {
                if answers.len() < ANSWERS_MAX {
                    answers.push(body.get(4..).unwrap_or_default().to_vec());
                }
                // Without NLM_F_MULTI (2) it was the only one.
                if flags & 2 == 0 {
                    return Ok(Told::All);
                }
            }
        }
    }
    Ok(Told::More)
}

/// One attribute, padded.
pub fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(16 + body.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn answers_are_collected_until_the_last() {
        let mut answers = Vec::new();
        let body = [vec![GET_STATION, 1, 0, 0], attribute(3, &[1, 0, 0, 0])].concat();
        let bytes = [answer(0x1c, 2, &body), answer(0x1c, 2, &body), answer(NLMSG_DONE, 2, &[0; 4])].concat();
        assert_eq!(take(&bytes, &mut answers).expect("no error"), Told::All);
        assert_eq!(answers, [attribute(3, &[1, 0, 0, 0]), attribute(3, &[1, 0, 0, 0])]);
        let refused = take(&answer(NLMSG_ERROR, 0, &(-libc::EPERM).to_ne_bytes()), &mut answers);
        assert_eq!(refused.expect_err("an error").kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(take(&answer(NLMSG_ERROR, 0, &[0; 4]), &mut answers).expect("done"), Told::All);
    }

    /// linux/nl80211.h: NL80211_CMD_SET_WIPHY with the interface, and a frequency for monitors.
    #[test]
    fn the_question_to_tune_is_laid_out_as_the_kernel_wants_it() {
        let bytes = message(0x1c, SET_WIPHY, NLM_ACK, &tune(7, 5_180));
        assert_eq!(bytes.len(), 20 + 4 * 8);
        assert_eq!(bytes[..8], [&52u32.to_ne_bytes()[..], &0x1cu16.to_ne_bytes(), &5u16.to_ne_bytes()].concat());
        assert_eq!(bytes[16..20], [2, 1, 0, 0]);
        let number = |wanted| find(&bytes[20..], wanted).and_then(crate::wire::nl80211::number32);
        assert_eq!([number(3), number(38), number(159), number(160)], [Some(7), Some(5_180), Some(0), Some(5_180)]);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(data in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut answers = Vec::new();
            let _told = take(&data, &mut answers);
            prop_assert!(answers.iter().map(Vec::len).sum::<usize>() <= data.len());
        }
    }
}
