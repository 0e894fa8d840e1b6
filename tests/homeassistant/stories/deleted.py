"""A device deleted in Home Assistant stays deleted, whatever restarts, until it is asked for again."""
from world.checks import always, need, until


def tell(home):
    identifier, entry = home.identifier("lamp"), home.shown("lamp")
    device = home.known("lamp")["id"]
    topic = f"homeassistant/device/{identifier}/config"
    need(entry and topic in home.retained(topic), "the lamp is there to be deleted")
    home.assistant.delete(entry)

    def gone():
        return home.assistant.device(identifier) is None and not any(e["unique_id"].startswith(identifier + "_") for e in home.assistant.entities())
    until(5, "it is gone", gone)
    always(4, "it stays deleted", gone)
    home.stop_porchlight()
    home.start_porchlight()
    until(30, "the daemon answers", home.answers)
    always(5, "it stays deleted after a restart of Porchlight", gone)
    # A broker that lost its store gets everything anew, but not this.
    home.broker.stop()
    home.wipe_broker()
    home.start_broker()
    home.settled(30)
    need(gone(), "it came back with a broker that lost its store")
    home.assistant.stop()
    home.assistant.start()
    home.settled(30)
    always(6, "it stays deleted after a restart of Home Assistant", gone)
    need(home.retained(topic) == {}, "it is announced on the broker")
    if home.short:
        return
    home.said("device", "expose", device)
    until(20, "it is back when it is asked for", lambda: home.assistant.state("device_tracker.lamp") == "home")
