"""Talks to Home Assistant from inside the namespace: one request from stdin, its answer to stdout."""

import asyncio
import json
import sys

import aiohttp

BASE = "http://127.0.0.1:8123"


async def command(session, token, commands):
    """Websocket commands one after another on one connection; the last one's result."""
    async with session.ws_connect(f"{BASE}/api/websocket", max_msg_size=0) as socket:
        await socket.receive_json()
        await socket.send_json({"type": "auth", "access_token": token})
        if (await socket.receive_json())["type"] != "auth_ok":
            return {"status": 401, "body": "the websocket refused the token"}
        result = None
        for number, wanted in enumerate(commands, 1):
            await socket.send_json({"id": number, **wanted})
            while (message := await socket.receive_json()).get("id") != number or message["type"] != "result":
                pass
            if not message["success"]:
                return {"status": 400, "body": f"{wanted['type']}: {message['error']}"}
            result = message["result"]
        return {"status": 200, "body": result}


async def main(wanted):
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        if wanted.get("commands"):
            return await command(session, wanted["token"], wanted["commands"])
        headers = {"Authorization": f"Bearer {wanted['token']}"} if wanted.get("token") else {}
        body = {"data" if wanted.get("form") else "json": wanted["body"]} if wanted.get("body") is not None else {}
        async with session.request(wanted["method"], BASE + wanted["path"], headers=headers, **body) as answer:
            text = await answer.text()
            try:
                return {"status": answer.status, "body": json.loads(text)}
            except ValueError:
                return {"status": answer.status, "body": text}


for line in sys.stdin:
    try:
        print(json.dumps(asyncio.run(main(json.loads(line)))), flush=True)
    except (OSError, asyncio.TimeoutError, aiohttp.ClientError, TypeError) as error:
        print(json.dumps({"status": 0, "body": f"{type(error).__name__}: {error}"}), flush=True)
