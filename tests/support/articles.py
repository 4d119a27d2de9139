"""An invented article."""

STORY = (
    "The harbour board reopened the salt canal on Monday, nine years after the flood closed it.",
    "“We had almost forgotten the smell of it,” said Ida Marrow, who was first through the gate.",
    "Opponents said that they would explore the old town for another site, and read more of the plans.",
)


HEADLINES = ("Port Maren counts 64 swans in record winter", "Storm spares Quillmere, takes 18 roofs in the valley",
             "Can the night-tram company still be saved?", "Ruth Oyelade to lead the library of maps")  # fmt: skip
