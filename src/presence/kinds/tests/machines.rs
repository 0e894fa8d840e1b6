//! Computers, and which sort of computer.

use super::*;

#[test]
fn a_laptop_is_a_computer_and_what_says_so_says_more() {
    let windows = [("speaks", "from:tcp/135 from:tcp/445")];
    let kind = |host| told(&Heard { host, class: "MSFT 5.0", labels: &windows, ..NOTHING }).kind;
    assert_eq!(kind("LAPTOP-4F2K1Q"), Kind::Laptop);
    assert_eq!(kind("lena-thinkpad"), Kind::Laptop);
    assert_eq!(kind("DESKTOP-4F2K1Q"), Kind::Computer);
    // A weak word is none.
    assert_eq!(kind("anna-surface"), Kind::Computer);
}

#[test]
fn addresses_of_programs_tell_machines_within_machines() {
    let kind = |mac: &str, host: &'static str| {
        let (services, labels) = (BTreeSet::new(), BTreeMap::new());
        let mac: MacAddr = mac.parse().expect("a MAC");
        let hosts = Some(host).filter(|host| !host.is_empty()).into_iter().collect();
        let (class, asked, routes, random) = (None, &[][..], false, mac.is_local());
        let vendor = crate::intel::vendors::lookup(mac);
        guess(&Signs {
            macs: vec![mac],
            vendor,
            hosts,
            class,
            asked,
            services: &services,
            labels: &labels,
            routes,
            own: false,
            random,
        })
        .kind
    };
    for (mac, host, wanted) in [
        // Docker, QEMU, Hyper-V, VMware, VirtualBox, Xen, Proxmox.
        ("02:42:ac:11:00:02", "", Kind::Container),
        ("52:54:00:12:34:56", "", Kind::VirtualMachine),
        ("00:15:5d:01:02:03", "", Kind::VirtualMachine),
        ("00:0c:29:01:02:03", "", Kind::VirtualMachine),
        ("08:00:27:01:02:03", "", Kind::VirtualMachine),
        ("00:16:3e:01:02:03", "", Kind::VirtualMachine),
        ("bc:24:11:01:02:03", "", Kind::VirtualMachine),
        // What runs in it says nothing against it.
        ("52:54:00:12:34:56", "ubuntu", Kind::VirtualMachine),
        // Near, and not it; a phone that drew such an address is told by its name.
        ("02:43:ac:11:00:02", "", Kind::Unknown),
        ("52:54:01:12:34:56", "", Kind::Unknown),
        ("02:42:ac:11:00:02", "Annas-iPhone", Kind::Phone),
        ("02:43:ac:11:00:02", "lxc-web", Kind::Container),
    ] {
        assert_eq!(kind(mac, host), wanted, "{mac} {host}");
    }
}

/// What joins by a card for laptops is one, unless it is named after a desk.
#[test]
fn windows_on_a_card_for_laptops_is_a_laptop() {
    let windows = Heard { class: "MSFT 5.0", ..NOTHING };
    for (vendor, host, kind) in [
        ("Intel", "ULTRA", Kind::Laptop),
        ("Intel", "DESKTOP-7K2M", Kind::Computer),
        ("Gigabyte", "ULTRA", Kind::Computer),
        ("", "ULTRA", Kind::Computer),
    ] {
        assert_eq!(told(&Heard { vendor, host, ..windows }).kind, kind, "{vendor} {host}");
    }
}
