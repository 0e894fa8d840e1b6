//! Neighbours as the real LLDP daemon hears them, told by the real agent.
