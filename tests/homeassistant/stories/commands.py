"""What is changed in Home Assistant changes in Porchlight, and the other way round."""
from world.checks import need, until


def tell(home):
    look, select = home.assistant, home.entity("lamp", "trust")
    for word in ("trusted", "guest"):
        look.call("select", "select_option", entity_id=select, option=word)
        took = until(5, f"porchlight says {word}", lambda: home.known("lamp")["trust"] == word)
        until(5, f"Home Assistant says {word}", lambda: look.state(select) == word)
        print(f"     trust set there: {took:.1f} s", flush=True)
    home.set("lamp", "trust", "trusted")
    until(5, "a change made in porchlight shows", lambda: look.state(select) == "trusted")
    alerts = home.entity("lamp", "alerts")
    look.call("switch", "turn_off", entity_id=alerts)
    until(5, "alerts are off", lambda: look.state(alerts) == "off")
    look.call("switch", "turn_on", entity_id=alerts)
    until(5, "alerts are on", lambda: look.state(alerts) == "on")
    mode = "select.household_mode"
    look.call("select", "select_option", entity_id=mode, option="vacation")
    until(5, "vacation", lambda: look.state(mode) == "vacation")
    look.call("select", "select_option", entity_id=mode, option="auto")
    until(5, "auto again", lambda: look.state(mode) == "auto")
    look.call("button", "press", entity_id="button.porchlight_scan_now")
    look.call("button", "press", entity_id=home.entity("lamp", "check_now"))
    need(home.answers(), "buttons do no harm")
