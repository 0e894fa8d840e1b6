//! # Tags for lost things
//!
//! Whatever the maker: which network a tag is of, and whether it is away from its owner. Sources: IETF
//! draft-detecting-unwanted-location-trackers (0xfcb2), and the makers' own UUIDs.

use super::{APPLE, EDDYSTONE, apple, eddystone};

/// Whose network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TagKind {
    FindMy,
    FindHub,
    SmartTag,
    Tile,
    /// By the common draft, which tells no network we know.
    Common,
}

impl TagKind {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            TagKind::FindMy => "find_my",
            TagKind::FindHub => "find_hub",
            TagKind::SmartTag => "smart_tag",
            TagKind::Tile => "tile",
            TagKind::Common => "tracker",
        }
    }
}

/// A tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    pub kind: TagKind,
    /// `None`: it does not say.
    pub separated: Option<bool>,
}

impl Tag {
    /// From manufacturer data.
    #[must_use]
    pub fn of_maker(company: u16, data: &[u8]) -> Option<Tag> {
        if company != APPLE {
            return None;
        }
        apple::messages(data).find_map(|message| match message {
            apple::Message::FindMy(tag) => Some(Tag { kind: TagKind::FindMy, separated: Some(tag.separated) }),
            _ => None,
        })
    }

    /// From service data.
    #[must_use]
    pub fn of_service(uuid: u16, data: &[u8]) -> Option<Tag> {
        let (kind, separated) = match uuid {
            EDDYSTONE => match eddystone::read(data)? {
                eddystone::Frame::Lost { separated } => (TagKind::FindHub, Some(separated)),
                _ => return None,
            },
            0xfcb2 => {
                // Network id, then the bit "near its owner".
                let kind = match data.first()? {
                    1 => TagKind::FindMy,
                    2 => TagKind::FindHub,
                    _ => TagKind::Common,
                };
                (kind, Some(data.get(1)? & 1 == 0))
            }
            // Yu et al., "Privacy Analysis of Samsung's Crowd-Sourced Bluetooth Location Tracking System"
            // (2022): state in the low three bits, 1 to 3 away from its owner.
            0xfd5a => (TagKind::SmartTag, data.first().map(|state| (1..=3).contains(&(state & 0x07)))),
            0xfeed | 0xfeec => (TagKind::Tile, None),
            _ => return None,
        };
        Some(Tag { kind, separated })
    }
}
