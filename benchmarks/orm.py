WAYS = {}
