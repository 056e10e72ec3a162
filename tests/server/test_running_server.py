"""What only a real server on a real socket can show: streamed bodies, vanishing clients, big frames."""

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

from tests.server_process import running_server

KIB = 1024
NO_OP = json.dumps({"action_type": "no_op"}).encode()


@pytest.fixture(scope="module")
def url():
    with running_server("tests.server.fake_main:app") as url:
        yield url


def ask(url, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request(method, path, body, headers or {}, encode_chunked=body is not None)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def reset(url):
    session_id = ask(url, "POST", "/reset")[1]["session_id"]
    return f"session_id={session_id}"


def steps(url, session):
    return ask(url, "GET", f"/state?{session}")[1]["step_count"]


@pytest.mark.parametrize("chunks", [65, 900])
def test_an_oversized_chunked_body_is_413(url, chunks):
    session = reset(url)
    body = (NO_OP.ljust(KIB) for _ in range(chunks))
    status, answer = ask(url, "POST", f"/step?{session}", body, {"Transfer-Encoding": "chunked"})
    assert (status, answer["code"]) == (413, "BODY_TOO_LARGE")
    assert steps(url, session) == 0


def test_a_chunked_body_within_the_limit_is_read(url):
    session = reset(url)
    body = iter([NO_OP[:5], NO_OP[5:]])
    status, answer = ask(url, "POST", f"/step?{session}", body, {"Transfer-Encoding": "chunked"})
    assert (status, answer["observation"]["step"]) == (200, 1)


def test_a_body_that_announces_too_much_is_413(url):
    status, answer = ask(url, "POST", "/reset", b" " * (65 * KIB))
    assert (status, answer["code"]) == (413, "BODY_TOO_LARGE")


def test_a_client_that_vanishes_in_its_body_takes_no_step(url):
    session = reset(url)
    with socket.create_connection(urlsplit(url).netloc.split(":"), timeout=20) as client:
        head = f"POST /step?{session} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(NO_OP)}\r\n\r\n"
        client.sendall(head.encode() + NO_OP[:-3])
    assert steps(url, session) == 0
    assert ask(url, "POST", f"/step?{session}", NO_OP)[1]["observation"]["step"] == 1


def test_a_websocket_outlives_a_frame_past_the_limit(url):
    with connect(f"{url.replace('http', 'ws')}/ws") as ws:
        ws.send(json.dumps({"type": "reset", "data": {"episode_id": "x" * 65 * KIB}}))
        assert json.loads(ws.recv())["data"]["code"] == "VALIDATION_ERROR"
        ws.send('{"type": "reset"}')
        assert json.loads(ws.recv())["type"] == "observation"


def test_a_websocket_that_is_cut_off_closes_its_session(url):
    with connect(f"{url.replace('http', 'ws')}/ws") as ws:
        ws.send('{"type": "reset"}')
        session_id = json.loads(ws.recv())["data"]["session_id"]
        assert steps(url, f"session_id={session_id}") == 0
        ws.socket.shutdown(socket.SHUT_RDWR)
    for _ in range(1_000):
        if ask(url, "GET", f"/state?session_id={session_id}")[0] == 404:
            return
    pytest.fail("the session outlived its connection")
