"""A release under misfortune: workers killed, servers restarted, answers lost; and what must hold all the same."""
