"""`python -m tests.tools.train.events.countries`: write the names of countries from the CLDR, which Babel contains."""

from babel import Locale

from workers.events.places import COUNTRIES

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "pt", "ru", "tr", "ar", "zh", "zh_Hant", "ja", "ko", "th")
NO_COUNTRIES = ("EU", "EZ", "UN", "XA", "XB", "ZZ", "QO")  # unions, outlying parts and test codes of the CLDR
HEADER = "# Countries: English name, then the names in other languages. Source: Unicode CLDR (Unicode License v3).\n"


def main() -> None:
    """Write the file."""
    territories = [dict(Locale.parse(language).territories) for language in LANGUAGES]
    codes = sorted(str(code) for code in territories[0])
    codes = [code for code in codes if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES]
    lines = ["\t".join(dict.fromkeys(str(names[code]) for names in territories if code in names)) for code in codes]
    COUNTRIES.write_text(HEADER + "".join(f"{line}\n" for line in lines), "utf-8")


if __name__ == "__main__":
    main()
