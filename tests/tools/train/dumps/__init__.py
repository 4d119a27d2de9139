"""Synthetic page dumps with an exact label for each line, for the training of the cleaner's model.

sources   text of labelled documents, by language and by fold of the site
pseudo    words recoded into other languages' letters
writer    one dump under construction: its lines, and pieces of text for them
layouts   the story's own lines: prose, tables, recipes, verse and others
reports   more forms of it: match sheets, court lists, agendas and others
columns   more forms of it: letters, weather, votes, single sentences, quotations and others
programmes more forms of it: lists after a colon, groups, casts, days, moves, items between marks
held_out  forms that take part in no training
boxes     newsletters, cards, rankings, comments and other boxes of clutter
furniture header fields, and clutter above, within and below the story
generate  the documents
templates variants of invented dumps
"""
