//! # Which addresses a sweep asks
//!
//! Subnets of the interfaces and of `network.subnets`, cut to what is sane: a /16 on the card must not
//! become 65,534 questions a round. Own addresses are left out. Pure.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use super::Network;
use crate::model::{InterfaceFacts, NetworkFacts, Subnet};

/// What can be asked from one interface by its own address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    pub interface: InterfaceFacts,
    /// The address the answers go to.
    pub own: Ipv4Addr,
    pub subnet: Subnet,
    pub hosts: Vec<Ipv4Addr>,
}

/// A whole sweep.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Attached subnets, to be asked by ARP.
    pub attached: Vec<Reach>,
    /// Hosts behind a router, to be asked by ICMP.
    pub routed: Vec<Ipv4Addr>,
    /// Subnets that were left out, with the reason.
    pub refused: Vec<(String, String)>,
}

/// Plans a sweep; a subnet with more than `hosts_max` hosts is refused, not cut: half a subnet swept
/// looks like half the devices gone.
#[must_use]
pub fn plan(facts: &NetworkFacts, network: &Network, hosts_max: u32) -> Plan {
    let mut plan = Plan::default();
    let mut wanted: Vec<Subnet> = Vec::new();
    for text in &network.subnets {
        match text.parse() {
            Ok(subnet) => wanted.push(subnet),
            Err(why) => plan.refused.push((text.clone(), why)),
        }
    }
    let mut taken = BTreeSet::new();
    for interface in facts.interfaces.iter().filter(|i| i.up && i.mac.is_some()) {
        for subnet in interface.subnets.iter().filter(|s| is_swept(**s)) {
            // Only what lies in the subnet may ask there; a second card in the same subnet asks nobody twice.
            let own = interface.addresses.iter().find_map(|ip| match ip {
                IpAddr::V4(v4) if subnet.contains(*ip) => Some(*v4),
                _ => None,
            });
            let Some(own) = own else { continue };
            if !taken.insert(*subnet) {
                continue;
            }
            // A wanted part of a large subnet narrows it: `network.subnets: [10.1.7.0/24]` on a /16.
            let parts: Vec<Subnet> = wanted.iter().copied().filter(|part| covers(*subnet, *part)).collect();
            let parts = if size(*subnet) > u64::from(hosts_max) && !parts.is_empty() { parts } else { vec![*subnet] };
            for part in parts {
                if size(part) > u64::from(hosts_max) {
                    plan.refused.push((
                        part.to_string(),
                        format!("has more than {hosts_max} addresses; name a part of it in network.subnets"),
                    ));
                    continue;
                }
                let hosts = part.hosts().filter(|ip| !facts.is_own_ip((*ip).into())).collect();
                plan.attached.push(Reach { interface: interface.clone(), own, subnet: part, hosts });
            }
        }
    }
    let routed: BTreeSet<Subnet> = wanted.into_iter().filter(|s| !facts.is_attached(s.base())).collect();
    for subnet in routed {
        if subnet.base().is_ipv6() {
            plan.refused.push((subnet.to_string(), "an IPv6 subnet is too large to sweep".to_owned()));
        } else if size(subnet) > u64::from(hosts_max) {
            plan.refused.push((subnet.to_string(), format!("has more than {hosts_max} addresses")));
        } else {
            plan.routed.extend(subnet.hosts());
        }
    }
    plan
}

/// Private networks and whatever else is on the card, but no point-to-point pairs and no self-given addresses
/// (169.254/16 is a /16 of nearly nobody; its owners answer mDNS).
fn is_swept(subnet: Subnet) -> bool {
    match subnet.base() {
        IpAddr::V4(base) => subnet.prefix() < 31 && !base.is_link_local() && !base.is_loopback(),
        IpAddr::V6(_) => false,
    }
}

fn covers(whole: Subnet, part: Subnet) -> bool {
    part.prefix() >= whole.prefix() && whole.contains(part.base())
}

fn size(subnet: Subnet) -> u64 {
    match subnet.base() {
        IpAddr::V4(_) => 1 << (32 - u32::from(subnet.prefix())),
        IpAddr::V6(_) => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{InterfaceId, MacAddr};

    fn facts(address: &str, prefix: u8) -> NetworkFacts {
        let address: IpAddr = address.parse().unwrap();
        NetworkFacts {
            interfaces: vec![InterfaceFacts {
                id: InterfaceId(2),
                name: "eth0".into(),
                mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
                addresses: vec![address],
                up: true,
                subnets: vec![Subnet::new(address, prefix).unwrap()],
                gateways: Vec::new(),
            }],
            labels: Vec::new(),
        }
    }

    fn network(subnets: &[&str]) -> Network {
        Network { subnets: subnets.iter().map(ToString::to_string).collect(), ..Network::default() }
    }

    #[test]
    fn subnets_become_targets_or_reasons() {
        // own address, prefix, wanted → hosts by ARP, hosts by ICMP, refused
        let cases: &[(&str, u8, &[&str], usize, usize, usize)] = &[
            ("192.168.7.5", 24, &[], 253, 0, 0),
            ("192.168.7.5", 24, &["192.168.7.0/24"], 253, 0, 0),
            ("192.168.7.5", 24, &["10.0.20.0/29"], 253, 6, 0),
            ("192.168.7.5", 24, &["10.0.20.0/29", "10.0.20.0/29"], 253, 6, 0),
            ("10.1.2.3", 16, &[], 0, 0, 1),
            ("10.1.2.3", 16, &["10.1.2.0/24"], 253, 0, 0),
            ("10.1.2.3", 16, &["10.1.0.0/17"], 0, 0, 1),
            ("10.1.2.3", 20, &[], 4093, 0, 0),
            ("10.1.2.3", 31, &[], 0, 0, 0),
            ("169.254.3.3", 16, &[], 0, 0, 0),
            ("192.168.7.5", 24, &["10.0.0.0/8", "nonsense", "2001:db8::/64"], 253, 0, 3),
        ];
        for (own, prefix, wanted, attached, routed, refused) in cases {
            let plan = plan(&facts(own, *prefix), &network(wanted), 4096);
            let hosts: usize = plan.attached.iter().map(|r| r.hosts.len()).sum();
            assert_eq!(
                (hosts, plan.routed.len(), plan.refused.len()),
                (*attached, *routed, *refused),
                "{own}/{prefix} {wanted:?}"
            );
        }
    }

    #[test]
    fn a_second_card_in_the_same_subnet_asks_nobody_twice_and_one_that_is_down_asks_nobody() {
        let mut both = facts("192.168.7.5", 24);
        let mut second = both.interfaces[0].clone();
        second.id = InterfaceId(3);
        second.addresses = vec!["192.168.7.6".parse().unwrap()];
        both.interfaces.push(second);
        let plan_both = plan(&both, &network(&[]), 4096);
        assert_eq!(plan_both.attached.len(), 1);
        assert_eq!(plan_both.attached[0].hosts.len(), 252, "both own addresses are left out");
        both.interfaces[0].up = false;
        assert_eq!(plan(&both, &network(&[]), 4096).attached[0].interface.id, InterfaceId(3));
    }

    proptest! {
        #[test]
        fn nobody_is_asked_twice_and_never_more_than_allowed(ip in any::<u32>(), prefix in 8u8..=32, part in 8u8..=32, max in 1u32..5000) {
            let own = Ipv4Addr::from(ip);
            let wanted = format!("{own}/{part}");
            let plan = plan(&facts(&own.to_string(), prefix), &network(&[&wanted]), max);
            for reach in &plan.attached {
                let unique: BTreeSet<_> = reach.hosts.iter().collect();
                prop_assert_eq!(unique.len(), reach.hosts.len());
                prop_assert!(reach.hosts.len() as u64 <= u64::from(max));
                prop_assert!(!reach.hosts.contains(&own));
                prop_assert!(reach.hosts.iter().all(|ip| reach.subnet.contains((*ip).into())));
            }
        }
    }
}
