"""Anna leaves and comes back: tracker, person, zone and counts follow, and the blueprints tell it to a phone."""
from world.checks import need, until

TRACKER = "device_tracker.anna_s_phone"


def tell(home):
    look, phone = home.assistant, home.own_phone()
    look.automate("moves", home.blueprint("arrives_leaves"), people=["person.anna"], phones=[phone.device])
    look.automate("house", home.blueprint("first_home_last_left"), phones=[phone.device], empty_for={"seconds": 1})
    until(10, "she counts", lambda: look.state("sensor.household_people_home") == "1" and look.state("binary_sensor.household_occupied") == "on")
    start = len(phone.pushes)

    home.network.leave("phone")
    # Right after a start of Porchlight it takes up to two minutes: nobody is called away by a restart.
    took = until(180, "the phone is away", lambda: look.state(TRACKER) == "not_home")
    need(look.attribute(TRACKER, "in_zones") == [], "away is in no zone, as a list")
    until(5, "Anna is away", lambda: look.state("person.anna") == "not_home" and look.state("zone.home") == "0")
    until(10, "a push that she left", lambda: phone.got("Anna has left", start))
    until(20, "a push that the last one left", lambda: need(
        phone.got("The last one has left", start), f"occupied is {look.state('binary_sensor.household_occupied')}") or True)
    print(f"     away {took:.0f} s after the cable was cut (its patience is set to 10 s)", flush=True)

    home.network.come("phone")
    took = until(60, "the phone is home again", lambda: look.state(TRACKER) == "home")
    until(5, "Anna is home", lambda: look.state("person.anna") == "home" and look.state("zone.home") == "1")
    until(10, "a push that she came", lambda: phone.got("Anna is home", start))
    until(10, "a push that the house is no longer empty", lambda: phone.got("came home", start))
    print(f"     home {took:.1f} s after the cable was plugged", flush=True)
    need(len(phone.pushes) == start + 4, f"four moves, four pushes: {[p['message'] for p in phone.pushes[start:]]}")
