"""Filled-in forms are separate articles; a verbatim copy of a form is a copy.

The forms were written before the rules and the trees were tried on them. Those in UNREAD were not looked at since.
"""

from itertools import combinations

import pytest

from tests.support.duplicates import words
from tests.support.forms import FILLINGS, filled
from tests.support.stories import NOW_S
from workers.dedupe.near_duplicates.model import load_default
from workers.dedupe.near_duplicates.signature import SignatureInput, signatures_of

# {n}: a number, {N}: a person, {P}: a place, {C}: a company, {d}: a day. The title is before the bar.
READ = {
    "weather": "Weather for {P} on {d} | {P} will have {n} degrees on {d} with winds of {n} knots from the west. Rain of {n} millimetres is expected in the evening near {P}. The tide is high at {n} minutes past noon. Walkers should keep away from the sea wall.",
    "earnings": "{C} profit rises to {n} million | {C} said on {d} that its profit rose to {n} million crowns in the quarter from {n} million a year earlier. Revenue was {n} million. Chief executive {N} said demand from {P} was strong and orders would grow by {n} percent this year. Shares of the company closed at {n} crowns.",
    "match": "{P} beat {P} {n}-{n} | {P} beat {P} by {n} goals to {n} on {d} before {n} spectators. {N} opened the score after {n} minutes and {N} added a second before the break. Coach {N} praised his side and said that the next match against {P} would be harder. {P} are now on {n} points.",
    "dividend": "{C} declares dividend | The board of {C} has declared a quarterly dividend of {n} cents a share, payable on {d} to holders of record at the close of business {n} days before. The company has paid a dividend for {n} years. It is based in {P} and led by {N}.",
    "sale": "House in {P} sold for {n} | A house of {n} square metres in {P} has been sold for {n} crowns. The buyer is {N}, the seller {N}. The house was built in {n} and last changed hands for {n} crowns. The average price in {P} was {n} crowns a square metre last year.",
    "court": "{N} jailed for {n} months | {N}, {n}, of {P}, has been sentenced to {n} months in prison by the district court in {P}. The court found that {N} took {n} crowns from an employer over {n} years. The prosecutor, {N}, had asked for {n} months. The sentence can be appealed within three weeks.",
    "short_quake": "Earthquake of magnitude {n} near {P} | An earthquake of magnitude {n} struck {n} kilometres from {P} on {d}, the survey said. Its depth was {n} kilometres. There were no reports of damage.",
    "fire": "Fire in {P} | The fire service was called to {P} at {n} minutes past midnight on {d}. A fire had broken out in a storehouse of {C}. {n} firefighters with {n} engines put it out after {n} hours. Officer {N} said that nobody was hurt. The cause is being investigated.",
}
UNREAD = {
    "traffic": "Road {n} closed near {P} | Road {n} is closed near {P} until {d} because of works on the bridge. Drivers are sent over {P}, which takes {n} minutes longer. The works cost {n} crowns and are done by {C}. The road office asks drivers to leave early.",
    "obituary": "{N} dies at {n} | {N}, who led {C} for {n} years, has died in {P} at the age of {n}. {N} was born in {P} and joined the company as a clerk. Colleagues remember a patient listener. The funeral is on {d}. {N} is survived by {n} children.",
    "lottery": "Lottery numbers of {d} | The numbers drawn on {d} are {n}, {n}, {n}, {n}, {n} and {n}. The jackpot of {n} crowns was won by a ticket sold in {P}. {n} players had five right numbers and win {n} crowns each. The next draw is on {d}.",
    "election": "{N} elected in {P} | {N} has been elected mayor of {P} with {n} percent of the votes. {N}, who had held the office for {n} years, got {n} percent. Turnout was {n} percent. The new council of {P} meets on {d} and has {n} members.",
    "appointment": "{C} names {N} chief executive | {C} has named {N} as its chief executive from {d}. {N} succeeds {N}, who leaves after {n} years. The company, based in {P}, has {n} employees and sold goods for {n} million crowns last year. Chairman {N} thanked the outgoing chief for a time of growth.",
    "rates": "Crown at {n} to the dollar | The crown traded at {n} to the dollar on {d} after {n} the day before. The exchange in {P} closed at {n} points, {n} percent higher. {C} gained {n} percent and {C} lost {n} percent. Trader {N} said that volumes were thin before the holiday.",
    "missing": "Police look for {N} | Police in {P} are looking for {N}, {n}, who was last seen on {d} near the station of {P}. {N} is {n} centimetres tall and wore a dark coat. Anybody with information is asked to call {n}.",
    "tide": "Tides at {P} for {d} | High water at {P} on {d}: {n} and {n}. Low water: {n} and {n}. Height {n} centimetres. Sunrise at {n}, sunset at {n}. The harbour master is {N}.",
}  # fmt: skip


def copies(form: str, *, one_publisher: bool, added_words: int = 0) -> int:
    """Return the number of pairs of fillings that are taken for copies. Every second one has a paragraph of its own."""
    fillings = [filled(form, seed) for seed in range(FILLINGS)]
    texts = [
        SignatureInput(
            title,
            f"{text}\n{words(seed, added_words)[1]}" if seed % 2 and added_words else text,
            "Tidewire" if one_publisher else f"Courier {seed}",
            NOW_S + 60 * seed,
        )
        for seed, (title, text) in enumerate(fillings)
    ]
    signatures = [signed.signature for signed in signatures_of(texts)]
    model = load_default()
    pairs = [(one, [other]) for one, other in combinations(signatures, 2)]
    return sum(similarity.probability > model.threshold for [similarity] in model.compare_all(pairs))


@pytest.mark.parametrize("one_publisher", [True, False])
@pytest.mark.parametrize("form", sorted(READ | UNREAD))
def test_filled_forms_are_separate(form: str, one_publisher: bool) -> None:
    assert copies((READ | UNREAD)[form], one_publisher=one_publisher) == 0


@pytest.mark.parametrize("added_words", [15, 40, 90])
@pytest.mark.parametrize("form", sorted(READ | UNREAD))
def test_filled_forms_of_other_length_are_separate(form: str, added_words: int) -> None:
    assert copies((READ | UNREAD)[form], one_publisher=False, added_words=added_words) == 0


@pytest.mark.parametrize("form", sorted(READ | UNREAD))
def test_verbatim_copy_of_form_is_copy(form: str) -> None:
    title, text = filled((READ | UNREAD)[form], 1)
    one, other = signatures_of(
        [SignatureInput(title, text, name, NOW_S) for name in ("Tidewire", "The Saltby Courier")]
    )
    assert load_default().compare(one.signature, [other.signature])[0].probability > load_default().threshold
    assert set(one.keys) == set(other.keys)
