"""An alert becomes a push; Acknowledge is asked of Porchlight, a stale button is told, and the end takes the push away."""
import json

from world.checks import always, found, need, until

ALERT = {"event_type": "spoofing", "id": "01M89TGQHR03AYQ6QG", "severity": "critical", "rank": 4, "title": "ARP spoofing of the gateway",
         "detail": "Something answers for the gateway.", "recommendation": "Disconnect it.", "url": None,
         "tag": "porchlight-01M89TGQHR03AYQ6QG", "request": "porchlight/home/request"}


def tell(home):
    phone, look = home.own_phone(), home.assistant
    look.automate("alert", home.blueprint("security_alert"), phones=[phone.device])
    start = len(phone.pushes)
    say(home, rank=1, severity="low")
    always(2, "what is of low rank is not told", lambda: len(phone.pushes) == start)
    say(home)
    push = found(10, "a push", lambda: next((p for p in phone.pushes[start:] if p.get("title") == ALERT["title"]), None))
    actions = {action["title"]: action["action"] for action in push["data"]["actions"]}
    need(actions == {"Acknowledge": f"PL_ACK_{ALERT['id']}", "Mute": f"PL_MUTE_{ALERT['id']}"}, f"buttons are {actions}")
    need(push["data"]["tag"] == ALERT["tag"] and push["data"]["push"]["interruption-level"] == "critical", f"{push}")
    asked = home.broker.text().count("/response/alert/acknowledge'")
    phone.press(actions["Acknowledge"])
    until(10, "Porchlight answers", lambda: home.broker.text().count("/response/alert/acknowledge'") > asked)
    until(10, "it knows no such alert, and says so", lambda: phone.got("could not do that", start))
    phone.press("PL_ACK_../x")
    say(home, event_type="resolved", rank=0)
    until(10, "the end takes the push away", lambda: any(
        p["message"] == "clear_notification" and p["data"]["tag"] == ALERT["tag"] for p in phone.pushes[start:]))


def say(home, **more):
    home.publish("porchlight/home/security/event", json.dumps({**ALERT, **more}))
