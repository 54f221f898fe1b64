ADD INDEX fi ((LOWER(x)), v DESC)
