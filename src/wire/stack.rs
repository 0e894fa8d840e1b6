//! # The shape of a SYN
//!
//! Which options a host's TCP sends, in which order and with which padding, tells the system that
//! wrote it. In the notation of p0f 3 (its README, §5.4): version, time to live and guessed hops,
//! length of IP options, largest segment, window and scale, order of options, quirks, data.

use std::fmt;

use super::{Frame, Net, ipv6::Ipv6, tcp::Tcp};
use crate::wire::reader::Reader;

/// Options looked at; 40 bytes hold no more.
const OPTIONS_MAX: usize = 40;

/// One SYN, as p0f sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape<'a> {
    pub is_v6: bool,
    pub ttl: u8,
    pub ip_options: usize,
    pub segment_max: u16,
    pub window: u16,
    pub scale: Option<u8>,
    options: &'a [u8],
    dont_fragment: bool,
    has_id: bool,
    has_flow: bool,
    has_congestion: bool,
    has_data: bool,
}

impl<'a> Shape<'a> {
    /// `None` unless `frame` opens a TCP connection.
    #[must_use]
    pub fn read(frame: &Frame<'a>) -> Option<Shape<'a>> {
        let tcp: &Tcp<'a> = frame.tcp().filter(|tcp| tcp.flags.is_open())?;
        let (is_v6, ttl, ip_options, dont_fragment, has_id, has_flow, congestion) = match &frame.net {
            Some(Net::V4(ip)) => (false, ip.ttl, ip.options.len(), ip.dont_fragment, ip.id != 0, false, ip.service & 3),
            Some(Net::V6(Ipv6 { hop_limit, flow_label, traffic_class, .. })) => {
                (true, *hop_limit, 0, false, false, *flow_label != 0, traffic_class & 3)
            }
            _ => return None,
        };
        let scale = tcp.options().find(|(kind, _)| *kind == 3).and_then(|(_, value)| value.first().copied());
        Some(Shape {
            is_v6,
            ttl,
            ip_options,
            segment_max: tcp.segment_max().unwrap_or_default(),
            window: tcp.window,
            scale,
            options: tcp.options,
            dont_fragment,
            has_id,
            has_flow,
            has_congestion: congestion != 0 || tcp.flags.0 & 0xc0 != 0,
            has_data: !tcp.payload.is_empty(),
        })
    }

    /// The options, padding and all.
    #[must_use]
    pub fn layout(&self) -> String {
        let mut rest = Reader::new(self.options);
        let mut words: Vec<String> = Vec::new();
        for _ in 0..OPTIONS_MAX {
            let Some(kind) = rest.u8() else { break };
            let word = match kind {
                0 => {
                    // The end, and how much padding follows it.
                    words.push(format!("eol+{}", rest.len()));
                    break;
                }
                1 => {
                    words.push("nop".to_owned());
                    continue;
                }
                2 => "mss".to_owned(),
                3 => "ws".to_owned(),
                4 => "sok".to_owned(),
                5 => "sack".to_owned(),
                8 => "ts".to_owned(),
                other => format!("?{other}"),
            };
            words.push(word);
            let value = rest.u8().and_then(|len| usize::from(len).checked_sub(2)).and_then(|len| rest.slice(len));
            if value.is_none() {
                break;
            }
        }
        words.join(",")
    }

    /// The window in segments, if it is a whole number of them.
    #[must_use]
    pub fn segments(&self) -> Option<u16> {
        let whole = self.segment_max >= 100 && self.window != 0 && self.window.is_multiple_of(self.segment_max);
        whole.then(|| self.window / self.segment_max)
    }
}

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = if self.is_v6 { 6 } else { 4 };
        write!(f, "{version}:{}+0:{}:{}:", self.ttl, self.ip_options, self.segment_max)?;
        match self.segments() {
            Some(count) => write!(f, "mss*{count}")?,
            None => write!(f, "{}", self.window)?,
        }
        write!(f, ",{}:{}:", self.scale.unwrap_or_default(), self.layout())?;
        let quirks = [
            ("df", self.dont_fragment),
            ("id+", self.dont_fragment && self.has_id),
            ("id-", !self.is_v6 && !self.dont_fragment && !self.has_id),
            ("ecn", self.has_congestion),
            ("flow", self.has_flow),
        ];
        let quirks: Vec<&str> = quirks.iter().filter(|(_, is_so)| *is_so).map(|(word, _)| *word).collect();
        write!(f, "{}:{}", quirks.join(","), if self.has_data { "+" } else { "0" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::LinkType;

    fn syn(ttl: u8, window: u16, options: &[u8]) -> Vec<u8> {
        let words = u8::try_from(5 + options.len() / 4).expect("short");
        let [a, b] = u16::try_from(40 + options.len()).expect("short").to_be_bytes();
        let ip = [0x45, 0, a, b, 0, 7, 0x40, 0, ttl, 6, 0, 0, 10, 0, 0, 9, 10, 0, 0, 1];
        let [c, d] = window.to_be_bytes();
        let tcp = [0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, words << 4, 2, c, d, 0, 0, 0, 0];
        [&ip[..], &tcp, options].concat()
    }

    #[test]
    fn shapes_are_written_as_p0f_writes_them() {
        let linux = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
        let windows = [2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2];
        let apple = [2, 4, 5, 0xb4, 1, 3, 3, 6, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 4, 2, 0, 0];
        let cases: &[(&str, Vec<u8>, &str)] = &[
            ("linux", syn(64, 64240, &linux), "4:64+0:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0"),
            ("windows", syn(128, 64240, &windows), "4:128+0:0:1460:mss*44,8:mss,nop,ws,nop,nop,sok:df,id+:0"),
            ("apple", syn(64, 65535, &apple), "4:64+0:0:1460:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0"),
            ("small", syn(255, 5840, &[2, 4, 5, 0xb4]), "4:255+0:0:1460:mss*4,0:mss:df,id+:0"),
            ("a lie", syn(64, 9, &[8, 40, 0, 0]), "4:64+0:0:0:9,0:ts:df,id+:0"),
        ];
        for (name, bytes, expected) in cases {
            let frame = Frame::decode(LinkType::RAW_IP, bytes);
            assert_eq!(Shape::read(&frame).expect(name).to_string(), *expected, "{name}");
        }
        let mut answer = syn(64, 9, &[]);
        answer[33] = 0x12;
        assert_eq!(Shape::read(&Frame::decode(LinkType::RAW_IP, &answer)), None);
    }

    proptest! {
        #[test]
        fn any_options_have_a_layout(options in proptest::collection::vec(any::<u8>(), 0..11)) {
            let options: Vec<u8> = options.iter().flat_map(|byte| [*byte, 4, *byte, 1]).take(40).collect();
            let bytes = syn(64, 9, &options);
            let shape = Frame::decode(LinkType::RAW_IP, &bytes);
            prop_assert!(Shape::read(&shape).is_some_and(|shape| shape.to_string().len() < 400));
        }
    }
}
