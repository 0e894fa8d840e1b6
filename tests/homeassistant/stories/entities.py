"""Every entity of the contract appears, with its id, and a named device is a tracker that is home."""

from world import expect

PHONE, PHONE_IP = "3c:22:fb:97:00:11", "10.97.0.11"
PRINTER, PRINTER_IP = "00:1b:a9:97:00:12", "10.97.0.12"
CATEGORIES = "spoofing dns scan access flood malware leak exposure wireless device".split()
FIXED = {
    "binary_sensor": ["porchlight_online", "porchlight_problem", "household_occupied"] + [f"network_security_{c}" for c in CATEGORIES],
    "sensor": ["porchlight_devices", "household_people_home", "household_devices_home", "household_guests", "household_unknown_devices",
               "household_new_devices", "network_security_severity", "network_security_open_incidents", "network_security_alerts_today"],
    "event": ["household_presence", "network_security_alert"],
    "select": ["household_mode"],
    "button": ["porchlight_scan_now", "network_security_acknowledge_all"],
}
# Of a device that somebody named; the rest comes with `important`.
OF_A_DEVICE = ["device_tracker.anna_s_phone", "binary_sensor.anna_s_phone_connected", "sensor.anna_s_phone_activity", "binary_sensor.anna_s_phone_threat"]


def tell(world):
    wanted = {f"{domain}.{name}" for domain, names in FIXED.items() for name in names}
    missing = lambda: sorted(wanted - set(world.states()))
    try:
        world.until("all fixed entities", lambda: not missing(), 60)
    finally:
        expect(not missing(), f"missing: {', '.join(missing())}")

    world.home.join("phone", PHONE, PHONE_IP)
    world.home.join("printer", PRINTER, PRINTER_IP)
    for mac in (PHONE, PRINTER):
        world.until(f"{mac} is seen", lambda: (world.device(mac) or {}).get("presence") == "home", 60)
    expect(world.state("device_tracker.anna_s_phone") is None, "an unnamed device has no entities")
    world.porchlight("device", "set", world.device(PHONE)["id"], "name", "Anna's phone")
    world.until("her tracker is home", lambda: world.state("device_tracker.anna_s_phone") == "home", 20)
    expect(world.attribute("device_tracker.anna_s_phone", "in_zones") == ["zone.home"], "the tracker names its zone")
    absent = [entity for entity in OF_A_DEVICE if world.state(entity) is None]
    expect(not absent, f"missing: {', '.join(absent)}")
    # Ids come from Porchlight, not from names: no twin with a number at its end.
    twins = [e for e in world.states() if e.rsplit("_", 1)[-1] in ("2", "3")]
    expect(not twins, f"twins: {twins}")
