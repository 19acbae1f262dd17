"""What the journal tells afterwards: what people reported, how a week went, what has changed."""
