"""Stands for any other integration: one device with a MAC address, and nothing else."""
from homeassistant.helpers import device_registry


async def async_setup_entry(hass, entry):
    device_registry.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={("neighbour", entry.data["mac"])}, manufacturer="Neighbour",
        connections={(device_registry.CONNECTION_NETWORK_MAC, entry.data["mac"])}, name=entry.data["name"])
    return True
