//! # The kernel's ring of frames (TPACKET_V3)
//!
//! The kernel fills blocks of 128 KiB in memory we share with it and hands each over whole; we copy
//! the frames out and hand the block back. One wake-up serves a block, so a frame costs tens of
//! nanoseconds where one call per frame costs more than a thousand
//! (Documentation/networking/packet_mmap.rst). Frames this host sent are left out.
//!
//! Holds: `capture.ring_mib` MiB of kernel memory, up to sixteen times that once it got tight, and the pool of batches.

use std::{
    ffi::CString,
    io, mem,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr::{self, NonNull},
    slice,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::{
    Batch, CaptureError, Filter, Settings,
    batch::Pool,
    bpf::Instruction,
    groups::GROUPS,
    stamps::Stamps,
    view::{self, u32_at},
};
use crate::model::{Clock, InterfaceId, LinkType, Moment};

/// Small, so that a small ring has many: a block is used up at each retirement below, however little it holds, so their
/// number says how long we may sleep on a quiet wire. Large enough for a frame of 64 KiB, put together by the card.
const BLOCK: usize = 1 << 17;
const BLOCKS_A_MIB: u32 = (1 << 20) / BLOCK as u32;
/// A ring that gets tight doubles up to this many times its first size: 16 MiB bridged 100 ms of 285,000 frames a
/// second (docs/measured.md).
const GROWS: u32 = 16;
/// Tight: so much of it waited to be read at once. The rest is for the time until a larger one stands.
const TIGHT: (usize, usize) = (3, 4);
/// A block that is not full is handed over after so many milliseconds: the price is a kernel timer,
/// the gain is how soon an arrival is noticed.
const RETIRE_MS: u32 = 20;
/// Batches whose memory is kept. A core that keeps up has one or two in its channel; the dozens of a flood would be
/// held for ever.
const POOL: usize = 4;

// Places in the block header (linux/if_packet.h: tpacket_block_desc).
const BLOCK_STATUS: usize = 8;
const BLOCK_COUNT: usize = 12;
const BLOCK_FIRST: usize = 16;

/// An open ring on one interface.
#[derive(Debug)]
pub struct Ring {
    socket: OwnedFd,
    map: Map,
    at: usize,
    /// The most blocks that waited at once, for [`Ring::is_tight`].
    waited: usize,
    reading: Option<Reading>,
    name: String,
    interface: InterfaceId,
    link: LinkType,
    clock: Clock,
    stamps: Stamps,
    pool: Pool,
    /// How it was opened, and how large it is now, for [`Ring::larger`].
    opened: (Filter, Settings, u32),
}

/// Where we are in the block in hand.
#[derive(Debug, Clone, Copy)]
struct Reading {
    left: u32,
    offset: usize,
}

/// The kernel's counters since they were last read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Frames the filter kept, the dropped ones among them.
    pub received: u64,
    pub dropped: u64,
}

impl Ring {
    /// Opens the interface. Nothing that was sent before the filter stood gets through.
    ///
    /// # Errors
    /// No such interface, no right, no memory, or a link layer nobody here reads.
    pub fn open(name: &str, filter: &Filter, settings: &Settings, clock: Clock) -> Result<Ring, CaptureError> {
        Ring::sized(name, filter, settings, settings.ring_mib.clamp(1, 256), clock)
    }

    /// Whether frames were, or nearly were, lost since this was last asked: for the slowness of who reads.
    pub const fn is_tight(&mut self) -> bool {
        mem::replace(&mut self.waited, 0) * TIGHT.1 >= self.map.blocks * TIGHT.0
    }

    /// Takes no more frames; what waits can still be read.
    ///
    /// # Errors
    /// The kernel refused, which it has no reason to.
    pub fn deafen(&self) -> Result<(), CaptureError> {
        attach(&self.socket, Filter::nothing().program()).map_err(|source| CaptureError::System {
            interface: self.name.clone(),
            doing: "set the filter",
            source,
        })
    }

    /// The same ears with twice the room, for one that is tight; `None` if it has grown as far as it may. It hears at
    /// once: [`Ring::deafen`] the old one, and read what waits there first.
    ///
    /// # Errors
    /// As of [`Ring::open`].
    pub fn larger(&self) -> Option<Result<Ring, CaptureError>> {
        let (filter, settings, mib) = &self.opened;
        let most = settings.ring_mib.clamp(1, 256) * GROWS;
        (mib * 2 <= most.min(256)).then(|| Ring::sized(&self.name, filter, settings, mib * 2, self.clock))
    }

    /// Kernel memory, in MiB.
    #[must_use]
    pub const fn mib(&self) -> u32 {
        self.opened.2
    }

    fn sized(name: &str, filter: &Filter, settings: &Settings, mib: u32, clock: Clock) -> Result<Ring, CaptureError> {
        let failed = |doing, source| CaptureError::System { interface: name.to_owned(), doing, source };
        let index = index_of(name)?;
        // Protocol 0 hears nothing until the bind below: no frame slips in before the filter.
        // SAFETY: plain system call without pointers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
        if fd < 0 {
            let error = io::Error::last_os_error();
            return Err(match error.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => CaptureError::Forbidden { interface: name.to_owned() },
                _ => failed("open a socket", error),
            });
        }
        // SAFETY: the descriptor was just made and nobody else owns it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        let version = libc::tpacket_versions::TPACKET_V3 as libc::c_int;
        set(&socket, libc::SOL_PACKET, libc::PACKET_VERSION, &version).map_err(|e| failed("choose TPACKET_V3", e))?;
        attach(&socket, filter.program()).map_err(|e| failed("set the filter", e))?;
        // Before Linux 4.20 there is no such option; `Ring::read_block` then does the work.
        drop(set(&socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &libc::c_int::from(!settings.sent)));
        let blocks = mib * BLOCKS_A_MIB;
        let wanted = libc::tpacket_req3 {
            tp_block_size: BLOCK as u32,
            tp_block_nr: blocks,
            // V3 packs frames; the kernel only checks that these agree.
            tp_frame_size: 2048,
            tp_frame_nr: blocks * (BLOCK as u32 / 2048),
            tp_retire_blk_tov: RETIRE_MS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        set(&socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &wanted).map_err(|e| failed("make a ring", e))?;
        let map = Map::new(&socket, blocks as usize).map_err(|e| failed("map the ring", e))?;
        if settings.promiscuous {
            // SAFETY: `packet_mreq` is plain integers, for which zero is valid.
            let mut wish: libc::packet_mreq = unsafe { mem::zeroed() };
            wish.mr_ifindex = index as libc::c_int;
            wish.mr_type = libc::PACKET_MR_PROMISC as u16;
            set(&socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &wish)
                .map_err(|e| failed("hear frames for others", e))?;
        }
        join(&socket, index);
        let hardware = bind(&socket, index).map_err(|error| match error.raw_os_error() {
            Some(libc::ENETDOWN | libc::ENXIO | libc::ENODEV) => CaptureError::Lost { interface: name.to_owned() },
            _ => failed("bind", error),
        })?;
        let link =
            link_of(hardware).ok_or_else(|| CaptureError::Unreadable { interface: name.to_owned(), hardware })?;
        Ok(Ring {
            socket,
            map,
            at: 0,
            waited: 0,
            reading: None,
            name: name.to_owned(),
            interface: InterfaceId(index),
            link,
            clock,
            stamps: Stamps::default(),
            pool: Pool::new(POOL),
            opened: (filter.clone(), settings.clone(), mib),
        })
    }

    #[must_use]
    pub const fn interface(&self) -> InterfaceId {
        self.interface
    }

    /// The frames that came, at most one batch of them; empty if none came within `wait`.
    ///
    /// # Errors
    /// The interface went down or away.
    pub fn next_batch(&mut self, wait: Duration) -> Result<Batch, CaptureError> {
        let mut batch = self.pool.batch();
        if self.reading.is_none() && !self.map.is_ours(self.at) {
            self.wait(wait)?;
        }
        let now = (self.clock)();
        self.stamps.sample(now);
        let all = self.map.blocks;
        self.waited = self.waited.max((0..all).take_while(|block| self.map.is_ours((self.at + block) % all)).count());
        while self.reading.is_some() || self.map.is_ours(self.at) {
            if !self.read_block(&mut batch, now) {
                break;
            }
            self.reading = None;
            self.map.give_back(self.at);
            self.at = (self.at + 1) % self.map.blocks;
        }
        Ok(batch)
    }

    /// Copies the block in hand; `false` if the batch is full before its end.
    fn read_block(&mut self, batch: &mut Batch, now: Moment) -> bool {
        let block = self.map.block(self.at);
        let mut reading = self.reading.unwrap_or_else(|| Reading {
            left: u32_at(block, BLOCK_COUNT).unwrap_or(0),
            offset: u32_at(block, BLOCK_FIRST).unwrap_or(0) as usize,
        });
        while reading.left > 0 {
            let Some(frame) = block.get(reading.offset..) else { break };
            let is_ours = view::is_ours(frame);
            if !is_ours || self.opened.1.sent {
                let before = batch.len();
                if !self.stamps.copy(frame, (self.interface, self.link), now, batch) {
                    self.reading = Some(reading);
                    return false;
                }
                if is_ours && batch.len() > before {
                    batch.was_ours();
                }
            }
            let next = u32_at(frame, 0).unwrap_or(0) as usize;
            if next == 0 {
                break;
            }
            reading.left -= 1;
            reading.offset += next;
        }
        true
    }

    /// Reads and resets the kernel's counters.
    ///
    /// # Errors
    /// The kernel refused, which it has no reason to.
    pub fn statistics(&self) -> Result<Statistics, CaptureError> {
        // SAFETY: `tpacket_stats_v3` is plain integers, for which zero is valid.
        let mut found: libc::tpacket_stats_v3 = unsafe { mem::zeroed() };
        get(&self.socket, libc::SOL_PACKET, libc::PACKET_STATISTICS, &mut found).map_err(|source| {
            CaptureError::System { interface: self.name.clone(), doing: "read the counters", source }
        })?;
        Ok(Statistics { received: found.tp_packets.into(), dropped: found.tp_drops.into() })
    }

    fn wait(&self, wait: Duration) -> Result<(), CaptureError> {
        let mut wanted = libc::pollfd { fd: self.socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let wait = libc::c_int::try_from(wait.as_millis()).unwrap_or(libc::c_int::MAX);
        // SAFETY: one valid pollfd, which outlives the call.
        let found = unsafe { libc::poll(&raw mut wanted, 1, wait) };
        if found > 0 && wanted.revents & (libc::POLLERR | libc::POLLNVAL) != 0 {
            let mut error: libc::c_int = 0;
            drop(get(&self.socket, libc::SOL_SOCKET, libc::SO_ERROR, &mut error));
            return Err(match error {
                0 | libc::ENETDOWN | libc::ENODEV | libc::ENXIO => CaptureError::Lost { interface: self.name.clone() },
                other => CaptureError::System {
                    interface: self.name.clone(),
                    doing: "wait for frames",
                    source: io::Error::from_raw_os_error(other),
                },
            });
        }
        Ok(())
    }
}

/// The memory shared with the kernel.
#[derive(Debug)]
struct Map {
    start: NonNull<u8>,
    blocks: usize,
}

// SAFETY: the mapping belongs to this value alone and is not tied to a thread.
unsafe impl Send for Map {}

impl Map {
    fn new(socket: &OwnedFd, blocks: usize) -> io::Result<Map> {
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: asks for a fresh mapping of the ring that was just made with exactly this size.
        let start =
            unsafe { libc::mmap(ptr::null_mut(), blocks * BLOCK, rights, libc::MAP_SHARED, socket.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(io::Error::last_os_error)?;
        Ok(Map { start, blocks })
    }

    fn status(&self, block: usize) -> &AtomicU32 {
        debug_assert!(block < self.blocks);
        // SAFETY: `block` is below `blocks` (the only caller counts modulo it), blocks are page
        // aligned, so the word at 8 lies in the mapping, is aligned, and lives as long as `self`;
        // both sides touch it atomically only.
        unsafe { AtomicU32::from_ptr(self.start.as_ptr().add(block * BLOCK + BLOCK_STATUS).cast()) }
    }

    fn is_ours(&self, block: usize) -> bool {
        // Acquire: the frames were written before the kernel set this.
        self.status(block).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    fn give_back(&self, block: usize) {
        // Release: our reads end before the kernel writes again.
        self.status(block).store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }

    /// A block that is ours; empty if it is not.
    fn block(&self, block: usize) -> &[u8] {
        if !self.is_ours(block) {
            return &[];
        }
        // SAFETY: inside the mapping as above; while the block is ours the kernel does not write to it,
        // and it is given back only by `&mut Ring`, when no such slice is alive.
        unsafe { slice::from_raw_parts(self.start.as_ptr().add(block * BLOCK), BLOCK) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: exactly what `new` mapped; no slice of it outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.blocks * BLOCK) };
    }
}

fn set<T>(socket: &OwnedFd, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
    // SAFETY: `value` is valid for its own size and outlives the call.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_ref(value).cast(),
            mem::size_of::<T>() as libc::socklen_t,
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn get<T>(socket: &OwnedFd, level: libc::c_int, option: libc::c_int, value: &mut T) -> io::Result<()> {
    let mut len = mem::size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` is valid for `len` bytes and only ever plain integers, so any bytes are valid.
    let done =
        unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, ptr::from_mut(value).cast(), &raw mut len) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn attach(socket: &OwnedFd, program: &[Instruction]) -> io::Result<()> {
    let mut steps: Vec<libc::sock_filter> = program
        .iter()
        .map(|step| libc::sock_filter { code: step.code, jt: step.yes, jf: step.no, k: step.value })
        .collect();
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// Has the card let through what is said to groups in which devices announce themselves. What it
/// refuses is not heard; a tunnel has no such groups.
fn join(socket: &OwnedFd, index: u32) {
    for group in GROUPS {
        // SAFETY: `packet_mreq` is plain integers, for which zero is valid.
        let mut wish: libc::packet_mreq = unsafe { mem::zeroed() };
        wish.mr_ifindex = index as libc::c_int;
        wish.mr_type = libc::PACKET_MR_MULTICAST as u16;
        wish.mr_alen = group.0.len() as u16;
        for (place, byte) in wish.mr_address.iter_mut().zip(group.0) {
            *place = byte;
        }
        if let Err(error) = set(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &wish) {
            tracing::debug!(%group, %error, "group not joined");
        }
    }
}

/// Starts hearing; returns the ARPHRD number of the interface.
fn bind(socket: &OwnedFd, index: u32) -> io::Result<u16> {
    // SAFETY: `sockaddr_ll` is plain integers, for which zero is valid.
    let mut place: libc::sockaddr_ll = unsafe { mem::zeroed() };
    place.sll_family = libc::AF_PACKET as u16;
    place.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    place.sll_ifindex = index as libc::c_int;
    let mut len = mem::size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: a valid address of the length given.
    if unsafe { libc::bind(socket.as_raw_fd(), (&raw const place).cast(), len) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: room for a `sockaddr_ll`, and its length.
    if unsafe { libc::getsockname(socket.as_raw_fd(), (&raw mut place).cast(), &raw mut len) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(place.sll_hatype)
}

fn index_of(name: &str) -> Result<u32, CaptureError> {
    let text = CString::new(name).unwrap_or_default();
    // SAFETY: a string that ends with zero and outlives the call.
    match unsafe { libc::if_nametoindex(text.as_ptr()) } {
        0 => Err(CaptureError::Missing { interface: name.to_owned(), found: interfaces() }),
        index => Ok(index),
    }
}

fn interfaces() -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    found
}

/// What frames of an interface begin with (linux/if_arp.h).
const fn link_of(hardware: u16) -> Option<LinkType> {
    match hardware {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => Some(LinkType::ETHERNET),
        libc::ARPHRD_IEEE80211 => Some(LinkType::IEEE80211),
        libc::ARPHRD_IEEE80211_RADIOTAP => Some(LinkType::RADIOTAP),
        libc::ARPHRD_NONE | libc::ARPHRD_PPP => Some(LinkType::RAW_IP),
        _ => None,
    }
}
