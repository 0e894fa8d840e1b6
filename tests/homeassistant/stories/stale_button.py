"""A button for a device that is gone says so on the phone."""

from world import expect


def tell(world):
    phone = world.phones[0] if world.phones else None
    expect(phone, "needs the story before: unknown_device")
    phone.press("PL_TRUST_d-zzzzzz")
    complaints = lambda: [p for p in phone.pushes() if "could not do that" in p["message"]]
    world.until("a complaint", complaints, 15)
    expect("d-zzzzzz" in complaints()[0]["message"], f"it says which device: {complaints()[0]['message']}")
