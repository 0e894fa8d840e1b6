"""A person whose tracker is home is at home and counted in zone.home; Porchlight learns whose phone it is."""
from world.checks import need, until

TRACKER = "device_tracker.anna_s_phone"


def tell(home):
    look = home.assistant
    look.ask("person/create", name="Anna", device_trackers=[TRACKER])
    until(10, "Anna is home", lambda: look.state("person.anna") == "home")
    until(10, "zone.home counts her", lambda: need(look.state("zone.home") == "1", f"zone.home is {look.state('zone.home')}") or True)
    need(look.attribute(TRACKER, "in_zones") == ["zone.home"], f"in_zones is {look.attribute(TRACKER, 'in_zones')}")
    took = until(5, "the owner is known", lambda: home.known("phone")["owner"] == "Anna")
    print(f"     owner known after {took:.1f} s", flush=True)
    # A person's phone gets all its entities.
    until(10, "her phone's trust", lambda: look.state("select.anna_s_phone_trust") not in (None, "unavailable"))
