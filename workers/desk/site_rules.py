"""The site rules of the settings."""

from pathlib import Path

from streams.config.settings import Settings
from workers.clean.site_rules.collection import FeedRules, SiteRules


def read_site_rules(settings: Settings) -> SiteRules:
    """Return the rules in the folder `site_rules` and of the `[[feeds]]` tables. Raises SettingsError."""
    feeds = [FeedRules(options.url, options.scraper_rules, options.rewrite_rules) for options in settings.feeds]
    return SiteRules.read(Path(settings.site_rules) if settings.site_rules else None, feeds)
