"""Invented stories of invented places: endless, and the same for the same number. Pure.

Every outlet, place and person is fictional.
"""

import random
from dataclasses import dataclass

PLACES = (
    "Lanthe",
    "Vessmark",
    "Tarn Hollow",
    "Orrin Bay",
    "Quillmere",
    "Dunscar",
    "Eddersby",
    "Port Maren",
    "Skelby Down",
    "Vale of Ush",
)
PEOPLE = (
    "Ida Marrow",
    "Tomas Velk",
    "Ruth Oyelade",
    "Pell Anders",
    "Junia Sark",
    "Omar Teague",
    "Liv Harrowgate",
    "Sefa Koru",
    "Bram Whitlow",
    "Nadia Ferrant",
)
BODIES = ("the harbour board", "the valley council", "the Institute of Slow Weather", "the ferrymen's guild", "the lantern works",
          "the regional library", "the orchard cooperative", "the night-tram company", "the tidal power trust", "the museum of maps")  # fmt: skip
THINGS = ("a floating market", "the old signal tower", "a copper observatory", "the salt canal", "a public seed bank", "the glass bridge",
          "an orchestra of bells", "the winter ferry", "a library of maps", "the moss gardens")  # fmt: skip

# Title, then the sentence of each paragraph. Sentences never repeat: the cleaner removes repeated ones. Edits correct {n}.
PLOTS = (
    ("{Body} reopens {thing} after {n} years",
     ("{place} woke on {day} to the sound of hammers as {body} reopened {thing}, closed for {n} years.",
      "“We had almost forgotten the smell of it,” said {person}, who was first of {m} through the gate.",
      "{Body} said the work had cost less than planned, because {m} people of {place} had come to help with it.",
      "Visitors may come free of charge for {m} days, and after that for the price of a loaf of bread in {place}.")),
    ("{place} counts {n} swans in record winter",
     ("Volunteers in {place} have counted {n} swans this winter, more than in any year since records began.",
      "{Person}, who has led the count for a decade, called the number “frankly implausible, and checked {m} times”.",
      "{Body} believes that {m} milder nights have kept the upper lake free of ice.",
      "The birds are expected to leave within {m} days. Where they go then, nobody in {place} has ever found out.")),
    ("Vote on {thing} splits {place} by {n} ballots",
     ("By a margin of {n} ballots, {place} has voted to keep {thing} where it is.",
      "The count took until dawn on {day}, and {person} asked for {m} of the papers to be looked at twice.",
      "“A close result is still a result,” said a speaker for {body}, which had stayed neutral for {m} days.",
      "The {m} opponents said that they would accept the outcome, and explore the old town of {place} for another site.",
      "The council of {place} meets again in {m} days to decide who pays for the paint.")),
    ("Storm spares {place}, takes {n} roofs in the valley",
     ("A storm that had been expected to strike {place} turned north late on {day} and took {n} roofs in the valley instead.",
      "Nobody was hurt, {body} said, though a brass band of {m} had to be led to safety by torchlight.",
      "“It was the loudest hour of my life,” said {person}, a trombonist of {m} concerts.",
      "Repairs are to begin on {day}, as soon as {m} roads have dried.")),
    ("{Person} to lead {body}",
     ("{Person} has been chosen to lead {body}, ending a search that took {n} months.",
      "The appointment, announced in {place} on {day}, surprised those who had put their money on an outsider.",
      "Colleagues describe a patient listener with a liking for walks of {m} miles and short meetings in {place}.",
      "The first task will be {thing}, whose future has been uncertain for {m} months.")),
    ("Scientists near {place} hear {n}-day hum",
     ("A low hum that lasted {n} days has been recorded near {place}, and nobody can say what made it.",
      "Instruments of {body} picked it up on {day}; {m} cats and at least one organist had noticed it earlier.",
      "{Person}, who studies such things, ruled out wind, the sea and {m} trains. “That leaves the interesting explanations,” she said.",
      "The recordings are to be played in public, {m} times slower, beside {thing}.")),
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Outlet:
    """An invented outlet: the host of its stories and the format of its feed."""

    slug: str
    name: str
    section: str
    form: str  # rss or atom


OUTLETS = (
    Outlet("courier", "The Lanthe Courier", "WORLD", "rss"),
    Outlet("gazette", "Vessmark Gazette", "BUSINESS", "atom"),
    Outlet("observer", "The Tarn Observer", "SCIENCE", "rss"),
    Outlet("wire", "Orrin Wire", "WORLD", "rss"),
)


@dataclass(frozen=True)
class Story:
    """One revision of a story."""

    number: int
    revision: int
    outlet: Outlet
    title: str
    author: str
    paragraphs: tuple[str, ...]

    @property
    def url(self) -> str:
        return f"https://{self.outlet.slug}.example/{self.outlet.section.lower()}/{self.number}"


def story(number: int, revision: int = 1) -> Story:
    """Return story *number* in *revision*. A revision corrects the figure and adds a note at the end."""
    rng = random.Random(number)
    person, body, thing, place = (rng.choice(words) for words in (PEOPLE, BODIES, THINGS, PLACES))
    count = rng.randrange(3, 90) + 7 * (revision - 1)
    words = {
        "person": person, "Person": person, "body": body, "Body": body[0].upper() + body[1:], "thing": thing,
        "place": place, "day": rng.choice(DAYS), "n": count, "m": rng.randrange(2, 900),
    }  # fmt: skip
    title, sentences = PLOTS[rng.randrange(len(PLOTS))]
    paragraphs = [s.format(**words) for s in sentences]
    if revision > 1:
        paragraphs.append(f"This story was corrected: an earlier version gave the figure as {count - 7}.")
    outlet = OUTLETS[rng.randrange(len(OUTLETS))]
    return Story(number, revision, outlet, title.format(**words), rng.choice(PEOPLE), tuple(paragraphs))
