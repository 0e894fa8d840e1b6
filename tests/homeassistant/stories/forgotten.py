"""A device forgotten in Porchlight leaves Home Assistant, even if that was down just then; odd names are only text."""
from world.checks import always, found, need, until

# What a device may call itself: a template, a topic's wildcards, markup, and more than fits.
ODD = ["{{ 7 * 7 }}", "../+/# <b>x</b>", "Ö" * 300]


def tell(home):
    look = home.assistant
    for name in ("odd", "gone"):
        home.network.join(name)
        until(60, f"the {name} one is seen", lambda: home.known(name)["presence"] == "home")
        home.set(name, "name", name)
    tracker = found(20, "it is a device there", lambda: home.entity("odd", "tracker"))
    until(20, "so is the other", lambda: look.state(home.entity("gone", "tracker")) == "home")
    for name in ODD:
        try:
            home.set("odd", "name", name)
        except Exception as refused:  # a name may be refused, but not quietly
            need("name" in str(refused), f"{refused}")
            continue
        until(5, f"it is called {name[:20]}", lambda: look.attribute(tracker, "friendly_name") == home.known("odd")["name"])
        need("49" not in look.attribute(tracker, "friendly_name"), "a name was worked out as a template")
    need(look.state(tracker) == "home", f"with an odd name it is {look.state(tracker)}")

    def gone(identifier):
        return look.device(identifier) is None and not any(e["unique_id"].startswith(identifier + "_") for e in look.entities())
    first, second = home.identifier("odd"), home.identifier("gone")
    before = {k: v for k, v in home.registry().items() if not k.startswith((first + "_", second + "_"))}
    home.network.leave("odd")
    home.forget("odd")
    took = until(10, "the forgotten one is gone", lambda: gone(first))
    print(f"     gone after {took:.1f} s", flush=True)

    look.stop()
    home.network.leave("gone")
    home.forget("gone")
    look.start()
    took = until(30, "forgotten while Home Assistant was down, it is gone too", lambda: gone(second))
    print(f"     gone {took:.1f} s after Home Assistant was up", flush=True)
    always(5, "it stays away", lambda: gone(second) and gone(first))
    need(not home.retained(f"homeassistant/device/{second}/config"), "it is still announced on the broker")
    need(home.registry() == before, "the registry is as it was before them")
