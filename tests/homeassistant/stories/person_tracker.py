"""A person has one tracker of all that they carry: it takes the place of the phone's, and whose phone it is stays known."""
from world.checks import need, until

PHONE, PERSON = "device_tracker.anna_s_phone", "device_tracker.anna"


def tell(home):
    look = home.assistant
    until(15, "Anna has a tracker", lambda: look.state(PERSON) == "home")
    need(look.attribute(PERSON, "in_zones") == ["zone.home"], f"in_zones is {look.attribute(PERSON, 'in_zones')}")
    anna = next(person for person in look.ask("person/list")["storage"] if person["name"] == "Anna")

    def hold(*trackers):
        look.ask("person/update", person_id=anna["id"], name="Anna", user_id=anna.get("user_id"), device_trackers=list(trackers))

    hold(PERSON)
    until(10, "she is home by it", lambda: look.state("person.anna") == "home" and look.state("zone.home") == "1")
    until(5, "the phone is still hers", lambda: home.known("phone")["owner"] == "Anna")
    need(look.state(PERSON) == "home", f"the tracker went with it: {look.state(PERSON)}")
    hold(PHONE)
    until(10, "as before", lambda: look.state("person.anna") == "home" and home.known("phone")["owner"] == "Anna")
