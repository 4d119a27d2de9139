"""Invented stories of invented places: endless, and the same for the same number. Pure.

Every outlet, place and person is fictional.
"""

import random
from dataclasses import dataclass, replace
from functools import lru_cache

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

# Bodies and things by language. Names stay grammatical in every sentence of PLOTS.
NAMES = {
    "en": (BODIES, THINGS),
    "de": (("der Hafenrat", "der Talverein", "die Laternenfabrik", "die Landesbibliothek", "das Kartenmuseum"),
           ("den alten Markt", "den Signalturm", "die Glasbrücke", "den Salzkanal", "die Moosgärten")),
    "es": (("la junta del puerto", "el consejo del valle", "la fábrica de faroles", "la biblioteca regional", "el museo de mapas"),
           ("el mercado flotante", "el canal de sal", "el puente de cristal", "el viejo faro", "el jardín de musgo")),
    "fr": (("le conseil du port", "le syndicat de la vallée", "la fabrique de lanternes", "la bibliothèque", "le musée des cartes"),
           ("le marché flottant", "le canal de sel", "le pont de verre", "le vieux phare", "le jardin de mousse")),
}  # fmt: skip

# Title, then the sentence of each paragraph. Sentences never repeat: the cleaner removes repeated ones. Edits correct {n}.
PLOTS = {
    "en": (
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
    ),
    "de": (
        ("{Body} öffnet {thing} nach {n} Jahren",
         ("In {place} hat {body} {thing} wieder geöffnet, {n} Jahre nach der Schließung.",
          "„Der Geruch war nach {m} Minuten wieder da“, sagte {person} am Tor.",
          "Die Arbeiten kosteten weniger als geplant, weil {m} Menschen aus {place} mit angefasst hatten.",
          "Der Eintritt ist {m} Tage lang frei, danach kostet er so viel wie ein Laib Brot in {place}.")),
        ("{place} zählt {n} Schwäne im Rekordwinter",
         ("Freiwillige haben in {place} in diesem Winter {n} Schwäne gezählt, mehr als je zuvor.",
          "{Person} leitet die Zählung und nannte die Zahl „unwahrscheinlich, aber {m} Mal geprüft“.",
          "Nach Ansicht der Fachleute blieb der obere See in {m} milden Nächten ohne Eis.",
          "In {m} Tagen ziehen die Vögel weiter; wohin, weiß in {place} bis heute niemand.")),
    ),
    "es": (
        ("{Body} reabre {thing} tras {n} años",
         ("En {place}, {body} ha reabierto {thing}, cerrado durante {n} años por las inundaciones.",
          "«El olor volvió a los {m} minutos», dijo {person} al cruzar la puerta.",
          "Las obras costaron menos de lo previsto porque ayudaron {m} vecinos de {place}.",
          "La entrada será gratuita durante {m} días y después costará una barra de pan en {place}.")),
        ("{place} cuenta {n} cisnes en un invierno récord",
         ("Los voluntarios de {place} han contado {n} cisnes este invierno, más que en ningún otro año.",
          "{Person}, que dirige el recuento, calificó la cifra de «improbable, pero comprobada {m} veces».",
          "Según los expertos, {m} noches suaves dejaron sin hielo la parte alta del lago.",
          "Las aves partirán dentro de {m} días, y nadie en {place} sabe todavía adónde van.")),
    ),
    "fr": (
        ("{Body} rouvre {thing} après {n} ans",
         ("À {place}, {body} a rouvert {thing}, fermé pendant {n} ans après la crue du lac.",
          "« L’odeur est revenue au bout de {m} minutes », raconte {person} devant la grille.",
          "Les travaux ont coûté moins cher que prévu, grâce à {m} habitants venus de {place}.",
          "L’entrée reste gratuite pendant {m} jours, puis elle coûtera le prix d’un pain à {place}.")),
        ("{place} compte {n} cygnes pendant un hiver record",
         ("Les bénévoles de {place} ont compté {n} cygnes cet hiver, un nombre jamais atteint jusqu’ici.",
          "{Person}, qui dirige le comptage, juge ce chiffre « improbable, mais vérifié {m} fois ».",
          "Selon les spécialistes, {m} nuits douces ont laissé le haut du lac sans glace.",
          "Les oiseaux partiront dans {m} jours, et personne à {place} ne sait encore où ils vont.")),
    ),
}  # fmt: skip
# More sentences of the agency, for long texts: papers change only a few words of a story.
AGENCY_SENTENCES = (
    "The news reached {place} by telegraph at dawn on {day}, {m} minutes before the first ferry left the quay.",
    "An inquiry by {body} is to hear {m} witnesses, among them the keeper of the lighthouse and two pilots.",
    "{Person} asked the public for patience, and for the return of {m} borrowed umbrellas before the end of the month.",
    "A spokeswoman added that no fewer than {m} letters had arrived since, most of them in favour and one in verse.",
)
CORRECTIONS = {
    "en": "This story was corrected: an earlier version gave the figure as {n}.",
    "de": "Korrektur: In einer früheren Fassung dieses Artikels stand die Zahl {n}.",
    "es": "Fe de errores: una versión anterior de este artículo daba la cifra de {n}.",
    "fr": "Correction : une version précédente de cet article donnait le chiffre de {n}.",
}
EARLIER = 60  # stories that the clutter of a story may link
UNPUBLISHED = 100_000
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Outlet:
    """An invented outlet: the host of its stories and the format of its feed."""

    slug: str
    name: str
    section: str
    form: str  # rss or atom
    language: str = "en"


OUTLETS = (
    Outlet("courier", "The Lanthe Courier", "WORLD", "rss"),
    Outlet("gazette", "Vessmark Gazette", "BUSINESS", "atom"),
    Outlet("observer", "The Tarn Observer", "SCIENCE", "rss"),
    Outlet("wire", "Orrin Wire", "WORLD", "rss"),
    Outlet("tagblatt", "Eddersbyer Tagblatt", "STADT", "rss", "de"),
    Outlet("faro", "El Faro de Maren", "CIUDAD", "atom", "es"),
    Outlet("lanterne", "La Lanterne d’Ush", "VILLE", "rss", "fr"),
)
AGENCY = OUTLETS[3]
PAPERS = OUTLETS[:3]  # print every second story of the agency


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
    outlet = OUTLETS[rng.randrange(len(OUTLETS))]
    person, body, thing, place = (rng.choice(words) for words in (PEOPLE, *NAMES[outlet.language], PLACES))
    count = rng.randrange(3, 90) + 7 * (revision - 1)
    title, sentences = rng.choice(PLOTS[outlet.language])
    if outlet == AGENCY:
        sentences = (*sentences, *AGENCY_SENTENCES)
    words = {
        "person": person, "Person": person, "body": body, "Body": body[0].upper() + body[1:], "thing": thing,
        "place": place, "day": rng.choice(DAYS), "n": count,
    }  # fmt: skip
    paragraphs = [sentence.format(**words, m=rng.randrange(2, 900)) for sentence in sentences]
    if revision > 1:
        paragraphs.append(CORRECTIONS[outlet.language].format(n=count - 7))
    return Story(number, revision, outlet, title.format(**words), rng.choice(PEOPLE), tuple(paragraphs))


@lru_cache(1_000)
def earlier_stories(later: Story) -> tuple[Story, ...]:
    """Return stories before *later* in its language, the latest first. They never change, so its items stay unchanged.

    Before the first story come some that are not published for hours.
    """
    numbers = range(later.number - 1, later.number - EARLIER - 1, -1)
    stories = (story(number if number > 0 else UNPUBLISHED - number) for number in numbers)
    return tuple(each for each in stories if each.outlet.language == later.outlet.language)


def reprints(original: Story) -> tuple[Story, ...]:
    """Return the versions of an agency's story in three papers: each has changed the end of two sentences."""
    if original.outlet != AGENCY or original.number % 2:
        return ()
    return tuple(
        replace(original, outlet=paper, paragraphs=_edited(original.paragraphs, paper.name)) for paper in PAPERS
    )


def _edited(paragraphs: tuple[str, ...], paper: str) -> tuple[str, ...]:
    """Return *paragraphs* as a paper prints them, with the agency's name and its own."""
    first, *middle, last = paragraphs
    return (
        f"{first.removesuffix('.')}, {AGENCY.name} reports.",
        *middle,
        f"{last.removesuffix('.')}, {paper} has learned.",
    )
