//! # What is said in a connection, read in order
//!
//! Of each side the beginning is read; of protocols that carry much before what matters, more. A segment also says what
//! its sender has of the other side: what that side said behind a hole which nobody will fill is read then.

use crate::wire::tcp::{Flags, Tcp};

use super::{fact::What, flow::Flow, stream::Stream, turn};

/// Of each side: what is read of a conversation whose protocol is not one of files and remote procedures.
const READ_MAX: u32 = 16 * 1024;
/// Of those.
const READ_LONG_MAX: u32 = 512 * 1024;

/// A segment, and how long it was on the wire.
pub struct Segment<'a> {
    pub tcp: &'a Tcp<'a>,
    pub real: usize,
    pub by_client: bool,
}

/// Where what is read goes.
pub struct Reading<'a> {
    pub seed: u64,
    /// A buffer that is used again.
    pub said: &'a mut Vec<u8>,
    pub whats: &'a mut Vec<What>,
}

/// Whether a segment is looked at. What lies behind the beginning of a conversation is not, and most does.
pub fn is_due(flow: &Flow, tcp: &Tcp<'_>, by_client: bool) -> bool {
    is_read(flow, tcp, by_client)
        || tcp.flags.has(Flags::SYN)
        || flow.streams.get(usize::from(by_client)).is_some_and(|other| other.held() > 0)
}

fn is_read(flow: &Flow, tcp: &Tcp<'_>, by_client: bool) -> bool {
    let taken = flow.streams.get(usize::from(!by_client)).map_or(u32::MAX, |stream| stream.taken);
    !tcp.payload.is_empty()
        && (taken < READ_MAX
            || taken < READ_LONG_MAX && flow.app.as_ref().is_some_and(|app| app.is_long() && !app.is_done()))
}

/// Bytes that a conversation holds.
pub fn held(flow: &Flow) -> usize {
    let turn = flow.turn.as_ref().map_or(0, |turn| turn.held());
    flow.streams.iter().map(Stream::held).sum::<usize>() + flow.app.as_ref().map_or(0, |app| app.held()) + turn
}

/// Holes and repeats of both directions.
pub fn torn(flow: &Flow) -> (u32, u32) {
    flow.streams.iter().fold((0, 0), |(gaps, overlaps), stream| {
        (stream.gaps.saturating_add(gaps), stream.overlaps.saturating_add(overlaps))
    })
}

impl Reading<'_> {
    pub fn read(&mut self, flow: &mut Flow, segment: &Segment<'_>) {
        let &Segment { tcp, real, by_client } = segment;
        let (side, other) = (usize::from(!by_client), usize::from(by_client));
        if tcp.flags.has(Flags::ACK) && !tcp.flags.has(Flags::RST) {
            if let Some(stream) = flow.streams.get_mut(other) {
                stream.acknowledged(tcp.acknowledgment);
            }
            self.jump(flow, !by_client, None);
        }
        let is_syn = tcp.flags.has(Flags::SYN);
        let sequence = if is_syn { tcp.sequence.wrapping_add(1) } else { tcp.sequence };
        if is_syn && let Some(stream) = flow.streams.get_mut(side) {
            stream.begin(sequence);
        }
        if !is_read(flow, tcp, by_client) {
            return;
        }
        self.jump(flow, by_client, Some(sequence));
        let Some(stream) = flow.streams.get_mut(side) else { return };
        let from = stream.taken;
        self.said.clear();
        let missing = stream.hear(sequence, tcp.payload, real, self.said);
        self.hand_on(flow, by_client, from);
        if missing > 0 {
            self.go_on(flow, by_client, missing);
        }
    }

    /// Reads what waits behind a hole.
    fn go_on(&mut self, flow: &mut Flow, by_client: bool, missing: usize) {
        self.pause(flow);
        flow.turn = None;
        if let Some(app) = &mut flow.app {
            app.miss(by_client, missing, self.seed, self.whats);
        }
        let Some(stream) = flow.streams.get_mut(usize::from(!by_client)) else { return };
        let from = stream.taken;
        self.said.clear();
        stream.drain(self.said);
        self.hand_on(flow, by_client, from);
    }

    /// Goes on behind holes that will not be filled.
    fn jump(&mut self, flow: &mut Flow, by_client: bool, sequence: Option<u32>) {
        let side = usize::from(!by_client);
        while let Some(stream) = flow.streams.get_mut(side)
            && let Some(missing) = stream.jump(sequence)
        {
            self.go_on(flow, by_client, missing as usize);
        }
    }

    fn hand_on(&mut self, flow: &mut Flow, by_client: bool, from: u32) {
        if self.said.is_empty() {
            return;
        }
        if from < READ_MAX {
            self.join(flow, by_client, from);
        }
        let app = flow.app.get_or_insert_with(Default::default);
        app.hear(&flow.talk, by_client, self.said, self.seed, self.whats);
    }

    /// Tells what is said, and what it is a part of.
    fn join(&mut self, flow: &mut Flow, by_client: bool, from: u32) {
        turn::say(&mut flow.turn, (by_client, from), self.said, self.whats);
    }

    /// Nobody says more for now, or ever.
    pub fn pause(&mut self, flow: &mut Flow) {
        if let Some(turn) = &mut flow.turn {
            turn.tell(self.whats);
        }
    }
}
