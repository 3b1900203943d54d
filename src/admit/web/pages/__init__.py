"""Pages for people: plain HTML forms that work without JavaScript, over the same routes as the JSON."""
