"""Numbers, prices, clock times and dates, as both languages say them."""

from collections.abc import Iterator

NUMBERS = {
    1: ("one", "eins"),
    2: ("two", "zwei"),
    3: ("three", "drei"),
    4: ("four", "vier"),
    5: ("five", "fünf"),
    6: ("six", "sechs"),
    7: ("seven", "sieben"),
    8: ("eight", "acht"),
    9: ("nine", "neun"),
    10: ("ten", "zehn"),
    11: ("eleven", "elf"),
    12: ("twelve", "zwölf"),
}
TENS = {
    20: ("twenty", "zwanzig"),
    30: ("thirty", "dreißig"),
    40: ("forty", "vierzig"),
    50: ("fifty", "fünfzig"),
}
ORDINALS = {
    "first": "ersten",
    "second": "zweiten",
    "third": "dritten",
    "fourth": "vierten",
    "fifth": "fünften",
    "sixth": "sechsten",
    "seventh": "siebten",
    "tenth": "zehnten",
}
MONTHS = {
    "January": "Januar",
    "March": "März",
    "April": "April",
    "May": "Mai",
    "June": "Juni",
    "July": "Juli",
    "August": "August",
    "October": "Oktober",
    "December": "Dezember",
}

Pairs = Iterator[tuple[str, str]]


def numbers() -> Pairs:
    """List the numbers from two to twelve in words.

    RETURNS (Iterator[tuple[str, str]]): English words with tags, and German.
    """
    for number, (english, german) in NUMBERS.items():
        if number > 1:
            yield f"{english}/NUM", german


def ages() -> Pairs:
    """List ages of children and adults in words.

    RETURNS (Iterator[tuple[str, str]]): English words with tags, and German.
    """
    yield from numbers()
    for english, german in TENS.values():
        yield f"{english}/NUM", german


def figures() -> Pairs:
    """List small numbers in figures, as on doors and platforms.

    RETURNS (Iterator[tuple[str, str]]): English words with tags, and German.
    """
    for number in range(3, 30, 2):
        yield f"{number}/NUM", str(number)


def minutes() -> Pairs:
    """List spans of minutes.

    RETURNS (Iterator[tuple[str, str]]): English words with tags, and German.
    """
    for english, german in [NUMBERS[5], NUMBERS[10], *TENS.values()]:
        yield f"{english}/NUM minutes/NOUN", f"{german} Minuten"
    for figure in (15, 25, 35, 45):
        yield f"{figure}/NUM minutes/NOUN", f"{figure} Minuten"
    for number in (2, 3, 4):
        english, german = NUMBERS[number]
        yield f"{english}/NUM hours/NOUN", f"{german} Stunden"


def fares() -> Pairs:
    """List prices of beds and journeys.

    RETURNS (Iterator[tuple[str, str]]): English words with tags, and German.
    """
    for english, german in TENS.values():
        yield f"{english}/NUM euros/NOUN", f"{german} Euro"
    for euros in (15, 18, 25, 35, 49, 60, 75, 80, 99):
        yield f"{euros}/NUM euros/NOUN", f"{euros} Euro"


def prices() -> Pairs:
    """List prices of all sizes: those of journeys, in small numbers, and with cents.

    RETURNS (Iterator[tuple[str, str]]): English words with tags, and German.
    """
    yield from fares()
    for english, german in list(NUMBERS.values())[1:]:
        yield f"{english}/NUM euros/NOUN", f"{german} Euro"
    for euros, cents in [(2, 50), (3, 20), (4, 80), (7, 90), (9, 50), (12, 40)]:
        yield f"{euros}.{cents}/NUM euros/NOUN", f"{euros},{cents} Euro"


def clocks() -> Pairs:
    """List times of day: full, half and quarter hours, and figures.

    German counts the half hour up to the hour that follows.

    RETURNS (Iterator[tuple[str, str]]): English words with tags, and German.
    """
    for hour, (english, german) in NUMBERS.items():
        following = NUMBERS[hour % 12 + 1][1]
        name = "ein" if hour == 1 else german
        yield f"{english}/NUM o'clock/ADV", f"{name} Uhr"
        yield f"half/NOUN past/ADP {english}/NUM", f"halb {following}"
        yield f"quarter/NOUN past/ADP {english}/NUM", f"Viertel nach {german}"
        yield f"quarter/NOUN to/ADP {english}/NUM", f"Viertel vor {german}"
        yield f"a/DET quarter/NOUN past/ADP {english}/NUM", f"Viertel nach {german}"
        yield f"a/DET quarter/NOUN to/ADP {english}/NUM", f"Viertel vor {german}"
        yield f"ten/NUM past/ADP {english}/NUM", f"zehn nach {german}"
        yield f"twenty/NUM to/ADP {english}/NUM", f"zwanzig vor {german}"
        for minute in ("10", "40"):
            yield f"{hour + 6}:{minute}/NUM", f"{hour + 6}:{minute} Uhr"


def dates() -> Pairs:
    """List days of the year, with ordinals in words and in figures.

    RETURNS (Iterator[tuple[str, str]]): English words with tags, and German in the dative.
    """
    for month, monat in MONTHS.items():
        for english, german in ORDINALS.items():
            yield f"the/DET {english}/ADJ of/ADP {month}/PROPN", f"{german} {monat}"
        for day in range(11, 24, 3):
            yield f"{day}/NUM {month}/PROPN", f"{day}. {monat}"


# The label of each kind's entities, and what lists them.
QUANTITIES = {
    "number": ("CARDINAL", numbers),
    "age": ("CARDINAL", ages),
    "figure": ("CARDINAL", figures),
    "duration": ("TIME", minutes),
    "price": ("MONEY", prices),
    "fare": ("MONEY", fares),
    "clock": ("TIME", clocks),
    "date": ("DATE", dates),
}
