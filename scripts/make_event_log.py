"""Write an event log of our own making: a shop's server, and what is odd about some of its lines.

    python scripts/make_event_log.py assets/events

The same at each run. `train.log` has ordinary lines only; in `test.log` some are odd, and
`test.odd.json` has the number of each of these and why.
"""

import json
from pathlib import Path
from random import Random

import typer

USERS = ["ada", "ben", "cleo", "dan", "eva", "finn", "gus", "hana"]
THINGS = ["kettle", "lamp", "chair", "teapot", "blanket", "clock", "mirror"]
PAYMENTS = ["card", "invoice", "voucher"]
ODD = {
    "an event that never follows": "shop INFO user {user} paid by {thing} with the {payment}",
    "a level that was never seen": "shop FATAL order {order} lost between queue and store",
    "a stray message": "kernel: page fault at 0x7ffe in thread {order}",
    "a broken line": "shop INFO user {user} put the {thing} into into the the bas",
    "a strange user": "auth INFO user '; drop table orders; -- signed in",
    "a negative amount": "shop INFO order {order} paid by {payment}, -{cents} cents",
    "a file that nobody serves": "web INFO GET /../../etc/passwd answered in {time} ms",
    "a time out of all bounds": "web INFO GET /{thing} answered in {time}000000 ms",
}


def ordinary(random: Random, order: int) -> str:
    """Make a line as the server writes them."""
    user, thing = random.choice(USERS), random.choice(THINGS)
    time = random.randint(2, 80)
    lines = [
        f"auth INFO user {user} signed in",
        f"auth INFO user {user} signed out",
        f"auth WARN user {user} gave a wrong password, try {random.randint(1, 3)} of 3",
        f"web INFO GET /{thing} answered in {time} ms",
        f"web INFO GET /basket/{user} answered in {time} ms",
        f"web WARN GET /{thing} answered late, in {time}00 ms",
        f"shop INFO user {user} put the {thing} into the basket",
        f"shop INFO order {order} of user {user} placed",
        f"shop INFO order {order} paid by {random.choice(PAYMENTS)}, {time}00 cents",
        f"mail INFO order {order} confirmed to {user}",
    ]
    (line,) = random.choices(lines, weights=[8, 6, 1, 20, 12, 2, 12, 6, 6, 6])
    return line


def make_log(random: Random, size: int, odd: list[str]) -> tuple[list[str], dict[int, str]]:
    """Make lines, some of them odd, and number these from 1."""
    odd_lines = dict(zip(sorted(random.sample(range(size), len(odd))), odd, strict=True))
    lines, reasons, second = [], {}, 0
    for number in range(size):
        order = 1000 + number // 9
        line = ordinary(random, order)
        if number in odd_lines:
            reasons[number + 1] = odd_lines[number]
            line = ODD[odd_lines[number]].format(
                user=random.choice(USERS),
                thing=random.choice(THINGS),
                payment=random.choice(PAYMENTS),
                order=order,
                cents=random.randint(100, 9999),
                time=random.randint(2, 80),
            )
        second += random.randint(0, 4)
        clock = f"{8 + second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        lines.append(f"{clock} {line}")
    return lines, reasons


def main(output: Path, seed: int = 0) -> None:
    random = Random(seed)
    train, _ = make_log(random, 2000, [])
    test, reasons = make_log(random, 240, list(ODD))
    output.mkdir(parents=True, exist_ok=True)
    for name, lines in (("train", train), ("test", test)):
        text = "".join(f"{line}\n" for line in lines)
        (output / f"{name}.log").write_text(text, encoding="utf8", newline="\n")
    text = json.dumps(reasons, indent=1) + "\n"
    (output / "test.odd.json").write_text(text, encoding="utf8", newline="\n")


if __name__ == "__main__":
    typer.run(main)
