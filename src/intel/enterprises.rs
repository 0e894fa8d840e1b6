//! # Whose number an agent names
//!
//! Makers by their private enterprise number (IANA, enterprise-numbers), those that homes and small offices
//! have. An agent's sysObjectID lies below 1.3.6.1.4.1 and such a number. Numbers of programs (net-snmp is 8072)
//! tell nothing of the box and are left out.

/// Ordered by number.
const MAKERS: &[(u32, &str)] = &[
    (2, "IBM"),
    (9, "Cisco"),
    (11, "HP"),
    (43, "3Com"),
    (63, "Apple"),
    (111, "Oracle"),
    (122, "Sony"),
    (171, "D-Link"),
    (186, "Toshiba"),
    (207, "Allied Telesis"),
    (231, "Fujitsu"),
    (232, "HPE"),
    (236, "Samsung"),
    (253, "Xerox"),
    (297, "Fujifilm"),
    (311, "Microsoft"),
    (318, "APC"),
    (343, "Intel"),
    (367, "Ricoh"),
    (368, "Axis"),
    (476, "Vertiv"),
    (534, "Eaton"),
    (641, "Lexmark"),
    (674, "Dell"),
    (705, "MGE"),
    (789, "NetApp"),
    (850, "Tripp Lite"),
    (872, "AVM"),
    (890, "Zyxel"),
    (935, "Phoenixtec"),
    (1129, "Toshiba TEC"),
    (1248, "Epson"),
    (1347, "Kyocera"),
    (1588, "Brocade"),
    (1602, "Canon"),
    (1991, "Foundry"),
    (2001, "OKI"),
    (2011, "Huawei"),
    (2356, "LANCOM"),
    (2385, "Sharp"),
    (2435, "Brother"),
    (2604, "Sophos"),
    (2623, "ASUS"),
    (2636, "Juniper"),
    (3097, "WatchGuard"),
    (3375, "F5"),
    (3808, "CyberPower"),
    (3955, "Linksys"),
    (4413, "Broadcom"),
    (4526, "NETGEAR"),
    (4881, "Ruijie"),
    (5127, "Western Digital"),
    (5624, "Enterasys"),
    (6027, "Dell Force10"),
    (6486, "Alcatel-Lucent Enterprise"),
    (6574, "Synology"),
    (6876, "VMware"),
    (6889, "Avaya"),
    (7367, "DrayTek"),
    (7526, "Snom"),
    (8691, "Moxa"),
    (8741, "SonicWall"),
    // Frogfoot's by right; older airOS names it.
    (10002, "Ubiquiti"),
    (10642, "Zebra"),
    (10876, "Supermicro"),
    (11863, "TP-Link"),
    (12356, "Fortinet"),
    (13644, "Netgate"),
    (13885, "Polycom"),
    (14179, "Airespace"),
    (14823, "Aruba"),
    (14988, "MikroTik"),
    (17163, "Riverbed"),
    (17713, "Cambium"),
    (18334, "Konica Minolta"),
    (19046, "Lenovo"),
    (24681, "QNAP"),
    (25053, "Ruckus"),
    (25461, "Palo Alto Networks"),
    (25506, "H3C"),
    (26928, "Aerohive"),
    (28034, "Belkin"),
    (28507, "Gude"),
    (29671, "Meraki"),
    (30065, "Arista"),
    (33049, "Mellanox"),
    (37459, "Yealink"),
    (37496, "Dahua"),
    (39165, "Hikvision"),
    (41112, "Ubiquiti"),
    (41916, "Viptela"),
    (42397, "Grandstream"),
    (44194, "EnGenius"),
    (44738, "ASUSTOR"),
    (47196, "Aruba"),
    (47952, "NETIO"),
    (48690, "Teltonika"),
    (50536, "iXsystems"),
    (52587, "Edgecore"),
    (55062, "QNAP"),
];

/// Who made what has this sysObjectID.
#[must_use]
pub fn maker(object: &[u32]) -> Option<&'static str> {
    let number = *object.strip_prefix(&[1, 3, 6, 1, 4, 1])?.first()?;
    let at = MAKERS.binary_search_by_key(&number, |row| row.0).ok()?;
    MAKERS.get(at).map(|row| row.1)
}

/// The same name, if it is one of the table.
#[must_use]
pub fn known(maker: &str) -> Option<&'static str> {
    MAKERS.iter().find(|row| row.1 == maker).map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maker_is_found_by_its_number() {
        assert!(MAKERS.windows(2).all(|pair| pair[0].0 < pair[1].0), "in order, each number once");
        assert_eq!(maker(&[1, 3, 6, 1, 4, 1, 11, 2, 3, 9, 1]), Some("HP"));
        assert_eq!(maker(&[1, 3, 6, 1, 4, 1, 8072, 3, 2, 10]), None, "a program, no maker");
        assert_eq!(maker(&[1, 3, 6, 1, 4, 1]), None);
        assert_eq!(maker(&[0, 0]), None);
        assert_eq!(known("HP"), Some("HP"));
        assert_eq!(known("hp <script>"), None);
    }
}
