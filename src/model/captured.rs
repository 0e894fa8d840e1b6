//! # A frame as capture hands it over

use super::Moment;

/// Kernel index of an interface (`if_nametoindex(3)`), or the number of an interface in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct InterfaceId(pub u32);

/// What the bytes of a frame begin with. Numbers are those of `LINKTYPE_…` in capture files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    pub const NULL: LinkType = LinkType(0);
    pub const ETHERNET: LinkType = LinkType(1);
    pub const PPP: LinkType = LinkType(9);
    pub const RAW_IP: LinkType = LinkType(101);
    pub const LOOP: LinkType = LinkType(108);
    pub const IEEE80211: LinkType = LinkType(105);
    pub const LINUX_SLL: LinkType = LinkType(113);
    pub const RADIOTAP: LinkType = LinkType(127);
    pub const IPV4: LinkType = LinkType(228);
    pub const IPV6: LinkType = LinkType(229);
    pub const NFLOG: LinkType = LinkType(239);
    pub const LINUX_SLL2: LinkType = LinkType(276);
}

/// One frame, borrowed from a capture buffer.
#[derive(Debug, Clone, Copy)]
pub struct Captured<'a> {
    /// How to read `bytes`.
    pub link: LinkType,
    /// Where it was heard.
    pub interface: InterfaceId,
    /// When it was heard.
    pub at: Moment,
    /// Length on the wire, which may exceed `bytes`.
    pub wire_len: u32,
    /// What was kept of it.
    pub bytes: &'a [u8],
}
