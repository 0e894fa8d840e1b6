"""An unknown device becomes a push; Trust, Guest and Ignore do what they say, and stale buttons no harm."""
import time

from world.checks import Failed, always, found, need, until

EVENT = "event.household_presence"


def tell(home):
    look, phone = home.assistant, home.own_phone()
    look.automate("unknown", home.blueprint("unknown_device"), phones=[phone.device])
    for name, button, trust in (("trusted", "TRUST", "trusted"), ("guest", "GUEST", "guest"), ("ignored", "IGNORE", "unknown")):
        start, answers = len(phone.pushes), home.broker.text().count("/response/device/hide'")
        push = newcomer(home, name)
        device = home.known(name)["id"]
        if button == "TRUST":
            # Its name came after its first frame: the push is told again, in the place of the first.
            took = until(10, "a push with the name that it gave", lambda: phone.got(f"{name}-tablet is on the network", start))
            tags = {p["data"]["tag"] for p in phone.pushes[start:]}
            need(tags == {f"porchlight-{device}"} and len(phone.pushes) <= start + 2, f"it is told twice at most, in one place: {phone.pushes[start:]}")
            print(f"     {name}: with its own name {took:.1f} s later", flush=True)
            start = len(phone.pushes) - 1
        actions = {action["title"]: action["action"] for action in push["data"]["actions"]}
        need(actions == {"Trust": f"PL_TRUST_{device}", "Guest": f"PL_GUEST_{device}", "Ignore": f"PL_IGNORE_{device}"}, f"buttons are {actions}")
        phone.press(f"PL_{button}_{device}")
        if button == "IGNORE":
            took = until(10, "Porchlight answers", lambda: home.broker.text().count("/response/device/hide'") > answers)
            need(not home.shown(name), "an ignored device has entities")
        else:
            took = until(10, f"trust is {trust}", lambda: home.known(name)["trust"] == trust)
        print(f"     {button.lower()}: done {took:.1f} s after the press", flush=True)
        if button == "TRUST":
            until(15, "a trusted device has its entities", lambda: look.state(home.entity(name, "tracker")) == "home")
        need(home.known(name)["trust"] == trust, f"trust is {home.known(name)['trust']}")
        others = [p["message"] for p in phone.pushes[start:] if "first time" not in p["message"]]
        need(not others, f"nobody complains: {others}")
    until(10, "the guest counts as one", lambda: look.state("sensor.household_guests") == "1")

    # Its button is pressed after the device was forgotten.
    newcomer(home, "forgotten")
    device, before = home.known("forgotten")["id"], home.registry()
    time.sleep(6)  # all pushes about names are through
    start = len(phone.pushes)
    home.network.leave("forgotten")
    home.forget("forgotten")
    phone.press(f"PL_TRUST_{device}")
    push = found(15, "the phone hears that it could not be done", lambda: phone.got("could not do that", start))[0]
    need(device in push["message"], f"it says which device: {push['message']}")
    phone.press(f"PL_IGNORE_{device}")
    until(15, "nor ignored", lambda: len(phone.got("could not do that", start)) == 2)
    phone.press("PL_TRUST_")
    phone.press("PL_TRUST_d-../../x")
    always(2, "foreign actions do nothing", lambda: len(phone.pushes) == start + 2)
    until(10, "it is unknown", lambda: not known(home, "forgotten"))
    always(7, "what the kernel remembers of it does not bring it back", lambda: not known(home, "forgotten"))
    need(home.registry() == before, "a stale button changed the registry")


def known(home, name):
    try:
        return home.known(name)
    except Failed:
        return None


def newcomer(home, name):
    """The push about a device that was never here."""
    home.network.join(name, host=f"{name}-tablet")

    def push():
        tag = f"porchlight-{home.known(name)['id']}"
        need(any(p["data"]["tag"] == tag for p in home.phone.pushes), f"the last event is {home.assistant.states()[EVENT]}")
        return next(p for p in home.phone.pushes if p["data"]["tag"] == tag)
    joined = time.monotonic()
    got = found(60, "a push", push)
    print(f"     {name}: push {time.monotonic() - joined:.1f} s after it joined", flush=True)
    need(got["title"] == "Unknown device" and "on the network for the first time" in got["message"], f"{got}")
    return got
