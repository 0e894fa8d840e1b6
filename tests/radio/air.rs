//! Frames of 802.11 behind radiotap, as a card in monitor mode gives them.

use porchlight::model::MacAddr;

pub const AP: MacAddr = MacAddr([0x00, 0x11, 0x22, 0, 0, 1]);
pub const FOREIGN_AP: MacAddr = MacAddr([0x00, 0x11, 0x22, 0, 0, 2]);
pub const PHONE: MacAddr = MacAddr([0xda, 0x11, 0x22, 0, 0, 4]);
pub const LAPTOP: MacAddr = MacAddr([0x00, 0x11, 0x22, 0, 0, 5]);
pub const STRANGER: MacAddr = MacAddr([0x00, 0x55, 0, 0, 0, 9]);

/// Flags, channel 6 and -48 dBm: bits 1, 3 and 5.
pub const RADIOTAP: [u8; 15] = [0, 0, 15, 0, 0x2a, 0, 0, 0, 0, 0, 0x85, 0x09, 0xa0, 0, 0xd0];

/// First byte, flags, three addresses and a body.
pub fn bare(control: u8, flags: u8, macs: [MacAddr; 3], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![control, flags, 0, 0];
    macs.iter().for_each(|mac| bytes.extend(mac.0));
    bytes.extend([0, 0]);
    bytes.extend(body);
    bytes
}

/// With a radio header.
pub fn heard(bare: &[u8]) -> Vec<u8> {
    [&RADIOTAP, bare].concat()
}

/// A beacon of WPA2.
pub fn beacon(bssid: MacAddr, ssid: &str) -> Vec<u8> {
    let mut body = vec![0; 8];
    body.extend([100, 0, 0x11, 0, 0, u8::try_from(ssid.len()).unwrap()]);
    body.extend(ssid.as_bytes());
    body.extend([48, 20, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 2, 0, 0, 3, 1, 6]);
    bare(0x80, 0, [MacAddr::BROADCAST, bssid, bssid], &body)
}

/// Encrypted data through an access point to somebody behind it.
pub fn data(bssid: MacAddr, station: MacAddr) -> Vec<u8> {
    bare(0x88, 0x41, [bssid, station, STRANGER], &[0, 0, 1, 2, 3, 4, 5, 6, 7, 8])
}

/// A question to everybody.
pub fn question(from: MacAddr) -> Vec<u8> {
    bare(0x40, 0, [MacAddr::BROADCAST, from, MacAddr::BROADCAST], &[0, 0])
}

/// What goes on in this home's air.
pub fn home() -> Vec<Vec<u8>> {
    vec![
        beacon(AP, "Home"),
        beacon(FOREIGN_AP, "Next door"),
        data(AP, PHONE),
        // A sleeper says that it is still there.
        bare(0x48, 0x11, [AP, LAPTOP, AP], &[]),
        data(FOREIGN_AP, STRANGER),
        question(MacAddr([0x02, 7, 7, 7, 7, 7])),
        // Deauthentication, acknowledgement, clear to send.
        bare(0xc0, 0, [MacAddr::BROADCAST, AP, AP], &[7, 0]),
        vec![0xd4, 0, 0, 0, 0xda, 0x11, 0x22, 0, 0, 4],
        vec![0xc4, 0, 0, 0, 0xda, 0x11, 0x22, 0, 0, 4],
    ]
}
