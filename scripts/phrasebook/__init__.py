"""A grammar of English and German travel phrases, and the words it is about."""
