"""An unknown device becomes a push; Trust, Guest and Ignore do what they say, and stale buttons no harm."""
from world.checks import always, found, need, until

EVENT = "event.household_presence"


def tell(home):
    look, phone = home.assistant, home.own_phone()
    look.automate("unknown", home.blueprint("unknown_device"), phones=[phone.device])
    for name, button, trust in (("trusted", "TRUST", "trusted"), ("guest", "GUEST", "guest"), ("ignored", "IGNORE", "unknown")):
        start, answers = len(phone.pushes), home.broker.text().count("/response/device/hide'")
        push = newcomer(home, name)
        device = found(5, "it is stored", lambda: home.known(name))["id"]
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
        need(len(phone.pushes) == start + 1, f"one device, one push, no complaint: {[p['message'] for p in phone.pushes[start:]]}")
    until(10, "the guest counts as one", lambda: look.state("sensor.household_guests") == "1")

    # Its button is pressed after the device was forgotten.
    newcomer(home, "forgotten")
    device, start, before = found(5, "it is stored", lambda: home.known("forgotten"))["id"], len(phone.pushes), home.registry()
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
    need(home.registry() == before, "a stale button changed the registry")


def newcomer(home, name):
    """The push about a device that was never here."""
    start = len(home.phone.pushes)
    home.network.join(name, host=f"{name}-tablet")
    took = until(60, "a push", lambda: need(home.phone.got("first time", start), f"the last event is {home.assistant.states()[EVENT]}") or True)
    print(f"     {name}: push {took:.1f} s after it joined", flush=True)
    push = home.phone.got("first time", start)[0]
    need(f"{name}-tablet" in push["message"], f"the push tells the name that it gave: {push['message']}")
    return push
