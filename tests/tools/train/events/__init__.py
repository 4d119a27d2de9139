"""Training data of the event model: labelled pairs of ../shared, and invented days of news."""
