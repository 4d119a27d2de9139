"""Rules of the cleaner: tables of clutter with their sources. Edit them freely; no training is required.

Which table for which kind of clutter:

| clutter                                                     | table                                  |
|-------------------------------------------------------------|----------------------------------------|
| a label above a list of links ("Most read")                 | `labels.LINK_LABELS`                   |
| a lead-in before a link ("Also read: …")                    | `labels.INLINE_LEADS`                  |
| one exact line of a share bar, comment box or advertisement | `lexicon.tsv`, kinds `share` and `ad`  |
| one exact label that was clutter on three sites or more     | `lexicon.tsv`, kind `label`            |
| a prompt with variable words ("Sign up for …")              | `prompts.PROMPTS`                      |
| one exact consent, legal, comment, donation or promotion line | `notices.tsv`                        |
| a line that a feed builder appends ("The post … appeared")  | `feed_tails.FEED_TAILS`                |
| links in a container with a telling class name              | `containers.CLUTTER_CLASSES`           |
| a tracking pixel                                            | `containers.TRACKING_PIXEL`            |
| a byline, dateline, reading time, credit or caption         | `bylines`                              |
| a correction note, which must stay                          | `bylines.CORRECTION_NOTE`              |
| a line that is clutter only sometimes                       | `../model/vocabulary.tsv`, retraining  |
| a line that repeats across the articles of one site         | none: the site history removes it      |

A rule applies to all sites; no rule names one site. Add the source of a new row and a test in `tests/workers/clean`.
"""
