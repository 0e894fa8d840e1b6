"""A person whose tracker is home counts in zone.home, leaves with the phone and comes back with it."""

from world import expect


def tell(world):
    world.api.command("person/create", name="Anna", user_id=None, device_trackers=["device_tracker.anna_s_phone"])
    world.until("Anna is home", lambda: world.state("person.anna") == "home", 20)
    world.until("zone.home counts her", lambda: world.state("zone.home") == "1", 10)
    # The tracker in a person's hands makes that person the owner, by the websocket.
    world.until("Porchlight knows her phone's owner", lambda: owner(world) == "Anna", 10)

    world.home.leave("phone")
    took = world.until("the phone is away", lambda: world.state("device_tracker.anna_s_phone") == "not_home", 120)
    expect(world.attribute("device_tracker.anna_s_phone", "in_zones") == [], "away is in no zone, as a list")
    world.until("zone.home is empty", lambda: world.state("zone.home") == "0", 5)
    expect(world.state("person.anna") == "not_home", f"Anna is {world.state('person.anna')}")
    # The store is written within a second.
    world.until("the command line agrees", lambda: world.device_of("Anna's phone")["presence"] == "away", 5)
    print(f"   away after {took:.0f} s", flush=True)

    world.home.come("phone")
    took = world.until("the phone is home again", lambda: world.state("device_tracker.anna_s_phone") == "home", 60)
    world.until("Anna is home again", lambda: world.state("person.anna") == "home" and world.state("zone.home") == "1", 5)
    print(f"   home after {took:.1f} s", flush=True)


def owner(world):
    return world.device_of("Anna's phone")["owner"]
