from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from shelflife.actor import Actor, Via, acting, current_actor


def test_a_program_that_names_nobody_acts_for_nobody() -> None:
    assert current_actor() == Actor(name="", via=Via.PROGRAM)


def test_the_actor_is_known_within_and_forgotten_after() -> None:
    with acting(Actor(name="ada", via=Via.CLI)):
        assert current_actor().name == "ada"
        with acting(Actor(name="bob")):
            assert current_actor().name == "bob"
        assert current_actor().name == "ada"
    assert current_actor().name == ""


def test_requests_of_one_process_never_meet() -> None:
    async def ask(name: str) -> str:
        with acting(Actor(name=name, via=Via.HTTP)):
            await asyncio.sleep(0)
            return await asyncio.to_thread(lambda: current_actor().name)

    async def both() -> list[str]:
        return list(await asyncio.gather(*(ask(f"user{number}") for number in range(20))))

    assert asyncio.run(both()) == [f"user{number}" for number in range(20)]


def test_a_thread_of_somebody_else_acts_for_nobody() -> None:
    with acting(Actor(name="ada")), ThreadPoolExecutor(1) as pool:
        assert pool.submit(current_actor).result().name == ""
